"""Convolution, transposed convolution and the gradient of the filters: each is the gradient of the others.

A kernel copies the windows of some samples into a matrix, cuBLAS multiplies it, and another kernel brings the product
into the output's order and adds what is to be added. How many samples are taken at a time is limited by
`autograd_nn.cuda.set_max_workspace_size`.

The matrices have a column for each position of each sample: so one product serves all samples, which CuPy hands to
cuBLAS as it is, also if a factor is transposed or in half precision. It is one product for each group.
"""
from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from autograd_nn.cuda import cublas, depthwise, device
from autograd_nn.cuda.im2col import add_windows, copy_windows
from autograd_nn.cuda.layout import along_channels
from autograd_nn.cuda.pointwise import finish
from autograd_nn.cuda.reductions import sum_along
from autograd_nn.dtypes import compute_dtype
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Array, Ints


def convolution(x: Array, W: Array, b: Array, stride: Ints, pad: Ints, dilate: Ints, groups: int, scale: Array = None,
                residual: Array = None, ceiling: float | None = None, kept: dict[str, Any] | None = None) -> Any:
    """The filters times the windows."""
    if scale is not None:
        W = W * along_channels(scale.astype(W.dtype, copy=False), W.ndim, 0)
    kernel_size = W.shape[2:]
    out = tuple(conv_output_size(n, k, s, p, d=d)
                for n, k, s, p, d in zip(x.shape[2:], kernel_size, stride, pad, dilate, strict=True))
    y = device.cupy.empty((len(x), len(W), *out), x.dtype)
    bias = None if b is None else along_channels(b, y.ndim)
    if _is_depthwise(x.shape[1], W, groups):
        depthwise.convolution(x, W, y, stride, pad, dilate)
        return finish(y, bias, residual, ceiling)
    filters = W.reshape(groups, len(W) // groups, prod(W.shape[1:]))
    for block in _blocks(x, kernel_size, out):
        product = _multiply(filters, _columns(x[block], kernel_size, stride, pad, dilate, out, groups))
        product = product.reshape(len(W), len(x[block]), *out).swapaxes(0, 1)
        finish(product, bias, None if residual is None else residual[block], ceiling, y[block])
    return y


def deconvolution(x: Array, W: Array, b: Array, stride: Ints, pad: Ints, out_size: Ints, dilate: Ints,
                  groups: int) -> Any:
    """The transposed filters times the image; the windows that this makes are added up."""
    n, kernel_size, channels = len(stride), W.shape[2:], W.shape[1] * groups
    y = device.cupy.empty((len(x), channels, *out_size), x.dtype)
    bias = None if b is None else along_channels(b, y.ndim)
    if _is_depthwise(x.shape[1], W, groups):
        depthwise.deconvolution(x, W, y, stride, pad, dilate)
        return finish(y, bias, None, None)
    filters = W.reshape(groups, len(W) // groups, prod(W.shape[1:])).swapaxes(1, 2)
    for block in _blocks(y, kernel_size, x.shape[2:]):
        windows = _multiply(filters, _by_channels(x[block], groups)).reshape(
            channels, *kernel_size, len(x[block]), *x.shape[2:])
        windows = windows.transpose(n + 1, *range(n + 1), *range(n + 2, 2 * n + 2))
        add_windows(windows, y[block], stride, pad, dilate)
    return finish(y, bias, None, None)


def convolution_filter_grad(x: Array, gy: Array, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints,
                            groups: int) -> Any:
    """The gradients times the transposed windows."""
    out, outputs, inputs = gy.shape[2:], gy.shape[1], x.shape[1]
    if groups > 1 and groups == inputs == outputs:
        return depthwise.filter_grad(x, gy, kernel_size, stride, pad, dilate)
    gW = device.cupy.zeros((groups, outputs // groups, inputs // groups * prod(kernel_size)), compute_dtype(x.dtype))
    for block in _blocks(x, kernel_size, out):
        columns = _columns(x[block], kernel_size, stride, pad, dilate, out, groups)
        gW += _multiply(_by_channels(gy[block], groups), columns.swapaxes(1, 2))
    return gW.reshape(outputs, inputs // groups, *kernel_size).astype(x.dtype, copy=False)


def convolution_bias_grad(gy: Array) -> Any:
    """The sum of `gy` over samples and places, by as many reductions as its layout needs."""
    return sum_along(gy, (0, *range(2, gy.ndim)), False, gy.dtype)


def _blocks(x: Array, kernel_size: Ints, positions: Ints) -> Iterator[slice]:
    """As many samples at a time as the workspace has room for the windows of."""
    sample = x.shape[1] * prod(kernel_size) * prod(positions) * x.dtype.itemsize
    step = max(1, device.get_max_workspace_size() // max(sample, 1))
    return (slice(start, start + step) for start in range(0, len(x), step))


def _columns(x: Array, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints, out: Ints, groups: int) -> Any:
    """The windows of `x` (N, C, *in) as the columns of matrices (groups, C / groups * prod(k), N * prod(out))."""
    n = len(out)
    if all(k == s == 1 and p == 0 for k, s, p in zip(kernel_size, stride, pad, strict=True)):
        return _by_channels(x, groups)
    col = device.cupy.empty((x.shape[1], *kernel_size, len(x), *out), x.dtype)
    copy_windows(x, col.transpose(n + 1, *range(n + 1), *range(n + 2, 2 * n + 2)), stride, pad, dilate)
    return col.reshape(groups, x.shape[1] // groups * prod(kernel_size), len(x) * prod(out))


def _by_channels(x: Array, groups: int) -> Any:
    """Images (N, C, *in) as matrices (groups, C / groups, N * prod(in))."""
    rows = device.cupy.ascontiguousarray(x.swapaxes(0, 1))
    return rows.reshape(groups, x.shape[1] // groups, len(x) * prod(x.shape[2:]))


def _multiply(a: Array, b: Array) -> Any:
    """The products of the matrices (groups, M, K) and (groups, K, N)."""
    return cublas.matmul(a[0], b[0])[None] if len(a) == 1 else cublas.matmul(a, b)


def _is_depthwise(channels: int, W: Array, groups: int) -> bool:
    """Whether each channel has one filter of its own."""
    return groups > 1 and groups == channels == len(W) and W.shape[1] == 1
