"""Windows of images as an array of their own, and back."""
from __future__ import annotations

import numpy as np

from autograd_nn.cpu.window import cropped, offsets, padded_size
from autograd_nn.dtypes import compute_dtype
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Ints


def im2col(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints, cover_all: bool) -> np.ndarray:
    """Copies the elements of all windows, one place within the window after another."""
    size = x.shape[2:]
    out = tuple(conv_output_size(n, k, s, p, cover_all, d)
                for n, k, s, p, d in zip(size, kernel_size, stride, pad, dilate, strict=True))
    images = len(x) * x.shape[1]
    image = np.zeros((images, *padded_size(size, pad, kernel_size, stride, dilate, out)), x.dtype)
    image[cropped(pad, size)] = x.reshape(images, *size)
    col = np.empty((*kernel_size, images, *out), x.dtype)
    for place, where in offsets(kernel_size, stride, dilate, out):
        col[place] = image[where]
    return np.moveaxis(col, len(size), 0).reshape(*x.shape[:2], *kernel_size, *out)


def col2im(col: np.ndarray, size: Ints, stride: Ints, pad: Ints, dilate: Ints) -> np.ndarray:
    """Adds the elements of all windows to the image, one place within the window after another."""
    n = len(size)
    kernel_size, out = col.shape[2:2 + n], col.shape[2 + n:]
    padded = padded_size(size, pad, kernel_size, stride, dilate, out)
    images = len(col) * col.shape[1]
    image = np.zeros((images, *padded), compute_dtype(col.dtype))
    places = np.moveaxis(col.reshape(images, *kernel_size, *out), 0, n)
    for place, where in offsets(kernel_size, stride, dilate, out):
        image[where] += places[place]
    return image[cropped(pad, size)].reshape(*col.shape[:2], *size).astype(col.dtype, copy=False)
