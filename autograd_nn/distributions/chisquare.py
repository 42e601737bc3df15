"""The chi-square distribution."""
from __future__ import annotations

from typing import Any

from autograd_nn.distributions.gamma import Gamma
from autograd_nn.distributions.parametric import Parametric
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Chisquare(Parametric):
    """The chi-square distribution: that of the sum of the squares of `k` standard normal numbers.

    Args:
        k: Variable or array of the degrees of freedom, positive, floating-point.

    Raises:
        TypeError: `k` is not floating-point.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Chisquare(np.array([2., 4.])).prob(0.)
        variable([0.5, 0. ])
    """

    support = 'positive'

    def __init__(self, k: ArrayLike) -> None:
        self.k = self._parameters(k=k)

    @property
    def params(self) -> dict[str, Variable]:
        return {'k': self.k}

    @property
    def _gamma(self) -> Gamma:
        return Gamma(self.k * 0.5, self.xp.full_like(self.k.array, 2))

    @property
    def mean(self) -> Variable:
        return self.k

    @property
    def variance(self) -> Variable:
        return self.k * 2

    @property
    def mode(self) -> Variable:
        return self._gamma.mode

    @property
    def entropy(self) -> Variable:
        return self._gamma.entropy

    def log_prob(self, x: Any) -> Variable:
        return self._gamma.log_prob(x)

    def sample_n(self, n: int) -> Variable:
        return self._gamma.sample_n(n)
