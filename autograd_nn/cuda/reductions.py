"""Sums that several kernels need, in at least float32.

CuPy has a block of threads compute one result, or up to 32 that lie side by side. Where that is too few blocks to
occupy a device, a reduction takes some of its axes first, and the others in another kernel.
"""
from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

from autograd_nn.cuda import device, layout
from autograd_nn.cuda.kernel import COMPUTE, reduce
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array, Ints

_product_sum = reduce('T x, T y', 'U z', '(C)x * (C)y', 'a + b', 'z = (U)a', '0', 'product_sum', reduce_type='C',
                      preamble=COMPUTE)


# The blocks that occupy a large device, and how many numbers are worth a second kernel.
_BLOCKS, _NUMBERS = 512, 1024


def first_axes(x: Array, axis: Ints) -> Ints:
    """Those of the axes to reduce that are to be reduced first: the last ones, or all."""
    blocks = _blocks(x, axis)
    if blocks < _BLOCKS and prod(x.shape[i] for i in axis) >= _NUMBERS:
        long = [i for i in axis if x.shape[i] > 1]
        for i, following in pairwise(long):
            blocks *= x.shape[i]
            if blocks >= _BLOCKS or following == long[-1]:
                return tuple([i for i in axis if i >= following])
    return axis


def _blocks(x: Array, axis: Ints) -> float:
    """How many blocks of threads CuPy has reduce an array along some axes."""
    side_by_side = x.ndim - 1 not in axis and x.strides[-1] == x.itemsize
    return prod(without(x.shape, axis)) / (max(1, min(x.shape[-1], 32)) if side_by_side else 1)


def _parts(n: int) -> int:
    """Into how many equal parts a long axis is cut; 1 if there is no such number."""
    return next((parts for parts in range(256, 15, -1) if n % parts == 0), 1)


def without(shape: Ints, axis: Ints) -> Ints:
    """A shape without some axes."""
    return tuple([n for i, n in enumerate(shape) if i not in axis])


def with_ones(shape: Ints, axis: Ints) -> Ints:
    """A shape in which some axes have the length 1."""
    return tuple([1 if i in axis else n for i, n in enumerate(shape)])


def sum_along(x: Array, axis: Ints, keepdims: bool, dtype: Any) -> Any:
    """CuPy's function where all numbers lie in one row, for which it has a fast way."""
    y, along = x, axis
    if layout.is_channels_last(x) and (1 in axis or all(i in axis for i in range(2, x.ndim))):
        order = (0, *range(2, x.ndim), 1)
        y, along = layout.in_memory(x), tuple(sorted([order.index(i) for i in axis]))
    if len(axis) == x.ndim and y.flags.c_contiguous:
        y = y.sum(dtype=compute_dtype(x.dtype)).astype(dtype, copy=False)
    else:
        y = product_sum(y, 1, along, dtype)
    return y.reshape(with_ones(x.shape, axis)) if keepdims else y


def product_sum(x: Array, y: Array, axis: Ints, dtype: Any, keepdims: bool = False) -> Any:
    """The sum of ``x * y`` along some axes.

    Args:
        x: An array.
        y: An array that broadcasts to it, or the number 1.
        axis: The axes to sum over.
        dtype: The type of the result.
        keepdims: Whether the axes stay, with the length 1.
    """
    first = first_axes(x, axis)
    if first != axis:
        return product_sum(product_sum(x, y, first, compute_dtype(x.dtype), True), 1, axis, dtype, keepdims)
    if axis == (0,) and isinstance(y, int) and len(x) >= _NUMBERS and _blocks(x, axis) < _BLOCKS:
        parts = _parts(len(x))
        if parts > 1:
            x = product_sum(x.reshape(parts, -1, *x.shape[1:]), 1, (1,), compute_dtype(x.dtype))
    z = device.cupy.empty(without(x.shape, axis), dtype)
    _product_sum(x, y, z, axis=axis)
    return z.reshape(with_ones(x.shape, axis)) if keepdims else z
