"""The log-normal distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import kl_divergence, register_kl
from autograd_nn.distributions.normal import Normal
from autograd_nn.distributions.parametric import Parametric, within
from autograd_nn.functions.math.exponential import exp, expm1, log
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class LogNormal(Parametric):
    """The distribution of numbers whose logarithm is normally distributed.

    Args:
        mu: Variable or array of the means of the logarithm, floating-point.
        sigma: Variable or array of its standard deviations, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.LogNormal(np.zeros(2), np.array([1., 2.])).mean
        variable([1.64872127, 7.3890561 ])
    """

    support = 'positive'

    def __init__(self, mu: ArrayLike, sigma: ArrayLike) -> None:
        self.mu, self.sigma = self._parameters(mu=mu, sigma=sigma)

    @property
    def params(self) -> dict[str, Variable]:
        return {'mu': self.mu, 'sigma': self.sigma}

    @property
    def _normal(self) -> Normal:
        return Normal(self.mu, self.sigma)

    @property
    def mean(self) -> Variable:
        return exp(self.mu + self.sigma ** 2 * 0.5)

    @property
    def variance(self) -> Variable:
        return self.mean ** 2 * expm1(self.sigma ** 2)

    @property
    def mode(self) -> Variable:
        return exp(self.mu - self.sigma ** 2)

    @property
    def entropy(self) -> Variable:
        return self._normal.entropy + self.mu

    def log_prob(self, x: Any) -> Variable:
        return within(x > 0, x, lambda x: self._normal.log_prob(log(x)) - log(x), -math.inf)

    def cdf(self, x: Any) -> Variable:
        return within(x > 0, x, lambda x: self._normal.cdf(log(x)), 0)

    def log_cdf(self, x: Any) -> Variable:
        return within(x > 0, x, lambda x: self._normal.log_cdf(log(x)), -math.inf)

    def survival_function(self, x: Any) -> Variable:
        return within(x > 0, x, lambda x: self._normal.survival_function(log(x)), 1)

    def log_survival_function(self, x: Any) -> Variable:
        return within(x > 0, x, lambda x: self._normal.log_survival_function(log(x)), 0)

    def icdf(self, x: Any) -> Variable:
        return exp(self._normal.icdf(x))

    def sample_n(self, n: int) -> Variable:
        return exp(self._normal.sample_n(n))


@register_kl(LogNormal, LogNormal)
def _kl_log_normal_log_normal(p: LogNormal, q: LogNormal) -> Variable:
    return kl_divergence(p._normal, q._normal)
