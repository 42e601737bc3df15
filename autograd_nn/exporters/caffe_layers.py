"""Functions as layers of Caffe: one converter for each class of function."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.exporters.caffe_graph import CaffeGraph, Operand
from autograd_nn.function_node import FunctionNode
from autograd_nn.functions.activation.rectifier import ClippedReLU, LeakyReLU, PReLU, ReLU
from autograd_nn.functions.activation.sigmoid import Sigmoid, Tanh
from autograd_nn.functions.activation.smooth_rectifier import ELU, Softplus, Swish
from autograd_nn.functions.activation.softmax import LogSoftmax, Softmax
from autograd_nn.functions.array.broadcast import BroadcastTo
from autograd_nn.functions.array.indexing import GetItem
from autograd_nn.functions.array.joining import Concat, SplitAxis
from autograd_nn.functions.array.shape import Reshape, Transpose
from autograd_nn.functions.connection.convolution import ConvolutionND, DeconvolutionND
from autograd_nn.functions.connection.fully_connected import LinearFunction
from autograd_nn.functions.math.affine import Identity
from autograd_nn.functions.math.arithmetic import Absolute, Add, AddReLU, Divide, Multiply, Negative, Subtract
from autograd_nn.functions.math.clipping import Maximum
from autograd_nn.functions.math.exponential import Exp, Log, Rsqrt, Sqrt, Square
from autograd_nn.functions.math.number_arithmetic import (
    AddNumber,
    DivideByNumber,
    MultiplyNumber,
    RaiseToNumber,
    SubtractFromNumber,
    SubtractNumber,
)
from autograd_nn.functions.math.reduction import Mean
from autograd_nn.functions.normalization.batch_normalization import FixedBatchNormalization
from autograd_nn.functions.normalization.local_response_normalization import LocalResponseNormalization
from autograd_nn.functions.pooling.pooling import AveragePooling, MaxPooling

Operands = list[Operand]
Converter = Callable[[CaffeGraph, Any, Operands], Any]

_converters: dict[type[FunctionNode], Converter] = {}


class Unsupported(ValueError):
    """Caffe has no layer that does the same."""


def convert(graph: CaffeGraph, function: FunctionNode, operands: Operands) -> list[str]:
    """Adds the layers that compute what a function has computed.

    Args:
        graph: The network.
        function: The function.
        operands: Its inputs.

    Returns:
        The names of its outputs.

    Raises:
        ValueError: Caffe has no layer for it.
    """
    shapes = ', '.join(str(operand.shape) for operand in operands)
    converter = _converters.get(type(function))
    try:
        if converter is None:
            raise Unsupported('there is no layer for this function')
        tops = converter(graph, function, operands)
    except Unsupported as error:
        raise ValueError(f'exporters.caffe.export: {function.label} of arrays of shape {shapes} cannot become a layer '
                         f'of Caffe: {error}; export the part of the model before it, or replace it') from None
    return [tops] if isinstance(tops, str) else tops


def _converts(*functions: type[FunctionNode]) -> Callable[[Converter], Converter]:
    def register(converter: Converter) -> Converter:
        _converters.update(dict.fromkeys(functions, converter))
        return converter
    return register


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise Unsupported(message)


def _constants(operands: Operands, what: str) -> list[np.ndarray]:
    _require(all(operand.is_constant for operand in operands), f'{what} depend on the input of the network')
    return [operand.array for operand in operands]


def _rectify(graph: CaffeGraph, x: str, ceiling: float | None) -> str:
    """Rectifies what a function has rectified in its own kernel."""
    if ceiling is None:
        return x
    y: str = graph.add('ReLU', [x])
    if math.isinf(ceiling):
        return y
    # Caffe's layer for it, Clip, is younger than most programs that read its files: min(y, z) = y - max(y - z, 0).
    excess = graph.add('ReLU', [graph.add('Power', [y], power_param={'shift': -ceiling})])
    return graph.add('Eltwise', [y, excess], eltwise_param={'coeff': [1, -1]})


@_converts(ConvolutionND)
def _convolution(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, W, *rest = operands
    weights = _constants([W, *([rest.pop(0)] if function.biased else [])], 'filters')
    y = graph.add('Convolution', [x], weights, convolution_param=_convolution_param(function, x, weights, len(W.array)))
    return _rectify(graph, graph.add('Eltwise', [y, rest[0]]) if rest else y, function.ceiling)


@_converts(DeconvolutionND)
def _deconvolution(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, W, *_ = operands
    weights = _constants(operands[1:], 'filters')
    stride, pad, dilate, groups = function.geometry
    sizes = tuple(s * (n - 1) + d * (k - 1) + 1 - 2 * p for n, k, s, p, d
                  in zip(x.shape[2:], W.shape[2:], stride, pad, dilate, strict=True))
    _require(sizes == function.out_size, f'its output has the size {function.out_size}, where Caffe has {sizes}')
    param = _convolution_param(function, x, weights, W.shape[1] * groups)
    return graph.add('Deconvolution', [x], weights, convolution_param=param)


def _convolution_param(function: Any, x: Operand, weights: list[np.ndarray], outputs: int) -> dict[str, Any]:
    _require(len(x.shape) == 4, 'only images are supported, of shape (N, C, H, W)')
    stride, pad, dilate, groups = function.geometry
    return {'num_output': outputs, 'bias_term': len(weights) == 2, 'group': groups, 'dilation': dilate,
            **_window(weights[0].shape[2:], stride, pad)}


def _window(kernel_size: tuple[int, ...], stride: tuple[int, ...], pad: tuple[int, ...]) -> dict[str, int]:
    return {f'{name}_{axis}': size for name, sizes in (('kernel', kernel_size), ('stride', stride), ('pad', pad))
            for axis, size in zip('hw', sizes, strict=True)}


@_converts(LinearFunction)
def _linear(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    weights = _constants(operands[1:], 'weights')
    param = {'num_output': len(weights[0]), 'bias_term': len(weights) == 2}
    return _rectify(graph, graph.add('InnerProduct', operands[:1], weights, inner_product_param=param),
                    function.ceiling)


@_converts(MaxPooling, AveragePooling)
def _pooling(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, = operands
    _require(len(x.shape) == 4, 'only images are supported, of shape (N, C, H, W)')
    average = isinstance(function, AveragePooling)
    _require(not average or function.pad_value == 0, 'Caffe counts the padding as zeros')
    kernel_size, stride, pad = function.geometry
    spare = [n + 2 * p - k for n, k, p in zip(x.shape[2:], kernel_size, pad, strict=True)]
    floor = [r // s for r, s in zip(spare, stride, strict=True)]
    # Caffe adds a window where some pixels are left over, but not one that begins in the padding.
    ceil = [-(-r // s) - (p > 0 and -(-r // s) * s >= n + p)
            for r, s, n, p in zip(spare, stride, x.shape[2:], pad, strict=True)]
    ours = [-(-r // s) if function.cover_all else r // s for r, s in zip(spare, stride, strict=True)]
    _require(ours in (floor, ceil), 'Caffe has no window that begins in the padding')
    param = {'pool': 'AVE' if average else 'MAX', **_window(kernel_size, stride, pad)}
    return graph.add('Pooling', [x], pooling_param=param if ours == ceil else {**param, 'ceil_mode': False})


@_converts(Mean)
def _mean(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, = operands
    _require(len(x.shape) == 4 and tuple(function.axis) == (2, 3), 'of means, only that of whole images is supported')
    y: str = graph.add('Pooling', [x], pooling_param={'pool': 'AVE', 'global_pooling': True})
    return y if function.keepdims else graph.add('Flatten', [y])


@_converts(FixedBatchNormalization)
def _batch_normalization(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, *parameters = operands
    gamma, beta, mean, var = arrays = _constants(parameters[:4], 'statistics')
    axes = tuple(axis for axis in range(len(x.shape)) if axis != 1)
    _require(tuple(function.axis) == axes, 'Caffe normalises the channels, axis 1')
    y = graph.add('BatchNorm', [x], [mean, var, np.ones(1)], owners=arrays,
                  batch_norm_param={'use_global_stats': True, 'eps': function.eps})
    y = graph.add('Scale', [y], [gamma, beta], scale_param={'bias_term': True})
    for residual in parameters[4:]:
        y = graph.add('Eltwise', [y, residual])
    return _rectify(graph, y, math.inf if function.relu else None)


@_converts(LocalResponseNormalization)
def _local_response_normalization(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    n, k, alpha, beta = function.options
    # Some programs that read Caffe's files, OpenCV among them, overlook k: it becomes a factor of the result.
    y: str = graph.add('LRN', operands, lrn_param={'local_size': n, 'alpha': alpha * n / k, 'beta': beta})
    return y if k == 1 else graph.add('Power', [y], power_param={'scale': k ** -beta})


@_converts(ReLU, Sigmoid, Tanh, Absolute, Exp, Log)
def _activation(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    names = {Tanh: 'TanH', Absolute: 'AbsVal'}
    return graph.add(names.get(type(function), type(function).__name__), operands)


@_converts(LeakyReLU)
def _leaky_relu(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    return graph.add('ReLU', operands, relu_param={'negative_slope': function.slope})


@_converts(ClippedReLU)
def _clipped_relu(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    assert operands[0].name is not None
    return _rectify(graph, operands[0].name, function.z)


@_converts(PReLU)
def _prelu(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, W = operands
    slopes, axis = _per_axis(_constants([W], 'slopes')[0], x)
    _require(axis == 1 and slopes.ndim <= 1, 'Caffe has one slope for each channel')
    return graph.add('PReLU', [x], [np.broadcast_to(slopes, x.shape[1:2])], owners=[W.array])


@_converts(ELU)
def _elu(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    return graph.add('ELU', operands, elu_param={'alpha': function.alpha})


@_converts(Softplus)
def _softplus(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    _require(function.beta == 1, 'Caffe has softplus with beta 1 only')
    return graph.add('BNLL', operands)


@_converts(Swish)
def _swish(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, = operands
    y = x if function.beta == 1 else graph.add('Power', [x], power_param={'scale': function.beta})
    return graph.add('Eltwise', [x, graph.add('Sigmoid', [y])], eltwise_param={'operation': 'PROD'})


@_converts(Softmax, LogSoftmax)
def _softmax(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    y: str = graph.add('Softmax', operands, softmax_param={'axis': getattr(function, 'axis', 1)})
    return graph.add('Log', [y]) if isinstance(function, LogSoftmax) else y


@_converts(Identity)
def _identity(graph: CaffeGraph, function: Any, operands: Operands) -> list[str]:
    _require(not any(x.is_constant for x in operands), 'an input does not depend on the input of the network')
    return [x.name for x in operands if x.name is not None]


@_converts(BroadcastTo)
def _broadcast_to(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, = operands
    _require(x.shape == function.shape, 'Caffe does not repeat elements of arrays')
    assert x.name is not None
    return x.name


@_converts(Concat)
def _concat(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    _require(not any(x.is_constant for x in operands), 'a part does not depend on the input of the network')
    return graph.add('Concat', operands, concat_param={'axis': function.axis})


@_converts(SplitAxis)
def _split_axis(graph: CaffeGraph, function: Any, operands: Operands) -> list[str]:
    return graph.add('Slice', operands, outputs=len(function.ends) + 1,
                     slice_param={'axis': function.axis, 'slice_point': [int(end) for end in function.ends]})


@_converts(Reshape, GetItem)
def _reshape(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, = operands
    if isinstance(function, GetItem):
        index = function.slices if isinstance(function.slices, tuple) else (function.slices,)
        _require(all(part is None or part is Ellipsis or (isinstance(part, slice) and part == slice(None))
                     for part in index),
                 'of indices, only those that add axes are supported')
        dims = list(x.array[index].shape)
    else:
        dims = list(x.array.reshape(function.shape).shape)
    # The network may be used with other numbers of images.
    if dims and x.shape and dims[0] == x.shape[0]:
        dims[0] = 0
    return graph.add('Reshape', [x], reshape_param={'shape': {'dim': dims}})


@_converts(Transpose)
def _transpose(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    x, = operands
    axes = range(len(x.shape))[::-1] if function.axes is None else function.axes
    return graph.add('Permute', [x], permute_param={'order': [axis % len(x.shape) for axis in axes]})


@_converts(AddNumber, SubtractNumber, SubtractFromNumber, MultiplyNumber, DivideByNumber, RaiseToNumber, Negative,
           Square, Sqrt, Rsqrt)
def _power(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    number = 2 if isinstance(function, Square) else getattr(function, 'number', 0)
    if isinstance(function, (Square, RaiseToNumber)) and number in (2, 3):
        # Some programs take logarithms for Power, which negative numbers do not have.
        return graph.add('Eltwise', operands * int(number), eltwise_param={'operation': 'PROD'})
    param = {
        AddNumber: {'shift': number}, SubtractNumber: {'shift': -number},
        SubtractFromNumber: {'scale': -1, 'shift': number}, MultiplyNumber: {'scale': number},
        DivideByNumber: {'scale': 1 / (number or math.inf)}, RaiseToNumber: {'power': number},
        Negative: {'scale': -1}, Sqrt: {'power': 0.5}, Rsqrt: {'power': -0.5},
    }[type(function)]
    return graph.add('Power', operands, power_param=param)


@_converts(Add, AddReLU, Subtract)
def _add(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    left, right = operands
    sign = -1 if isinstance(function, Subtract) else 1
    if left.is_constant and sign < 0:
        shift, axis = _per_axis(left.array, right)
        y = _shift(graph, graph.add('Power', [right], power_param={'scale': -1}), shift, axis)
    elif left.is_constant or right.is_constant:
        x, constant = (right, left) if left.is_constant else (left, right)
        shift, axis = _per_axis(constant.array, x)
        y = _shift(graph, x, sign * shift, axis, constant.array)
    else:
        _require(left.shape == right.shape, 'Caffe adds arrays of one shape only')
        y = graph.add('Eltwise', operands, eltwise_param={'coeff': [1, -1]} if sign < 0 else {})
    return _rectify(graph, y, math.inf if isinstance(function, AddReLU) else None)


@_converts(Multiply, Divide)
def _multiply(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    left, right = operands
    if isinstance(function, Divide):
        _require(right.is_constant, 'Caffe does not divide by what depends on the input of the network')
        right = Operand(None, 1 / right.array)
    if left.is_constant or right.is_constant:
        x, constant = (right, left) if left.is_constant else (left, right)
        return _scale(graph, x, *_per_axis(constant.array, x), constant.array)
    if left.shape == right.shape:
        return graph.add('Eltwise', [left, right], eltwise_param={'operation': 'PROD'})
    x, factors = sorted((left, right), key=lambda operand: -operand.array.size)
    _require(factors.shape == (*x.shape[:2], *[1] * (len(x.shape) - 2)), 'their shapes differ')
    return graph.add('Scale', [x, graph.add('Flatten', [factors])], scale_param={'axis': 0})


@_converts(Maximum)
def _maximum(graph: CaffeGraph, function: Any, operands: Operands) -> str:
    _require(not any(x.is_constant for x in operands) and operands[0].shape == operands[1].shape,
             'Caffe takes the maximum of arrays of one shape that depend on its input')
    return graph.add('Eltwise', operands, eltwise_param={'operation': 'MAX'})


def _per_axis(constant: np.ndarray, x: Operand) -> tuple[np.ndarray, int]:
    """What an array that broadcasts against another has of different elements.

    Args:
        constant: The array.
        x: The other.

    Returns:
        An array, and the axis of `x` where its axes begin; without axes if all elements are the same.
    """
    _require(constant.ndim <= len(x.shape) and all(n in (1, m) for n, m in zip(constant.shape[::-1], x.shape[::-1])),
             'the shapes differ')
    constant = np.broadcast_to(constant, x.shape)
    varying = [axis for axis in range(constant.ndim) if (constant != constant.take([0], axis)).any()]
    _require(0 not in varying, 'Caffe has no weights for each image of a batch')
    if not varying:
        return constant.reshape(-1)[0], 1
    start, stop = varying[0], varying[-1] + 1
    return constant[(0,) * start + (slice(None),) * (stop - start) + (0,) * (constant.ndim - stop)], start


def _scale(graph: CaffeGraph, x: Operand | str, factors: np.ndarray, axis: int, owner: Any = None) -> str:
    if not factors.ndim:
        return graph.add('Power', [x], power_param={'scale': float(factors)})
    return graph.add('Scale', [x], [factors], owners=[owner], scale_param={'axis': axis, 'num_axes': factors.ndim})


def _shift(graph: CaffeGraph, x: Operand | str, shift: np.ndarray, axis: int, owner: Any = None) -> str:
    if not shift.ndim:
        return graph.add('Power', [x], power_param={'shift': float(shift)})
    # A Scale layer of ones: more programs know it than Caffe's Bias.
    return graph.add('Scale', [x], [np.ones_like(shift), shift], owners=[owner],
                     scale_param={'axis': axis, 'num_axes': shift.ndim, 'bias_term': True})
