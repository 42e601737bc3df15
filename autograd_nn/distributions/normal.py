"""The normal distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.location_scale import LocationScale
from autograd_nn.distributions.parametric import one_of
from autograd_nn.functions.math.error_function import log_ndtr, ndtr, ndtri
from autograd_nn.functions.math.exponential import exp, log
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Normal(LocationScale):
    """The normal distribution, with the density ``exp(-((x - loc) / scale)² / 2) / (scale √(2π))``.

    Args:
        loc: Variable or array of the means, floating-point.
        scale: Variable or array of the standard deviations, positive, of a shape that broadcasts.
        log_scale: Their logarithms instead.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast, or both or none of `scale` and `log_scale` are given.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Normal(np.zeros(2), np.ones(2)).cdf(np.array([0., 1.96]))
        variable([0.5      , 0.9750021])
    """

    generator = 'standard_normal'

    def __init__(self, loc: ArrayLike, scale: ArrayLike | None = None, *, log_scale: ArrayLike | None = None) -> None:
        one_of('Normal', scale=scale, log_scale=log_scale)
        self.loc, self._scale, self._log_scale = self._parameters(loc=loc, scale=scale, log_scale=log_scale)

    @property
    def scale(self) -> Variable:
        return exp(self._log_scale) if self._scale is None else self._scale

    @property
    def log_scale(self) -> Variable:
        return log(self._scale) if self._log_scale is None else self._log_scale

    @property
    def stddev(self) -> Variable:
        return self.scale

    @property
    def variance(self) -> Variable:
        return self.scale ** 2

    @property
    def entropy(self) -> Variable:
        return self.log_scale + (0.5 + HALF_LOG_2PI)

    def _log_density(self, z: Variable) -> Variable:
        return z * z * -0.5 - HALF_LOG_2PI

    def cdf(self, x: Any) -> Variable:
        return ndtr(self._standardized(x))

    def log_cdf(self, x: Any) -> Variable:
        return log_ndtr(self._standardized(x))

    def survival_function(self, x: Any) -> Variable:
        return ndtr(-self._standardized(x))

    def log_survival_function(self, x: Any) -> Variable:
        return log_ndtr(-self._standardized(x))

    def icdf(self, x: Any) -> Variable:
        return self.loc + self.scale * ndtri(x)


@register_kl(Normal, Normal)
def _kl_normal_normal(p: Normal, q: Normal) -> Variable:
    return q.log_scale - p.log_scale + ((p.scale / q.scale) ** 2 + ((p.loc - q.loc) / q.scale) ** 2) * 0.5 - 0.5
