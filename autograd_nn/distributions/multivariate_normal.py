"""The normal distribution of vectors."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.config import force_backprop_mode
from autograd_nn.distribution import register_kl
from autograd_nn.distributions.normal import HALF_LOG_2PI
from autograd_nn.distributions.parametric import Parametric
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.array.indexing import diagonal
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.array.shape import expand_dims, squeeze
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.math.exponential import log
from autograd_nn.functions.math.linear_algebra import inverse
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.math.reduction import sum
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class MultivariateNormal(Parametric):
    """The normal distribution of vectors, with the covariance matrix ``scale_tril @ scale_tril.T``.

    `functions.cholesky` makes `scale_tril` of a covariance matrix.

    Args:
        loc: Variable or array of the means, of shape (..., D), floating-point.
        scale_tril: Variable or array of lower triangular matrices, of shape (..., D, D); what is above the diagonal
            does not count.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not fit.

    Attributes:
        d: D, the length of the vectors.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D, autograd_nn.functions as F
        >>> normal = D.MultivariateNormal(np.zeros(2), scale_tril=F.cholesky(np.array([[1., 0.5], [0.5, 1.]])))
        >>> normal.log_prob(np.ones(2))
        variable(-2.3607027)
    """

    event_ndim = 1
    support = 'real'

    def __init__(self, loc: ArrayLike, *, scale_tril: ArrayLike) -> None:
        loc, scale_tril = as_variable(loc), as_variable(scale_tril)
        check_float('MultivariateNormal', 'loc', loc)
        check_float('MultivariateNormal', 'scale_tril', scale_tril)
        self.d = loc.shape[-1] if loc.shape else 0
        try:
            if not loc.shape or scale_tril.shape[-2:] != (self.d, self.d):
                raise ValueError
            batch = np.broadcast_shapes(loc.shape[:-1], scale_tril.shape[:-2])
        except ValueError:
            raise ShapeError('MultivariateNormal: expected loc of shape (..., D) and scale_tril of shape (..., D, D) '
                             f'that broadcast, got {loc.shape} and {scale_tril.shape}') from None
        self._shape = *batch, self.d
        with force_backprop_mode():
            self.loc = broadcast_to(loc, self._shape)
            self.scale_tril = broadcast_to(scale_tril, (*batch, self.d, self.d))

    @property
    def params(self) -> dict[str, Variable]:
        return {'loc': self.loc, 'scale_tril': self.scale_tril}

    @property
    def _scale(self) -> Variable:
        return where(self.xp.tri(self.d, dtype=bool), self.scale_tril, 0)

    @property
    def _log_det(self) -> Variable:
        return sum(log(abs(diagonal(self.scale_tril, axis1=-2, axis2=-1))), -1)

    @property
    def mean(self) -> Variable:
        return self.loc

    @property
    def mode(self) -> Variable:
        return self.loc

    @property
    def variance(self) -> Variable:
        return sum(self._scale ** 2, -1)

    @property
    def covariance(self) -> Variable:
        return matmul(self._scale, self._scale, transb=True)

    @property
    def entropy(self) -> Variable:
        return self._log_det + (0.5 + HALF_LOG_2PI) * self.d

    def log_prob(self, x: Any) -> Variable:
        z = _times(inverse('MultivariateNormal', self._scale), x - self.loc)
        return sum(z * z, -1) * -0.5 - self._log_det - HALF_LOG_2PI * self.d

    def sample_n(self, n: int) -> Variable:
        return self.loc + _times(self._scale, as_variable(self._noise('standard_normal', n)))


def _times(matrix: Variable, x: Variable) -> Variable:
    """The product with a vector."""
    return squeeze(matmul(matrix, expand_dims(x, -1)), -1)


@register_kl(MultivariateNormal, MultivariateNormal)
def _kl_multivariate_normal_multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Variable:
    inverse_scale = inverse('MultivariateNormal', q._scale)
    ratio, distance = matmul(inverse_scale, p._scale), _times(inverse_scale, p.loc - q.loc)
    return (q._log_det - p._log_det - p.d / 2
            + (sum(ratio * ratio, (-2, -1)) + sum(distance * distance, -1)) * 0.5)
