"""A fully connected layer that drops connections at random in training."""
from __future__ import annotations

import math

from autograd_nn.backend import beside
from autograd_nn.functions.array.shape import expand_dims, reshape, squeeze
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.noise.dropout import check_ratio, kept
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


@in_single_precision
def simplified_dropconnect(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, ratio: float = .5,
                           train: bool = True, mask: ArrayLike | None = None,
                           use_batchwise_mask: bool = True) -> Variable:
    """A fully connected layer of which weights are zero at random; the others are scaled up to keep the mean.

    Wan et al., Regularization of Neural Networks using DropConnect, ICML 2013; simplified, as the original draws from
    the distribution of the outputs at inference.

    Args:
        x: Variable or array of shape (N, ...), floating-point, with D features in all.
        W: Variable or array of weights, shape (M, D).
        b: Variable or array of the bias, shape (M,).
        ratio: The probability of zero, from 0 to less than 1.
        train: Whether to drop weights. ``config.train`` has no influence.
        mask: What to multiply the weights by, besides ``1 / (1 - ratio)``, instead of something random: an array of
            shape (M, D), or (N, M, D).
        use_batchwise_mask: Whether each sample has random weights of its own. A given mask says that by its shape.

    Returns:
        A Variable of shape (N, M).

    Raises:
        TypeError: `x` or `W` is not floating-point.
        ValueError: Shapes do not fit, or `ratio` is out of range.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, W = np.array([[1., 10.]]), np.array([[1., 1.], [2., 2.]])
        >>> F.simplified_dropconnect(x, W, mask=np.array([[1, 0], [1, 1]]))
        variable([[ 2., 44.]])
    """
    x, W = as_variable(x), as_variable(W)
    check_float('simplified_dropconnect', 'x', x)
    check_float('simplified_dropconnect', 'W', W)
    check_ratio('simplified_dropconnect', ratio)
    n, features = len(x), math.prod(x.shape[1:])
    if W.ndim != 2 or W.shape[1] != features or (b is not None and b.shape != W.shape[:1]):
        raise ShapeError('simplified_dropconnect: expected x of shape (N, ...) with D features, W (M, D) and b (M,), '
                         f'got {x.shape}, {W.shape} and {None if b is None else b.shape}')
    if not train:
        ratio = 0
    if mask is None:
        mask = kept(W, (n, *W.shape) if use_batchwise_mask and ratio else W.shape, ratio)
    factor: Array = beside(W.array, as_array(mask))
    if factor.shape not in (W.shape, (n, *W.shape)):
        raise ShapeError(f'simplified_dropconnect: mask must have the shape {W.shape} or {(n, *W.shape)} for x of '
                         f'shape {x.shape} and W of shape {W.shape}; it has {factor.shape}')
    W = W * (factor.astype(W.dtype) / (1 - ratio))
    x = reshape(x, (n, features))
    y = matmul(x, W, transb=True) if W.ndim == 2 else squeeze(matmul(W, expand_dims(x, 2)), 2)
    return y if b is None else y + b
