"""Products of matrices, by NumPy's BLAS."""
from __future__ import annotations

import numpy as np

from autograd_nn.cpu.blocks import rectify


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """NumPy's operator, which makes float32 of bfloat16."""
    y = a @ b
    return y.astype(a.dtype) if a.dtype == b.dtype != y.dtype else y


def linear(x: np.ndarray, W: np.ndarray, b: np.ndarray | None, ceiling: float | None = None) -> np.ndarray:
    """One product; the rest happens in place."""
    y = (x @ W.T).astype(x.dtype, copy=False)
    if b is not None:
        y += b
    if ceiling is not None:
        rectify(y, ceiling)
    return y
