"""The exponential distribution."""
from __future__ import annotations

from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, within
from autograd_nn.functions.math.clipping import maximum
from autograd_nn.functions.math.exponential import exp, expm1, log, log1p
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Exponential(Parametric):
    """The exponential distribution, with the density ``lam exp(-lam x)`` for x ≥ 0.

    Args:
        lam: Variable or array of the rates, positive, floating-point.

    Raises:
        TypeError: `lam` is not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Exponential(np.array([1., 2.])).cdf(1.)
        variable([0.63212056, 0.86466472])
    """

    support = 'positive'

    def __init__(self, lam: ArrayLike) -> None:
        self.lam = self._parameters(lam=lam)

    @property
    def params(self) -> dict[str, Variable]:
        return {'lam': self.lam}

    @property
    def mean(self) -> Variable:
        return 1 / self.lam

    @property
    def stddev(self) -> Variable:
        return 1 / self.lam

    @property
    def variance(self) -> Variable:
        return (1 / self.lam) ** 2

    @property
    def mode(self) -> Variable:
        return Variable(self.xp.zeros_like(self.lam.array))

    @property
    def entropy(self) -> Variable:
        return 1 - log(self.lam)

    def log_prob(self, x: Any) -> Variable:
        return within(x >= 0, x, lambda x: log(self.lam) - self.lam * x, -float('inf'))

    def cdf(self, x: Any) -> Variable:
        return -expm1(self.log_survival_function(x))

    def survival_function(self, x: Any) -> Variable:
        return exp(self.log_survival_function(x))

    def log_survival_function(self, x: Any) -> Variable:
        return -self.lam * maximum(x, 0)

    def icdf(self, x: Any) -> Variable:
        return -log1p(-x) / self.lam

    def sample_n(self, n: int) -> Variable:
        return self._noise('standard_exponential', n) / self.lam


@register_kl(Exponential, Exponential)
def _kl_exponential_exponential(p: Exponential, q: Exponential) -> Variable:
    return log(p.lam) - log(q.lam) + q.lam / p.lam - 1
