"""Regions of interest of images: the mean or the maximum in each of a grid of bins.

Pooling takes whole pixels, aligning points between them. Either way a bin is a grid of samples: where the first one
lies, how far apart they are, and how many there are, along each axis. So two nodes are enough.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.checks import check_float, check_indices
from autograd_nn.geometry import as_tuple
from autograd_nn.types import Array, ArrayLike, Ints, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable

Regions = tuple[Array, Array, Array]
SamplingRatio = int | tuple[int | None, int | None] | None


class ROIAverage(FunctionNode):

    def __init__(self, regions: Regions) -> None:
        self.regions = regions

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.shape = x.shape
        return backend.kernels(x, *self.regions).roi_average(x, *self.regions),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return ROIAverageGrad(self.regions, self.shape).apply(grad_outputs)


class ROIAverageGrad(FunctionNode):

    def __init__(self, regions: Regions, shape: Ints) -> None:
        self.regions = regions
        self.shape = shape

    def forward(self, inputs: Arrays) -> Arrays:
        gy, = inputs
        return backend.kernels(gy).roi_average_grad(gy, *self.regions, self.shape),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return ROIAverage(self.regions).apply(grad_outputs)


class ROIMax(FunctionNode):

    def __init__(self, regions: Regions, empty: float) -> None:
        self.regions = regions
        self.empty = empty

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.shape = x.shape
        y, self.places = backend.kernels(x, *self.regions).roi_max(x, *self.regions, self.empty, config.enable_backprop)
        return y,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return ROIMaxGrad(self.regions, self.places, self.shape).apply(grad_outputs)


class ROIMaxGrad(FunctionNode):
    """Puts each element to the sample that was the maximum."""

    def __init__(self, regions: Regions, places: Array, shape: Ints) -> None:
        self.regions = regions
        self.places = places
        self.shape = shape

    def forward(self, inputs: Arrays) -> Arrays:
        gy, = inputs
        return backend.kernels(gy).roi_max_grad(gy, self.places, *self.regions, self.shape),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return ROIMaxGather(self.regions, self.places).apply(grad_outputs)


class ROIMaxGather(FunctionNode):
    """Takes one sample of each bin."""

    def __init__(self, regions: Regions, places: Array) -> None:
        self.regions = regions
        self.places = places

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.shape = x.shape
        return backend.kernels(x).roi_max_gather(x, self.places, *self.regions),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return ROIMaxGrad(self.regions, self.places, self.shape).apply(grad_outputs)


def _checked(function: str, x: ArrayLike, rois: ArrayLike, roi_indices: ArrayLike,
             spatial_scale: float) -> tuple[Variable, Any, Any]:
    """`x`, the images that regions are of, and the regions' tops, lefts, bottoms and rights (4, R), in pixels."""
    x = as_variable(x)
    bounds: Any = as_array(rois)
    indices: Any = as_array(roi_indices)
    check_float(function, 'x', x)
    if x.ndim != 4:
        raise ShapeError(f'{function}: expected x of shape (N, C, H, W), got {x.shape}')
    if 0 in x.shape[2:]:
        raise ShapeError(f'{function}: images must have elements, got x of shape {x.shape}')
    if bounds.ndim != 2 or bounds.shape[1] != 4 or indices.shape != bounds.shape[:1] or indices.dtype.kind not in 'iu':
        raise ShapeError(f'{function}: expected rois of shape (R, 4) and integers roi_indices of shape (R,), got '
                         f'shapes {bounds.shape} and {indices.shape} of {indices.dtype}')
    check_indices(function, 'roi_indices', indices, len(x), f'x has the shape {x.shape}')
    if not spatial_scale > 0:
        raise ValueError(f'{function}: expected a positive spatial_scale, got {spatial_scale}')
    edges = bounds.astype('d').T * spatial_scale
    if (backend.is_on_host(edges) or config.debug) and not abs(edges).max(initial=0) < math.inf:
        raise ValueError(f'{function}: rois contains numbers that are not finite')
    return x, indices, edges


def _pixel_bins(low: Array, high: Array, out: int, size: int) -> Any:
    """Bins (R, out, 3) of all pixels that they touch, each a sample, of regions from a whole number to before one."""
    xp = backend.get_array_module(low)
    low, number = low[:, None], xp.arange(out)
    length = xp.maximum(high[:, None] - low, 1) / out
    first = xp.clip(xp.floor(number * length) + low, 0, size)
    end = xp.clip(xp.ceil((number + 1) * length) + low, 0, size)
    return xp.stack([first, xp.ones_like(first), xp.maximum(end - first, 0)], 2)


