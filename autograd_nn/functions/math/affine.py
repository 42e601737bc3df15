"""Scaling, shifting and blending, and the function that does nothing."""
from __future__ import annotations

from typing import Any

from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Identity(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        return inputs

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        return grad_outputs


def identity(*inputs: ArrayLike) -> Any:
    """Returns its arguments.

    Args:
        inputs: Variables or arrays.

    Returns:
        A Variable, or a tuple of several.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.identity(np.array([1., 2.]))
        variable([1., 2.])
    """
    outputs = Identity().apply(inputs)
    return outputs[0] if len(outputs) == 1 else outputs


def scale(x: ArrayLike, y: ArrayLike, axis: int = 1) -> Variable:
    """Multiplies with an array whose axes correspond to some of the first one's.

    Args:
        x: Variable or array.
        y: Variable or array; its axes are those of `x` from `axis` on.
        axis: The axis of `x` where those of `y` begin.

    Returns:
        Variable of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.scale(np.array([[1., 2.], [3., 4.]]), np.array([10., 100.]), axis=0)
        variable([[ 10.,  20.],
                  [300., 400.]])
    """
    return as_variable(x) * _aligned('scale', x, y, axis)


def bias(x: ArrayLike, y: ArrayLike, axis: int = 1) -> Variable:
    """Adds an array whose axes correspond to some of the first one's.

    Args:
        x: Variable or array.
        y: Variable or array; its axes are those of `x` from `axis` on.
        axis: The axis of `x` where those of `y` begin.

    Returns:
        Variable of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.bias(np.array([[1., 2.], [3., 4.]]), np.array([10., 100.]), axis=0)
        variable([[ 11.,  12.],
                  [103., 104.]])
    """
    return as_variable(x) + _aligned('bias', x, y, axis)


def _aligned(function: str, x: ArrayLike, y: ArrayLike, axis: int) -> Variable:
    y = as_variable(y)
    start = axis + x.ndim if axis < 0 else axis
    if start < 0 or x.shape[start:start + y.ndim] != y.shape:
        raise ShapeError(f'{function}: y of shape {y.shape} does not have the shape of the axes of x from {axis} on '
                         f'(x has shape {x.shape})')
    return reshape(y, y.shape + (1,) * (x.ndim - start - y.ndim))


@in_single_precision
def linear_interpolate(p: ArrayLike, x: ArrayLike, y: ArrayLike) -> Variable:
    """Blends two arrays: p · x + (1 - p) · y, elementwise.

    Args:
        p: Variable or array: the share of `x`.
        x: Variable or array.
        y: Variable or array.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.linear_interpolate(np.array([0., 0.5]), np.array([1., 1.]), np.array([3., 3.]))
        variable([3., 2.])
    """
    p = as_variable(p)
    return p * x + (1 - p) * y
