"""Probability distributions: what they have in common, and how far one is from another."""
from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from autograd_nn.backend import get_array_module
from autograd_nn.functions.math.exponential import exp, log, sqrt
from autograd_nn.functions.single_precision import half_type, rounded, widened
from autograd_nn.types import Operand, Shape
from autograd_nn.variable import Variable

Compute = TypeVar('Compute', bound=Callable[..., Any])


class Distribution:
    """A probability distribution, or a batch of independent ones of the same kind.

    What is drawn from one distribution is an *event*: a number, or an array of numbers that depend on each other. Each
    distribution of the *batch* gives one event, and each *sample* such a batch of them, so that arrays of events have
    the shape ``sample_shape + batch_shape + event_shape``. Densities and the like have the shape
    ``sample_shape + batch_shape``.

    A subclass defines `batch_shape`, `event_shape`, `params`, `sample_n` and `log_prob`, and what else it can; this
    class derives what follows from that. What a distribution does not have raises `NotImplementedError`.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> normal = ann.distributions.Normal(loc=np.zeros((4, 3)), scale=np.ones((4, 3)))
        >>> normal.batch_shape, normal.event_shape
        ((4, 3), ())
        >>> x = normal.sample((6, 5))
        >>> x.shape, normal.log_prob(x).shape
        ((6, 5, 4, 3), (6, 5, 4, 3))
    """

    def _missing(self, name: str) -> NotImplementedError:
        return NotImplementedError(f'{type(self).__name__} has no {name}')

    # --- shapes and parameters

    @property
    def batch_shape(self) -> Shape:
        """The shape of the batch of distributions."""
        raise self._missing('batch_shape')

    @property
    def event_shape(self) -> Shape:
        """The shape of an event; ``()`` where that is a number."""
        raise self._missing('event_shape')

    @property
    def params(self) -> dict[str, Variable]:
        """The parameters by name."""
        raise self._missing('params')

    @property
    def support(self) -> str:
        """The numbers that can be drawn, in words."""
        raise self._missing('support')

    @property
    def xp(self) -> Any:
        """The array module of the parameters: ``numpy`` or ``cupy``."""
        return get_array_module(*self.params.values())

    # --- moments and the like, of the shape batch_shape + event_shape

    @property
    def mean(self) -> Variable:
        """The mean."""
        raise self._missing('mean')

    @property
    def variance(self) -> Variable:
        """The variance, of each number of an event by itself."""
        raise self._missing('variance')

    @property
    def stddev(self) -> Variable:
        """The standard deviation: the square root of the variance."""
        return sqrt(self.variance)

    @property
    def covariance(self) -> Variable:
        """The covariances of the D numbers of an event, of shape (*batch_shape, D, D)."""
        raise self._missing('covariance')

    @property
    def mode(self) -> Variable:
        """The event of the highest probability or density; NaN where there is not one of them."""
        raise self._missing('mode')

    @property
    def entropy(self) -> Variable:
        """The entropy in nats, of the shape `batch_shape`."""
        raise self._missing('entropy')

    # --- functions of events, an array of which has the shape sample_shape + batch_shape + event_shape

    def prob(self, x: Operand) -> Variable:
        """The probability of events, or its density.

        Args:
            x: Variable, array or number.
        """
        return exp(self.log_prob(x))

    def log_prob(self, x: Operand) -> Variable:
        """The logarithm of the probability of events, or of its density; minus infinity out of the support.

        Args:
            x: Variable, array or number.
        """
        raise self._missing('log_prob')

    def cdf(self, x: Operand) -> Variable:
        """The probability of drawing at most `x`.

        Args:
            x: Variable, array or number.
        """
        raise self._missing('cdf')

    def icdf(self, x: Operand) -> Variable:
        """The quantile: the number at which `cdf` is `x`.

        Args:
            x: Variable, array or number: probabilities.
        """
        raise self._missing('icdf')

    def log_cdf(self, x: Operand) -> Variable:
        """The logarithm of `cdf`.

        Args:
            x: Variable, array or number.
        """
        return log(self.cdf(x))

    def survival_function(self, x: Operand) -> Variable:
        """The probability of drawing more than `x`.

        Args:
            x: Variable, array or number.
        """
        return 1 - self.cdf(x)

    def log_survival_function(self, x: Operand) -> Variable:
        """The logarithm of `survival_function`.

        Args:
            x: Variable, array or number.
        """
        return log(self.survival_function(x))

    def perplexity(self, x: Operand) -> Variable:
        """One over the probability of events, or over its density: among how many a guess would be as good.

        Args:
            x: Variable, array or number.
        """
        return exp(-self.log_prob(x))

    # --- drawing

    def sample(self, sample_shape: int | Sequence[int] = ()) -> Variable:
        """Draws events.

        Where it can be, what is drawn is a differentiable function of the parameters and of random numbers that do not
        depend on them (the reparametrization trick).

        Args:
            sample_shape: How many batches of events: an integer, or the shape of an array of them.

        Returns:
            Variable of shape ``sample_shape + batch_shape + event_shape``.
        """
        shape = tuple(sample_shape) if isinstance(sample_shape, Sequence) else (sample_shape,)
        return self.sample_n(math.prod(shape)).reshape(shape + self.batch_shape + self.event_shape)

    def sample_n(self, n: int) -> Variable:
        """Draws events; what a subclass defines for `sample`.

        Args:
            n: How many batches of them.

        Returns:
            Variable of shape ``(n, *batch_shape, *event_shape)``.
        """
        raise self._missing('sample_n')


