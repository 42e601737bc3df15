"""Convolution and transposed convolution over any number of spatial axes."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.array.rearrangement import pad as zero_pad
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.fused_rectifiers import ceiling_of, rectifier_grad
from autograd_nn.geometry import as_tuple, conv_output_size, deconv_output_size
from autograd_nn.types import Activation, Array, ArrayLike, Ints, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Parameter, Variable, as_array, as_variable


class _Geometry(FunctionNode):
    """A function with the geometry of a convolution."""

    def __init__(self, stride: Ints, pad: Ints, dilate: Ints, groups: int) -> None:
        self.geometry = stride, pad, dilate, groups

    def convolve(self, x: Array, W: Array) -> Variable:
        """The convolution of this geometry."""
        return ConvolutionND(*self.geometry).apply((x, W))[0]

    def deconvolve(self, x: Array, W: Array, out_size: Ints) -> Variable:
        """The transposed convolution of this geometry."""
        return DeconvolutionND(*self.geometry, out_size).apply((x, W))[0]

    def filter_grad(self, x: Array, gy: Array, kernel_size: Ints) -> Variable:
        """The gradient of the filters of this geometry."""
        return ConvolutionFilterGrad(*self.geometry, kernel_size).apply((x, gy))[0]


class ConvolutionND(_Geometry):

    """Of `x`, `W` and, where `biased`, `b`; one input more is added to the result, before it is clipped."""

    def __init__(self, stride: Ints, pad: Ints, dilate: Ints, groups: int, biased: bool = False, scale: Array = None,
                 ceiling: float | None = None, kept: dict[str, Any] | None = None) -> None:
        super().__init__(stride, pad, dilate, groups)
        self.biased = biased
        self.scale = scale
        self.ceiling = ceiling
        self.kept = kept

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        if self.ceiling is not None:
            self.retain_outputs((0,))
        x, W, *rest = inputs
        b = rest.pop(0) if self.biased else None
        return backend.kernels(*inputs).convolution(x, W, b, *self.geometry, self.scale, rest[0] if rest else None,
                                                    self.ceiling, self.kept),

    def multiply_adds(self, inputs: Arrays) -> int:
        x, W, *_ = inputs
        stride, pad, dilate, _ = self.geometry
        positions = [conv_output_size(n, k, s, p, d=d) for n, k, s, p, d in
                     zip(x.shape[2:], W.shape[2:], stride, pad, dilate, strict=True)]
        return len(x) * math.prod(positions) * W.size

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, W = self.get_retained_inputs()
        gy, = grad_outputs
        if self.ceiling is not None:
            gy = rectifier_grad(self._retained_outputs[0], gy, self.ceiling)
        gradients = [self.deconvolve(gy, W, x.shape[2:]) if 0 in target_input_indexes else None,
                     self.filter_grad(x, gy, W.shape[2:]) if 1 in target_input_indexes else None]
        if self.biased:
            gradients.append(BiasGrad().apply((gy,))[0] if 2 in target_input_indexes else None)
        return tuple([*gradients, gy][:len(self.inputs or ())])


class DeconvolutionND(_Geometry):

    def __init__(self, stride: Ints, pad: Ints, dilate: Ints, groups: int, out_size: Ints) -> None:
        super().__init__(stride, pad, dilate, groups)
        self.out_size = out_size

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, W, *b = inputs
        stride, pad, dilate, groups = self.geometry
        return backend.kernels(*inputs).deconvolution(x, W, b[0] if b else None, stride, pad, self.out_size, dilate,
                                                      groups),

    def multiply_adds(self, inputs: Arrays) -> int:
        x, W, *_ = inputs
        return len(x) * math.prod(x.shape[2:]) * W.size

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, W = self.get_retained_inputs()
        gy, = grad_outputs
        return (self.convolve(gy, W) if 0 in target_input_indexes else None,
                self.filter_grad(gy, x, W.shape[2:]) if 1 in target_input_indexes else None,
                BiasGrad().apply((gy,))[0] if 2 in target_input_indexes else None)[:len(self.inputs or ())]


class ConvolutionFilterGrad(_Geometry):

    def __init__(self, stride: Ints, pad: Ints, dilate: Ints, groups: int, kernel_size: Ints) -> None:
        super().__init__(stride, pad, dilate, groups)
        self.kernel_size = kernel_size

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gy = inputs
        return backend.kernels(x, gy).convolution_filter_grad(x, gy, self.kernel_size, *self.geometry),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gy = self.get_retained_inputs()
        ggW, = grad_outputs
        return (self.deconvolve(gy, ggW, x.shape[2:]) if 0 in target_input_indexes else None,
                self.convolve(x, ggW) if 1 in target_input_indexes else None)


class BiasGrad(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        gy, = inputs
        self.shape = gy.shape
        return backend.kernels(gy).convolution_bias_grad(gy),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        ggb, = grad_outputs
        return broadcast_to(ggb.reshape(-1, *[1] * (len(self.shape) - 2)), self.shape),


def _convolution(function: str, n: int, x: ArrayLike, W: ArrayLike, b: ArrayLike | None, stride: Size, pad: Size,
                 cover_all: bool, dilate: Size, groups: int, scale: ArrayLike | None = None,
                 residual: ArrayLike | None = None, activation: Activation | None = None) -> Variable:
    """A convolution over `n` spatial axes that names itself `function` in errors."""
    x, W, inputs = _checked_inputs(function, n, x, W, b)
    geometry = _checked_geometry(function, n, stride, pad, dilate)
    y_shape, beyond = _windows(function, x.shape, W.shape, None if b is None else b.shape, geometry, cover_all, groups)
    if beyond:
        inputs[0] = zero_pad(x, [(0, 0), (0, 0), *((0, max(0, width)) for width in beyond)])
    if scale is not None:
        if scale.shape != (len(W),):
            raise ShapeError(f'{function}: expected scale of shape ({len(W)},), got {scale.shape}')
        if config.enable_backprop:
            inputs[1], scale = W * as_array(scale).reshape(-1, *[1] * (n + 1)), None
    kept = None
    if isinstance(W, Parameter):
        # In training filters change from call to call, and what was kept is of no use any more.
        if config.enable_backprop:
            W.kept.clear()
        else:
            kept = W.kept
    if residual is not None:
        if residual.shape != y_shape:
            raise ShapeError(f'{function}: expected residual of shape {y_shape}, got {residual.shape}')
        inputs.append(residual)
    return ConvolutionND(*geometry, groups, b is not None, scale, ceiling_of(function, activation),
                         kept).apply(inputs)[0]


# The answers are kept, as networks ask the same questions again and again.
@lru_cache(4096)
def _windows(function: str, x_shape: Ints, W_shape: Ints, b_shape: Ints | None, geometry: tuple[Ints, Ints, Ints],
             cover_all: bool, groups: int) -> tuple[Ints, Ints]:
    """Checks shapes; returns that of the output, and how far the last windows reach beyond the padding, if they do."""
    _check_elements(function, x_shape, W_shape)
    if x_shape[1] != W_shape[1] * groups:
        raise ShapeError(f'{function}: x has {x_shape[1]} channels (shape {x_shape}) but W expects '
                         f'{W_shape[1] * groups} (shape {W_shape}, groups {groups})')
    if groups < 1 or W_shape[0] % groups:
        raise ShapeError(f'{function}: W has {W_shape[0]} output channels (shape {W_shape}), expected a multiple of '
                         f'groups {groups}')
    _check_bias(function, b_shape, W_shape[0])
    axes = list(zip(x_shape[2:], W_shape[2:], *geometry))
    out = tuple([conv_output_size(size, k, s, p, cover_all, d) for size, k, s, p, d in axes])
    if min(out) < 1:
        raise ShapeError(f'{function}: no window fits: x has shape {x_shape}, W {W_shape}, pad {geometry[1]}, '
                         f'dilate {geometry[2]}')
    beyond = tuple([s * (m - 1) + d * (k - 1) + 1 - size - 2 * p for m, (size, k, s, p, d) in zip(out, axes)])
    return (x_shape[0], W_shape[0], *out), beyond if max(beyond) > 0 else ()


def _deconvolution(function: str, n: int, x: ArrayLike, W: ArrayLike, b: ArrayLike | None, stride: Size, pad: Size,
                   outsize: Sequence[int] | None, dilate: Size, groups: int) -> Variable:
    """A transposed convolution over `n` spatial axes that names itself `function` in errors."""
    x, W, inputs = _checked_inputs(function, n, x, W, b)
    geometry = _checked_geometry(function, n, stride, pad, dilate)
    _check_elements(function, x.shape, W.shape)
    if x.shape[1] != len(W):
        raise ShapeError(f'{function}: x has {x.shape[1]} channels (shape {x.shape}) but W expects {len(W)} '
                         f'(shape {W.shape})')
    if groups < 1 or len(W) % groups:
        raise ShapeError(f'{function}: W has {len(W)} input channels (shape {W.shape}), expected a multiple of groups '
                         f'{groups}')
    _check_bias(function, None if b is None else b.shape, W.shape[1] * groups)
    parts = list(zip(x.shape[2:], W.shape[2:], *geometry))
    if outsize is None:
        out = tuple(deconv_output_size(size, k, s, p, d=d) for size, k, s, p, d in parts)
        if min(out) < 1:
            raise ShapeError(f'{function}: the output would have the size {out}: x has shape {x.shape}, W {W.shape}, '
                             f'pad {geometry[1]}')
    else:
        out = as_tuple(outsize, n, function, 'outsize')
        sizes = tuple(conv_output_size(m, k, s, p, d=d) for m, (_, k, s, p, d) in zip(out, parts))
        if sizes != x.shape[2:]:
            raise ShapeError(f'{function}: outsize {out} does not fit: its convolution has the size {sizes}, but x has '
                             f'{x.shape[2:]} (shape {x.shape}; W {W.shape}, stride {geometry[0]}, pad {geometry[1]})')
    return DeconvolutionND(*geometry, groups, out).apply(inputs)[0]


def _checked_geometry(function: str, n: int, stride: Size, pad: Size, dilate: Size) -> tuple[Ints, Ints, Ints]:
    return (as_tuple(stride, n, function, 'stride'), as_tuple(pad, n, function, 'pad', least=0),
            as_tuple(dilate, n, function, 'dilate'))


def _checked_inputs(function: str, n: int, x: ArrayLike, W: ArrayLike,
                    b: ArrayLike | None) -> tuple[Variable, Variable, list[Any]]:
    x, W = as_variable(x), as_variable(W)
    if x.ndim != n + 2 or W.ndim != n + 2:
        raise ShapeError(f'{function}: expected x and W with {n} spatial axes, {n + 2} axes in all; '
                         f'got x of shape {x.shape}, W {W.shape}')
    check_float(function, 'x', x)
    check_float(function, 'W', W)
    return x, W, [x, W] if b is None else [x, W, b]


def _check_elements(function: str, x_shape: Ints, W_shape: Ints) -> None:
    """Makes sure that images, of which there may be none, and filters have elements."""
    if 0 in x_shape[1:] or 0 in W_shape:
        raise ShapeError(f'{function}: images and filters must have elements, got x of shape {x_shape} and W {W_shape}')


def _check_bias(function: str, b_shape: Ints | None, channels: int) -> None:
    if b_shape is not None and b_shape != (channels,):
        raise ShapeError(f'{function}: expected b of shape ({channels},), got {b_shape}')


def _spatial_axes(function: str, x: ArrayLike) -> int:
    n = as_variable(x).ndim - 2
    if n < 1:
        raise ShapeError(f'{function}: expected x with at least one spatial axis, got shape {as_variable(x).shape}')
    return n


def convolution_nd(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                   cover_all: bool = False, dilate: Size = 1, groups: int = 1, *, scale: ArrayLike | None = None,
                   residual: ArrayLike | None = None, activation: Activation | None = None) -> Variable:
    """Convolution (cross-correlation) over any number of spatial axes.

    Args:
        x: Input, floating point, of shape (N, C, d_1, ..., d_n).
        W: Filters of shape (K, C / groups, k_1, ..., k_n).
        b: Bias of shape (K,).
        stride: Step of the window; an integer, or one for each spatial axis, as the next three.
        pad: Width of zeros around the image.
        cover_all: Add a last window where it is needed to cover all elements; it sees zeros beyond the padding.
        dilate: Distance between neighbouring elements of the window.
        groups: The number of parts into which the channels are split; each part is convolved on its own.
        scale: An array of shape (K,) that the filters are multiplied by, or None.
        residual: What is added to the output, of its shape, or None.
        activation: `relu` or `relu6`, to be computed in the same kernel, or None.

    Returns:
        Output of shape (N, K, out_1, ..., out_n).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: The inputs are not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.arange(5.).reshape(1, 1, 5)
        >>> F.convolution_nd(x, np.ones((1, 1, 3)), stride=2)
        variable([[[3., 9.]]])
    """
    return _convolution('convolution_nd', _spatial_axes('convolution_nd', x), x, W, b, stride, pad, cover_all, dilate,
                        groups, scale, residual,
                        activation)


def convolution_1d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                   cover_all: bool = False, dilate: Size = 1, groups: int = 1, *, scale: ArrayLike | None = None,
                   residual: ArrayLike | None = None, activation: Activation | None = None) -> Variable:
    """Convolution over one spatial axis: see `convolution_nd`."""
    return _convolution('convolution_1d', 1, x, W, b, stride, pad, cover_all, dilate, groups, scale, residual,
                        activation)


def convolution_2d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                   cover_all: bool = False, *, dilate: Size = 1, groups: int = 1, scale: ArrayLike | None = None,
                   residual: ArrayLike | None = None, activation: Activation | None = None) -> Variable:
    """Convolution (cross-correlation) of images.

    Args:
        x: Input, floating point, of shape (N, C, H, W).
        W: Filters of shape (K, C / groups, kh, kw).
        b: Bias of shape (K,).
        stride: Step of the window; an integer or a pair, as the next three.
        pad: Width of zeros around the image.
        cover_all: Add a last window where it is needed to cover all pixels; it sees zeros beyond the padding.
        dilate: Distance between neighbouring elements of the window.
        groups: The number of parts into which the channels are split; each part is convolved on its own.
        scale: An array of shape (K,) that the filters are multiplied by, or None.
        residual: What is added to the output, of its shape, or None.
        activation: `relu` or `relu6`, to be computed in the same kernel, or None.

    Returns:
        Output of shape (N, K, out_h, out_w), where ``out_h = (H + 2 * pad - dilate * (kh - 1) - 1) // stride + 1``.

    Raises:
        ValueError: The shapes do not fit.
        TypeError: The inputs are not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.random.rand(10, 3, 32, 32).astype('f')
        >>> W = np.random.rand(8, 3, 5, 5).astype('f')
        >>> F.convolution_2d(x, W, stride=2, pad=2).shape
        (10, 8, 16, 16)
    """
    return _convolution('convolution_2d', 2, x, W, b, stride, pad, cover_all, dilate, groups, scale, residual,
                        activation)


def convolution_3d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                   cover_all: bool = False, dilate: Size = 1, groups: int = 1, *, scale: ArrayLike | None = None,
                   residual: ArrayLike | None = None, activation: Activation | None = None) -> Variable:
    """Convolution over three spatial axes: see `convolution_nd`."""
    return _convolution('convolution_3d', 3, x, W, b, stride, pad, cover_all, dilate, groups, scale, residual,
                        activation)


def dilated_convolution_2d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                           dilate: Size = 1, cover_all: bool = False) -> Variable:
    """Convolution of images with gaps between the elements of the window: see `convolution_2d`."""
    return _convolution('dilated_convolution_2d', 2, x, W, b, stride, pad, cover_all, dilate, 1)


def depthwise_convolution_2d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1,
                             pad: Size = 0) -> Variable:
    """Convolution of images where each channel has filters of its own.

    Args:
        x: Input, floating point, of shape (N, C, H, W).
        W: Filters of shape (D, C, kh, kw): D for each channel.
        b: Bias of shape (C * D,).
        stride: Step of the window; an integer or a pair.
        pad: Width of zeros around the image; an integer or a pair.

    Returns:
        Output of shape (N, C * D, out_h, out_w); the D channels that come from one input channel are neighbours.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, W = np.ones((2, 3, 8, 8)), np.ones((2, 3, 3, 3))
        >>> F.depthwise_convolution_2d(x, W).shape
        (2, 6, 6, 6)
    """
    W = as_variable(W)
    if W.ndim != 4:
        raise ShapeError(f'depthwise_convolution_2d: expected W with 4 axes, got shape {W.shape}')
    D, C, *k = W.shape
    W = W.transpose(1, 0, 2, 3).reshape(C * D, 1, *k)
    return _convolution('depthwise_convolution_2d', 2, x, W, b, stride, pad, False, 1, C)


def deconvolution_nd(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                     outsize: Sequence[int] | None = None, dilate: Size = 1, groups: int = 1) -> Variable:
    """Transposed convolution over any number of spatial axes, also known as deconvolution.

    Args:
        x: Input, floating point, of shape (N, C, d_1, ..., d_n).
        W: Filters of shape (C, K / groups, k_1, ..., k_n).
        b: Bias of shape (K,).
        stride: Step of the window in the output; an integer, or one for each spatial axis, as the next ones.
        pad: Width that is cut off around the output.
        outsize: Size of the output, such that its convolution has the size of `x`; by default the smallest one.
        dilate: Distance between neighbouring elements of the window.
        groups: The number of parts into which the channels are split.

    Returns:
        Output of shape (N, K, out_1, ..., out_n).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: The inputs are not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([[[1., 2.]]])
        >>> F.deconvolution_nd(x, np.array([[[1., 10., 100.]]]), stride=2)
        variable([[[  1.,  10., 102.,  20., 200.]]])
    """
    return _deconvolution('deconvolution_nd', _spatial_axes('deconvolution_nd', x), x, W, b, stride, pad, outsize,
                          dilate, groups)


def deconvolution_1d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                     outsize: Sequence[int] | None = None, dilate: Size = 1, groups: int = 1) -> Variable:
    """Transposed convolution over one spatial axis: see `deconvolution_nd`."""
    return _deconvolution('deconvolution_1d', 1, x, W, b, stride, pad, outsize, dilate, groups)


def deconvolution_2d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                     outsize: Sequence[int] | None = None, *, dilate: Size = 1, groups: int = 1) -> Variable:
    """Transposed convolution of images, also known as deconvolution: see `deconvolution_nd`.

    Args:
        x: Input, floating point, of shape (N, C, H, W).
        W: Filters of shape (C, K / groups, kh, kw).
        b: Bias of shape (K,).
        stride: Step of the window in the output; an integer or a pair, as the next ones.
        pad: Width that is cut off around the output.
        outsize: Size of the output, such that its convolution has the size of `x`; by default the smallest one.
        dilate: Distance between neighbouring elements of the window.
        groups: The number of parts into which the channels are split.

    Returns:
        Output of shape (N, K, out_h, out_w), by default with
        ``out_h = stride * (H - 1) + dilate * (kh - 1) + 1 - 2 * pad``.

    Raises:
        ValueError: The shapes do not fit.
        TypeError: The inputs are not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, W = np.ones((10, 3, 5, 10), 'f'), np.ones((3, 1, 10, 10), 'f')
        >>> F.deconvolution_2d(x, W, stride=5, pad=5).shape
        (10, 1, 20, 45)
    """
    return _deconvolution('deconvolution_2d', 2, x, W, b, stride, pad, outsize, dilate, groups)


def deconvolution_3d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                     outsize: Sequence[int] | None = None, dilate: Size = 1, groups: int = 1) -> Variable:
    """Transposed convolution over three spatial axes: see `deconvolution_nd`."""
    return _deconvolution('deconvolution_3d', 3, x, W, b, stride, pad, outsize, dilate, groups)
