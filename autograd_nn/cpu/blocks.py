"""Elementwise operations on large arrays: a block that fits the cache at a time, on all cores, into pooled memory."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import isinf
from typing import Any

import numpy as np

from autograd_nn.cpu import memory, threads
from autograd_nn.dtypes import compute_dtype, is_floating

# Smaller arrays are not worth the threads' attention.
_SHARED_ELEMENTS = 1 << 18
_BLOCK_ELEMENTS = 1 << 15
# Blocks begin where cache lines do.
_ALIGNED = 1 << 6
# For what needs no memory for results in between.
_LARGE_BLOCK_ELEMENTS = 1 << 18
# NumPy takes a pair of operands that do not both lie in one piece in portions of this length.
_ROW = np.getbufsize()


def compute(step: Callable[..., Any], *inputs: np.ndarray, block: int = _BLOCK_ELEMENTS) -> np.ndarray:
    """What an elementwise operation computes, as a new array with the shape, the type and the layout of the first one.

    Args:
        step: Computes the operation: it is given where to write the result, and the inputs, or parts of them.
        inputs: Arrays of one shape.
        block: How many elements to compute at a time.
    """
    y = memory.empty_like(inputs[0])
    _run(step, [y, *inputs], block)
    return y


def _run(step: Callable[..., Any], arrays: Sequence[np.ndarray], block: int) -> None:
    """Calls a function with arrays of one shape, a block at a time."""
    size = arrays[0].size
    parts = flat(arrays) if size > _BLOCK_ELEMENTS else None
    if parts is None:
        step(*arrays)
        return

    def run_block(start: int) -> None:
        step(*[a[start:start + block] for a in parts])

    if size >= _SHARED_ELEMENTS:
        # As many blocks for each thread, all of about one size.
        count = -(-size // (block * threads.number())) * threads.number()
        block = -(-size // (count * _ALIGNED)) * _ALIGNED
        threads.run(run_block, range(0, size, block))
    else:
        for start in range(0, size, block):
            run_block(start)


def rectify(y: np.ndarray, ceiling: float) -> None:
    """Writes 0 over what is less, and `ceiling` over what is more; what is not a number stays.

    Measured: behind its convolutions, this pass takes 1 to 5 % of a network's time at inference, up to 30 % of that of
    MobileNet v2. oneDNN's own rectifiers would take none, but make zero of what is not a number.
    """
    def step(part: np.ndarray) -> None:
        if isinf(ceiling):
            _with_number(np.maximum, part, 0, part)
        else:
            np.clip(part, 0, ceiling, out=part)

    _run(step, [y], _LARGE_BLOCK_ELEMENTS)


def add(y: np.ndarray, x: np.ndarray, relu: bool) -> None:
    """Adds `x` to `y`, in place, and rectifies the sum if wanted, block by block; what is not a number stays."""
    compute_sum = _add_relu if relu else np.add
    _run(lambda part, other: compute_sum(part, other, out=part), [y, x], _LARGE_BLOCK_ELEMENTS)


def elementwise(body: Callable[..., np.ndarray], args: Sequence[Any], operation: str | None = None) -> np.ndarray:
    """Where the body is a ufunc, or there is a function that writes what it computes, blocks may be larger."""
    places = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]
    arrays = [args[i] for i in places]
    x = arrays[0]
    if (x.size <= _BLOCK_ELEMENTS or not is_floating(x.dtype) or any(a.dtype != x.dtype for a in arrays)
            or flat(arrays) is None):
        return body(*args)
    write = body if isinstance(body, np.ufunc) else _WRITERS.get(operation)
    values = list(args)

    def step(out: np.ndarray, *parts: np.ndarray) -> None:
        these = values.copy()
        for i, part in zip(places, parts, strict=True):
            these[i] = part
        if write is None:
            out[...] = body(*these)
        else:
            write(*these, out=out)

    return compute(step, *arrays, block=_BLOCK_ELEMENTS if write is None else _LARGE_BLOCK_ELEMENTS)


def _relu(x: np.ndarray, out: np.ndarray) -> None:
    _with_number(np.maximum, x, 0, out)


def _clipped_relu(x: np.ndarray, z: float, out: np.ndarray) -> None:
    np.clip(x, 0, z, out=out)


def _add_relu(x0: np.ndarray, x1: np.ndarray, out: np.ndarray) -> None:
    np.add(x0, x1, out=out)
    _with_number(np.maximum, out, 0, out)


_WRITERS: dict[str | None, Callable[..., None]] = {
    'multiply': np.multiply, 'relu': _relu, 'clipped_relu': _clipped_relu, 'add_relu': _add_relu}


def _with_number(ufunc: np.ufunc, x: np.ndarray, number: float, out: np.ndarray) -> None:
    """Computes a maximum or minimum: with a row of the number, NumPy does in a quarter of the time."""
    if x.ndim > 1 or x.size < _ROW:
        ufunc(x, np.asarray(number, x.dtype), out=out)
        return
    end = x.size // _ROW * _ROW
    ufunc(x[:end].reshape(-1, _ROW), _row(number, x.dtype), out=out[:end].reshape(-1, _ROW))
    ufunc(x[end:], number, out=out[end:])


@lru_cache(16)
def _row(number: float, dtype: np.dtype) -> np.ndarray:
    row = np.full(_ROW, number, dtype)
    row.flags.writeable = False
    return row


def scaled(arrays: Sequence[np.ndarray], a: float) -> list[np.ndarray]:
    """``a * x`` for each of the arrays `x`: one pass over memory each."""
    return [compute(lambda out, x: _multiply(x, a, out), x) for x in arrays]


def scaled_copies(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray], a: float) -> None:
    """Writes ``a * x`` for each source `x` into its target, computed in at least float32: one pass over memory each."""
    for source, target in zip(sources, targets, strict=True):
        np.multiply(source, a, out=target, casting='same_kind', dtype=np.result_type(source, np.float32))


def scaled_sum(x: np.ndarray, y: np.ndarray, a: float) -> np.ndarray:
    """``x + a * y``, by two operations on each block while it is in the cache."""
    def step(out: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        _multiply(y, a, out)
        np.add(out, x, out=out)

    return compute(step, x, y)


def sum_of_squares(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Blocks by themselves, without BLAS, whose threads would get in the way of ours; then their sums, in float64."""
    parts = _parts(arrays)
    sums = np.zeros(len(parts))

    def compute_block(k: int) -> None:
        part = parts[k].astype(compute_dtype(parts[k].dtype), copy=False)
        sums[k] = np.einsum('i,i->', part, part)

    threads.run(compute_block, range(len(parts)))
    return np.asarray(sums.sum())


def all_finite(arrays: Sequence[np.ndarray]) -> bool:
    """By the least and the largest element, which are found in half the time of asking each."""
    parts = _parts(arrays)
    finite = np.ones(len(parts), bool)

    def check_block(k: int) -> None:
        part = parts[k]
        if part.dtype.char in 'fd':
            finite[k] = np.isfinite(np.maximum.reduce(part)) and np.isfinite(np.minimum.reduce(part))
        else:
            finite[k] = np.isfinite(part).all()

    threads.run(check_block, range(len(parts)))
    return bool(finite.all())


def _parts(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """All elements of the arrays, as views of one axis with up to a block's length where memory has no gaps."""
    flattened = [(flat([a]) or [a.ravel()])[0] for a in arrays]
    return [a[start:start + _LARGE_BLOCK_ELEMENTS] for a in flattened
            for start in range(0, a.size, _LARGE_BLOCK_ELEMENTS)]


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
