"""The Poisson distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, within, xlogy
from autograd_nn.functions.math.lgamma import lgamma
from autograd_nn.functions.math.rounding import floor
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Poisson(Parametric):
    """The distribution of the number of independent events: ``lam^x exp(-lam) / x!`` for x = 0, 1, 2, ...

    Args:
        lam: Variable or array of the means, not negative, floating-point.

    Raises:
        TypeError: `lam` is not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Poisson(np.array([1., 2.])).prob(0)
        variable([0.36787944, 0.13533528])
    """

    support = 'non negative integer'

    def __init__(self, lam: ArrayLike) -> None:
        self.lam = self._parameters(lam=lam)

    @property
    def params(self) -> dict[str, Variable]:
        return {'lam': self.lam}

    @property
    def mean(self) -> Variable:
        return self.lam

    @property
    def variance(self) -> Variable:
        return self.lam

    @property
    def mode(self) -> Variable:
        return floor(self.lam)

    def log_prob(self, x: Any) -> Variable:
        return within(x >= 0, x, lambda x: xlogy(x, self.lam) - self.lam - lgamma(x + 1), -math.inf)

    def sample_n(self, n: int) -> Variable:
        return Variable(self._noise('poisson', n, self.lam.array))


@register_kl(Poisson, Poisson)
def _kl_poisson_poisson(p: Poisson, q: Poisson) -> Variable:
    return xlogy(p.lam, p.lam) - xlogy(p.lam, q.lam) - p.lam + q.lam
