"""Channels-last images: arrays of shape (N, C, *in) that lie in memory as (N, *in, C).

Tensor cores take images like that without a conversion. CuPy computes elementwise in one go where all arrays lie in the
order of their axes, and gives results that order. So channels-last images are computed on as what they are in memory.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from autograd_nn.contract import Ints
from autograd_nn.cuda import device


def is_channels_last(x: Any) -> bool:
    """Whether an array is an image of two or three axes whose channels, and nothing else, lie out of order."""
    return 4 <= x.ndim <= 5 and not x.flags.c_contiguous and in_memory(x).flags.c_contiguous


def in_memory(x: Any) -> Any:
    """The view (N, *in, C) of an image (N, C, *in)."""
    return x.transpose(0, *range(2, x.ndim), 1)


def as_image(x: Any) -> Any:
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
    if channels_last:
        return as_image(device.cupy.empty((shape[0], *shape[2:], shape[1]), dtype))
    return device.cupy.empty(shape, dtype)


def laid_out(x: Any, channels_last: bool) -> Any:
    """The image in the layout that is asked for: itself, or a copy."""
    if channels_last:
        return as_image(device.cupy.ascontiguousarray(in_memory(x)))
    return device.cupy.ascontiguousarray(x)


def keep_layout(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Calls an elementwise function; where an argument is a channels-last image, so is the result.

    Args:
        function: A function of arrays that broadcast to one shape, and of numbers.
        args: Its arguments.
    """
    arrays = [x for x in args if isinstance(x, device.ndarray) and x.ndim]
    ndim = max([x.ndim for x in arrays], default=0)
    if ndim < 4 or not any(map(is_channels_last, arrays)) or any(x.ndim != ndim for x in arrays):
        return function(*args)
    y = function(*[in_memory(x) if isinstance(x, device.ndarray) and x.ndim else x for x in args])
    return tuple([as_image(each) for each in y]) if isinstance(y, tuple) else as_image(y)


def along_channels(b: Any, ndim: int, axis: int = 1) -> Any:
    """A vector with further axes of length 1, so that it lies along one axis of an array of `ndim` axes."""
    return b.reshape([-1 if i == axis else 1 for i in range(ndim)])
