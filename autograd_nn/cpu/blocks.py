"""Elementwise operations on large arrays: a block that fits the cache at a time, on all cores, into pooled memory."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.cpu import memory, threads
from autograd_nn.cpu.window import compute_dtype

# Smaller arrays are not worth the threads' attention.
_SHARED_ELEMENTS = 1 << 18
_BLOCK_ELEMENTS = 1 << 15


def compute(step: Callable[..., Any], *inputs: np.ndarray) -> np.ndarray:
    """What an elementwise operation computes, as a new array with the shape, the type and the layout of the first one.

    Args:
        step: Computes the operation: it is given where to write the result, and the inputs, or parts of them.
        inputs: Arrays of one shape.
    """
    y = memory.empty_like(inputs[0])
    flat = _flat([y, *inputs]) if y.size >= _SHARED_ELEMENTS else None
    if flat is None:
        step(y, *inputs)
    else:
        threads.run(lambda start: step(*[a[start:start + _BLOCK_ELEMENTS] for a in flat]),
                    range(0, y.size, _BLOCK_ELEMENTS))
    return y


def scaled(x: np.ndarray, a: float) -> np.ndarray:
    """One pass."""
    return compute(lambda out, x: _multiply(x, a, out), x)


def scaled_sum(x: np.ndarray, y: np.ndarray, a: float) -> np.ndarray:
    """Two passes over each block."""
    def step(out: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        _multiply(y, a, out)
        np.add(out, x, out=out)

    return compute(step, x, y)


def _multiply(x: np.ndarray, a: float, out: np.ndarray) -> None:
    np.multiply(x, a, out=out, dtype=compute_dtype(out.dtype), casting='same_kind')


def _flat(arrays: list[np.ndarray]) -> list[np.ndarray] | None:
    """Views without axes of arrays that have one layout, without gaps."""
    order = sorted(range(arrays[0].ndim), key=lambda i: -arrays[0].strides[i])
    arrays = [a.transpose(order) for a in arrays]
    return [a.reshape(-1) for a in arrays] if all(a.flags.c_contiguous for a in arrays) else None
