"""Chainer's small tools for arrays, such as `force_array`."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.types import Array, DTypeLike


def force_array(x: Array, dtype: DTypeLike | None = None) -> Any:
    """What a NumPy function returned as an array: NumPy makes scalars of arrays of no axes.

    Args:
        x: An array or a scalar.
        dtype: What to convert it to; None leaves the dtype as it is.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import force_array
        >>> force_array(np.exp(np.zeros((), 'f')))
        array(1., dtype=float32)
    """
    if np.isscalar(x):
        return np.array(x, dtype)
    return x if dtype is None else x.astype(dtype, copy=False)
