"""The uniform distribution."""
from __future__ import annotations

import math
from typing import Any

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, one_of
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.math.clipping import clip
from autograd_nn.functions.math.exponential import log
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Uniform(Parametric):
    """The uniform distribution: all numbers of an interval are equally likely.

    Args:
        low: Variable or array of the lower ends, floating-point.
        high: Variable or array of the upper ends, of a shape that broadcasts.
        loc: The lower ends, where lengths are given instead of upper ends.
        scale: The lengths.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast, or neither `low` and `high` nor `loc` and `scale` are given, or more.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Uniform(low=np.zeros(2), high=np.array([1., 4.])).prob(0.5)
        variable([1.  , 0.25])
    """

    support = '[low, high]'

    def __init__(self, *, low: ArrayLike | None = None, high: ArrayLike | None = None, loc: ArrayLike | None = None,
                 scale: ArrayLike | None = None) -> None:
        one_of('Uniform', ('low', 'high'), ('loc', 'scale'), low=low, high=high, loc=loc, scale=scale)
        self.low, self._high, self._scale = self._parameters(low=loc if low is None else low, high=high, scale=scale)

    @property
    def params(self) -> dict[str, Variable]:
        return ({'low': self.low, 'high': self._high} if self._scale is None else
                {'loc': self.low, 'scale': self._scale})

    @property
    def loc(self) -> Variable:
        """The lower ends."""
        return self.low

    @property
    def high(self) -> Variable:
        """The upper ends."""
        return self.low + self._scale if self._high is None else self._high

    @property
    def scale(self) -> Variable:
        """The lengths of the intervals."""
        return self._high - self.low if self._scale is None else self._scale

    @property
    def mean(self) -> Variable:
        return self.low + self.scale * 0.5

    @property
    def stddev(self) -> Variable:
        return self.scale * (1 / math.sqrt(12))

    @property
    def variance(self) -> Variable:
        return self.scale ** 2 * (1 / 12)

    @property
    def entropy(self) -> Variable:
        return log(self.scale)

    def log_prob(self, x: Any) -> Variable:
        return where((self.low <= x) * (x <= self.high), -log(self.scale), -math.inf)

    def cdf(self, x: Any) -> Variable:
        return clip((x - self.low) / self.scale, 0, 1)

    def icdf(self, x: Any) -> Variable:
        return self.low + self.scale * x

    def sample_n(self, n: int) -> Variable:
        return self.icdf(self._noise('random_sample', n))


@register_kl(Uniform, Uniform)
def _kl_uniform_uniform(p: Uniform, q: Uniform) -> Variable:
    return where((q.low <= p.low) * (p.high <= q.high), log(q.scale / p.scale), math.inf)
