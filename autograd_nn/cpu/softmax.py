"""Softmax and its logarithm, stable for large values."""
from __future__ import annotations

import numpy as np

from autograd_nn.cpu.window import compute_dtype


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """Exponentials over their sum."""
    y = _shifted(x, axis)
    np.exp(y, out=y)
    y /= y.sum(axis, keepdims=True)
    return y.astype(x.dtype, copy=False)


def softmax_grad(y: np.ndarray, gy: np.ndarray, axis: int) -> np.ndarray:
    """``y * (gy - sum(y * gy))``."""
    dtype = compute_dtype(y.dtype)
    gx = np.multiply(y, gy, dtype=dtype)
    gx -= y * gx.sum(axis, keepdims=True)
    return gx.astype(y.dtype, copy=False)


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """``x - log(sum(exp(x)))``."""
    y = _shifted(x, axis)
    if not y.size:
        return y.astype(x.dtype, copy=False)
    y -= np.log(np.exp(y).sum(axis, keepdims=True))
    return y.astype(x.dtype, copy=False)


def log_softmax_grad(y: np.ndarray, gy: np.ndarray, axis: int) -> np.ndarray:
    """``gy - exp(y) * sum(gy)``."""
    dtype = compute_dtype(y.dtype)
    gx = np.exp(y, dtype=dtype)
    gx *= -gy.sum(axis, keepdims=True, dtype=dtype)
    gx += gy
    return gx.astype(y.dtype, copy=False)


def _shifted(x: np.ndarray, axis: int) -> np.ndarray:
    """`x` less its maximum along `axis`, so that no exponential overflows; in at least float32."""
    return np.subtract(x, x.max(axis, keepdims=True, initial=-np.inf), dtype=compute_dtype(x.dtype))