def _aligned_bins(low: Array, high: Array, out: int, ratio: int | None) -> Any:
    """Bins (R, out, 3) of `ratio` samples each, by default so many that they are at most one pixel apart."""
    xp = backend.get_array_module(low)
    length = xp.maximum(high - low, 1)[:, None] / out
    count = xp.ceil(length) if ratio is None else xp.full_like(length, ratio)
    step = length / count
    start = low[:, None] + xp.arange(out) * length + step / 2
    return xp.stack(xp.broadcast_arrays(start, step, count), 2)


def _seen(bins: Array, size: int) -> Any:
    """Bins (R, out, 3) without most of their samples that lie outside the image, which do not change a maximum."""
    xp = backend.get_array_module(bins)
    start, step, count = bins[..., 0], bins[..., 1], bins[..., 2]
    first = xp.clip(xp.ceil((-1 - start) / step) - 1, 0, count)
    end = xp.clip(xp.floor((size - start) / step) + 2, first, count)
    return xp.stack([start + first * step, step, end - first], 2)


def _pooled(function: str, x: ArrayLike, rois: ArrayLike, roi_indices: ArrayLike, outsize: Size,
            spatial_scale: float, last: int = 0) -> tuple[Variable, Regions]:
    """`x`, and regions of whole pixels, which end `last` pixels behind their bottoms and rights."""
    x, indices, edges = _checked(function, x, rois, roi_indices, spatial_scale)
    top, left, bottom, right = backend.get_array_module(edges).rint(edges)
    height, width = as_tuple(outsize, 2, function, 'outsize')
    return x, (indices, _pixel_bins(top, bottom + last, height, x.shape[2]),
               _pixel_bins(left, right + last, width, x.shape[3]))


def _aligned(function: str, x: ArrayLike, rois: ArrayLike, roi_indices: ArrayLike, outsize: Size, spatial_scale: float,
             sampling_ratio: SamplingRatio) -> tuple[Variable, Regions]:
    """`x`, and regions with samples between pixels."""
    x, indices, (top, left, bottom, right) = _checked(function, x, rois, roi_indices, spatial_scale)
    height, width = as_tuple(outsize, 2, function, 'outsize')
    ratios = sampling_ratio if isinstance(sampling_ratio, Sequence) else (sampling_ratio,) * 2
    if len(ratios) != 2:
        raise ValueError(f'{function}: expected one sampling_ratio or two, got {sampling_ratio}')
    down, across = [None if n is None else as_tuple(n, 1, function, 'sampling_ratio')[0] for n in ratios]
    return x, (indices, _aligned_bins(top, bottom, height, down), _aligned_bins(left, right, width, across))


def roi_pooling_2d(x: ArrayLike, rois: ArrayLike, outh: int, outw: int, spatial_scale: float) -> Variable:
    """The maximum in each bin of regions of interest, whose last row and column are part of them.

    As `roi_max_pooling_2d`, but with other regions, and with 0 for a bin outside the image.

    See Girshick, Fast R-CNN, https://arxiv.org/abs/1504.08083.

    Args:
        x: Variable or array of shape (N, C, H, W), floating-point.
        rois: Variable or array of R regions, real, of shape (R, 5): the number of the image, then the coordinates of
            the first and the last pixel, x_min, y_min, x_max and y_max.
        outh: The height of the output.
        outw: The width of the output.
        spatial_scale: What to multiply coordinates by to get pixels of `x`; then they are rounded.

    Returns:
        A Variable of shape (R, C, outh, outw). There is no gradient of `rois`.

    Raises:
        ValueError: Shapes do not fit, there is no such image, or a number is out of its range.
        TypeError: `x` is not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.arange(16.).reshape(1, 1, 4, 4)
        >>> F.roi_pooling_2d(x, np.array([[0., 0., 0., 3., 1.]]), 1, 2, spatial_scale=1)
        variable([[[[5., 7.]]]])
    """
    numbers: Any = as_array(rois)
    if numbers.ndim != 2 or numbers.shape[1] != 5:
        raise ShapeError(f'roi_pooling_2d: expected rois of shape (R, 5), got {numbers.shape}')
    if (backend.is_on_host(numbers) or config.debug) and not (numbers[:, 0] == numbers[:, 0].astype(int)).all():
        raise ValueError('roi_pooling_2d: expected whole numbers of images in the first column of rois')
    x, regions = _pooled('roi_pooling_2d', x, numbers[:, [2, 1, 4, 3]], numbers[:, 0].astype(int), (outh, outw),
                         spatial_scale, 1)
    return ROIMax(regions, 0).apply((x,))[0]


