"""The Dirichlet distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.gamma import draw_gamma
from autograd_nn.distributions.parametric import Parametric, covariance_of_shares, within, xlogy
from autograd_nn.functions.activation.softmax import softmax
from autograd_nn.functions.math.clipping import maximum
from autograd_nn.functions.math.digamma import digamma
from autograd_nn.functions.math.exponential import log
from autograd_nn.functions.math.lgamma import lgamma
from autograd_nn.functions.math.reduction import sum
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Dirichlet(Parametric):
    """The Dirichlet distribution of K shares that add up to 1, with a density in proportion to ``prod(x^(alpha - 1))``.

    Args:
        alpha: Variable or array of shape (..., K), positive, floating-point.

    Raises:
        TypeError: `alpha` is not floating-point.
        ValueError: `alpha` has no axis.

    Attributes:
        alpha0: The sum of `alpha`, of the shape `batch_shape`.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Dirichlet(np.array([[1., 1., 1.], [1., 2., 1.]])).prob(np.array([0.2, 0.3, 0.5]))
        variable([2. , 1.8])
    """

    event_ndim = 1
    support = '[0, 1]'

    def __init__(self, alpha: ArrayLike) -> None:
        self.alpha = self._parameters(alpha=alpha)

    @property
    def params(self) -> dict[str, Variable]:
        return {'alpha': self.alpha}

    @property
    def alpha0(self) -> Variable:
        return sum(self.alpha, -1)

    @property
    def mean(self) -> Variable:
        return self.alpha / sum(self.alpha, -1, keepdims=True)

    @property
    def variance(self) -> Variable:
        return self.mean * (1 - self.mean) / (sum(self.alpha, -1, keepdims=True) + 1)

    @property
    def covariance(self) -> Variable:
        return covariance_of_shares(self.mean) / (self.alpha0 + 1).reshape((*self.batch_shape, 1, 1))

    @property
    def mode(self) -> Variable:
        excess = maximum(self.alpha - 1, 0)
        total = sum(excess, -1, keepdims=True)
        return within(total > 0, total, lambda total: excess / total, math.nan)

    @property
    def entropy(self) -> Variable:
        return (self._log_norm + (self.alpha0 - self.event_shape[0]) * digamma(self.alpha0)
                - sum((self.alpha - 1) * digamma(self.alpha), -1))

    @property
    def _log_norm(self) -> Variable:
        return sum(lgamma(self.alpha), -1) - lgamma(self.alpha0)

    def log_prob(self, x: Any) -> Variable:
        return sum(within(x >= 0, x, lambda x: xlogy(self.alpha - 1, x), -math.inf), -1) - self._log_norm

    def sample_n(self, n: int) -> Variable:
        draw, log_factor = draw_gamma(self.alpha, n)
        return softmax(log(draw) + log_factor, -1)


@register_kl(Dirichlet, Dirichlet)
def _kl_dirichlet_dirichlet(p: Dirichlet, q: Dirichlet) -> Variable:
    more = p.alpha - q.alpha
    return q._log_norm - p._log_norm + sum(more * digamma(p.alpha), -1) - sum(more, -1) * digamma(p.alpha0)
