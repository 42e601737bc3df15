"""Chainer's small tools for arrays, such as `force_array`."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.types import Array, DTypeLike, Shape
from autograd_nn.utils.type_check import ShapeError


def force_array(x: Array, dtype: DTypeLike | None = None) -> Any:
    """What a NumPy function returned as an array: NumPy makes scalars of arrays of no axes.

    Args:
        x: An array or a scalar.
        dtype: What to convert it to; None leaves the dtype as it is.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import force_array
        >>> force_array(np.exp(np.zeros((), 'f')))
        array(1., dtype=float32)
    """
    if np.isscalar(x):
        return np.array(x, dtype)
    return x if dtype is None else x.astype(dtype, copy=False)


def force_type(dtype: np.dtype, value: Any) -> Any:
    """A number or an array in another dtype; an array that has it comes back as it is.

    Args:
        dtype: The dtype.
        value: The number or the array.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import force_type
        >>> force_type(np.dtype('f'), 0.5)
        np.float32(0.5)
    """
    return dtype.type(value) if np.isscalar(value) else value.astype(dtype, copy=False)


def size_of_shape(shape: Shape) -> int:
    """The number of elements of an array.

    Example:
        >>> from autograd_nn.utils import size_of_shape
        >>> size_of_shape((2, 3)), size_of_shape(())
        (6, 1)
    """
    return int(math.prod(shape))


def sum_to(x: Array, shape: Shape) -> Any:
    """The sums of an array's elements that broadcasting would make of one: `functions.sum_to` on arrays.

    Args:
        x: The array.
        shape: A shape that broadcasts to that of `x`.

    Returns:
        An array of that shape; `x` itself if it has it.

    Raises:
        TypeError: `x` is a Variable.
        ValueError: The shape does not broadcast.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import sum_to
        >>> sum_to(np.ones((2, 3)), (2, 1))
        array([[3.],
               [3.]])
    """
    if hasattr(x, 'creator_node'):
        raise TypeError('sum_to: expected an array, got a Variable; functions.sum_to is for Variables')
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, x.shape[lead:])):
        raise ShapeError(f'sum_to: x of shape {x.shape} cannot be summed to {shape}')
    axes = *range(lead), *[lead + i for i, n in enumerate(shape) if n == 1]
    return x.sum(axes, keepdims=True).reshape(shape)


def as_vec(x: Array) -> Any:
    """An array with one axis."""
    return x.ravel()


def as_mat(x: Array) -> Any:
    """An array with two axes, of which the first stays."""
    return x if x.ndim == 2 else x.reshape(len(x), -1)


def empty_like(x: Array) -> Any:
    """A new array, with the shape and the dtype of another and beside it, whose elements may be anything."""
    return get_array_module(x).empty_like(x)
