"""Layers that compute each element by itself: activations, powers, bounds, dropout."""
from __future__ import annotations

from functools import partial
from math import log

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.caffe.layers.fillers import initializer
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.caffe.wire import Message
from autograd_nn.functions.activation.rectifier import PReLU as PReLUFunction
from autograd_nn.functions.activation.sigmoid import per_channel
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Parameter, Variable, as_variable


@builder('ReLU')
def relu(spec: Specification) -> Layer:
    """The rectifier, leaky where it has a slope."""
    slope = spec.relu_param.negative_slope
    return partial(F.leaky_relu, slope=slope) if slope else F.relu


class PReLU(L.PReLU):
    """A leaky rectifier whose gradient at exactly 0 is the slope, as in Caffe.

    The slopes may wait for the first call, which says how many channels there are.
    """

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the function to an input of shape (N, C, ...)."""
        x = as_variable(x)
        if not self.W.is_initialized:
            self.W.initialize(x.shape[1:2])
        return PReLUFunction(zero_is_negative=True).apply((x, per_channel('PReLU', 'W', self.W, x)))[0]


@builder('PReLU')
def prelu(spec: Specification) -> Layer:
    """A leaky rectifier with slopes in blob 0: one, or one for each channel."""
    param = spec.prelu_param
    initial = initializer(param.filler) if param.HasField('filler') else 0.25
    link = PReLU((), initial)
    if param.channel_shared:
        spec.fill(link.W, 0, 'a slope', ())
        return link
    with link.init_scope():
        link.W = Parameter(initial)
    spec.fill(link.W, 0, 'slopes', (None,))
    return link


@builder('ELU')
def elu(spec: Specification) -> Layer:
    """``alpha * (exp(x) - 1)`` for negative elements."""
    return partial(F.elu, alpha=spec.elu_param.alpha)


@builder('Swish')
def swish(spec: Specification) -> Layer:
    """``x * sigmoid(beta * x)``."""
    beta = spec.swish_param.beta
    return lambda x: x * F.sigmoid(beta * as_variable(x))


@builder('Clip')
def clip(spec: Specification) -> Layer:
    """Elements below ``min`` or above ``max`` become that bound."""
    return partial(F.clip, x_min=spec.clip_param.min, x_max=spec.clip_param.max)


@builder('Threshold')
def threshold(spec: Specification) -> Layer:
    """1 for elements above the threshold, 0 for others."""
    limit = spec.threshold_param.threshold

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        return Variable((x.array > limit).astype(x.dtype), requires_grad=False)

    return forward


@builder('Sigmoid', 'TanH', 'AbsVal', 'BNLL')
def without_settings(spec: Specification) -> Layer:
    """The function of that name; BNLL is ``log(1 + exp(x))``."""
    return {'Sigmoid': F.sigmoid, 'TanH': F.tanh, 'AbsVal': F.absolute, 'BNLL': F.softplus}[spec.type]


@builder('Power')
def power(spec: Specification) -> Layer:
    """``(shift + scale * x) ** power``."""
    param = spec.power_param

    def forward(x: ArrayLike) -> Variable:
        y = _affine(param, x)
        return y if param.power == 1 else y * 0 + 1 if param.power == 0 else y ** param.power

    return forward


@builder('Exp')
def exp(spec: Specification) -> Layer:
    """``base ** (shift + scale * x)``; the base is e unless it is given."""
    param = spec.exp_param
    factor = _log_of_base(spec, param.base)
    return lambda x: F.exp(_affine(param, x) if factor == 1 else _affine(param, x) * factor)


@builder('Log')
def logarithm(spec: Specification) -> Layer:
    """The logarithm of ``shift + scale * x``; to the base e unless it is given."""
    param = spec.log_param
    factor = _log_of_base(spec, param.base)
    return lambda x: F.log(_affine(param, x)) if factor == 1 else F.log(_affine(param, x)) * (1 / factor)


def _affine(param: Message, x: Array) -> Variable:
    y = as_variable(x)
    if param.scale != 1:
        y = y * param.scale
    return y if param.shift == 0 else y + param.shift


def _log_of_base(spec: Specification, base: float) -> float:
    if base != -1 and base <= 0:
        raise spec.error(f'expected a positive base, or -1 for e, got {base}')
    return 1. if base == -1 else log(base)


@builder('Dropout')
def dropout(spec: Specification) -> Layer:
    """Dropout in training (``config.train``)."""
    return partial(F.dropout, ratio=spec.dropout_param.dropout_ratio)
