"""Convolution of samples that are moved away from the places of the window."""
from __future__ import annotations

from autograd_nn.backend import get_array_module
from autograd_nn.functions.array.spatial_transformer_sampler import sample
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.connection.fully_connected import linear
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.geometry import as_tuple, conv_output_size
from autograd_nn.types import Array, ArrayLike, Ints, Size
from autograd_nn.utils.type_check import DTypeError, ShapeError
from autograd_nn.variable import Variable, as_variable


def _window_points(out: Ints, k: Ints, stride: Ints, pad: Ints, like: Array) -> Array:
    """The x and the y of each place of each window, in pixels: of shape (2, windows, places)."""
    xp = get_array_module(like)
    y, x = (xp.arange(n)[:, None] * s - p + xp.arange(m) for n, m, s, p in zip(out, k, stride, pad))
    points = xp.broadcast_arrays(x[None, :, None], y[:, None, :, None])
    return xp.stack(points).reshape(2, out[0] * out[1], k[0] * k[1]).astype(like.dtype)


@in_single_precision
def deformable_convolution_2d_sampler(x: ArrayLike, offset: ArrayLike, W: ArrayLike, b: ArrayLike | None = None,
                                      stride: Size = 1, pad: Size = 0) -> Variable:
    """Convolution of images whose window is deformed: each place of it, at each position, has an offset of its own.

    What lies between pixels is interpolated bilinearly; outside of images all is 0.

    See Dai et al., Deformable Convolutional Networks, https://arxiv.org/abs/1703.06211.

    Args:
        x: Variable or array of images, shape (N, C, H, W), floating-point.
        offset: Variable or array of shape (N, 2 * kh * kw, out_h, out_w), of the type of `x`: how far, in pixels, each
            place of the window moves to the right, then how far each of them moves down.
        W: Variable or array of filters, shape (K, C, kh, kw).
        b: Bias of shape (K,), or None.
        stride: Step of the window; an integer or a pair.
        pad: How far the window reaches beyond the image; an integer or a pair.

    Returns:
        A Variable of shape (N, K, out_h, out_w), where ``out_h = (H + 2 * pad - kh) // stride + 1``.

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` or `W` is not floating-point, or `offset` is of another type.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, offset = np.arange(4.).reshape(1, 1, 1, 4), np.zeros((1, 2, 1, 4))
        >>> offset[0, 0] = 0.5
        >>> F.deformable_convolution_2d_sampler(x, offset, np.ones((1, 1, 1, 1)))
        variable([[[[0.5, 1.5, 2.5, 1.5]]]])
    """
    function = 'deformable_convolution_2d_sampler'
    x, offset, W = as_variable(x), as_variable(offset), as_variable(W)
    check_float(function, 'x', x)
    check_float(function, 'W', W)
    if x.ndim != 4 or 0 in x.shape[1:] or W.ndim != 4 or 0 in W.shape or x.shape[1] != W.shape[1]:
        raise ShapeError(f'{function}: expected x of shape (N, C, H, W) and W of shape (K, C, kh, kw), got {x.shape} '
                         f'and {W.shape}')
    k, stride = W.shape[2:], as_tuple(stride, 2, function, 'stride')
    pad = as_tuple(pad, 2, function, 'pad', least=0)
    out = tuple(conv_output_size(*sizes) for sizes in zip(x.shape[2:], k, stride, pad))
    if offset.shape != (len(x), 2 * k[0] * k[1], *out):
        raise ShapeError(f'{function}: expected offset of shape {(len(x), 2 * k[0] * k[1], *out)} for x of shape '
                         f'{x.shape} and W {W.shape}, stride {stride} and pad {pad}, got {offset.shape}')
    if offset.dtype != x.dtype:
        raise DTypeError(f'{function}: expected offset of the type of x, {x.dtype}, got {offset.dtype}')
    windows, places = out[0] * out[1], k[0] * k[1]
    moved = (offset.reshape(len(x), 2, places, windows).transpose(0, 1, 3, 2)
             + _window_points(out, k, stride, pad, x.array))
    samples = sample(x, moved.reshape(len(x), 2, windows * places)).transpose(0, 2, 1)
    y = linear(samples.reshape(len(x) * windows, places * x.shape[1]), W.transpose(0, 2, 3, 1).reshape(len(W), -1), b)
    return y.reshape(len(x), *out, len(W)).transpose(0, 3, 1, 2)
