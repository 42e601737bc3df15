"""Convolution where each channel has one filter of its own: products of slices, without matrices.

The callers in `convolution.py` allocate the results; images are (N, C, *spatial), results (N, *spatial, C).
"""
from __future__ import annotations

import numpy as np

from autograd_nn.cpu.window import (
    channels_last,
    cropped,
    offsets,
    padded_blocks,
    padded_size,
    samples_per_block,
)
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Ints


def convolution(x: np.ndarray, W: np.ndarray, y: np.ndarray, stride: Ints, pad: Ints, dilate: Ints) -> None:
    """Writes the convolution of `x` (N, C, *in) with `W` (C, 1, *k) to `y` (N, *out, C)."""
    dtype = compute_dtype(x.dtype)
    filters = _by_place(W, dtype)
    padded = padded_size(x.shape[2:], pad, W.shape[2:], stride, dilate, y.shape[1:-1])
    for batch, image in padded_blocks(channels_last(x), _samples(x), pad, padded, dtype):
        total = np.zeros(y[batch].shape, dtype)
        product = np.empty_like(total)
        for place, where in offsets(W.shape[2:], stride, dilate, y.shape[1:-1]):
            np.multiply(image[where], filters[place], out=product)
            total += product
        y[batch] = total


def deconvolution(x: np.ndarray, W: np.ndarray, y: np.ndarray, stride: Ints, pad: Ints, dilate: Ints) -> None:
    """Writes the transposed convolution of `x` (N, C, *in) with `W` (C, 1, *k) to `y` (N, *out, C)."""
    dtype = compute_dtype(x.dtype)
    filters = _by_place(W, dtype)
    kernel_size, in_size, out_size = W.shape[2:], x.shape[2:], y.shape[1:-1]
    padded = padded_size(out_size, pad, kernel_size, stride, dilate, in_size)
    for batch, image in padded_blocks(channels_last(x), _samples(x), (0,) * len(pad), in_size, dtype):
        total = np.zeros((len(image), *padded, x.shape[1]), dtype)
        product = np.empty(image.shape, dtype)
        for place, where in offsets(kernel_size, stride, dilate, in_size):
            np.multiply(image, filters[place], out=product)
            total[where] += product
        y[batch] = total[cropped(pad, out_size)]


def filter_grad(x: np.ndarray, gy: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints,
                dilate: Ints) -> np.ndarray:
    """The gradient (C, 1, *k) of the filters from `x` (N, C, *in) and `gy` (N, C, *out)."""
    dtype = compute_dtype(x.dtype)
    gW = np.zeros((*kernel_size, x.shape[1]), dtype)
    gy = channels_last(gy)
    padded = padded_size(x.shape[2:], pad, kernel_size, stride, dilate, gy.shape[1:-1])
    for batch, image in padded_blocks(channels_last(x), _samples(x), pad, padded, dtype):
        gyb = np.ascontiguousarray(gy[batch], dtype)
        for place, where in offsets(kernel_size, stride, dilate, gy.shape[1:-1]):
            product = image[where] * gyb
            gW[place] += np.add.reduce(product.reshape(-1, x.shape[1]), axis=0)
    return np.expand_dims(gW.transpose(-1, *range(len(kernel_size))), 1).astype(x.dtype, order='C')


def _by_place(W: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The filters (C, 1, *k) as a contiguous array (*k, C)."""
    return np.ascontiguousarray(channels_last(W)[:, ..., 0].transpose(*range(1, W.ndim - 1), 0), dtype)


def _samples(x: np.ndarray) -> int:
    """How many samples to take at a time so that an image, its product and their sum fit the cache."""
    return samples_per_block(3 * x[:1].nbytes)
