"""The points at which a spatial transformer samples an image."""
from __future__ import annotations

from autograd_nn.backend import get_array_module
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.geometry import as_tuple
from autograd_nn.types import ArrayLike, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@in_single_precision
def spatial_transformer_grid(theta: ArrayLike, output_shape: Size) -> Variable:
    """Maps the pixels of an output by affine transformations to points of an image, for `spatial_transformer_sampler`.

    Both have coordinates from -1, the centre of the first pixel, to 1, that of the last one. The point is the product
    of the matrix with the pixel's x, its y and 1.

    See Jaderberg et al., Spatial Transformer Networks, https://arxiv.org/abs/1506.02025.

    Args:
        theta: Variable or array of N matrices, shape (N, 2, 3), floating-point.
        output_shape: The height and the width of the output.

    Returns:
        A Variable of shape (N, 2) + `output_shape`: the x of each pixel's point, then the y.

    Raises:
        ValueError: `theta` has another shape, or a size is not positive.
        TypeError: `theta` is not floating-point, or a size is no integer.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.spatial_transformer_grid(np.array([[[2., 0., 0.], [0., 1., 0.5]]]), (1, 3))
        variable([[[[-2. ,  0. ,  2. ]],
                   [[-0.5, -0.5, -0.5]]]])
    """
    theta = as_variable(theta)
    if theta.shape[1:] != (2, 3):
        raise ShapeError(f'spatial_transformer_grid: expected theta of shape (N, 2, 3), got {theta.shape}')
    check_float('spatial_transformer_grid', 'theta', theta)
    size = as_tuple(output_shape, 2, 'spatial_transformer_grid', 'output_shape')
    xp = get_array_module(theta)
    y, x = xp.meshgrid(*[xp.linspace(-1, 1, n, dtype=theta.dtype) for n in size], indexing='ij')
    pixels = xp.stack([x, y, xp.ones_like(x)]).reshape(3, -1)
    return (theta @ pixels).reshape(len(theta), 2, *size)
