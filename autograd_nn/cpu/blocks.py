"""Elementwise operations on large arrays: a block that fits the cache at a time, on all cores, into pooled memory."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
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
    arrays = flat([y, *inputs]) if y.size > _BLOCK_ELEMENTS else None
    if arrays is None:
        step(y, *inputs)
        return y

    def compute_block(start: int) -> None:
        step(*[a[start:start + _BLOCK_ELEMENTS] for a in arrays])

    starts = range(0, y.size, _BLOCK_ELEMENTS)
    if y.size >= _SHARED_ELEMENTS:
        threads.run(compute_block, starts)
    else:
        for start in starts:
            compute_block(start)
    return y


def elementwise(body: Callable[..., np.ndarray], args: Sequence[Any], operation: str | None = None) -> np.ndarray:
    """A step that writes its result, or else one that copies what the body returns."""
    places = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]
    arrays = [args[i] for i in places]
    x = arrays[0]
    if (x.size <= _BLOCK_ELEMENTS or x.dtype.kind != 'f' or any(a.dtype != x.dtype for a in arrays)
            or flat(arrays) is None):
        return body(*args)
    writer = body if isinstance(body, np.ufunc) else _STEPS.get(operation)

    def step(out: np.ndarray, *parts: np.ndarray) -> None:
        values = list(args)
        for i, part in zip(places, parts, strict=True):
            values[i] = part
        if writer is None:
            out[...] = body(*values)
        else:
            writer(*values, out=out)

    return compute(step, *arrays)


def _relu(x: np.ndarray, out: np.ndarray) -> None:
    np.maximum(x, _repeated(0, x.dtype)[:x.size], out=out)


def _clipped_relu(x: np.ndarray, z: float, out: np.ndarray) -> None:
    _relu(x, out)
    np.minimum(out, _repeated(z, x.dtype)[:x.size], out=out)


def _add_relu(x0: np.ndarray, x1: np.ndarray, out: np.ndarray) -> None:
    np.add(x0, x1, out=out)
    _relu(out, out)


_STEPS = {'relu': _relu, 'clipped_relu': _clipped_relu, 'add_relu': _add_relu}


@lru_cache(16)
def _repeated(number: float, dtype: np.dtype) -> np.ndarray:
    """A block of one number: NumPy compares it with another block in a quarter of the time that the number takes."""
    block = np.full(_BLOCK_ELEMENTS, number, dtype)
    block.flags.writeable = False
    return block


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


def flat(arrays: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """Views, with one axis, of arrays of one shape and one layout without gaps; None for others."""
    x = arrays[0]
    if any(a.shape != x.shape for a in arrays):
        return None
    if all(a.flags.c_contiguous for a in arrays):
        return [a.reshape(-1) for a in arrays]
    order = sorted(range(x.ndim), key=lambda i: -x.strides[i])
    arrays = [a.transpose(order) for a in arrays]
    return [a.reshape(-1) for a in arrays] if all(a.flags.c_contiguous for a in arrays) else None
