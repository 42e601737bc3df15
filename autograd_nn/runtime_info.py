"""Versions of what the framework runs on."""
from __future__ import annotations

import platform
import sys
from typing import IO

import numpy as np

from autograd_nn import cuda
from autograd_nn.version import __version__


def print_runtime_info(out: IO[str] | None = None) -> None:
    """Prints the versions of the platform, Python, this framework, NumPy and CuPy, for reports of problems.

    Args:
        out: A file; standard output by default.

    Example:
        >>> from autograd_nn import print_runtime_info
        >>> print_runtime_info()
        Platform: ...
        Python: 3...
        autograd_nn: ...
        NumPy: ...
        CuPy: ...
    """
    versions = {
        'Platform': platform.platform(),
        'Python': platform.python_version(),
        'autograd_nn': __version__,
        'NumPy': np.__version__,
        'CuPy': 'not available' if cuda.cupy is None else cuda.cupy.__version__,
    }
    for name, version in versions.items():
        print(f'{name}: {version}', file=out or sys.stdout)
