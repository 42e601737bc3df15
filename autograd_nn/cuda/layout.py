"""Channels-last images: arrays of shape (N, C, *in) that lie in memory as (N, *in, C).

Tensor cores take images like that without a conversion. CuPy computes elementwise in one go where all arrays lie in the
order of their axes, and gives results that order. So channels-last images are computed on as what they are in memory.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from autograd_nn.cuda import device
from autograd_nn.types import Array, Ints


def is_channels_last(x: Array) -> bool:
    """Whether an array is an image of two or three axes whose channels, and nothing else, lie out of order."""
    if not 4 <= x.ndim <= 5 or x.flags.c_contiguous:
        return False
    if x.strides == _bytes(x.shape, x.itemsize):
        return True
    return 1 in x.shape and in_memory(x).flags.c_contiguous  # where it does not matter what the stride is


@lru_cache(1 << 14)
def _bytes(shape: Ints, itemsize: int) -> Ints:
    return tuple([n * itemsize for n in strides(shape, True)])


def in_memory(x: Array) -> Any:
    """The view (N, *in, C) of an image (N, C, *in)."""
    return x.transpose(0, *range(2, x.ndim), 1)


def as_image(x: Array) -> Any:
    """The view (N, C, *in) of an array (N, *in, C)."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def strides(shape: Ints, channels_last: bool) -> Ints:
    """The strides of an image, in elements."""
    if channels_last:
        first, *spatial, channels = strides((shape[0], *shape[2:], shape[1]), False)
        return first, channels, *spatial
    return tuple([prod(shape[axis + 1:]) for axis in range(len(shape))])


def empty(shape: Ints, dtype: Any, channels_last: bool) -> Any:
    """A new image, whose elements are anything."""
    return device.ndarray(shape, dtype, strides=_bytes(shape, np.dtype(dtype).itemsize) if channels_last else None)


def laid_out(x: Array, channels_last: bool) -> Any:
    """The image in the layout that is asked for: itself, or a copy."""
    if not channels_last:
        return device.cupy.ascontiguousarray(x)
    return x if is_channels_last(x) else as_image(device.cupy.ascontiguousarray(in_memory(x)))


def keep_layout(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Calls an elementwise function; where an argument is a channels-last image, so is the result.

    Args:
        function: A function of arrays that broadcast to one shape, and of numbers.
        args: Its arguments.
    """
    arrays = [x for x in args if isinstance(x, device.ndarray) and x.ndim]
    if not any(map(is_channels_last, arrays)) or len({x.ndim for x in arrays}) > 1:
        return function(*args)
    y = function(*[in_memory(x) if isinstance(x, device.ndarray) and x.ndim else x for x in args])
    return tuple([as_image(each) for each in y]) if isinstance(y, tuple) else as_image(y)


def along_channels(b: Array, ndim: int, axis: int = 1) -> Any:
    """A vector with further axes of length 1, so that it lies along one axis of an array of `ndim` axes."""
    return b.reshape([-1 if i == axis else 1 for i in range(ndim)])
