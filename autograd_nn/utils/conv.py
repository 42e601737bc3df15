"""Windows of images, and their sizes, under Chainer's names: for programs that compute with arrays.

`functions.im2col` is for Variables.
"""
from __future__ import annotations

from typing import Any

from autograd_nn.geometry import conv_output_size as get_conv_outsize
from autograd_nn.geometry import deconv_output_size as get_deconv_outsize
from autograd_nn.types import Array, Number
from autograd_nn.utils.conv_nd import add_windows, copy_windows

__all__ = ['col2im', 'col2im_cpu', 'col2im_gpu', 'get_conv_outsize', 'get_deconv_outsize', 'im2col', 'im2col_cpu',
           'im2col_gpu']


def im2col_cpu(img: Array, kh: int, kw: int, sy: int, sx: int, ph: int, pw: int, pval: Number = 0,
               cover_all: bool = False, dy: int = 1, dx: int = 1, out_h: int | None = None,
               out_w: int | None = None) -> Any:
    """Copies the windows of images.

    Args:
        img: An array of shape (N, C, H, W), of NumPy or CuPy.
        kh: The height of a window.
        kw: Its width.
        sy: The distance between neighbouring windows from top to bottom.
        sx: The same from left to right.
        ph: The padding above and below.
        pw: The padding on the left and on the right.
        pval: What the padding consists of.
        cover_all: Whether the last window may reach beyond the padding.
        dy: The distance between neighbouring elements of a window from top to bottom.
        dx: The same from left to right.
        out_h: The number of windows from top to bottom; by default as many as there are.
        out_w: The same from left to right.

    Returns:
        An array of shape (N, C, kh, kw, out_h, out_w).
    """
    return copy_windows(img, (kh, kw), (sy, sx), (ph, pw), pval, cover_all, (dy, dx), (out_h, out_w))


def im2col(img: Array, kh: int, kw: int, sy: int, sx: int, ph: int, pw: int, cover_all: bool = False, dy: int = 1,
           dx: int = 1, out_h: int | None = None, out_w: int | None = None) -> Any:
    """As `im2col_cpu`, padded with zeros."""
    return copy_windows(img, (kh, kw), (sy, sx), (ph, pw), 0, cover_all, (dy, dx), (out_h, out_w))


im2col_gpu = im2col


def col2im(col: Array, sy: int, sx: int, ph: int, pw: int, h: int, w: int, dy: int = 1, dx: int = 1) -> Any:
    """Adds windows up to images: the transpose of `im2col`.

    Args:
        col: An array of shape (N, C, kh, kw, out_h, out_w), of NumPy or CuPy.
        sy: As for `im2col_cpu`, like the next ones.
        sx: As for `im2col_cpu`.
        ph: As for `im2col_cpu`.
        pw: As for `im2col_cpu`.
        h: The height of the images.
        w: Their width.
        dy: As for `im2col_cpu`.
        dx: As for `im2col_cpu`.

    Returns:
        An array of shape (N, C, h, w).
    """
    return add_windows(col, (sy, sx), (ph, pw), (h, w), (dy, dx))


col2im_cpu = col2im_gpu = col2im
