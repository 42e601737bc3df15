"""Sums, averages and products along axes."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.dtypes import is_half
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.axes import keep_dims, normalize_axes
from autograd_nn.functions.math.cumulative import product_of_others
from autograd_nn.functions.math.exponential import exp, sqrt, square
from autograd_nn.functions.precision import total
from autograd_nn.functions.single_precision import SinglePrecision, in_single_precision
from autograd_nn.types import Array, ArrayLike, Axis, DTypeLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Reduction(FunctionNode):
    """A function that takes axes together."""

    def __init__(self, axis: tuple[int, ...], keepdims: bool) -> None:
        self.axis = axis
        self.keepdims = keepdims

    def spread(self, v: Variable, shape: tuple[int, ...]) -> Any:
        """`v`, which has the shape of the result, broadcast over the axes that were taken together."""
        if not self.keepdims and v._array.ndim:
            v = v.reshape(keep_dims(shape, self.axis))
        return broadcast_to(v, shape)

    def total(self, x: Array, dtype: DTypeLike | None = None) -> Any:
        """The sum of an array."""
        return total(x, None if len(self.axis) == x.ndim and not self.keepdims else self.axis, self.keepdims, dtype)


class Sum(Reduction):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.x_shape = x.shape
        return self.total(x),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return self.spread(grad_outputs[0], self.x_shape),


class Mean(Reduction):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.x_shape = x.shape
        self.count = math.prod([x.shape[i] for i in self.axis])
        if not self.count:
            return x.mean(axis=self.axis, keepdims=self.keepdims),
        # Faster than mean for small arrays; a sum in half precision could overflow.
        y = self.total(x, np.float32 if is_half(x.dtype) else None)
        y = y / y.dtype.type(self.count)
        return y.astype(x.dtype) if is_half(x.dtype) else y,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return self.spread(gy * (1 / self.count) if self.count else gy, self.x_shape),


class Prod(SinglePrecision, Reduction):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        return inputs[0].prod(axis=self.axis, keepdims=self.keepdims),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, = self.get_retained_inputs()
        gy = self.spread(grad_outputs[0], x.shape)
        if x.array.all():
            y, = self.get_retained_outputs()
            return gy * self.spread(y, x.shape) / x,
        # Division by zero is avoided at the price of a second pass: the other factors are multiplied.
        rest = tuple([i for i in range(x.ndim) if i not in self.axis])
        order = rest + self.axis
        inverse = tuple([order.index(i) for i in range(x.ndim)])
        moved = x.transpose(order)
        rows = moved.reshape([x.shape[i] for i in rest] + [math.prod([x.shape[i] for i in self.axis])])
        return gy * product_of_others(rows).reshape(moved.shape).transpose(inverse),


class LogSumExp(SinglePrecision, Reduction):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        x, = inputs
        xp = get_array_module(x)
        largest = x.max(axis=self.axis, keepdims=True)
        # Minus the largest element keeps exp from overflowing; where that is infinite, the difference would be NaN.
        largest = xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest)).astype(x.dtype, copy=False)
        with np.errstate(divide='ignore'):
            y = xp.log(total(xp.exp(x - largest), self.axis, True)) + largest
        return y.reshape([n for i, n in enumerate(x.shape) if i not in self.axis]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, = self.get_retained_inputs()
        y, = self.get_retained_outputs()
        return self.spread(grad_outputs[0], x.shape) * exp(x - self.spread(y, x.shape)),


def sum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The sum along axes.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.
        keepdims: Whether these axes stay, with length one.

    Returns:
        Variable without these axes.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sum(np.array([[1., 2.], [3., 4.]]), axis=0)
        variable([4., 6.])
    """
    x = as_variable(x)
    return Sum(normalize_axes(axis, x._array.shape, 'sum'), keepdims).apply((x,))[0]


def average(x: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None, keepdims: bool = False) -> Variable:
    """The average along axes, weighted where weights are given.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.
        weights: Variable or array: a weight for each element along the axes (of the shape of these axes), or for each
            element of `x` (of its shape); None gives all the same weight.
        keepdims: Whether these axes stay, with length one.

    Returns:
        Variable without these axes.

    Raises:
        ValueError: There is no such axis, or the shape of `weights` does not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([[1., 2.], [3., 4.]])
        >>> F.average(x, axis=1)
        variable([1.5, 3.5])
        >>> F.average(x, axis=1, weights=np.array([0., 1.]))
        variable([2., 4.])
    """
    x = as_variable(x)
    axes = normalize_axes(axis, x.shape, 'average')
    if weights is None:
        return Mean(axes, keepdims).apply((x,))[0]
    return _weighted_average(x, axis, axes, as_variable(weights), keepdims)


