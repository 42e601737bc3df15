"""Softmax and its logarithm, stable for large values; a block that fits the cache at a time, on all cores."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograd_nn.cpu import memory, threads
from autograd_nn.dtypes import compute_dtype

# With smaller blocks, threads wait for the interpreter's lock more than for memory.
_BLOCK_ELEMENTS = 1 << 18


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """``exp(x)`` over its sum along `axis`, with the largest element taken off first, so that nothing overflows."""
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


def softmax_cross_entropy(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The softmax, then the losses by `losses`."""
    y = softmax(x, 1)
    return y, losses(x, y, labels)


def losses(x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The negative logarithms of the softmax `y` of `x` at the labels.

    The sum of exponentials follows from the largest element alone, whose softmax is far from zero.
    """
    result = np.empty(labels.shape, y.dtype)

    def compute_block(block: slice) -> None:
        part, softmax_part, rows = x[block], y[block], np.arange(len(x[block]))
        if x.ndim == 2:
            # In rows, NumPy finds the place of the maximum faster than the maximum.
            largest = softmax_part.argmax(1)
            log_sum = part[rows, largest] - np.log(softmax_part[rows, largest])
        else:
            log_sum = part.max(1) - np.log(softmax_part.max(1))
        result[block] = log_sum - np.take_along_axis(part, labels[block, None], 1)[:, 0]

    threads.run(compute_block, _blocks(y))
    return result


def softmax_cross_entropy_grad(y: np.ndarray, labels: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """A block at a time, on all cores."""
    gx = memory.empty_like(y)

    def compute_block(block: slice) -> None:
        part, factor, place = gx[block], scale[block, None], labels[block, None]
        np.multiply(y[block], factor, out=part)
        np.put_along_axis(part, place, np.take_along_axis(part, place, 1) - factor, 1)

    threads.run(compute_block, _blocks(y))
    return gx


def _blocks(x: np.ndarray) -> list[slice]:
    """Rows of `x` that have about as many elements as a thread takes at a time."""
    step = max(1, _BLOCK_ELEMENTS * len(x) // max(x.size, 1))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def _in_blocks(compute: Callable[..., np.ndarray], axis: int, *arrays: np.ndarray) -> np.ndarray:
    """What is computed along one axis; large arrays are split along another one."""
    first = arrays[0]
    if axis == 0 or first.size <= _BLOCK_ELEMENTS:
        return compute(*arrays).astype(first.dtype, copy=False)
    result = memory.empty_like(first)

    def compute_block(block: slice) -> None:
        result[block] = compute(*[a[block] for a in arrays])

    threads.run(compute_block, _blocks(first))
    return result


def _shifted(x: np.ndarray, axis: int) -> np.ndarray:
    """`x` less its maximum along `axis`, so that no exponential overflows; in at least float32."""
    return np.subtract(x, x.max(axis, keepdims=True, initial=-np.inf), dtype=compute_dtype(x.dtype))
