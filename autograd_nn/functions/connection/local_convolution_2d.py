"""Convolution whose filters are different ones at each position."""
from __future__ import annotations

from autograd_nn.functions.array.columns import im2col
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.geometry import as_tuple, conv_output_size
from autograd_nn.types import ArrayLike, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@in_single_precision
def local_convolution_2d(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1) -> Variable:
    """Convolution of images in which each position of the window has filters of its own.

    Args:
        x: Variable or array of images, shape (N, C, H, W), floating-point.
        W: Variable or array of filters, shape (K, out_h, out_w, C, kh, kw).
        b: Bias of shape (K, out_h, out_w), or None.
        stride: Step of the window; an integer or a pair.

    Returns:
        A Variable of shape (N, K, out_h, out_w), where ``out_h = (H - kh) // stride + 1``.

    Raises:
        ValueError: The shapes do not fit.
        TypeError: The inputs are not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, W = np.ones((1, 1, 1, 3)), np.array([1., 1., 2., 2.]).reshape(1, 1, 2, 1, 1, 2)
        >>> F.local_convolution_2d(x, W)
        variable([[[[2., 4.]]]])
    """
    x, W = as_variable(x), as_variable(W)
    check_float('local_convolution_2d', 'x', x)
    check_float('local_convolution_2d', 'W', W)
    if x.ndim != 4 or W.ndim != 6 or 0 in x.shape[1:] or 0 in W.shape:
        raise ShapeError('local_convolution_2d: expected x of shape (N, C, H, W) and W of shape (K, out_h, out_w, C, '
                         f'kh, kw), got {x.shape} and {W.shape}')
    K, *out, C = W.shape[:4]
    k, stride = W.shape[4:], as_tuple(stride, 2, 'local_convolution_2d', 'stride')
    if (x.shape[1], *[conv_output_size(n, m, s, 0) for n, m, s in zip(x.shape[2:], k, stride)]) != (C, *out):
        raise ShapeError(f'local_convolution_2d: W of shape {W.shape} is for {C} channels and {out[0]} x {out[1]} '
                         f'positions, which x of shape {x.shape} with stride {stride} does not have')
    if b is not None and b.shape != W.shape[:3]:
        raise ShapeError(f'local_convolution_2d: expected b of shape {W.shape[:3]}, got {b.shape}')
    # A product of matrices for each position.
    windows = im2col(x, k, stride).reshape(len(x), C * k[0] * k[1], out[0] * out[1]).transpose(2, 0, 1)
    filters = W.reshape(K, out[0] * out[1], -1).transpose(1, 2, 0)
    y = matmul(windows, filters).transpose(1, 2, 0).reshape(len(x), K, *out)
    return y if b is None else y + b
