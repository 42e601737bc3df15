"""Convolution, transposed convolution and the gradient of the filters.

In half precision, and where float32 may be rounded to TF32, tensor cores compute on channels-last images: arrays that
lie otherwise are copied, and results are channels-last, so that one copy serves a whole network. In plain float32
images keep the layout that they have.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_nn.cuda import kernels as reference
from autograd_nn.cuda import layout
from autograd_nn.cuda.cudnn import library
from autograd_nn.cuda.cudnn.plan import operand, prepared, serves
from autograd_nn.cuda.pointwise import finish
from autograd_nn.dtypes import is_half
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Array, Ints


def convolution(x: Array, W: Array, b: Array, stride: Ints, pad: Ints, dilate: Ints, groups: int, scale: Array = None,
                residual: Array = None, ceiling: float | None = None, kept: dict[str, Any] | None = None) -> Any:
    """Adds bias and residual, and clips, in the same kernel where cuDNN has one; otherwise in a second one."""
    if not _serves('convolution', x, W, b, residual):
        return reference.convolution(x, W, b, stride, pad, dilate, groups, scale, residual, ceiling)
    if scale is not None:
        W = W * layout.along_channels(scale.astype(W.dtype, copy=False), W.ndim, 0)
    if x.ndim == 3:
        y = convolution(_widened(x), _widened(W), b, (1, *stride), (0, *pad), (1, *dilate), groups,
                        residual=None if residual is None else _widened(residual), ceiling=ceiling)
        return y[:, :, 0]
    out = tuple(conv_output_size(n, k, s, p, d=d)
                for n, k, s, p, d in zip(x.shape[2:], W.shape[2:], stride, pad, dilate, strict=True))
    last = _computes_channels_last(x)
    shape = len(x), len(W), *out
    inputs = [operand(x.shape, x.dtype, last), operand(W.shape, x.dtype, last)]
    added = [*([] if residual is None else [operand(shape, x.dtype, last)]),
             *([] if b is None else [operand((1, len(W), *[1] * len(out)), x.dtype)])]
    geometry = stride, pad, dilate
    outputs = [operand(shape, x.dtype, last)]
    fused = prepared(_convolution, (*geometry, residual is not None, b is not None, ceiling), [*inputs, *added],
                     outputs)
    plan = fused or prepared(_convolution, (*geometry, False, False, None), inputs, outputs)
    if plan is None:
        return reference.convolution(x, W, b, stride, pad, dilate, groups, None, residual, ceiling)
    y = layout.empty(shape, x.dtype, last)
    images = [layout.laid_out(x, last), layout.laid_out(W, last)]
    bias = None if b is None else layout.along_channels(b, y.ndim)
    if plan is fused:
        rest = [None if residual is None else layout.laid_out(residual, last), bias]
        plan(*images, *[array for array in rest if array is not None], y)
        return y
    plan(*images, y)
    return finish(y, bias, residual, ceiling)


def deconvolution(x: Array, W: Array, b: Array, stride: Ints, pad: Ints, out_size: Ints, dilate: Ints,
                  groups: int) -> Any:
    """The gradient of a convolution with respect to its input; the bias is added by a kernel of its own."""
    if not _serves('deconvolution', x, W, b):
        return reference.deconvolution(x, W, b, stride, pad, out_size, dilate, groups)
    if x.ndim == 3:
        return deconvolution(_widened(x), _widened(W), b, (1, *stride), (0, *pad), (1, *out_size), (1, *dilate),
                             groups)[:, :, 0]
    last = _computes_channels_last(x)
    shape = len(x), W.shape[1] * groups, *out_size
    plan = prepared(_data_gradient, (stride, pad, dilate),
                    [operand(x.shape, x.dtype, last), operand(W.shape, x.dtype, last)],
                    [operand(shape, x.dtype, last)])
    if plan is None:
        return reference.deconvolution(x, W, b, stride, pad, out_size, dilate, groups)
    y = layout.empty(shape, x.dtype, last)
    plan(layout.laid_out(x, last), layout.laid_out(W, last), y)
    return finish(y, None if b is None else layout.along_channels(b, y.ndim), None, None)


def convolution_filter_grad(x: Array, gy: Array, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints,
                            groups: int) -> Any:
    """In the order in which parameters lie, whatever the layout of the images."""
    if not _serves('convolution_filter_grad', x, gy):
        return reference.convolution_filter_grad(x, gy, kernel_size, stride, pad, dilate, groups)
    if x.ndim == 3:
        return convolution_filter_grad(_widened(x), _widened(gy), (1, *kernel_size), (1, *stride), (0, *pad),
                                       (1, *dilate), groups)[:, :, 0]
    last = _computes_channels_last(x)
    shape = gy.shape[1], x.shape[1] // groups, *kernel_size
    plan = prepared(_filter_gradient, (stride, pad, dilate),
                    [operand(x.shape, x.dtype, last), operand(gy.shape, x.dtype, last)],
                    [operand(shape, x.dtype, last)])
    if plan is None:
        return reference.convolution_filter_grad(x, gy, kernel_size, stride, pad, dilate, groups)
    gW = layout.empty(shape, x.dtype, last)
    plan(layout.laid_out(x, last), layout.laid_out(gy, last), gW)
    return layout.laid_out(gW, False)


def _convolution(stride: Ints, pad: Ints, dilate: Ints, residual: bool, biased: bool,
                 ceiling: float | None) -> Callable[..., Sequence[Any]]:
    def describe(graph: Any, x: Array, W: Array, *added: Array) -> Sequence[Any]:
        rest = list(added)
        y = graph.conv_fprop(image=x, weight=W, **_geometry(stride, pad, dilate))
        # In this order; for the other one cuDNN has kernels for channels-last images only.
        if residual:
            y = graph.add(a=y, b=rest.pop(0))
        if biased:
            y = graph.bias(input=y, bias=rest.pop(0))
        if ceiling is not None:
            clip = {} if ceiling == float('inf') else {'lower_clip': 0., 'upper_clip': float(ceiling)}
            y = graph.relu(input=y, **clip)
        return [y]
    return describe


def _data_gradient(stride: Ints, pad: Ints, dilate: Ints) -> Callable[..., Sequence[Any]]:
    def describe(graph: Any, gy: Array, W: Array) -> Sequence[Any]:
        return [graph.conv_dgrad(loss=gy, filter=W, **_geometry(stride, pad, dilate))]
    return describe


def _filter_gradient(stride: Ints, pad: Ints, dilate: Ints) -> Callable[..., Sequence[Any]]:
    def describe(graph: Any, x: Array, gy: Array) -> Sequence[Any]:
        return [graph.conv_wgrad(image=x, loss=gy, **_geometry(stride, pad, dilate))]
    return describe


def _geometry(stride: Ints, pad: Ints, dilate: Ints) -> dict[str, list[int]]:
    return {'pre_padding': list(pad), 'post_padding': list(pad), 'stride': list(stride), 'dilation': list(dilate)}


def _serves(kernel: str, x: Array, *others: Array) -> bool:
    return 3 <= x.ndim <= 5 and serves(kernel, x, *others)


def _computes_channels_last(x: Array) -> bool:
    return is_half(x.dtype) or library.may_round_to_tf32() or layout.is_channels_last(x)


def _widened(x: Array) -> Any:
    """An array (N, C, *in) as one (N, C, 1, *in)."""
    return x[:, :, None]
