"""Convolution, transposed convolution and the gradient of the filters: each is the gradient of the others.

All three copy the windows of a few samples into a matrix (im2col) and let BLAS multiply it. Measured against other
layouts, channels-last matrices of about 2 MB were fastest: the window's rows are long runs of memory, the product is
one large matrix with the output's own order, and it is read again while still in the cache.
"""
from __future__ import annotations

from math import gcd, prod
from typing import Any

import numpy as np

from autograd_nn.cpu import depthwise
from autograd_nn.cpu.blocks import rectify
from autograd_nn.cpu.window import (
    BLOCK_BYTES,
    channels_first,
    channels_last,
    columns,
    cropped,
    offsets,
    padded_size,
    row_blocks,
    samples_per_block,
)
from autograd_nn.dtypes import compute_dtype, in_float32
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Ints


@in_float32
def convolution(x: np.ndarray, W: np.ndarray, b: np.ndarray | None, stride: Ints, pad: Ints, dilate: Ints,
                groups: int, scale: np.ndarray | None = None, residual: np.ndarray | None = None,
                ceiling: float | None = None, kept: dict[str, Any] | None = None) -> np.ndarray:
    """Multiplies the matrix of windows by the matrix of filters."""
    if scale is not None:
        W = scaled_filters(W, scale)
    kernel_size = W.shape[2:]
    out = tuple(conv_output_size(n, k, s, p, d=d)
                for n, k, s, p, d in zip(x.shape[2:], kernel_size, stride, pad, dilate, strict=True))
    y = np.empty((len(x), *out, len(W)), x.dtype)
    if _is_depthwise(x, W, groups):
        depthwise.convolution(x, W, y, stride, pad, dilate)
        _add_bias(y, b)
    elif groups > 1:
        inputs, filters = np.split(x, groups, 1), np.split(W, groups)
        parts = np.split(channels_first(y), groups, 1)
        for part, xg, Wg in zip(parts, inputs, filters, strict=True):
            part[...] = convolution(xg, Wg, None, stride, pad, dilate, 1)
        _add_bias(y, b)
    else:
        W = W.astype(compute_dtype(x.dtype), copy=False)
        matrix = channels_last(W).reshape(len(W), -1).T
        for block, col in columns(x, kernel_size, stride, pad, dilate, out, max(BLOCK_BYTES, W.nbytes)):
            np.matmul(col, matrix, out=y[block].reshape(-1, len(W)), casting='same_kind')
            _add_bias(y[block], b)
    if residual is not None:
        y += channels_last(residual)
    if ceiling is not None:
        rectify(y, ceiling)
    return channels_first(y)


@in_float32
def deconvolution(x: np.ndarray, W: np.ndarray, b: np.ndarray | None, stride: Ints, pad: Ints, out_size: Ints,
                  dilate: Ints, groups: int) -> np.ndarray:
    """Convolves with flipped filters, or multiplies by the filters and adds up where windows overlap."""
    if groups == 1 and _convolution_is_cheaper(x, W, stride, pad, out_size, dilate):
        flipped = np.flip(W, tuple(range(2, W.ndim))).swapaxes(0, 1)
        spread = tuple(d * (k - 1) - p for d, k, p in zip(dilate, W.shape[2:], pad, strict=True))
        return convolution(x, flipped, b, stride, spread, dilate, 1)
    y = np.empty((len(x), *out_size, W.shape[1] * groups), x.dtype)
    if _is_depthwise(x, W, groups):
        depthwise.deconvolution(x, W, y, stride, pad, dilate)
    elif groups > 1:
        inputs, filters = np.split(x, groups, 1), np.split(W, groups)
        parts = np.split(channels_first(y), groups, 1)
        for part, xg, Wg in zip(parts, inputs, filters, strict=True):
            part[...] = deconvolution(xg, Wg, None, stride, pad, out_size, dilate, 1)
    else:
        _scatter_products(x, W, y, stride, pad, dilate)
    _add_bias(y, b)
    return channels_first(y)


