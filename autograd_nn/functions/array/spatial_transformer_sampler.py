"""Samples of images at any points between their pixels.

A sample is a weighted sum of the four pixels around it. That is linear in the pixels and in the weights: so are its
gradients, and each is one of three kernels again. The weights are functions of the coordinates.
"""
from __future__ import annotations

from autograd_nn import backend
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.joining import stack
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import DTypeError, ShapeError
from autograd_nn.variable import Variable, as_variable


class _Samples(FunctionNode):
    """A function of two of these, linear in each: pixels (N, C, size), their weights (K, N, P) in samples, and samples.

    Args:
        places: Which K pixels are in each of P samples, of shape (K, N, P); -1 is one outside, where all is 0.
        size: The number of pixels of an image.
    """

    def __init__(self, places: Array, size: int) -> None:
        self.places = places
        self.size = size

    def interpolated(self, x: Variable, weights: Variable) -> Variable:
        """The samples, from pixels and weights."""
        return Interpolation(self.places, self.size).apply((x, weights))[0]

    def pixel_grad(self, gy: Variable, weights: Variable) -> Variable:
        """The gradient of the pixels, from that of samples and from weights."""
        return PixelGrad(self.places, self.size).apply((gy, weights))[0]

    def weight_grad(self, x: Variable, gy: Variable) -> Variable:
        """The gradient of the weights, from pixels and from the gradient of samples."""
        return WeightGrad(self.places, self.size).apply((x, gy))[0]


class Interpolation(_Samples):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, weights = inputs
        return backend.kernels(*inputs).interpolate(x, self.places, weights),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, weights = self.get_retained_inputs()
        gy, = grad_outputs
        return (self.pixel_grad(gy, weights) if 0 in target_input_indexes else None,
                self.weight_grad(x, gy) if 1 in target_input_indexes else None)


class PixelGrad(_Samples):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        gy, weights = inputs
        return backend.kernels(*inputs).interpolate_grad(gy, self.places, weights, self.size),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, weights = self.get_retained_inputs()
        ggx, = grad_outputs
        return (self.interpolated(ggx, weights) if 0 in target_input_indexes else None,
                self.weight_grad(ggx, gy) if 1 in target_input_indexes else None)


class WeightGrad(_Samples):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gy = inputs
        return backend.kernels(*inputs).interpolate_weight_grad(x, gy, self.places),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gy = self.get_retained_inputs()
        ggw, = grad_outputs
        return (self.pixel_grad(gy, ggw) if 0 in target_input_indexes else None,
                self.interpolated(x, ggw) if 1 in target_input_indexes else None)


def sample(x: Variable, points: Variable) -> Variable:
    """Samples of images at points, interpolated bilinearly; outside of images all is 0.

    Args:
        x: Images of shape (N, C, H, W).
        points: Of shape (N, 2, P): the x of each point, then the y; pixel (0, 0) is at the point (0, 0).

    Returns:
        The samples, of shape (N, C, P).
    """
    xp = backend.get_array_module(x)
    N, C, H, W = x.shape
    # For each axis the pixels on either side of a point, and how much of it they have.
    first = xp.floor(points.array)
    # Infinitely far outside there are no shares, as there would be no number.
    share = where(xp.isinf(first), 0, points - first)
    shares = stack([1 - share, share])
    # Far outside, any pixel there will do; so it will where there is no number.
    size, step = xp.array([[W], [H]], 'i'), xp.array([[1], [W]], 'i')
    near = xp.fmin(xp.fmax(first, -2), size.astype(first.dtype)).astype('i')
    pixels = xp.stack([near, near + 1])
    # A row with a column; if one of them is outside, the sum is negative.
    numbers = xp.where((pixels >= 0) & (pixels < size), pixels * step, xp.array(-H * W, 'i'))
    places = xp.maximum(numbers[:, None, :, 1] + numbers[:, :, 0], -1).reshape(4, N, points.shape[2])
    weights = (shares[:, None, :, 1] * shares[:, :, 0]).reshape(4, N, points.shape[2])
    return Interpolation(places, H * W).apply((x.reshape(N, C, H * W), weights))[0]


@in_single_precision
def spatial_transformer_sampler(x: ArrayLike, grid: ArrayLike) -> Variable:
    """Samples images at points between their pixels, by bilinear interpolation; outside of images all is 0.

    The gradient of the points is that within the square of pixels that each one is in.

    See Jaderberg et al., Spatial Transformer Networks, https://arxiv.org/abs/1506.02025.

    Args:
        x: Variable or array of images, shape (N, C, H, W), floating-point.
        grid: Variable or array of points, shape (N, 2, out_h, out_w), of the type of `x`: the x of each, then the y,
            from -1, the centre of the first pixel, to 1, that of the last one (see `spatial_transformer_grid`).

    Returns:
        A Variable of shape (N, C, out_h, out_w).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating-point, or `grid` is of another type.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, grid = np.array([[[[0., 2., 4.]]]]), np.zeros((1, 2, 1, 4))
        >>> grid[0, 0, 0] = -1, 0.5, 1, 1.5
        >>> F.spatial_transformer_sampler(x, grid)
        variable([[[[0., 3., 4., 2.]]]])
    """
    x, grid = as_variable(x), as_variable(grid)
    check_float('spatial_transformer_sampler', 'x', x)
    if x.ndim != 4 or grid.ndim != 4 or grid.shape[:2] != (len(x), 2):
        raise ShapeError('spatial_transformer_sampler: expected x of shape (N, C, H, W) and grid of shape (N, 2, '
                         f'out_h, out_w), got {x.shape} and {grid.shape}')
    if 0 in x.shape[2:]:
        raise ShapeError(f'spatial_transformer_sampler: images must have elements, got x of shape {x.shape}')
    if grid.dtype != x.dtype:
        raise DTypeError(f'spatial_transformer_sampler: expected grid of the type of x, {x.dtype}, got {grid.dtype}')
    half = x.xp.array([(x.shape[3] - 1) / 2, (x.shape[2] - 1) / 2], x.dtype)
    points = (grid.reshape(len(x), 2, grid.shape[2] * grid.shape[3]) + 1) * half[:, None]
    return sample(x, points).reshape(*x.shape[:2], *grid.shape[2:])
