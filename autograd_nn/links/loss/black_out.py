"""The layer of BlackOut."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from autograd_nn import variable
from autograd_nn.functions.loss.black_out import black_out
from autograd_nn.initializers import get_initializer
from autograd_nn.links.loss.sampled import SamplingLink
from autograd_nn.links.loss.walker_alias import WalkerAlias
from autograd_nn.types import ArrayLike, BareArray
from autograd_nn.variable import Variable


class BlackOut(SamplingLink):
    """The loss of labels among a few others, which are drawn as often as they occur (see `functions.black_out`).

    Args:
        in_size: The length D of input vectors.
        counts: How often each of the V labels occurs.
        sample_size: How many labels are drawn for each vector.

    Attributes:
        W: The weights of all labels, of shape (V, D), by `LeCunNormal`.
        sampler: The `utils.WalkerAlias` that draws.
        sample_size: As given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.BlackOut(3, [10, 5, 1, 1], 2)(np.ones((6, 3), 'f'), np.zeros(6, 'i')).shape
        ()
    """

    def __init__(self, in_size: int, counts: Sequence[float] | BareArray, sample_size: int) -> None:
        super().__init__()
        self.sampler = WalkerAlias(counts)
        self.sample_size = sample_size
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(None), (len(counts), in_size))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.W.shape[1]), ('labels', self.W.shape[0]), ('sample_size', self.sample_size)]

    def forward(self, x: ArrayLike, t: ArrayLike) -> Variable:
        """The mean loss.

        Args:
            x: Vectors of shape (N, in_size), floating-point.
            t: Labels, integers of shape (N,).
        """
        return black_out(x, t, self.W, self.sampler.sample((len(x), self.sample_size)))
