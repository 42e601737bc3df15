"""Layers that look rows up."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn import variable
from autograd_nn.functions.connection.embedding import embed_id
from autograd_nn.initializers import Normal, get_initializer
from autograd_nn.link import Link
from autograd_nn.types import ArrayLike, InitializerLike
from autograd_nn.variable import Variable, as_array


class EmbedID(Link):
    """Looks up a vector for each number, such as that of a word.

    Args:
        in_size: The number of vectors.
        out_size: Their length.
        initialW: Initial vectors (see `initializers.get_initializer`); normally distributed with deviation 1 by
            default.
        ignore_label: The number whose vector is zero.

    Attributes:
        W: The vectors, of shape (in_size, out_size).
        ignore_label: As given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.EmbedID(3, 2, initialW=np.arange(6).reshape(3, 2))(np.array([2, 0]))
        variable([[4., 5.],
                  [0., 1.]], dtype=float32)
    """

    def __init__(self, in_size: int, out_size: int, initialW: InitializerLike = None,
                 ignore_label: int | None = None) -> None:
        super().__init__()
        self.ignore_label = ignore_label
        with self.init_scope():
            self.W = variable.Parameter(Normal(1.0) if initialW is None else get_initializer(initialW),
                                        (in_size, out_size))

    @classmethod
    def from_params(cls, W: ArrayLike, ignore_label: int | None = None) -> EmbedID:
        """A layer with given vectors.

        Args:
            W: Variable or array of shape (in_size, out_size), which is copied.
            ignore_label: The number whose vector is zero.
        """
        in_size, out_size = W.shape
        return cls(in_size, out_size, as_array(W), ignore_label)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        specs = [*zip(('in_size', 'out_size'), self.W.shape)]
        return specs if self.ignore_label is None else [*specs, ('ignore_label', self.ignore_label)]

    def forward(self, x: ArrayLike) -> Variable:
        """Looks vectors up.

        Args:
            x: Integers of any shape.

        Returns:
            Output of shape (*x.shape, out_size).
        """
        return embed_id(x, self.W, self.ignore_label)
