"""The categorical distribution."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, one_of, xlogy
from autograd_nn.functions.activation.softmax import log_softmax, softmax
from autograd_nn.functions.array.indexing import get_item
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.array.shape import flatten
from autograd_nn.functions.checks import check_broadcast, check_indices
from autograd_nn.functions.math.exponential import log
from autograd_nn.functions.math.reduction import sum
from autograd_nn.types import ArrayLike, Shape
from autograd_nn.variable import Variable


class Categorical(Parametric):
    """The distribution of the numbers from 0 to K - 1.

    Args:
        p: Variable or array of their probabilities, of shape (..., K), floating-point.
        logit: The logarithms of the probabilities instead, but for a constant.

    Raises:
        TypeError: The parameter is not floating-point.
        ValueError: Both `p` and `logit` are given, or none; or the parameter has no axis.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Categorical(np.array([[0.1, 0.9], [0.5, 0.5]])).prob(np.array([1, 0]))
        variable([0.9, 0.5])
    """

    event_ndim = 1
    event_shape: Shape = ()

    def __init__(self, p: ArrayLike | None = None, *, logit: ArrayLike | None = None) -> None:
        one_of('Categorical', p=p, logit=logit)
        self._p, self._logit = self._parameters(p=p, logit=logit)

    @property
    def params(self) -> dict[str, Variable]:
        return {'p': self.p}

    @property
    def support(self) -> str:
        return f'{{0, ..., {self._shape[-1] - 1}}}'

    @property
    def p(self) -> Variable:
        """The probabilities."""
        return softmax(self._logit, -1) if self._p is None else self._p

    @property
    def log_p(self) -> Variable:
        """Their logarithms."""
        return log(self._p) if self._logit is None else log_softmax(self._logit, -1)

    @property
    def mode(self) -> Variable:
        return Variable(self.p.array.argmax(-1))

    @property
    def entropy(self) -> Variable:
        return -self.mean_log_prob(self.p)

    def mean_log_prob(self, weights: Variable) -> Variable:
        """The mean of the log-probabilities of the numbers, weighted; a weight of zero counts as nothing.

        Args:
            weights: Of shape (..., K): other probabilities, or one-hot vectors.
        """
        if self._logit is None:
            return sum(xlogy(weights, self._p), -1)
        return sum(weights * where((weights == 0) * (self.log_p == -math.inf), 0, self.log_p), -1)

    def log_prob(self, x: Any) -> Variable:
        n, xp = self._shape[-1], self.xp
        labels = x.array.astype(np.int64)
        check_indices('Categorical.log_prob', 'x', labels, n, f'p has the shape {self._shape}')
        rows = xp.arange(math.prod(self.batch_shape)).reshape(self.batch_shape)
        check_broadcast('Categorical.log_prob', x=labels, batch=rows)
        return get_item(flatten(self.log_p), rows * n + labels)

    def cdf(self, x: Any) -> Variable:
        numbers = self.xp.arange(self._shape[-1])
        return sum(where(numbers <= x.reshape((*x.shape, 1)), self.p, 0), -1)

    def sample_n(self, n: int) -> Variable:
        limits = self.p.array.astype(np.float64).cumsum(-1)
        limits /= limits[..., -1:]
        # Drawn for one distribution after the other, as Chainer does.
        place = self.xp.random.random_sample((math.prod(self.batch_shape), n)).T.reshape(n, *self.batch_shape, 1)
        return Variable((limits <= place).sum(-1))


@register_kl(Categorical, Categorical)
def _kl_categorical_categorical(p: Categorical, q: Categorical) -> Variable:
    return -p.entropy - q.mean_log_prob(p.p)
