"""What the framework runs on: versions, devices and kernels."""
from __future__ import annotations

import platform
import sys
import textwrap
from typing import IO

import numpy as np

from autograd_nn import cuda
from autograd_nn.backends.contract import Kernels
from autograd_nn.config import config
from autograd_nn.cpu import memory, onednn, threads
from autograd_nn.cuda import cudnn
from autograd_nn.version import __version__


def versions() -> dict[str, str]:
    """The versions of what the framework runs on, by name.

    Example:
        >>> from autograd_nn import runtime_info
        >>> list(runtime_info.versions())[:4]
        ['Platform', 'Python', 'autograd_nn', 'NumPy']
    """
    found = {
        'Platform': platform.platform(),
        'Python': platform.python_version(),
        'autograd_nn': __version__,
        'NumPy': np.__version__,
        'oneDNN': onednn.load()[1],
        'CuPy': 'not available' if cuda.cupy is None else cuda.cupy.__version__,
    }
    if cuda.available:
        found['cuDNN'] = cudnn.load()[1]
    return found


def print_runtime_info(out: IO[str] | None = None) -> None:
    """Prints the versions of the platform, Python, this framework, NumPy, oneDNN and CuPy, for reports of problems.

    Args:
        out: A file; standard output by default.

    Example:
        >>> from autograd_nn import print_runtime_info
        >>> print_runtime_info()
        Platform: ...
        Python: 3...
        autograd_nn: ...
        NumPy: ...
        oneDNN: ...
        CuPy: ...
    """
    for name, version in versions().items():
        print(f'{name}: {version}', file=out or sys.stdout)


def show_config(out: IO[str] | None = None) -> None:
    """Prints versions, instruction set, threads and memory, and which library computes which kernel, and why.

    Args:
        out: A file; standard output by default.

    Example:
        >>> from autograd_nn import show_config
        >>> show_config()
        Platform: ...
        ...
        threads: ...
        ...
        kernels on the CPU: ...
    """
    out = out or sys.stdout
    print_runtime_info(out)
    pool = memory.get_default_memory_pool()
    print(f'threads: {threads.number()} (config.num_threads, AUTOGRAD_NN_NUM_THREADS, OMP_NUM_THREADS)', file=out)
    print(f'memory pool: {pool.used_bytes() >> 20} MiB in use, {pool.free_bytes() >> 20} MiB kept, of which at most '
          f'{pool.get_limit() >> 20} MiB (AUTOGRAD_NN_POOL_LIMIT)', file=out)
    print(f'kernels on the CPU: {_why()}', file=out)
    if cuda.available:
        served = 'cuDNN, cuBLAS and CUDA' if cudnn.in_use() else 'cuBLAS and CUDA'
        print(f'kernels on a GPU: {served}, since config.use_cudnn is {config.use_cudnn!r}: {cudnn.load()[1]}',
              file=out)
    kernels = [name for name in vars(Kernels) if not name.startswith('_')]
    fast = [name for name in kernels if getattr(onednn, name).__module__.startswith(onednn.__name__)]
    if not onednn.in_use():
        fast = []
    for library, names in ('oneDNN, for float32', fast), ('NumPy', sorted(set(kernels) - set(fast))):
        if names:
            print(textwrap.fill(f'{library}: {", ".join(sorted(names))}', 118, initial_indent='  ',
                                subsequent_indent='    '), file=out)


def _why() -> str:
    """Which library computes on the CPU, and why."""
    library, reason = onednn.load()
    if config.use_onednn == 'never':
        return "NumPy, since config.use_onednn is 'never'"
    return f'{"NumPy" if library is None else "oneDNN"}, since config.use_onednn is {config.use_onednn!r}: {reason}'
