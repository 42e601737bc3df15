"""Losses of regression: distances of numbers."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import elementwise
from autograd_nn.function_node import Arrays, Gradients, Indexes
from autograd_nn.functions.checks import check_choice, check_float, check_same_shape
from autograd_nn.functions.math.arithmetic import absolute
from autograd_nn.functions.math.exponential import square
from autograd_nn.functions.single_precision import SinglePrecision, in_single_precision
from autograd_nn.functions.unary import UnaryByKernel
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@elementwise('T x, T delta', 'T y', '''
    const T size = fabs(x);
    const T inner = size < delta ? size : delta;
    y = inner * (size - (T)0.5 * inner)''')
def _huber(x: Array, delta: Array) -> Any:
    size = abs(x)
    inner = np.minimum(size, delta)
    return inner * (size - 0.5 * inner)


@elementwise('T x, T delta', 'T gx', 'gx = x < -delta ? (T)(-delta) : x > delta ? delta : x')
def _huber_slope(x: Array, delta: Array) -> Any:
    return np.minimum(np.maximum(x, -delta), delta)


class Huber(UnaryByKernel):

    def __init__(self, delta: float) -> None:
        self.delta = delta

    def ufunc(self, x: Array) -> Any:
        return _huber(x, self.delta)

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * HuberSlope(self.delta).apply((x,))[0]


class HuberSlope(Huber):

    def ufunc(self, x: Array) -> Any:
        return _huber_slope(x, self.delta)

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * (abs(x.array) < self.delta).astype(x.dtype)


class MeanSquaredError(SinglePrecision):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x0, x1 = inputs
        diff = (x0 - x1).ravel()
        return (diff.dot(diff) / diff.size).astype(x0.dtype, copy=False),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        x0, x1 = self.get_retained_inputs()
        gx = (x0 - x1) * (gy * (2 / max(x0.size, 1)))
        return gx, -gx if 1 in target_input_indexes else None


def mean_squared_error(x0: ArrayLike, x1: ArrayLike) -> Variable:
    """The mean of the squared differences of all elements.

    Args:
        x0: Variable or array of any shape, floating-point.
        x1: Variable or array of the same shape.

    Returns:
        A Variable of shape ``()``.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.mean_squared_error(np.array([1., 2.]), np.array([2., 4.]))
        variable(2.5)
    """
    x0, x1 = as_variable(x0), as_variable(x1)
    check_float('mean_squared_error', 'x0', x0)
    check_float('mean_squared_error', 'x1', x1)
    check_same_shape('mean_squared_error', x0=x0, x1=x1)
    return MeanSquaredError().apply((x0, x1))[0]


@in_single_precision
def mean_absolute_error(x0: ArrayLike, x1: ArrayLike) -> Variable:
    """The mean of the absolute differences of all elements.

    Args:
        x0: Variable or array of any shape, floating-point.
        x1: Variable or array of the same shape.

    Returns:
        A Variable of shape ``()``.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.mean_absolute_error(np.array([1., 2.]), np.array([2., 4.]))
        variable(1.5)
    """
    x0, x1 = as_variable(x0), as_variable(x1)
    check_same_shape('mean_absolute_error', x0=x0, x1=x1)
    return absolute(x0 - x1).mean()


@in_single_precision
def squared_error(x0: ArrayLike, x1: ArrayLike) -> Variable:
    """The squared difference of each pair of elements.

    Args:
        x0: Variable or array of any shape, floating-point.
        x1: Variable or array of the same shape.

    Returns:
        A Variable of the shape of `x0`.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.squared_error(np.array([1., 2.]), np.array([2., 4.]))
        variable([1., 4.])
    """
    x0, x1 = as_variable(x0), as_variable(x1)
    check_same_shape('squared_error', x0=x0, x1=x1)
    return square(x0 - x1)


def absolute_error(x0: ArrayLike, x1: ArrayLike) -> Variable:
    """The absolute difference of each pair of elements.

    Args:
        x0: Variable or array of any shape, floating-point.
        x1: Variable or array of the same shape.

    Returns:
        A Variable of the shape of `x0`.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.absolute_error(np.array([1., 2.]), np.array([2., 4.]))
        variable([1., 2.])
    """
    x0, x1 = as_variable(x0), as_variable(x1)
    check_same_shape('absolute_error', x0=x0, x1=x1)
    return absolute(x0 - x1)


@in_single_precision
def huber_loss(x: ArrayLike, t: ArrayLike, delta: float, reduce: str = 'sum_along_second_axis') -> Variable:
    """Half the squared difference where that is small, linear in the difference beyond `delta`: robust to outliers.

    The loss of a difference `a` is ``a ** 2 / 2`` if ``abs(a) <= delta``, and ``delta * (abs(a) - delta / 2)`` else.

    Args:
        x: Variable or array of shape (N, K, ...), floating-point.
        t: Variable or array of the same shape.
        delta: Where the loss becomes linear, positive.
        reduce: ``'sum_along_second_axis'``, or ``'no'`` for the loss of each element.

    Returns:
        A Variable of shape (N, ...), or that of `x` with ``reduce='no'``.

    Raises:
        ValueError: The shapes differ or have no second axis to sum over, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.huber_loss(np.array([[0., 0.5], [0., 3.]]), np.zeros((2, 2)), delta=1.0)
        variable([0.125, 2.5  ])
    """
    check_choice('huber_loss', 'reduce', reduce, ('sum_along_second_axis', 'no'))
    x, t = as_variable(x), as_variable(t)
    check_same_shape('huber_loss', x=x, t=t)
    loss = Huber(delta).apply((x - t,))[0]
    if reduce == 'no':
        return loss
    if x.ndim < 2:
        raise ShapeError(f'huber_loss: x of shape {x.shape} has no second axis to sum over; reduce="no" does not sum')
    return loss.sum(axis=1)