def roi_max_pooling_2d(x: ArrayLike, rois: ArrayLike, roi_indices: ArrayLike, outsize: Size,
                       spatial_scale: float) -> Variable:
    """The maximum of the pixels in each bin of regions of interest.

    A region is cut into bins of equal size; a pixel belongs to each bin that it has a part in.

    See Girshick, Fast R-CNN, https://arxiv.org/abs/1504.08083.

    Args:
        x: Variable or array of shape (N, C, H, W), floating-point.
        rois: Variable or array of R regions, real, of shape (R, 4): y_min, x_min, y_max and x_max.
        roi_indices: Variable or array of shape (R,), integers: the number of each region's image.
        outsize: The height and width of the output, an integer or a pair.
        spatial_scale: What to multiply coordinates by to get pixels of `x`; then they are rounded.

    Returns:
        A Variable of shape (R, C) + `outsize`; minus infinity for bins outside the image. There is no gradient of
        `rois`.

    Raises:
        ValueError: Shapes do not fit, there is no such image, or a number is out of its range.
        TypeError: `x` is not floating-point, or a size is no integer.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.arange(16.).reshape(1, 1, 4, 4)
        >>> F.roi_max_pooling_2d(x, np.array([[0., 0., 2., 4.]]), np.array([0]), (1, 2), spatial_scale=1)
        variable([[[[5., 7.]]]])
    """
    x, regions = _pooled('roi_max_pooling_2d', x, rois, roi_indices, outsize, spatial_scale)
    return ROIMax(regions, -math.inf).apply((x,))[0]


def roi_average_pooling_2d(x: ArrayLike, rois: ArrayLike, roi_indices: ArrayLike, outsize: Size,
                           spatial_scale: float) -> Variable:
    """The mean of the pixels in each bin of regions of interest, 0 for bins outside the image.

    The arguments, and what is raised, are those of `roi_max_pooling_2d`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.arange(16.).reshape(1, 1, 4, 4)
        >>> F.roi_average_pooling_2d(x, np.array([[0., 0., 2., 4.]]), np.array([0]), (1, 2), spatial_scale=1)
        variable([[[[2.5, 4.5]]]])
    """
    x, regions = _pooled('roi_average_pooling_2d', x, rois, roi_indices, outsize, spatial_scale)
    return ROIAverage(regions).apply((x,))[0]


def roi_max_align_2d(x: ArrayLike, rois: ArrayLike, roi_indices: ArrayLike, outsize: Size, spatial_scale: float,
                     sampling_ratio: SamplingRatio = None) -> Variable:
    """The maximum of samples in each bin of regions of interest; minus infinity for bins outside the image.

    The arguments are those of `roi_average_align_2d`, which says where samples are.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.arange(16.).reshape(1, 1, 4, 4)
        >>> F.roi_max_align_2d(x, np.array([[0., 0., 2., 2.]]), np.array([0]), (1, 2), spatial_scale=1)
        variable([[[[6.5, 7.5]]]])
    """
    x, (indices, *bins) = _aligned('roi_max_align_2d', x, rois, roi_indices, outsize, spatial_scale, sampling_ratio)
    regions = indices, _seen(bins[0], x.shape[2]), _seen(bins[1], x.shape[3])
    return ROIMax(regions, -math.inf).apply((x,))[0]


def roi_average_align_2d(x: ArrayLike, rois: ArrayLike, roi_indices: ArrayLike, outsize: Size, spatial_scale: float,
                         sampling_ratio: SamplingRatio = None) -> Variable:
    """The mean of samples in each bin of regions of interest, which need not begin or end at pixels.

    A region is cut into bins of equal size, and samples are spread evenly over each bin. Their values are interpolated
    bilinearly between four pixels; less than a pixel's width outside the image they are those of its edge, further out
    they are 0.

    See He et al., Mask R-CNN, https://arxiv.org/abs/1703.06870.

    Args:
        x: Variable or array of shape (N, C, H, W), floating-point.
        rois: Variable or array of R regions, real, of shape (R, 4): y_min, x_min, y_max and x_max. Those less than one
            pixel of `x` high or wide are taken to be that.
        roi_indices: Variable or array of shape (R,), integers: the number of each region's image.
        outsize: The height and width of the output, an integer or a pair.
        spatial_scale: What to multiply coordinates by to get pixels of `x`, the first of which is at 0.
        sampling_ratio: The rows and the columns of samples in a bin, an integer or a pair. For None, there are as
            many as it is pixels high or wide, rounded up.

    Returns:
        A Variable of shape (R, C) + `outsize`. There is no gradient of `rois`.

    Raises:
        ValueError: Shapes do not fit, there is no such image, or a number is out of its range.
        TypeError: `x` is not floating-point, or a size is no integer.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.arange(16.).reshape(1, 1, 4, 4)
        >>> F.roi_average_align_2d(x, np.array([[0., 0., 2., 2.]]), np.array([0]), (1, 2), spatial_scale=1)
        variable([[[[4.5, 5.5]]]])
    """
    x, regions = _aligned('roi_average_align_2d', x, rois, roi_indices, outsize, spatial_scale, sampling_ratio)
    return ROIAverage(regions).apply((x,))[0]
