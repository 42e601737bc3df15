"""Sums along axes."""
from __future__ import annotations

import numpy as np

from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Ints


def sum_along(x: np.ndarray, axis: Ints, keepdims: bool, dtype: np.dtype) -> np.ndarray:
    """``numpy.sum``, which adds up numbers in half precision in float32."""
    return x.sum(axis=axis, keepdims=keepdims, dtype=compute_dtype(x.dtype)).astype(dtype, copy=False)
