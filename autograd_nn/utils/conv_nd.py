"""Windows of images with any number of spatial axes, under Chainer's names: for programs that compute with arrays."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_nn import geometry
from autograd_nn.backend import get_array_module, kernels
from autograd_nn.geometry import conv_output_size as get_conv_outsize
from autograd_nn.types import Array, Ints, Number, Size
from autograd_nn.utils.type_check import ShapeError

__all__ = ['as_tuple', 'col2im_nd', 'col2im_nd_cpu', 'col2im_nd_gpu', 'get_conv_outsize', 'im2col_nd', 'im2col_nd_cpu',
           'im2col_nd_gpu']


def as_tuple(x: Size, n: int) -> Ints:
    """One integer for each of `n` axes, where a single one stands for all of them."""
    return geometry.as_tuple(x, n, 'as_tuple', 'x', least=0)


def im2col_nd_cpu(img: Array, ksize: Size, stride: Size, pad: Size, pval: Number = 0, cover_all: bool = False,
                  dilate: Size = 1) -> Any:
    """Copies the windows of images.

    Args:
        img: An array of shape (N, C, *size), of NumPy or CuPy.
        ksize: The size of a window: an integer, or one for each spatial axis, as the next ones.
        stride: The distance between neighbouring windows.
        pad: The padding on either side.
        pval: What the padding consists of.
        cover_all: Whether the last window may reach beyond the padding.
        dilate: The distance between neighbouring elements of a window.

    Returns:
        An array of shape (N, C, *ksize, *out).
    """
    n = img.ndim - 2
    return copy_windows(img, as_tuple(ksize, n), as_tuple(stride, n), as_tuple(pad, n), pval, cover_all,
                        as_tuple(dilate, n), (None,) * n)


def im2col_nd(img: Array, ksize: Size, stride: Size, pad: Size, cover_all: bool = False, dilate: Size = 1) -> Any:
    """As `im2col_nd_cpu`, padded with zeros."""
    return im2col_nd_cpu(img, ksize, stride, pad, 0, cover_all, dilate)


im2col_nd_gpu = im2col_nd


def col2im_nd(col: Array, stride: Size, pad: Size, dims: Sequence[int], dilate: Size = 1) -> Any:
    """Adds windows up to images: the transpose of `im2col_nd`.

    Args:
        col: An array of shape (N, C, *ksize, *out), of NumPy or CuPy.
        stride: As for `im2col_nd_cpu`, like the next one.
        pad: As for `im2col_nd_cpu`.
        dims: The size of the images.
        dilate: As for `im2col_nd_cpu`.

    Returns:
        An array of shape (N, C, *dims).
    """
    n = len(dims)
    return add_windows(col, as_tuple(stride, n), as_tuple(pad, n), tuple(dims), as_tuple(dilate, n))


col2im_nd_cpu = col2im_nd_gpu = col2im_nd


def copy_windows(x: Array, ksize: Ints, stride: Ints, pad: Ints, pad_value: Number, cover_all: bool, dilate: Ints,
                 out: Sequence[int | None]) -> Any:
    """The windows of images, by the kernels; `out` may say how many of them to take along an axis."""
    counts = [get_conv_outsize(n, k, s, p, cover_all, d) if count is None else count
              for n, k, s, p, d, count in zip(x.shape[2:], ksize, stride, pad, dilate, out)]
    if min(counts, default=1) < 1:
        raise ShapeError(f'im2col: no window of size {ksize} fits images of shape {x.shape} with pad {pad}')
    # So many elements do the windows reach beyond the beginning and the end.
    spans = [s * (m - 1) + d * (k - 1) + 1 for m, k, s, d in zip(counts, ksize, stride, dilate)]
    widths = [(p, max(0, span - n - p)) for p, span, n in zip(pad, spans, x.shape[2:])]
    padded = get_array_module(x).pad(x, [(0, 0), (0, 0), *widths], mode='constant', constant_values=pad_value)
    used = (..., *map(slice, spans))
    return kernels(x).im2col(padded[used], ksize, stride, (0,) * len(pad), dilate, False)


def add_windows(col: Array, stride: Ints, pad: Ints, size: Ints, dilate: Ints) -> Any:
    """The sums of windows, by the kernels."""
    return kernels(col).col2im(col, size, stride, pad, dilate)
