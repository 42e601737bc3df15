"""The categorical distribution of one-hot vectors."""
from __future__ import annotations

from typing import Any

from autograd_nn.distribution import kl_divergence, register_kl
from autograd_nn.distributions.categorical import Categorical
from autograd_nn.distributions.parametric import Parametric, covariance_of_shares
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class OneHotCategorical(Parametric):
    """The distribution of the K vectors of one 1 and otherwise zeros.

    Args:
        p: Variable or array of their probabilities, of shape (..., K), floating-point.

    Raises:
        TypeError: `p` is not floating-point.
        ValueError: `p` has no axis.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.OneHotCategorical(np.array([0.1, 0.7, 0.2])).prob(np.array([0., 1., 0.]))
        variable(0.7)
    """

    event_ndim = 1
    support = '{0, 1}'

    def __init__(self, p: ArrayLike) -> None:
        self.p = self._parameters(p=p)

    @property
    def params(self) -> dict[str, Variable]:
        return {'p': self.p}

    @property
    def log_p(self) -> Variable:
        """The logarithms of the probabilities."""
        return self._categorical.log_p

    @property
    def _categorical(self) -> Categorical:
        return Categorical(self.p)

    @property
    def mean(self) -> Variable:
        return self.p

    @property
    def variance(self) -> Variable:
        return self.p * (1 - self.p)

    @property
    def covariance(self) -> Variable:
        return covariance_of_shares(self.p)

    @property
    def mode(self) -> Variable:
        return self._one_hot(self._categorical.mode)

    @property
    def entropy(self) -> Variable:
        return self._categorical.entropy

    def log_prob(self, x: Any) -> Variable:
        return self._categorical.mean_log_prob(x)

    def sample_n(self, n: int) -> Variable:
        return self._one_hot(self._categorical.sample_n(n))

    def _one_hot(self, labels: Variable) -> Variable:
        return Variable(self.xp.eye(self.event_shape[0], dtype=self.p.dtype)[labels.array])


@register_kl(OneHotCategorical, OneHotCategorical)
def _kl_one_hot_categorical_one_hot_categorical(p: OneHotCategorical, q: OneHotCategorical) -> Variable:
    return kl_divergence(p._categorical, q._categorical)
