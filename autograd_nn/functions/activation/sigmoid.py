"""Activations with bounded values: the step function and sigmoids."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import elementwise, is_small
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.scaling import Scaling
from autograd_nn.functions.unary import Unary, UnaryByOutput
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable

# On small arrays, NumPy is twice as fast with an array than with a number.
_HALF = {np.dtype(kind): np.array(0.5, kind) for kind in 'efdg'}


@elementwise('T x', 'T y', 'y = tanh(x * (T)0.5) * (T)0.5 + (T)0.5', name='sigmoid')
def _sigmoid(x: Array) -> Any:
    if x.dtype not in _HALF:
        check_float('sigmoid', 'x', x)
    # In terms of tanh nothing overflows.
    half = _HALF[x.dtype]
    y = np.tanh(x * half)
    y *= half
    y += half
    return y


@elementwise('T y, T gy', 'T gx', 'gx = gy * y * ((T)1 - y)', name='sigmoid_grad')
def _sigmoid_grad(y: Array, gy: Array) -> Any:
    gx = y - y * y
    gx *= gy
    return gx


@elementwise('T x', 'T y', 'y = tanh(x)')
def _tanh(x: Array) -> Any:
    return np.tanh(x)


@elementwise('T y, T gy', 'T gx', 'gx = gy * ((T)1 - y * y)', name='tanh_grad')
def _tanh_grad(y: Array, gy: Array) -> Any:
    gx = gy * y
    gx *= y
    return gy - gx


@elementwise('T x', 'T y', '''
    const T z = x * (T)0.2 + (T)0.5;
    y = z < (T)0 ? (T)0 : z > (T)1 ? (T)1 : z''')
def _hard_sigmoid(x: Array) -> Any:
    y = x * 0.2
    y += 0.5
    return np.minimum(np.maximum(y, 0), 1)


@elementwise('T y, T gy', 'T gx', 'gx = y > (T)0 && y < (T)1 ? (T)(gy * (T)0.2) : (T)0')
def _hard_sigmoid_grad(y: Array, gy: Array) -> Any:
    gx = gy * ((y > 0) & (y < 1))
    gx *= 0.2
    return gx


class Step(Unary):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return (x > 0).astype(x.dtype),


class Sigmoid(UnaryByOutput):

    ufunc = _sigmoid

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return SigmoidGrad().apply((y, gy))[0]


class SigmoidGrad(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        y, gy = inputs
        return _sigmoid_grad(y, gy),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        y, gy = self.get_retained_inputs()
        ggx, = grad_outputs
        return ggx * gy * (1 - 2 * y), SigmoidGrad().apply((y, ggx))[0]


class Tanh(UnaryByOutput):

    def ufunc(self, x: Array) -> Any:
        return np.tanh(x) if is_small(x) else _tanh(x)

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return TanhGrad().apply((y, gy))[0]


class TanhGrad(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        y, gy = inputs
        return _tanh_grad(y, gy),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        y, gy = self.get_retained_inputs()
        ggx, = grad_outputs
        return ggx * gy * (-2 * y), TanhGrad().apply((y, ggx))[0]


class HardSigmoid(Unary):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return _hard_sigmoid(inputs[0]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Scaling(_hard_sigmoid_grad, self._retained_outputs[0]).apply(grad_outputs)


def step(x: ArrayLike) -> Variable:
    """1 where `x` is positive and 0 elsewhere: the activation of the perceptron. Its gradient is zero.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.step(np.array([-1., 0., 2.]))
        variable([0., 0., 1.])
    """
    return Step().apply((x,))[0]


def sigmoid(x: ArrayLike) -> Variable:
    """The logistic function ``1 / (1 + exp(-x))`` of each element.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`, with values from 0 to 1.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sigmoid(np.array([-1000., 0., 1000.]))
        variable([0. , 0.5, 1. ])
    """
    return Sigmoid().apply((x,))[0]


def tanh(x: ArrayLike) -> Variable:
    """The hyperbolic tangent of each element.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`, with values from -1 to 1.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.tanh(np.array([-1., 0., 1.]))
        variable([-0.76159416,  0.        ,  0.76159416])
    """
    return Tanh().apply((x,))[0]


def hard_sigmoid(x: ArrayLike) -> Variable:
    """A piecewise linear sigmoid, ``0.2 * x + 0.5`` clipped to the interval from 0 to 1.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.hard_sigmoid(np.array([-3., 0., 1.]))
        variable([0. , 0.5, 0.7])
    """
    return HardSigmoid().apply((x,))[0]


def per_channel(function: str, name: str, param: ArrayLike | float, x: Variable) -> Any:
    """A parameter for each channel (or finer) of `x` in a shape that broadcasts against it; a number as it is.

    Args:
        function: Who asks, for the message.
        name: What the parameter is called, for the message.
        param: A number, or a Variable or array whose shape is a prefix of ``x.shape[1:]``.
        x: Variable of shape (N, ...).

    Raises:
        ValueError: The shape does not fit.
    """
    if isinstance(param, (int, float)):
        return param
    param = as_variable(param)
    shape = param.shape
    if not shape:
        return param
    if x.shape[1:1 + len(shape)] != shape:
        raise ShapeError(f'{function}: the shape of {name} must be a prefix of x.shape[1:]; '
                         f'{name} has shape {shape}, x {x.shape}')
    return param.reshape((1, *shape, *(1,) * (x.ndim - 1 - len(shape))))