def convolution_filter_grad(x: np.ndarray, gy: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints,
                            groups: int) -> np.ndarray:
    """Multiplies the gradients by the matrix of windows."""
    if groups == x.shape[1] == gy.shape[1] and groups > 1:
        return depthwise.filter_grad(x, gy, kernel_size, stride, pad, dilate)
    if groups > 1:
        parts = zip(np.split(x, groups, 1), np.split(gy, groups, 1), strict=True)
        return np.concatenate([convolution_filter_grad(xg, gyg, kernel_size, stride, pad, dilate, 1)
                               for xg, gyg in parts])
    dtype = compute_dtype(x.dtype)
    K, C = gy.shape[1], x.shape[1]
    gy = channels_last(gy)
    gW = np.zeros((K, prod(kernel_size) * C), dtype)
    for block, col in columns(x, kernel_size, stride, pad, dilate, gy.shape[1:-1], max(BLOCK_BYTES, gW.nbytes)):
        gW += gy[block].reshape(-1, K).astype(dtype, copy=False).T @ col
    return channels_first(gW.reshape(K, *kernel_size, C)).astype(x.dtype, order='C')


def convolution_bias_grad(gy: np.ndarray) -> np.ndarray:
    """Multiplies by a vector of ones, which BLAS does several times as fast as a sum over the outer axes."""
    rows = channels_last(gy).reshape(-1, gy.shape[1]).astype(compute_dtype(gy.dtype), copy=False)
    return (np.ones(len(rows), rows.dtype) @ rows).astype(gy.dtype, copy=False)


def scaled_filters(W: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The filters `W` (K, ...), each multiplied by its element of `scale` (K,)."""
    return W * scale.reshape(-1, *[1] * (W.ndim - 1)).astype(W.dtype, copy=False)


def _add_bias(y: np.ndarray, b: np.ndarray | None) -> None:
    """Adds `b` (K,) to contiguous `y` (..., K), several rows at a time: long runs where there are few channels."""
    if b is not None and y.size:
        together = gcd(y.size // len(b), 64)
        y.reshape(-1, together * len(b))[...] += np.tile(b, together)


def _is_depthwise(x: np.ndarray, W: np.ndarray, groups: int) -> bool:
    """Whether each channel has one filter of its own."""
    return groups > 1 and groups == x.shape[1] == len(W) and W.shape[1] == 1


def _convolution_is_cheaper(x: np.ndarray, W: np.ndarray, stride: Ints, pad: Ints, out_size: Ints,
                            dilate: Ints) -> bool:
    """Whether to run a transposed convolution as a convolution with flipped filters.

    That is possible where the stride is 1 and the output has its natural size. It copies windows of the input instead
    of adding up windows of the output, and was measured to be faster unless it has to copy twice as many numbers.
    """
    kernel_size = W.shape[2:]
    natural = tuple(n + d * (k - 1) - 2 * p
                    for n, d, k, p in zip(x.shape[2:], dilate, kernel_size, pad, strict=True))
    return (all(s == 1 for s in stride) and out_size == natural
            and all(p <= d * (k - 1) for p, d, k in zip(pad, dilate, kernel_size, strict=True))
            and prod(out_size) * len(W) <= 2 * prod(x.shape[2:]) * W.shape[1])


def _scatter_products(x: np.ndarray, W: np.ndarray, y: np.ndarray, stride: Ints, pad: Ints, dilate: Ints) -> None:
    """Writes the transposed convolution into `y` (N, *out, K): one product for each place in the window, added up."""
    dtype = compute_dtype(x.dtype)
    kernel_size, in_size, out_size, K = W.shape[2:], x.shape[2:], y.shape[1:-1], W.shape[1]
    places = prod(kernel_size)
    matrices = np.ascontiguousarray(W.reshape(*W.shape[:2], places).transpose(2, 0, 1), dtype)
    padded = padded_size(out_size, pad, kernel_size, stride, dilate, in_size)
    # Larger blocks than above: each takes as many products as the window has places.
    block_bytes = max(2 * BLOCK_BYTES, matrices.nbytes)
    sample_bytes = prod(in_size) * places * K * dtype.itemsize
    samples = samples_per_block(sample_bytes, block_bytes)
    buffer = np.empty((min(samples, len(x)), *padded, K), dtype)
    x = channels_last(x)
    for start in range(0, len(x), samples):
        batch = slice(start, start + samples)
        image = buffer[:len(x[batch])]
        image[...] = 0
        for rows in row_blocks(in_size[0], samples, sample_bytes, block_bytes):
            xs = x[batch, rows]
            products = xs.reshape(-1, x.shape[-1]).astype(dtype, copy=False) @ matrices
            origin = image[:, rows.start * stride[0]:]
            for (_, where), product in zip(offsets(kernel_size, stride, dilate, xs.shape[1:-1]), products, strict=True):
                origin[where] += product.reshape(*xs.shape[:-1], K)
        y[batch] = image[cropped(pad, out_size)]