@in_single_precision
def _weighted_average(x: Variable, axis: Axis, axes: tuple[int, ...], weights: Variable, keepdims: bool) -> Variable:
    expected = tuple([x.shape[i] for i in axes])
    if weights.shape == expected:
        order = sorted(range(len(axes)), key=lambda i: axes[i])
        weights = weights.transpose(order).reshape([n if i in axes else 1 for i, n in enumerate(x.shape)])
    elif weights.shape != x.shape:
        raise ShapeError(f'average: expected weights of shape {expected} (along axis {axis} of x of shape {x.shape}) '
                         f'or {x.shape}, got {weights.shape}')
    return sum(x * weights, axes, keepdims) / sum(weights, axes, keepdims)


mean = average


@in_single_precision
def var(x: ArrayLike, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Variable:
    """The variance along axes: the mean square of the differences from the mean.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.
        ddof: What is subtracted from the number of elements in the divisor: 1 gives the unbiased estimate.
        keepdims: Whether these axes stay, with length one.

    Returns:
        Variable without these axes.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.var(np.array([[1., 3.], [3., 7.]]), axis=1)
        variable([1., 4.])
    """
    x = as_variable(x)
    axes = normalize_axes(axis, x.shape, 'var')
    squares = square(x - Mean(axes, True).apply((x,))[0])
    if ddof == 0:
        return Mean(axes, keepdims).apply((squares,))[0]
    return sum(squares, axes, keepdims) / (math.prod([x.shape[i] for i in axes]) - ddof)


@in_single_precision
def std(x: ArrayLike, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Variable:
    """The standard deviation along axes: the square root of the variance.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.
        ddof: What is subtracted from the number of elements in the divisor of the variance.
        keepdims: Whether these axes stay, with length one.

    Returns:
        Variable without these axes.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.std(np.array([[1., 3.], [3., 7.]]), axis=1)
        variable([1., 2.])
    """
    return sqrt(var(x, axis, ddof, keepdims))


def prod(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The product along axes. Its gradient is right where elements are zero, too.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.
        keepdims: Whether these axes stay, with length one.

    Returns:
        Variable without these axes.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.prod(np.array([[1., 2.], [3., 4.]]), axis=0)
        variable([3., 8.])
    """
    x = as_variable(x)
    return Prod(normalize_axes(axis, x.shape, 'prod'), keepdims).apply((x,))[0]


@in_single_precision
def batch_l2_norm_squared(x: ArrayLike) -> Variable:
    """The squared Euclidean norm of each example.

    Args:
        x: Variable or array of shape (N, ...).

    Returns:
        Variable of shape (N,).

    Raises:
        ValueError: `x` has fewer than two axes.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.batch_l2_norm_squared(np.array([[3., 4.], [1., 0.]]))
        variable([25.,  1.])
    """
    x = as_variable(x)
    if x.ndim < 2:
        raise ShapeError(f'batch_l2_norm_squared: expected x of shape (N, ...), got {x.shape}')
    return sum(square(x), tuple(range(1, x.ndim)))


def logsumexp(x: ArrayLike, axis: Axis = None) -> Variable:
    """The logarithm of the sum of the exponentials along axes, without overflow.

    Args:
        x: Variable or array of floating-point numbers.
        axis: An axis or several; None for all.

    Returns:
        Variable without these axes.

    Raises:
        ValueError: There is no such axis, or no elements along it.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.logsumexp(np.array([[1000., 1000.], [0., 0.]]), axis=1)
        variable([1.00069315e+03, 6.93147181e-01])
    """
    x = as_variable(x)
    axes = normalize_axes(axis, x.shape, 'logsumexp')
    if not all(x.shape[i] for i in axes):
        raise ShapeError(f'logsumexp: x of shape {x.shape} has no elements along axis {axis}')
    return LogSumExp(axes, False).apply((x,))[0]
