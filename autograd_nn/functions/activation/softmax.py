"""Softmax and its logarithm."""
from __future__ import annotations

from autograd_nn.backend import kernels
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.axes import normalize_axis
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.math.exponential import exp
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


class Softmax(SinglePrecision):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return kernels(inputs[0]).softmax(inputs[0], self.axis),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        y, = self.get_retained_outputs()
        return SoftmaxGrad(self.axis).apply((y, grad_outputs[0]))


class SoftmaxGrad(FunctionNode):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        y, gy = inputs
        return kernels(y).softmax_grad(y, gy, self.axis),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        y, gy = self.get_retained_inputs()
        ggx, = grad_outputs
        axis = self.axis
        total = (y * gy).sum(axis=axis, keepdims=True)
        gg_total = (y * ggx).sum(axis=axis, keepdims=True)
        return ggx * (gy - total) - gy * gg_total, SoftmaxGrad(axis).apply((y, ggx))[0]


class LogSoftmax(SinglePrecision):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return kernels(inputs[0]).log_softmax(inputs[0], self.axis),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        y, = self.get_retained_outputs()
        return LogSoftmaxGrad(self.axis).apply((y, grad_outputs[0]))


class LogSoftmaxGrad(FunctionNode):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        y, gy = inputs
        return kernels(y).log_softmax_grad(y, gy, self.axis),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        y, gy = self.get_retained_inputs()
        ggx, = grad_outputs
        axis = self.axis
        weighted = exp(y) * ggx
        return -weighted * gy.sum(axis=axis, keepdims=True), ggx - weighted.sum(axis=axis, keepdims=True)


def softmax(x: ArrayLike, axis: int = 1) -> Variable:
    """Exponentials divided by their sum along an axis; large values do not overflow.

    Args:
        x: Variable or array, floating-point, at least one-dimensional.
        axis: The axis along which the results sum to 1.

    Returns:
        A Variable of the shape and dtype of `x`.

    Raises:
        ValueError: There is no such axis.
        TypeError: `x` is not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.softmax(np.array([[0., 0.], [1000., 0.]]))
        variable([[0.5, 0.5],
                  [1. , 0. ]])
    """
    x = as_variable(x)
    check_float('softmax', 'x', x)
    return Softmax(normalize_axis(axis, x.shape, 'softmax')).apply((x,))[0]


def log_softmax(x: ArrayLike, axis: int = 1) -> Variable:
    """The logarithm of `softmax`, accurate where that is close to zero.

    Args:
        x: Variable or array, floating-point, at least one-dimensional.
        axis: The axis along which the exponentials of the results sum to 1.

    Returns:
        A Variable of the shape and dtype of `x`.

    Raises:
        ValueError: There is no such axis.
        TypeError: `x` is not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.log_softmax(np.array([[1000., 0.]]))
        variable([[    0., -1000.]])
    """
    x = as_variable(x)
    check_float('log_softmax', 'x', x)
    return LogSoftmax(normalize_axis(axis, x.shape, 'log_softmax')).apply((x,))[0]
