"""Stands for ``cupyx`` beside the emulated ``cupy``."""
from __future__ import annotations

from typing import Any

import numpy as np
from cupy._array import call, ndarray


def scatter_add(a: ndarray, slices: Any, value: Any) -> None:
    """Adds at indices, repeated ones too."""
    call(np.add.at, a, slices, value)


def scatter_max(a: ndarray, slices: Any, value: Any) -> None:
    """The maximum at indices, repeated ones too."""
    call(np.maximum.at, a, slices, value)


def empty_pinned(shape: Any, dtype: Any = float, order: str = 'C') -> np.ndarray:
    """A NumPy array in memory that a GPU could reach."""
    return np.empty(shape, dtype, order)
