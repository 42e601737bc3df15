"""The Bernoulli distribution."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, one_of, xlog1py, xlogy
from autograd_nn.functions.activation.sigmoid import sigmoid
from autograd_nn.functions.activation.smooth_rectifier import softplus
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.math.exponential import log, log1p
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Bernoulli(Parametric):
    """The distribution of 0 and 1.

    Args:
        p: Variable or array of the probabilities of 1, floating-point.
        logit: ``log(p / (1 - p))`` instead.
        binary_check: Whether numbers that are neither 0 nor 1 have the probability zero. Otherwise their
            log-probability lies between those of 0 and 1, as a loss of grey pictures needs it.

    Raises:
        TypeError: The parameter is not floating-point.
        ValueError: Both `p` and `logit` are given, or none.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Bernoulli(np.array([0.5, 0.9])).prob(np.array([1, 0]))
        variable([0.5, 0.1])
    """

    support = '{0, 1}'

    def __init__(self, p: ArrayLike | None = None, logit: ArrayLike | None = None, binary_check: bool = False) -> None:
        one_of('Bernoulli', p=p, logit=logit)
        self._p, self._logit = self._parameters(p=p, logit=logit)
        self.binary_check = binary_check

    @property
    def params(self) -> dict[str, Variable]:
        return {'logit': self.logit}

    @property
    def p(self) -> Variable:
        """The probabilities of 1."""
        return sigmoid(self._logit) if self._p is None else self._p

    @property
    def logit(self) -> Variable:
        """The logarithms of p / (1 - p)."""
        return log(self._p) - log1p(-self._p) if self._logit is None else self._logit

    @property
    def mean(self) -> Variable:
        return self.p

    @property
    def variance(self) -> Variable:
        return self.p * (1 - self.p)

    @property
    def mode(self) -> Variable:
        return Variable((self.p.array > 0.5).astype(np.int64))

    @property
    def entropy(self) -> Variable:
        return -self._mean_log_prob(self.p)

    def _mean_log_prob(self, x: Variable) -> Variable:
        """The mean of the log-probabilities where 1 comes with the probability `x`."""
        if self._logit is None:
            return xlogy(x, self._p) + xlog1py(1 - x, -self._p)
        losses = [where((weight == 0) * (sign * self._logit == math.inf), 0, softplus(sign * self._logit))
                  for weight, sign in ((x, -1), (1 - x, 1))]
        return -(x * losses[0] + (1 - x) * losses[1])

    def log_prob(self, x: Any) -> Variable:
        y = self._mean_log_prob(x)
        return where((x == 0) + (x == 1), y, -math.inf) if self.binary_check else y

    def prob(self, x: Any) -> Variable:
        y = x * self.p + (1 - x) * (1 - self.p)
        return where((x == 0) + (x == 1), y, 0) if self.binary_check else y

    def cdf(self, x: Any) -> Variable:
        return where(x < 0, 0, where(x < 1, 1 - self.p, 1))

    def sample_n(self, n: int) -> Variable:
        return Variable((self._noise('random_sample', n) < self.p.array).astype(np.int64))


@register_kl(Bernoulli, Bernoulli)
def _kl_bernoulli_bernoulli(p: Bernoulli, q: Bernoulli) -> Variable:
    return -p.entropy - q._mean_log_prob(p.p)
