"""The Pareto distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, within
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.math.clipping import maximum
from autograd_nn.functions.math.exponential import exp, expm1, log, log1p
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Pareto(Parametric):
    """The Pareto distribution, with the density ``alpha scale^alpha / x^(alpha + 1)`` for x ≥ scale.

    Args:
        scale: Variable or array of the smallest numbers, positive, floating-point.
        alpha: Variable or array of the exponents, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Pareto(np.array([1., 2.]), np.array([3., 3.])).mean
        variable([1.5, 3. ])
    """

    support = '[scale, inf]'

    def __init__(self, scale: ArrayLike, alpha: ArrayLike) -> None:
        self.scale, self.alpha = self._parameters(scale=scale, alpha=alpha)

    @property
    def params(self) -> dict[str, Variable]:
        return {'scale': self.scale, 'alpha': self.alpha}

    @property
    def mean(self) -> Variable:
        return within(self.alpha > 1, self.alpha, lambda a: self.scale * a / (a - 1), math.inf, 2)

    @property
    def variance(self) -> Variable:
        return within(self.alpha > 2, self.alpha, lambda a: (self.scale / (a - 1)) ** 2 * a / (a - 2), math.inf, 3)

    @property
    def mode(self) -> Variable:
        return self.scale

    @property
    def entropy(self) -> Variable:
        return log(self.scale / self.alpha) + 1 / self.alpha + 1

    def log_prob(self, x: Any) -> Variable:
        density = log(self.alpha / self.scale) - (self.alpha + 1) * log(maximum(x / self.scale, 1))
        return where(x >= self.scale, density, -math.inf)

    def cdf(self, x: Any) -> Variable:
        return -expm1(self.log_survival_function(x))

    def survival_function(self, x: Any) -> Variable:
        return exp(self.log_survival_function(x))

    def log_survival_function(self, x: Any) -> Variable:
        return -self.alpha * log(maximum(x / self.scale, 1))

    def icdf(self, x: Any) -> Variable:
        return self.scale * exp(-log1p(-x) / self.alpha)

    def sample_n(self, n: int) -> Variable:
        return self.scale * exp(self._noise('standard_exponential', n) / self.alpha)


@register_kl(Pareto, Pareto)
def _kl_pareto_pareto(p: Pareto, q: Pareto) -> Variable:
    divergence = q.alpha * log(p.scale / q.scale) + log(p.alpha / q.alpha) + q.alpha / p.alpha - 1
    return where(p.scale >= q.scale, divergence, math.inf)
