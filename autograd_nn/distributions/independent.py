"""Batches of distributions as distributions of arrays."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

from autograd_nn.distribution import Distribution, kl_divergence, register_kl
from autograd_nn.functions.math.reduction import prod, sum
from autograd_nn.types import Shape
from autograd_nn.variable import Variable


class Independent(Distribution):
    """Takes distributions of a batch as one, of an array of independent numbers or events.

    Args:
        distribution: The distribution.
        reinterpreted_batch_ndims: How many of the last axes of its batch belong to an event from now on; None stands
            for all but the first.

    Raises:
        ValueError: There are not so many axes.

    Attributes:
        distribution: The distribution.
        reinterpreted_batch_ndims: The number of axes.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> pixels = D.Independent(D.Normal(np.zeros((5, 28, 28)), np.ones((5, 28, 28))))
        >>> pixels.batch_shape, pixels.event_shape, pixels.log_prob(np.zeros((5, 28, 28))).shape
        ((5,), (28, 28), (5,))
    """

    def __init__(self, distribution: Distribution, reinterpreted_batch_ndims: int | None = None) -> None:
        ndim = len(distribution.batch_shape)
        if reinterpreted_batch_ndims is None:
            reinterpreted_batch_ndims = max(ndim - 1, 0)
        if not 0 <= reinterpreted_batch_ndims <= ndim:
            raise ValueError(f'Independent: reinterpreted_batch_ndims {reinterpreted_batch_ndims} is out of range for '
                             f'the batch_shape {distribution.batch_shape}')
        self.distribution = distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def _taken(self) -> Shape:
        """The axes of the batch that belong to an event."""
        return self.distribution.batch_shape[len(self.batch_shape):]

    @property
    def batch_shape(self) -> Shape:
        batch = self.distribution.batch_shape
        return batch[:len(batch) - self.reinterpreted_batch_ndims]

    @property
    def event_shape(self) -> Shape:
        return self._taken + self.distribution.event_shape

    @property
    def params(self) -> dict[str, Variable]:
        return self.distribution.params

    @property
    def support(self) -> str:
        return self.distribution.support

    @property
    def mean(self) -> Variable:
        return self.distribution.mean

    @property
    def mode(self) -> Variable:
        return self.distribution.mode

    @property
    def variance(self) -> Variable:
        return self.distribution.variance

    @property
    def stddev(self) -> Variable:
        return self.distribution.stddev

    @property
    def covariance(self) -> Variable:
        """The covariances of the D numbers of an event, of shape (*batch_shape, D, D).

        They are zero but for those within an event of the distribution that this one is made of.
        """
        base = self.distribution
        blocks, size = math.prod(self._taken), math.prod(base.event_shape)
        y = base.covariance if base.event_shape else base.variance
        on_diagonal = self.xp.eye(blocks, dtype=y.dtype).reshape(blocks, 1, blocks, 1)
        y = y.reshape((*self.batch_shape, blocks, size, 1, size)) * on_diagonal
        return y.reshape((*self.batch_shape, blocks * size, blocks * size))

    @property
    def entropy(self) -> Variable:
        return self._together(sum, self.distribution.entropy)

    def prob(self, x: Any) -> Variable:
        return self._together(prod, self.distribution.prob(x))

    def log_prob(self, x: Any) -> Variable:
        return self._together(sum, self.distribution.log_prob(x))

    def cdf(self, x: Any) -> Variable:
        """The probability of drawing no number above that of `x`."""
        return self._together(prod, self.distribution.cdf(x))

    def log_cdf(self, x: Any) -> Variable:
        return self._together(sum, self.distribution.log_cdf(x))

    def survival_function(self, x: Any) -> Variable:
        """The probability of drawing every number above that of `x`."""
        return self._together(prod, self.distribution.survival_function(x))

    def log_survival_function(self, x: Any) -> Variable:
        return self._together(sum, self.distribution.log_survival_function(x))

    def icdf(self, x: Any) -> NoReturn:
        """Raises RuntimeError: several numbers have no quantile."""
        raise RuntimeError('Independent: the cumulative distribution function of several numbers has no inverse')

    def perplexity(self, x: Any) -> Variable:
        return self._together(prod, self.distribution.perplexity(x))

    def sample_n(self, n: int) -> Variable:
        return self.distribution.sample_n(n)

    def _together(self, reduction: Callable[..., Variable], y: Variable) -> Any:
        return reduction(y, tuple(range(-self.reinterpreted_batch_ndims, 0)))


@register_kl(Independent, Independent)
def _kl_independent_independent(p: Independent, q: Independent) -> Variable:
    if p.event_shape != q.event_shape:
        raise ValueError(f'kl_divergence: the event_shapes {p.event_shape} and {q.event_shape} differ')
    if p.distribution.event_shape != q.distribution.event_shape:
        raise NotImplementedError('kl_divergence: what Independent distributions are made of must have one '
                                  f'event_shape, got {p.distribution.event_shape} and {q.distribution.event_shape}')
    return p._together(sum, kl_divergence(p.distribution, q.distribution))
