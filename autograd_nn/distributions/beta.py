"""The beta distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.gamma import draw_gamma
from autograd_nn.distributions.parametric import Parametric, within, xlog1py, xlogy
from autograd_nn.functions.activation.sigmoid import sigmoid
from autograd_nn.functions.math.clipping import maximum
from autograd_nn.functions.math.digamma import digamma
from autograd_nn.functions.math.exponential import log
from autograd_nn.functions.math.lgamma import lgamma
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Beta(Parametric):
    """The beta distribution, with the density ``x^(a - 1) (1 - x)^(b - 1) Γ(a + b) / (Γ(a) Γ(b))`` from 0 to 1.

    Args:
        a: Variable or array, positive, floating-point.
        b: Variable or array, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Beta(np.array([1., 2.]), np.array([1., 3.])).prob(0.5)
        variable([1. , 1.5])
    """

    support = '[0, 1]'

    def __init__(self, a: ArrayLike, b: ArrayLike) -> None:
        self.a, self.b = self._parameters(a=a, b=b)

    @property
    def params(self) -> dict[str, Variable]:
        return {'a': self.a, 'b': self.b}

    @property
    def mean(self) -> Variable:
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> Variable:
        total = self.a + self.b
        return self.a / total * (self.b / total) / (total + 1)

    @property
    def mode(self) -> Variable:
        a, b = maximum(self.a - 1, 0), maximum(self.b - 1, 0)
        return within(a + b > 0, a + b, lambda total: a / total, math.nan)

    @property
    def entropy(self) -> Variable:
        a, b = self.a, self.b
        return (self._log_norm + (a + b - 2) * digamma(a + b) - (a - 1) * digamma(a) - (b - 1) * digamma(b))

    @property
    def _log_norm(self) -> Variable:
        return lgamma(self.a) + lgamma(self.b) - lgamma(self.a + self.b)

    def log_prob(self, x: Any) -> Variable:
        return within((x >= 0) * (x <= 1), x, self._log_density, -math.inf, 0.5)

    def _log_density(self, x: Variable) -> Variable:
        return xlogy(self.a - 1, x) + xlog1py(self.b - 1, -x) - self._log_norm

    def sample_n(self, n: int) -> Variable:
        (draw_a, factor_a), (draw_b, factor_b) = draw_gamma(self.a, n), draw_gamma(self.b, n)
        return sigmoid(log(draw_a / draw_b) + factor_a - factor_b)


@register_kl(Beta, Beta)
def _kl_beta_beta(p: Beta, q: Beta) -> Variable:
    a, b = p.a - q.a, p.b - q.b
    return q._log_norm - p._log_norm + a * digamma(p.a) + b * digamma(p.b) - (a + b) * digamma(p.a + p.b)
