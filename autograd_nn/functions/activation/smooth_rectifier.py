"""Rectifiers without a kink, such as ELU, GELU, softplus and swish."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise, get_array_module
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.activation.sigmoid import per_channel, sigmoid
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.math.error_function import normal_share
from autograd_nn.functions.math.exponential import exp
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.functions.unary import UnaryByInput, UnaryByKernel
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable, as_variable


@elementwise('T x, T beta', 'T y', '''
    const T z = x * beta;
    y = ((z > (T)0 ? z : (T)0) + log1p(exp(-fabs(z)))) / beta''')
def _softplus(x: Array, beta: Array) -> Any:
    z = x * beta
    y = np.log1p(np.exp(-abs(z)))
    y += np.maximum(z, 0)
    y /= beta
    return y


@elementwise('T x, T alpha', 'T y', 'y = x > (T)0 ? x : (T)(alpha * expm1(x))', name='elu')
def _elu(x: Array, alpha: Array) -> Any:
    y = np.expm1(np.minimum(x, 0))
    y *= alpha
    y += np.maximum(x, 0)
    return y


@elementwise('T x, T alpha, T gy', 'T gx', 'gx = x > (T)0 ? gy : (T)(gy * alpha * exp(x))')
def _elu_grad(x: Array, alpha: Array, gy: Array) -> Any:
    gx = np.exp(np.minimum(x, 0))
    gx *= alpha
    positive = (x > 0).astype(x.dtype)
    positive *= 1 - alpha
    gx += positive
    gx *= gy
    return gx


@elementwise('T x, T beta', 'T y', 'y = x / ((T)1 + exp(-x * beta))', name='swish')
def _swish(x: Array, beta: Array) -> Any:
    y = _logistic(x, beta)
    y *= x
    return y


@elementwise('T x, T beta, T gy', 'T gx', '''
    const T p = (T)1 / ((T)1 + exp(-x * beta));
    gx = gy * p * ((T)1 + x * beta * ((T)1 - p))''', name='swish_grad')
def _swish_grad(x: Array, beta: Array, gy: Array) -> Any:
    p = _logistic(x, beta)
    gx = 1 - p
    gx *= x
    gx *= beta
    gx += 1
    gx *= p
    gx *= gy
    return gx


def _logistic(x: Array, beta: Array) -> Any:
    # In terms of tanh nothing overflows.
    y = np.tanh(x * (beta * 0.5))
    y *= 0.5
    y += 0.5
    return y


@elementwise('T x', 'T y', 'y = x * (T)0.5 * erfc(x * (T)-0.7071067811865476)', name='gelu')
def _gelu(x: Array) -> Any:
    y = normal_share(x)
    y *= x
    return y


@elementwise('T x, T gy', 'T gx', '''
    gx = gy * ((T)0.5 * erfc(x * (T)-0.7071067811865476) + x * (T)0.3989422804014327 * exp(x * x * (T)-0.5))
    ''', name='gelu_grad')
def _gelu_grad(x: Array, gy: Array) -> Any:
    gx = x * np.exp(x * x * -0.5)
    gx *= 1 / math.sqrt(2 * math.pi)
    gx += normal_share(x)
    gx *= gy
    return gx


class Softplus(UnaryByInput):

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def ufunc(self, x: Array) -> Any:
        return _softplus(x, self.beta)

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * sigmoid(x * self.beta)


class Swish(UnaryByKernel):

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def ufunc(self, x: Array) -> Any:
        return _swish(x, self.beta)

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return SwishGrad(self.beta).apply((x, gy))[0]


class SwishGrad(FunctionNode):

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gy = inputs
        return _swish_grad(x, self.beta, gy),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gy = self.get_retained_inputs()
        ggx, = grad_outputs
        z = x * self.beta
        p = sigmoid(z)
        curvature = self.beta * p * (1 - p) * (2 + z * (1 - 2 * p))
        return ggx * gy * curvature, SwishGrad(self.beta).apply((x, ggx))[0]


class ELU(UnaryByKernel):

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def ufunc(self, x: Array) -> Any:
        return _elu(x, self.alpha)

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return ELUGrad(self.alpha).apply((x, gy))[0]


class ELUGrad(FunctionNode):

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gy = inputs
        return _elu_grad(x, self.alpha, gy),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gy = self.get_retained_inputs()
        ggx, = grad_outputs
        negative = Variable(get_array_module(x.array).asarray(x.array <= 0, x.dtype), requires_grad=False)
        # Where x is negative, the second derivative alpha * exp(x) is the function's value plus alpha.
        curvature = (elu(x, self.alpha) + self.alpha) * negative
        return ggx * gy * curvature, ELUGrad(self.alpha).apply((x, ggx))[0]


class GELU(UnaryByKernel):

    ufunc = _gelu

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return GELUGrad().apply((x, gy))[0]


class GELUGrad(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gy = inputs
        return _gelu_grad(x, gy),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gy = self.get_retained_inputs()
        ggx, = grad_outputs
        squared = x * x
        curvature = (2 - squared) * exp(squared * -0.5) * (1 / math.sqrt(2 * math.pi))
        return ggx * gy * curvature, GELUGrad().apply((x, ggx))[0]


def softplus(x: ArrayLike, beta: float = 1.0) -> Variable:
    """A smooth rectifier, ``log(1 + exp(beta * x)) / beta`` for each element; large values do not overflow.

    Args:
        x: Variable or array of any shape, floating-point.
        beta: The larger, the closer to `relu`; not 0.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.softplus(np.array([-1000., 0., 1000.]))
        variable([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    return Softplus(beta).apply((x,))[0]


def swish(x: ArrayLike, beta: ArrayLike | float) -> Variable:
    """``x * sigmoid(beta * x)``, also known as SiLU where `beta` is 1.

    See Ramachandran et al., Searching for Activation Functions, https://arxiv.org/abs/1710.05941.

    Args:
        x: Variable or array of shape (N, ...), floating-point.
        beta: A number, or a Variable or array whose shape is a prefix of ``x.shape[1:]``: one value for all (shape
            ``()``), one for each channel (``(C,)``), and so on. It has a gradient, too.

    Returns:
        A Variable of the shape and dtype of `x`.

    Raises:
        ValueError: The shape of `beta` does not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.swish(np.array([-1., 0., 1.]), 1.0)
        variable([-0.26894142,  0.        ,  0.73105858])
    """
    x = as_variable(x)
    check_float('swish', 'x', x)
    if isinstance(beta, (int, float)):
        return Swish(beta).apply((x,))[0]
    return _swish_of_both(x, per_channel('swish', 'beta', beta, x))


@in_single_precision
def _swish_of_both(x: Variable, beta: Variable) -> Variable:
    return x * sigmoid(x * beta)


def elu(x: ArrayLike, alpha: float = 1.0) -> Variable:
    """The exponential linear unit: `x` where it is positive, ``alpha * (exp(x) - 1)`` elsewhere.

    See Clevert et al., Fast and Accurate Deep Network Learning by Exponential Linear Units,
    https://arxiv.org/abs/1511.07289.

    Args:
        x: Variable or array of any shape, floating-point.
        alpha: What large negative values approach is ``-alpha``.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.elu(np.array([-1., 0., 2.]))
        variable([-0.63212056,  0.        ,  2.        ])
    """
    return ELU(alpha).apply((x,))[0]


@in_single_precision
def selu(x: ArrayLike, alpha: float = 1.6732632423543772848170429916717,
         scale: float = 1.0507009873554804934193349852946) -> Variable:
    """The scaled exponential linear unit ``scale * elu(x, alpha)``, which keeps activations near mean 0, variance 1.

    See Klambauer et al., Self-Normalizing Neural Networks, https://arxiv.org/abs/1706.02515.

    Args:
        x: Variable or array of any shape, floating-point.
        alpha: As for `elu`; the default is the paper's.
        scale: A factor; the default is the paper's.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.selu(np.array([-1., 0., 2.]))
        variable([-1.11133074,  0.        ,  2.10140197])
    """
    return scale * elu(x, alpha)


def gelu(x: ArrayLike) -> Variable:
    """The Gaussian error linear unit ``x * Phi(x)``, with the standard normal distribution function `Phi`.

    See Hendrycks and Gimpel, Gaussian Error Linear Units, https://arxiv.org/abs/1606.08415.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.gelu(np.array([-1., 0., 1.]))
        variable([-0.15865525,  0.        ,  0.84134475])
    """
    x = as_variable(x)
    check_float('gelu', 'x', x)
    return GELU().apply((x,))[0]
