"""The Laplace distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.location_scale import LocationScale
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.math.clipping import maximum, minimum
from autograd_nn.functions.math.exponential import exp, log, log1p
from autograd_nn.variable import Variable


class Laplace(LocationScale):
    """The Laplace distribution, with the density ``exp(-|x - loc| / scale) / (2 scale)``.

    Args:
        loc: Variable or array of the means, floating-point.
        scale: Variable or array of the scales, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Laplace(np.zeros(2), np.ones(2)).prob(np.array([0., 1.]))
        variable([0.5       , 0.18393972])
    """

    generator = 'laplace'

    @property
    def stddev(self) -> Variable:
        return self.scale * math.sqrt(2)

    @property
    def variance(self) -> Variable:
        return self.scale ** 2 * 2

    @property
    def entropy(self) -> Variable:
        return self.log_scale + (1 + math.log(2))

    def _log_density(self, z: Variable) -> Variable:
        return -abs(z) - math.log(2)

    def cdf(self, x: Any) -> Variable:
        return _cdf(self._standardized(x))

    def survival_function(self, x: Any) -> Variable:
        return _cdf(-self._standardized(x))

    def log_cdf(self, x: Any) -> Variable:
        return _log_cdf(self._standardized(x))

    def log_survival_function(self, x: Any) -> Variable:
        return _log_cdf(-self._standardized(x))

    def icdf(self, x: Any) -> Variable:
        # Each logarithm is precise in its tail.
        z = where(x < 0.5, log(minimum(x, 0.5) * 2), -log(2 - maximum(x, 0.5) * 2))
        return self.loc + self.scale * z


def _cdf(z: Variable) -> Variable:
    return where(z < 0, exp(minimum(z, 0)) * 0.5, 1 - exp(-maximum(z, 0)) * 0.5)


def _log_cdf(z: Variable) -> Variable:
    return where(z < 0, z - math.log(2), log1p(exp(-maximum(z, 0)) * -0.5))


@register_kl(Laplace, Laplace)
def _kl_laplace_laplace(p: Laplace, q: Laplace) -> Variable:
    distance = abs(p.loc - q.loc)
    return q.log_scale - p.log_scale + (p.scale * exp(-distance / p.scale) + distance) / q.scale - 1
