"""Convolution, transposed convolution and the gradient of the filters: each is the gradient of the others.

A kernel copies the windows of some samples into a matrix and cuBLAS multiplies it; how many samples it takes at a time
is limited by `autograd_nn.cuda.set_max_workspace_size`. Windows of one element are not copied.
"""
from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from autograd_nn.contract import Ints
from autograd_nn.cuda import depthwise, device
from autograd_nn.cuda.im2col import col2im, copy_windows
from autograd_nn.cuda.pointwise import finish
from autograd_nn.cuda.reductions import compute_dtype, product_sum
from autograd_nn.geometry import conv_output_size


def convolution(x: Any, W: Any, b: Any, stride: Ints, pad: Ints, dilate: Ints, groups: int, scale: Any = None,
                residual: Any = None, ceiling: float | None = None, kept: dict[Any, Any] | None = None) -> Any:
    """For each sample and each group the filters times the windows, then one kernel for what comes after."""
    if scale is not None:
        W = W * _along_channels(scale.astype(W.dtype, copy=False), 0, W.ndim)
    kernel_size = W.shape[2:]
    out = tuple(conv_output_size(n, k, s, p, d=d)
                for n, k, s, p, d in zip(x.shape[2:], kernel_size, stride, pad, dilate, strict=True))
    y = device.cupy.empty((len(x), len(W), *out), x.dtype)
    if _is_depthwise(x.shape[1], W, groups):
        depthwise.convolution(x, W, y, stride, pad, dilate)
    else:
        filters = W.reshape(1, groups, len(W) // groups, -1)
        results = y.reshape(len(x), groups, len(W) // groups, prod(out))
        for block in _blocks(x, kernel_size, out):
            windows = _windows(x[block], kernel_size, stride, pad, dilate, out)
            windows = windows.reshape(len(windows), groups, filters.shape[-1], prod(out))
            device.cupy.matmul(filters, windows, out=results[block])
    return finish(y, None if b is None else _along_channels(b, 1, y.ndim), residual, ceiling)


def deconvolution(x: Any, W: Any, b: Any, stride: Ints, pad: Ints, out_size: Ints, dilate: Ints, groups: int) -> Any:
    """For each sample and each group the transposed filters times the image, then windows are added up."""
    kernel_size, channels = W.shape[2:], W.shape[1] * groups
    y = device.cupy.empty((len(x), channels, *out_size), x.dtype)
    if _is_depthwise(x.shape[1], W, groups):
        depthwise.deconvolution(x, W, y, stride, pad, dilate)
    else:
        filters = W.reshape(1, groups, len(W) // groups, -1).swapaxes(2, 3)
        images = x.reshape(len(x), groups, len(W) // groups, prod(x.shape[2:]))
        for block in _blocks(y, kernel_size, x.shape[2:]):
            windows = device.cupy.matmul(filters, images[block])
            windows = windows.reshape(len(windows), channels, *kernel_size, *x.shape[2:])
            if _is_pointwise(kernel_size, stride, pad) and out_size == x.shape[2:]:
                y[block] = windows.reshape(len(windows), channels, *out_size)
            else:
                y[block] = col2im(windows, out_size, stride, pad, dilate)
    return finish(y, None if b is None else _along_channels(b, 1, y.ndim), None, None)


def convolution_filter_grad(x: Any, gy: Any, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints,
                            groups: int) -> Any:
    """For each group the gradients times the windows, all positions of all samples in one product."""
    out, outputs, inputs = gy.shape[2:], gy.shape[1], x.shape[1]
    if groups > 1 and groups == inputs == outputs:
        return depthwise.filter_grad(x, gy, kernel_size, stride, pad, dilate)
    gW = device.cupy.zeros((groups, outputs // groups, inputs // groups * prod(kernel_size)), compute_dtype(x.dtype))
    for block in _blocks(x, kernel_size, out):
        # The channels first, and in each of them the positions of all samples.
        windows = _windows(x[block], kernel_size, stride, pad, dilate, out, samples_inside=True)
        gradients = device.cupy.ascontiguousarray(gy[block].swapaxes(0, 1)).reshape(groups, outputs // groups, -1)
        gW += device.cupy.matmul(gradients, windows.reshape(groups, gW.shape[2], -1).swapaxes(1, 2))
    return gW.reshape(outputs, inputs // groups, *kernel_size).astype(x.dtype, copy=False)


def convolution_bias_grad(gy: Any) -> Any:
    """One reduction."""
    return product_sum(gy, 1, (0, *range(2, gy.ndim)), gy.dtype)


def _blocks(x: Any, kernel_size: Ints, positions: Ints) -> Iterator[slice]:
    """As many samples at a time as the workspace has room for the windows of."""
    sample = x.shape[1] * prod(kernel_size) * prod(positions) * x.dtype.itemsize
    step = max(1, device.get_max_workspace_size() // max(sample, 1))
    return (slice(start, start + step) for start in range(0, len(x), step))


def _windows(x: Any, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints, out: Ints,
             samples_inside: bool = False) -> Any:
    """The windows of `x` (N, C, *in): an array (N, C, *k, *out), or (C, *k, N, *out) if the samples are inside."""
    n = len(out)
    if _is_pointwise(kernel_size, stride, pad):
        return device.cupy.ascontiguousarray(x.swapaxes(0, 1) if samples_inside else x)
    shape = (*x.shape[:2], *kernel_size, *out)
    if not samples_inside:
        return copy_windows(x, device.cupy.empty(shape, x.dtype), stride, pad, dilate)
    col = device.cupy.empty((*shape[1:n + 2], len(x), *out), x.dtype)
    copy_windows(x, col.transpose(n + 1, *range(n + 1), *range(n + 2, 2 * n + 2)), stride, pad, dilate)
    return col


def _is_pointwise(kernel_size: Ints, stride: Ints, pad: Ints) -> bool:
    return all(k == s == 1 and p == 0 for k, s, p in zip(kernel_size, stride, pad, strict=True))


def _is_depthwise(channels: int, W: Any, groups: int) -> bool:
    """Whether each channel has one filter of its own."""
    return groups > 1 and groups == channels == len(W) and W.shape[1] == 1


def _along_channels(b: Any, axis: int, ndim: int) -> Any:
    """`b` with further axes of length 1, so that it lies along one axis of an array."""
    return b.reshape([-1 if i == axis else 1 for i in range(ndim)])
