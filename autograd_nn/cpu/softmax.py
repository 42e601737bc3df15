"""Softmax and its logarithm, stable for large values; a block that fits the cache at a time, on all cores."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograd_nn.cpu import memory, threads
from autograd_nn.cpu.window import compute_dtype

_BLOCK_ELEMENTS = 1 << 16


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """Exponentials over their sum."""
    def compute(x: np.ndarray) -> np.ndarray:
        y = _shifted(x, axis)
        np.exp(y, out=y)
        y /= y.sum(axis, keepdims=True)
        return y

    return _in_blocks(compute, axis, x)


def softmax_grad(y: np.ndarray, gy: np.ndarray, axis: int) -> np.ndarray:
    """``y * (gy - sum(y * gy))``."""
    def compute(y: np.ndarray, gy: np.ndarray) -> np.ndarray:
        gx = np.multiply(y, gy, dtype=compute_dtype(y.dtype))
        np.subtract(gy, gx.sum(axis, keepdims=True), out=gx)
        gx *= y
        return gx

    return _in_blocks(compute, axis, y, gy)


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """``x - log(sum(exp(x)))``."""
    def compute(x: np.ndarray) -> np.ndarray:
        y = _shifted(x, axis)
        y -= np.log(np.exp(y).sum(axis, keepdims=True))
        return y

    return _in_blocks(compute, axis, x) if x.size else np.empty_like(x)


def log_softmax_grad(y: np.ndarray, gy: np.ndarray, axis: int) -> np.ndarray:
    """``gy - exp(y) * sum(gy)``."""
    def compute(y: np.ndarray, gy: np.ndarray) -> np.ndarray:
        gx = np.exp(y, dtype=compute_dtype(y.dtype))
        gx *= -gy.sum(axis, keepdims=True, dtype=gx.dtype)
        gx += gy
        return gx

    return _in_blocks(compute, axis, y, gy)


def _in_blocks(compute: Callable[..., np.ndarray], axis: int, *arrays: np.ndarray) -> np.ndarray:
    """What is computed along one axis; large arrays are split along another one."""
    first = arrays[0]
    if axis == 0 or first.size <= _BLOCK_ELEMENTS:
        return compute(*arrays).astype(first.dtype, copy=False)
    result = memory.empty_like(first)
    step = max(1, _BLOCK_ELEMENTS * len(first) // first.size)

    def compute_block(start: int) -> None:
        block = slice(start, start + step)
        result[block] = compute(*[a[block] for a in arrays])

    threads.run(compute_block, range(0, len(first), step))
    return result


def _shifted(x: np.ndarray, axis: int) -> np.ndarray:
    """`x` less its maximum along `axis`, so that no exponential overflows; in at least float32."""
    return np.subtract(x, x.max(axis, keepdims=True, initial=-np.inf), dtype=compute_dtype(x.dtype))
