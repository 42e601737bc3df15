"""The layer of negative sampling."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd_nn import variable
from autograd_nn.functions.loss.negative_sampling import negative_sampling
from autograd_nn.initializers import get_initializer
from autograd_nn.links.loss.sampled import SamplingLink
from autograd_nn.links.loss.walker_alias import WalkerAlias
from autograd_nn.types import ArrayLike, BareArray, DTypeLike


class NegativeSampling(SamplingLink):
    """The loss of telling labels from others that are drawn by how often they occur (`functions.negative_sampling`).

    Args:
        in_size: The length D of input vectors.
        counts: How often each of the V labels occurs.
        sample_size: How many labels are drawn for each vector.
        power: The probability of a label is in proportion to its count to this power.
        dtype: The dtype of the weights; ``config.dtype`` by default.

    Attributes:
        W: The weights of all labels, of shape (V, D), zero in the beginning.
        sampler: The `utils.WalkerAlias` that draws.
        sample_size: As given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> loss = L.NegativeSampling(3, [10, 5, 1, 1], 2)
        >>> loss(np.ones((6, 3), 'f'), np.zeros(6, 'i'), reduce='no').shape
        (6,)
    """

    def __init__(self, in_size: int, counts: Sequence[float] | BareArray, sample_size: int, power: float = 0.75,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        self.sampler = WalkerAlias(np.array(counts, np.float64) ** power)
        self.sample_size = sample_size
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(0, dtype), (len(counts), in_size))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.W.shape[1]), ('labels', self.W.shape[0]), ('sample_size', self.sample_size)]

    def forward(self, x: ArrayLike, t: ArrayLike, reduce: str = 'sum', *, return_samples: bool = False) -> Any:
        """The loss.

        Args:
            x: Vectors of shape (N, in_size), floating-point.
            t: Labels, integers of shape (N,); a vector with label -1 has no loss.
            reduce: ``'sum'``, or ``'no'`` for the loss of each vector.
            return_samples: Whether to return the labels that were drawn, too.

        Returns:
            A Variable, and an array with `return_samples`, as of `functions.negative_sampling`.
        """
        return negative_sampling(x, t, self.W, self.sampler.sample, self.sample_size, reduce,
                                 return_samples=return_samples)
