"""Products of matrices, by NumPy's BLAS."""
from __future__ import annotations

import numpy as np

from autograd_nn.cpu.blocks import rectify
from autograd_nn.dtypes import in_float32, is_half


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """NumPy's operator, which has no BLAS for half precision."""
    if a.dtype == b.dtype and is_half(a.dtype):
        return (a.astype(np.float32) @ b.astype(np.float32)).astype(a.dtype)
    return a @ b


@in_float32
def linear(x: np.ndarray, W: np.ndarray, b: np.ndarray | None, ceiling: float | None = None) -> np.ndarray:
    """``x @ W.T + b``, and rectified: one product by BLAS; what follows happens in its result."""
    y = (x @ W.T).astype(x.dtype, copy=False)
    if b is not None:
        y += b
    if ceiling is not None:
        rectify(y, ceiling)
    return y
