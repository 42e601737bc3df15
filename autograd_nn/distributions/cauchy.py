"""The Cauchy distribution."""
from __future__ import annotations

import math
import warnings
from typing import Any

from autograd_nn.distributions.location_scale import LocationScale
from autograd_nn.functions.math.exponential import log1p
from autograd_nn.functions.math.trigonometric import arctan2, tan
from autograd_nn.variable import Variable


class Cauchy(LocationScale):
    """The Cauchy distribution, with the density ``scale / (π ((x - loc)² + scale²))``.

    It has neither mean nor variance: both are NaN, with a warning.

    Args:
        loc: Variable or array of the medians, floating-point.
        scale: Variable or array of half the widths at half the height, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Cauchy(np.zeros(2), np.ones(2)).cdf(np.array([0., 1.]))
        variable([0.5 , 0.75])
    """

    generator = 'standard_cauchy'

    @property
    def mean(self) -> Variable:
        return self._undefined('mean')

    @property
    def variance(self) -> Variable:
        return self._undefined('variance')

    def _undefined(self, name: str) -> Variable:
        warnings.warn(f'Cauchy: the {name} of this distribution is undefined', RuntimeWarning, stacklevel=4)
        return Variable(self.xp.full_like(self.loc.array, math.nan))

    @property
    def entropy(self) -> Variable:
        return self.log_scale + math.log(4 * math.pi)

    def _log_density(self, z: Variable) -> Variable:
        return -log1p(z * z) - math.log(math.pi)

    def cdf(self, x: Any) -> Variable:
        return _cdf(self._standardized(x))

    def survival_function(self, x: Any) -> Variable:
        return _cdf(-self._standardized(x))

    def icdf(self, x: Any) -> Variable:
        return self.loc - self.scale / tan(x * math.pi)


def _cdf(z: Variable) -> Variable:
    # Precise far below zero, too, where the arc tangent would be -π / 2.
    return arctan2(1, -z) * (1 / math.pi)
