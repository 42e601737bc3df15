"""The fully connected layer that drops connections."""
from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from autograd_nn import variable
from autograd_nn.functions.noise.simplified_dropconnect import simplified_dropconnect
from autograd_nn.initializers import get_initializer
from autograd_nn.link import Link
from autograd_nn.types import ArrayLike, InitializerLike
from autograd_nn.variable import Variable


class SimplifiedDropconnect(Link):
    """A fully connected layer that drops weights at random (see `functions.simplified_dropconnect`).

    Args:
        in_size: The number of features of a sample; None settles it in the first call.
        out_size: The number of outputs.
        ratio: The probability with which a weight is dropped, from 0 to less than 1.
        nobias: Leave `b` out.
        initialW: Initial weights (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.

    Attributes:
        W: Weights of shape (out_size, in_size).
        b: Bias of shape (out_size,), or None.
        ratio: As given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.SimplifiedDropconnect(None, 10)(np.zeros((5, 3, 2), 'f')).shape
        (5, 10)
    """

    def __init__(self, in_size: int | None, out_size: int, ratio: float = .5, nobias: bool = False,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None) -> None:
        super().__init__()
        self.out_size = out_size
        self.ratio = ratio
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(initialW))
            self.b = None if nobias else variable.Parameter(
                get_initializer(0 if initial_bias is None else initial_bias), out_size)
        if in_size is not None:
            self._initialize_params(in_size)

    def _initialize_params(self, in_size: int) -> None:
        self.W.initialize((self.out_size, in_size))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.W.shape[1] if self.W.is_initialized else None), ('out_size', self.out_size),
                ('ratio', self.ratio), ('nobias', self.b is None)]

    def forward(self, x: ArrayLike, train: bool = True, mask: ArrayLike | None = None,
                use_batchwise_mask: bool = True) -> Variable:
        """Applies the layer.

        Args:
            x: Input of shape (N, ...), floating-point.
            train: Whether to drop weights; ``config.train`` has no influence.
            mask: What to multiply the weights by, besides ``1 / (1 - ratio)``, instead of something random: an array of
                shape (out_size, in_size), or (N, out_size, in_size).
            use_batchwise_mask: Whether each sample has random weights of its own.

        Returns:
            Output of shape (N, out_size).
        """
        if not self.W.is_initialized:
            self._initialize_params(math.prod(x.shape[1:]))
        return simplified_dropconnect(x, self.W, self.b, self.ratio, train, mask, use_batchwise_mask)
