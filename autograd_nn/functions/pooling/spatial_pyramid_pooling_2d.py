"""Maxima over coarse and fine grids: images of any size become vectors of one."""
from __future__ import annotations

import operator

from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.checks import check_choice
from autograd_nn.functions.pooling.pooling import max_pooling_2d
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


def spatial_pyramid_pooling_2d(x: ArrayLike, pyramid_height: int, pooling: str | None = None) -> Variable:
    """The maxima of the whole image, of 2 x 2 windows, of 4 x 4 windows and so on, as one vector.

    See He et al., Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition,
    https://arxiv.org/abs/1406.4729.

    Args:
        x: Variable or array of shape (N, C, H, W), floating-point.
        pyramid_height: The number of levels; level i has ``2 ** i`` windows along each axis.
        pooling: ``'max'``, which has to be given.

    Returns:
        A Variable of shape (N, C * (1 + 4 + 16 + ...), 1, 1), level after level, channel after channel.

    Raises:
        ValueError: There are no levels, `pooling` is not ``'max'``, or images are too small for windows of pixels.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.spatial_pyramid_pooling_2d(np.arange(16.).reshape(1, 1, 4, 4), 2, 'max').array.ravel()
        array([15.,  5.,  7., 13., 15.])
    """
    x = as_variable(x)
    check_choice('spatial_pyramid_pooling_2d', 'pooling', pooling, ('max',))
    if operator.index(pyramid_height) < 1:
        raise ValueError(f'spatial_pyramid_pooling_2d: pyramid_height must be at least 1, not {pyramid_height}')
    if x.ndim != 4:
        raise ShapeError(f'spatial_pyramid_pooling_2d: expected x of shape (N, C, H, W), got {x.shape}')
    levels = []
    for bins in [2 ** level for level in range(pyramid_height)]:
        ksize = [-(-n // bins) for n in x.shape[2:]]
        pad = [(k * bins - n) // 2 for k, n in zip(ksize, x.shape[2:])]
        if min(x.shape[2:]) < bins or any(p >= k for p, k in zip(pad, ksize)):
            raise ShapeError(f'spatial_pyramid_pooling_2d: x of shape {x.shape} is too small for {bins} x {bins} '
                             f'windows of {ksize[0]} x {ksize[1]} pixels')
        levels.append(max_pooling_2d(x, ksize, pad=pad).reshape(len(x), x.shape[1] * bins * bins, 1, 1))
    return concat(levels)
