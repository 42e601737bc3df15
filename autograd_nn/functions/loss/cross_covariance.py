"""The penalty on what two groups of features know of each other."""
from __future__ import annotations

from autograd_nn.functions.checks import check_choice, check_float
from autograd_nn.functions.math.exponential import square
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@in_single_precision
def cross_covariance(y: ArrayLike, z: ArrayLike, reduce: str = 'half_squared_sum') -> Variable:
    """Half the sum of the squared covariances between two groups of features, which makes them independent.

    Cheung et al., Discovering Hidden Factors of Variation in Deep Networks, https://arxiv.org/abs/1412.6583.

    Args:
        y: Variable or array of shape (N, K), floating-point.
        z: Variable or array of shape (N, L).
        reduce: ``'half_squared_sum'``, or ``'no'`` for the covariances.

    Returns:
        A Variable of shape ``()``, or (K, L) with ``reduce='no'``.

    Raises:
        TypeError: `y` or `z` is not floating-point.
        ValueError: Shapes do not fit, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> y, z = np.array([[1.], [3.]]), np.array([[0., 5.], [4., 5.]])
        >>> F.cross_covariance(y, z, reduce='no')
        variable([[2., 0.]])
        >>> F.cross_covariance(y, z)
        variable(2.)
    """
    check_choice('cross_covariance', 'reduce', reduce, ('half_squared_sum', 'no'))
    y, z = as_variable(y), as_variable(z)
    check_float('cross_covariance', 'y', y)
    check_float('cross_covariance', 'z', z)
    if y.ndim != 2 or z.ndim != 2 or len(y) != len(z):
        raise ShapeError('cross_covariance: expected y of shape (N, K) and z of shape (N, L), got '
                         f'{y.shape} and {z.shape}')
    covariance = covariance_of(y, z)
    return covariance if reduce == 'no' else square(covariance).sum() * 0.5


def covariance_of(y: Variable, z: Variable) -> Variable:
    """The covariances (K, L) between the columns of two matrices (N, K) and (N, L)."""
    n = max(len(y), 1)
    return matmul(y - y.sum(axis=0) / n, z - z.sum(axis=0) / n, transa=True) / n
