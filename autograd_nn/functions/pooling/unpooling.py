"""The reverse of pooling: each element of an image becomes a window."""
from __future__ import annotations

from math import prod

from autograd_nn.functions.array.broadcast import broadcast_to, sum_to
from autograd_nn.functions.pooling.pooling import AveragePoolingGrad, MaxPoolingGrad, pooling_geometry
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.geometry import as_tuple, conv_output_size, deconv_output_size
from autograd_nn.types import ArrayLike, Ints, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array


def _reversed_size(function: str, x: Variable, kernel_size: Ints, stride: Ints, pad: Ints, outsize: Size | None,
                   cover_all: bool) -> Ints:
    """The checked size of an image whose windows are the elements of `x`; it is empty where the padding is all."""
    if 0 in x.shape[2:]:
        raise ShapeError(f'{function}: images must have elements, got x of shape {x.shape}')
    parts = list(zip(x.shape[2:], kernel_size, stride, pad))
    if outsize is None:
        size = tuple(deconv_output_size(*sizes, cover_all) for sizes in parts)
        if min(size) < 0:
            raise ShapeError(f'{function}: pad {pad} cuts off more than there is of x of shape {x.shape} '
                             f'(ksize {kernel_size}, stride {stride}, cover_all {cover_all})')
        return size
    size = as_tuple(outsize, len(parts), function, 'outsize')
    windows = tuple(conv_output_size(m, k, s, p, cover_all) for m, (_, k, s, p) in zip(size, parts))
    if windows != x.shape[2:]:
        raise ShapeError(f'{function}: outsize {size} does not fit: it has {windows} windows, but x has the size '
                         f'{x.shape[2:]} (shape {x.shape}, ksize {kernel_size}, stride {stride}, pad {pad}, '
                         f'cover_all {cover_all})')
    return size


@in_single_precision
def _unpooling(function: str, n: int | None, x: ArrayLike, ksize: Size, stride: Size | None, pad: Size,
               outsize: Size | None, cover_all: bool) -> Variable:
    x, geometry = pooling_geometry(function, n, x, ksize, stride, pad)
    size = _reversed_size(function, x, *geometry, outsize, cover_all)
    if 0 in size:
        return _nothing(x, size)
    return AveragePoolingGrad(*geometry, cover_all, 0, size).apply((x,))[0] * prod(geometry[0])


def _nothing(x: Variable, size: Ints) -> Variable:
    """An empty image that was computed from `x`, which gets a gradient of zeros."""
    return broadcast_to(sum_to(x, (*x.shape[:2], *[1] * len(size))), (*x.shape[:2], *size))


def _upsampling(function: str, n: int | None, x: ArrayLike, indexes: ArrayLike, ksize: Size, stride: Size | None,
                pad: Size, outsize: Size | None, cover_all: bool) -> Variable:
    x, geometry = pooling_geometry(function, n, x, ksize, stride, pad)
    size = _reversed_size(function, x, *geometry, outsize, cover_all)
    indexes = as_array(indexes)
    if indexes.shape != x.shape:
        raise ShapeError(f'{function}: expected indexes of the shape of x, {x.shape}, got {indexes.shape}')
    if 0 in size:
        return _nothing(x, size)
    return MaxPoolingGrad(*geometry, indexes, size).apply((x,))[0]


def unpooling_nd(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, outsize: Size | None = None,
                 cover_all: bool = True) -> Variable:
    """Spreads each element over a window, over any number of spatial axes: see `unpooling_2d`."""
    return _unpooling('unpooling_nd', None, x, ksize, stride, pad, outsize, cover_all)


def unpooling_1d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, outsize: Size | None = None,
                 cover_all: bool = True) -> Variable:
    """Spreads each element over a window, over one spatial axis: see `unpooling_2d`."""
    return _unpooling('unpooling_1d', 1, x, ksize, stride, pad, outsize, cover_all)


def unpooling_2d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, outsize: Size | None = None,
                 cover_all: bool = True) -> Variable:
    """Spreads each pixel over a window, the reverse of pooling; where windows overlap, they are added up.

    Args:
        x: Input, floating point, of shape (N, C, H, W).
        ksize: Size of the window; an integer or a pair, as the next ones.
        stride: Step of the window in the output; by default its size.
        pad: Width that is cut off around the output.
        outsize: Size of the output, such that pooling it gives the size of `x`; by default the smallest one.
        cover_all: Whether the pooling that is reversed has `cover_all`.

    Returns:
        Output of shape (N, C, out_h, out_w).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.unpooling_2d(np.array([[[[1., 2.]]]]), 2, cover_all=False)
        variable([[[[1., 1., 2., 2.],
                    [1., 1., 2., 2.]]]])
    """
    return _unpooling('unpooling_2d', 2, x, ksize, stride, pad, outsize, cover_all)


def unpooling_3d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, outsize: Size | None = None,
                 cover_all: bool = True) -> Variable:
    """Spreads each element over a window, over three spatial axes: see `unpooling_2d`."""
    return _unpooling('unpooling_3d', 3, x, ksize, stride, pad, outsize, cover_all)


def upsampling_nd(x: ArrayLike, indexes: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0,
                  outsize: Size | None = None, cover_all: bool = True) -> Variable:
    """Puts each element where a maximum was, over any number of spatial axes: see `upsampling_2d`."""
    return _upsampling('upsampling_nd', None, x, indexes, ksize, stride, pad, outsize, cover_all)


def upsampling_2d(x: ArrayLike, indexes: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0,
                  outsize: Size | None = None, cover_all: bool = True) -> Variable:
    """Puts each pixel where max pooling found a maximum; everything else is zero.

    Args:
        x: Input, floating point, of shape (N, C, H, W).
        indexes: Integer array of the same shape, from `max_pooling_2d` with `return_indices`.
        ksize: Size of the pooling window; an integer or a pair, as the next ones.
        stride: Step of the window; by default its size.
        pad: Width of the padding.
        outsize: Size of the image that was pooled; by default the smallest one.
        cover_all: Whether the pooling had `cover_all`.

    Returns:
        Output of shape (N, C, out_h, out_w).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([[[[1., 5.], [2., 3.]]]])
        >>> y, indexes = F.max_pooling_2d(x, 2, return_indices=True)
        >>> F.upsampling_2d(y, indexes, 2, outsize=(2, 2))
        variable([[[[0., 5.],
                    [0., 0.]]]])
    """
    return _upsampling('upsampling_2d', 2, x, indexes, ksize, stride, pad, outsize, cover_all)
