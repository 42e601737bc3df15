"""Distributions of ``loc + scale * z`` where z has one distribution, the standard one, whatever the parameters are."""
from __future__ import annotations

from typing import Any

from autograd_nn.distributions.parametric import Parametric
from autograd_nn.functions.math.exponential import log
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class LocationScale(Parametric):
    """A distribution with a location and a scale. A subclass says what the standard one is.

    Args:
        loc: Variable or array of the locations, floating-point.
        scale: Variable or array of the scales, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Attributes:
        generator: The function of ``numpy.random`` that draws from the standard distribution.
    """

    generator: str
    support = 'real'

    def __init__(self, loc: ArrayLike, scale: ArrayLike) -> None:
        self.loc, self.scale = self._parameters(loc=loc, scale=scale)

    @property
    def params(self) -> dict[str, Variable]:
        return {'loc': self.loc, 'scale': self.scale}

    @property
    def log_scale(self) -> Variable:
        return log(self.scale)

    @property
    def mean(self) -> Variable:
        return self.loc

    @property
    def mode(self) -> Variable:
        return self.loc

    def log_prob(self, x: Any) -> Variable:
        return self._log_density(self._standardized(x)) - self.log_scale

    def sample_n(self, n: int) -> Variable:
        return self.loc + self.scale * self._noise(self.generator, n)

    def _standardized(self, x: Variable) -> Variable:
        return (x - self.loc) / self.scale

    def _log_density(self, z: Variable) -> Variable:
        """The logarithm of the density of the standard distribution."""
        raise NotImplementedError
