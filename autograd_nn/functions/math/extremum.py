"""The largest and the smallest element along axes, and where they are."""
from __future__ import annotations

from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.axes import keep_dims, normalize_axes, normalize_axis
from autograd_nn.types import Array, ArrayLike, Axis
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Max(FunctionNode):

    method = 'max'

    def __init__(self, axis: tuple[int, ...], keepdims: bool) -> None:
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        return getattr(inputs[0], self.method)(axis=self.axis, keepdims=self.keepdims),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, = self.get_retained_inputs()
        y, = self.get_retained_outputs()
        gy, = grad_outputs
        shape = keep_dims(x.shape, self.axis)
        return where(x == y.reshape(shape), broadcast_to(gy.reshape(shape), x.shape), 0),


class Min(Max):

    method = 'min'


def _extremum(function: type[Max], x: ArrayLike, axis: Axis, keepdims: bool) -> Variable:
    x = as_variable(x)
    axes = normalize_axes(axis, x.shape, function.method)
    if not all(x.shape[i] for i in axes):
        raise ShapeError(f'{function.method}: x of shape {x.shape} has no elements along axis {axis}')
    return function(axes, keepdims).apply((x,))[0]


def max(x: ArrayLike, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Variable:
    """The largest element along axes. The gradient goes to every element that equals it.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.
        keepdims: Whether these axes stay, with length one.

    Returns:
        Variable without these axes, of the dtype of `x`.

    Raises:
        ValueError: There is no such axis, or no elements along it.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.max(np.array([[1., 5.], [4., 2.]]), axis=1)
        variable([5., 4.])
    """
    return _extremum(Max, x, axis, keepdims)


def min(x: ArrayLike, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Variable:
    """The smallest element along axes. The gradient goes to every element that equals it.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.
        keepdims: Whether these axes stay, with length one.

    Returns:
        Variable without these axes, of the dtype of `x`.

    Raises:
        ValueError: There is no such axis, or no elements along it.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.min(np.array([[1., 5.], [4., 2.]]), axis=1)
        variable([1., 2.])
    """
    return _extremum(Min, x, axis, keepdims)


class ArgMax(FunctionNode):

    method = 'argmax'

    def __init__(self, axis: int | None) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        return getattr(inputs[0], self.method)(axis=self.axis),


class ArgMin(ArgMax):

    method = 'argmin'


def _position(function: type[ArgMax], x: Array, axis: int | None) -> Variable:
    x = as_variable(x)
    if axis is not None:
        axis = normalize_axis(axis, x.shape, function.method)
    if not (x.size if axis is None else x.shape[axis]):
        raise ShapeError(f'{function.method}: x of shape {x.shape} has no elements along axis {axis}')
    return function(axis).apply((x,))[0]


def argmax(x: ArrayLike, axis: int | None = None) -> Variable:
    """The index of the largest element along an axis, the first of several; it has no gradient.

    Args:
        x: Variable or array.
        axis: The axis; None for the flattened array.

    Returns:
        Variable of integers without this axis.

    Raises:
        ValueError: There is no such axis, or no elements along it.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.argmax(np.array([[1., 5.], [4., 2.]]), axis=1)
        variable([1, 0])
    """
    return _position(ArgMax, x, axis)


def argmin(x: ArrayLike, axis: int | None = None) -> Variable:
    """The index of the smallest element along an axis, the first of several; it has no gradient.

    Args:
        x: Variable or array.
        axis: The axis; None for the flattened array.

    Returns:
        Variable of integers without this axis.

    Raises:
        ValueError: There is no such axis, or no elements along it.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.argmin(np.array([[1., 5.], [4., 2.]]), axis=1)
        variable([0, 1])
    """
    return _position(ArgMin, x, axis)
