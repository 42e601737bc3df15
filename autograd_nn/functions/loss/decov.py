"""The penalty on what features know of each other."""
from __future__ import annotations

from autograd_nn.functions.checks import check_choice, check_float
from autograd_nn.functions.loss.cross_covariance import covariance_of
from autograd_nn.functions.math.exponential import square
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@in_single_precision
def decov(h: ArrayLike, reduce: str = 'half_squared_sum') -> Variable:
    """Half the sum of the squared covariances between different features, which keeps them from saying the same.

    Cogswell et al., Reducing Overfitting in Deep Networks by Decorrelating Representations,
    https://arxiv.org/abs/1511.06068.

    Args:
        h: Variable or array of shape (N, K), floating-point.
        reduce: ``'half_squared_sum'``, or ``'no'`` for the covariances, with zeros on the diagonal.

    Returns:
        A Variable of shape ``()``, or (K, K) with ``reduce='no'``.

    Raises:
        TypeError: `h` is not floating-point.
        ValueError: `h` is no matrix, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.decov(np.array([[1., 0.], [3., 4.]]), reduce='no')
        variable([[0., 2.],
                  [2., 0.]])
    """
    check_choice('decov', 'reduce', reduce, ('half_squared_sum', 'no'))
    h = as_variable(h)
    check_float('decov', 'h', h)
    if h.ndim != 2:
        raise ShapeError(f'decov: expected h of shape (N, K), got {h.shape}')
    covariance = covariance_of(h, h) * (1 - h.xp.eye(h.shape[1], dtype=h.dtype))
    return covariance if reduce == 'no' else square(covariance).sum() * 0.5
