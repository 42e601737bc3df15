"""The Gumbel distribution."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.location_scale import LocationScale
from autograd_nn.functions.math.exponential import exp, expm1, log
from autograd_nn.functions.math.lgamma import lgamma
from autograd_nn.variable import Variable


class Gumbel(LocationScale):
    """The Gumbel distribution, of the largest of many numbers: the density is ``exp(-z - exp(-z)) / scale``.

    There, z is ``(x - loc) / scale``.

    Args:
        loc: Variable or array of the modes, floating-point.
        scale: Variable or array of the scales, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Gumbel(np.zeros(2), np.ones(2)).cdf(np.array([0., 1.]))
        variable([0.36787944, 0.69220063])
    """

    generator = 'gumbel'

    @property
    def mean(self) -> Variable:
        return self.loc + self.scale * np.euler_gamma

    @property
    def variance(self) -> Variable:
        return self.scale ** 2 * (math.pi ** 2 / 6)

    @property
    def entropy(self) -> Variable:
        return self.log_scale + (np.euler_gamma + 1)

    def _log_density(self, z: Variable) -> Variable:
        return -z - exp(-z)

    def cdf(self, x: Any) -> Variable:
        return exp(self.log_cdf(x))

    def log_cdf(self, x: Any) -> Variable:
        return -exp(-self._standardized(x))

    def survival_function(self, x: Any) -> Variable:
        return -expm1(self.log_cdf(x))

    def icdf(self, x: Any) -> Variable:
        return self.loc - self.scale * log(-log(x))


@register_kl(Gumbel, Gumbel)
def _kl_gumbel_gumbel(p: Gumbel, q: Gumbel) -> Variable:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return q.log_scale - p.log_scale + (ratio - 1) * np.euler_gamma + exp(lgamma(ratio + 1) - distance) - 1 + distance