def of_distributions(function: Compute) -> Compute:
    """Decorator: a function of distributions, and of other things, computes in float32 if all is in half precision.

    It is given the distributions with parameters in float32; its results are rounded once.
    """
    @wraps(function)
    def call(*args: Any) -> Any:
        dtype = half_type([x for arg in args for x in (vars(arg).values() if isinstance(arg, Distribution) else [arg])])
        if dtype is None:
            return function(*args)
        return rounded(function(*[_wide(arg) if isinstance(arg, Distribution) else widened(arg)[0] for arg in args]),
                       dtype)

    return call  # type: ignore[return-value]


def _wide(distribution: Distribution) -> Distribution:
    """The same distribution with its parameters in float32."""
    twin = copy.copy(distribution)
    vars(twin).update(zip(vars(twin), widened(*vars(twin).values())))
    return twin


_DIVERGENCES: dict[tuple[type, type], Callable[[Any, Any], Variable]] = {}


def register_kl(Dist1: type[Distribution], Dist2: type[Distribution]) -> Callable[[Compute], Compute]:
    """Decorator: the function is what `kl_divergence` computes for two kinds of distributions.

    Args:
        Dist1: The class of the first distribution; its subclasses count as well.
        Dist2: The class of the second.

    Example:
        >>> import autograd_nn as ann, autograd_nn.functions as F
        >>> class Always(ann.Distribution):
        ...     def __init__(self, value):
        ...         self.value = value
        >>> @ann.register_kl(Always, ann.distributions.Normal)
        ... def divergence(always, normal):
        ...     return -normal.log_prob(always.value)
        >>> import numpy as np
        >>> ann.kl_divergence(Always(0.), ann.distributions.Normal(np.zeros(1), np.ones(1)))
        variable([0.91893853])
    """
    def register(function: Compute) -> Compute:
        _DIVERGENCES[Dist1, Dist2] = function
        return function

    return register


@of_distributions
def kl_divergence(dist1: Distribution, dist2: Distribution) -> Variable:
    """The divergence of Kullback and Leibler: the mean of ``log(p(x) / q(x))`` over what `dist1` draws.

    See S. Kullback and R. A. Leibler, On Information and Sufficiency, Annals of Mathematical Statistics 22 (1951).

    Args:
        dist1: The distribution p.
        dist2: The distribution q.

    Returns:
        Variable of the shape `batch_shape`, in nats.

    Raises:
        NotImplementedError: No function is registered for these kinds of distributions (see `register_kl`).

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> p = ann.distributions.Normal(np.array([1.]), np.array([1.]))
        >>> q = ann.distributions.Normal(np.array([0.]), np.array([1.]))
        >>> ann.kl_divergence(p, q)
        variable([0.5])
    """
    for first in type(dist1).__mro__:
        for second in type(dist2).__mro__:
            if (first, second) in _DIVERGENCES:
                return _DIVERGENCES[first, second](dist1, dist2)
    raise NotImplementedError(f'kl_divergence: none is registered from {type(dist1).__name__} to '
                              f'{type(dist2).__name__}; register_kl does that')


@of_distributions
def cross_entropy(dist1: Distribution, dist2: Distribution) -> Variable:
    """The mean of ``-log(q(x))`` over what `dist1` draws: its entropy and the divergence of `dist2` from it.

    Args:
        dist1: The distribution p.
        dist2: The distribution q.

    Returns:
        Variable of the shape `batch_shape`, in nats.

    Raises:
        NotImplementedError: No divergence is registered for these kinds of distributions (see `register_kl`).

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> p = ann.distributions.Bernoulli(np.array([0.5]))
        >>> q = ann.distributions.Bernoulli(np.array([0.25]))
        >>> ann.cross_entropy(p, q)
        variable([0.83698822])
    """
    return dist1.entropy + kl_divergence(dist1, dist2)
