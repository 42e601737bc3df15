"""Folders for a while."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def tempdir(*, ignore_errors: bool = False, **kwargs: Any) -> Iterator[str]:
    """A context with a folder that is removed at its end, with all that is in it.

    Args:
        ignore_errors: Whether what cannot be removed is left.
        kwargs: The arguments of ``tempfile.mkdtemp``: `suffix`, `prefix` and `dir`.

    Example:
        >>> from pathlib import Path
        >>> from autograd_nn.utils import tempdir
        >>> with tempdir(prefix='run') as path:
        ...     Path(path).name.startswith('run')
        True
        >>> Path(path).exists()
        False
    """
    path = tempfile.mkdtemp(**kwargs)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=ignore_errors)
