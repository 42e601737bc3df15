"""Broadcasting to a larger shape, and its gradient: the sum over the axes that were repeated."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.precision import total
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


def _sum_array(x: Array, shape: tuple[int, ...]) -> Any:
    if not shape:
        return total(x)
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    return total(x, axes, True).reshape(shape)


class SumTo(FunctionNode):

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.x_shape = x.shape
        return _sum_array(x, self.shape),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return broadcast_to(grad_outputs[0], self.x_shape),


class BroadcastTo(FunctionNode):

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.x_shape = x.shape
        try:
            # NumPy takes longer to make the view than to copy a few elements.
            if math.prod(self.shape) <= 1000 and type(x) is np.ndarray:
                y = np.empty(self.shape, x.dtype)
                y[...] = x
                return y,
            return get_array_module(x).broadcast_to(x, self.shape),
        except ValueError:
            raise ShapeError(f'broadcast_to: x of shape {x.shape} cannot be broadcast to {self.shape}') from None

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return sum_to(gy, self.x_shape),


def sum_to(x: ArrayLike, shape: Sequence[int]) -> Variable:
    """Sums over axes so that the result has the given shape: the reverse of broadcasting.

    Args:
        x: Variable or array of a shape that `shape` broadcasts to.
        shape: The shape of the result.

    Raises:
        ValueError: `shape` does not broadcast to the shape of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sum_to(np.array([[1., 2.], [3., 4.]]), (1, 2))
        variable([[4., 6.]])
    """
    x = as_variable(x)
    if x._array.shape == shape:
        return x
    shape = tuple(shape)
    # Everything can be summed to a single number.
    lead = x._array.ndim - len(shape)
    if shape and (lead < 0 or any(n not in (1, m) for n, m in zip(shape, x.shape[lead:]))):
        raise ShapeError(f'sum_to: x of shape {x.shape} cannot be summed to {shape}')
    return SumTo(shape).apply((x,))[0]


def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Variable:
    """Broadcasts to a shape; a large result is a view of `x` that cannot be written to.

    Args:
        x: Variable or array.
        shape: The shape of the result.

    Raises:
        ValueError: `x` does not broadcast to `shape`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.broadcast_to(np.array([1., 2.]), (2, 2))
        variable([[1., 2.],
                  [1., 2.]])
    """
    x = as_variable(x)
    if x._array.shape == shape:
        return x
    return BroadcastTo(tuple(shape)).apply((x,))[0]


def broadcast(*args: ArrayLike) -> tuple[Variable, ...]:
    """Broadcasts arrays against each other.

    Args:
        args: Variables or arrays.

    Returns:
        As many Variables, all of one shape.

    Raises:
        ValueError: The shapes do not fit.
    """
    xs = [as_variable(x) for x in args]
    shapes = [x.shape for x in xs]
    try:
        shape = get_array_module(*xs).broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f'broadcast: shapes {", ".join(map(str, shapes))} do not fit') from None
    return tuple(broadcast_to(x, shape) for x in xs)
