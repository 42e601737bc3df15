"""The geometric distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, within, xlog1py, xlogy
from autograd_nn.functions.math.clipping import maximum
from autograd_nn.functions.math.exponential import exp, expm1, log
from autograd_nn.functions.math.rounding import floor
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Geometric(Parametric):
    """The distribution of the number of trials up to the first success: ``p (1 - p)^(x - 1)`` for x = 1, 2, ...

    Args:
        p: Variable or array of the probabilities of success, floating-point.

    Raises:
        TypeError: `p` is not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Geometric(np.array([0.5])).prob(np.array([1, 2, 3]))
        variable([0.5  , 0.25 , 0.125])
    """

    support = 'positive integer'

    def __init__(self, p: ArrayLike) -> None:
        self.p = self._parameters(p=p)

    @property
    def params(self) -> dict[str, Variable]:
        return {'p': self.p}

    @property
    def mean(self) -> Variable:
        return 1 / self.p

    @property
    def variance(self) -> Variable:
        return (1 - self.p) / self.p ** 2

    @property
    def mode(self) -> Variable:
        return Variable(self.xp.ones_like(self.p.array))

    @property
    def entropy(self) -> Variable:
        return -(xlog1py(1 - self.p, -self.p) + xlogy(self.p, self.p)) / self.p

    def log_prob(self, x: Any) -> Variable:
        return within(x >= 1, x, lambda x: xlog1py(x - 1, -self.p) + log(self.p), -math.inf)

    def cdf(self, x: Any) -> Variable:
        return -expm1(self.log_survival_function(x))

    def survival_function(self, x: Any) -> Variable:
        return exp(self.log_survival_function(x))

    def log_survival_function(self, x: Any) -> Variable:
        return xlog1py(floor(maximum(x, 0)), -self.p)

    def sample_n(self, n: int) -> Variable:
        return Variable(self._noise('geometric', n, self.p.array))


@register_kl(Geometric, Geometric)
def _kl_geometric_geometric(p: Geometric, q: Geometric) -> Variable:
    failures = 1 / p.p - 1
    return xlog1py(failures, -p.p) - xlog1py(failures, -q.p) + log(p.p / q.p)
