"""Images of another size."""
from __future__ import annotations

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.functions.array.indexing import get_item
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


def _positions(n_in: int, n_out: int, align_corners: bool) -> np.ndarray:
    """Where the pixels of the result lie among those of the image, along one axis."""
    if align_corners:
        return np.linspace(0, n_in - 1, n_out)
    return np.clip((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5, 0, n_in - 1)


def _nearest(n_in: int, n_out: int, align_corners: bool) -> np.ndarray:
    if align_corners:
        return np.floor(_positions(n_in, n_out, True) + 0.5).astype(int)
    return np.arange(n_out) * n_in // n_out


def _weights(n_in: int, n_out: int, align_corners: bool) -> np.ndarray:
    """The matrix of shape (n_out, n_in) that interpolates linearly along one axis."""
    positions = _positions(n_in, n_out, align_corners)
    return np.maximum(1 - np.abs(positions[:, None] - np.arange(n_in)), 0)


@in_single_precision
def resize_images(x: ArrayLike, output_shape: tuple[int, int], *, mode: str = 'bilinear',
                  align_corners: bool = True) -> Variable:
    """Resizes images.

    Args:
        x: Variable or array of shape (N, C, H, W).
        output_shape: The new height and width.
        mode: ``'bilinear'`` interpolation, or the ``'nearest'`` pixel.
        align_corners: Whether the centres of the corner pixels stay where they are; otherwise the outer edges do.

    Returns:
        Variable of shape (N, C) + `output_shape`.

    Raises:
        ValueError: `x` has another number of axes, a size is not positive, or there is no such mode.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.resize_images(np.array([[[[0., 2.]]]]), (1, 3))
        variable([[[[0., 1., 2.]]]])
    """
    x = as_variable(x)
    if x.ndim != 4 or len(output_shape) != 2 or min(*x.shape[2:], *output_shape) < 1:
        raise ShapeError(f'resize_images: expected x of shape (N, C, H, W) and a positive height and width, got '
                         f'{x.shape} and {output_shape}')
    sizes = list(zip(x.shape[2:], output_shape))
    xp = get_array_module(x)
    if mode == 'nearest':
        rows, columns = (xp.asarray(_nearest(*size, align_corners)) for size in sizes)
        return get_item(x, (slice(None), slice(None), rows[:, None], columns))
    if mode != 'bilinear':
        raise ValueError(f'resize_images: expected mode bilinear or nearest, got {mode!r}')
    check_float('resize_images', 'x', x)
    # Interpolation is linear along each axis: two products of matrices, whose gradients are products again.
    rows, columns = (xp.asarray(_weights(*size, align_corners).astype(x.dtype)) for size in sizes)
    return rows @ x @ columns.T
