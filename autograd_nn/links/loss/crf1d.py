"""The layer of linear-chain conditional random fields."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd_nn import variable
from autograd_nn.functions.array.indexing import get_item
from autograd_nn.functions.loss.crf1d import argmax_crf1d, crf1d
from autograd_nn.functions.rnn.recurrent_sequences import transpose_sequence
from autograd_nn.initializers import get_initializer
from autograd_nn.link import Link
from autograd_nn.types import ArrayLike, InitializerLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable


class CRF1d(Link):
    """A linear-chain conditional random field: a loss of sequences of labels (see `functions.crf1d`).

    Args:
        n_label: The number K of labels.
        initial_cost: Initial scores of transitions; 0 by default.

    Attributes:
        cost: The scores of transitions, of shape (K, K): row i and column j have that of label j after label i.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> crf = L.CRF1d(3)
        >>> scores, labels = [np.zeros((2, 3), 'f'), np.ones((4, 3), 'f')], [np.zeros(2, 'i'), np.zeros(4, 'i')]
        >>> bool(np.isclose(crf(scores, labels, transpose=True).array, 3 * np.log(3)))  # for 3 steps on average
        True
        >>> crf.argmax(scores, transpose=True)[1]
        [array([0, 0], dtype=int32), array([0, 0, 0, 0], dtype=int32)]
    """

    def __init__(self, n_label: int, initial_cost: InitializerLike = None) -> None:
        super().__init__()
        with self.init_scope():
            self.cost = variable.Parameter(get_initializer(0 if initial_cost is None else initial_cost),
                                           (n_label, n_label))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('n_label', len(self.cost))]

    def forward(self, xs: Sequence[ArrayLike], ys: Sequence[ArrayLike], reduce: str = 'mean',
                transpose: bool = False) -> Variable:
        """The negative log-likelihood.

        Args:
            xs: The scores of labels at each step, of shape (B, K), with the longest of B sequences first; with
                `transpose`, the scores of each sequence, of shape (length, K), in any order.
            ys: The labels of each step, integers of shape (B,); with `transpose`, those of each sequence.
            reduce: ``'mean'``, or ``'no'`` for the loss of each sequence.
            transpose: Whether `xs` and `ys` are sequences and not steps.

        Returns:
            A Variable of shape ``()``, or (B,) in the order of the sequences with ``reduce='no'``.

        Raises:
            ValueError: A sequence is empty, or as for `functions.crf1d`.
        """
        if not transpose:
            return crf1d(self.cost, xs, ys, reduce)
        order = _longest_first(xs)
        steps, labels = (transpose_sequence([each[i] for i in order]) for each in (xs, ys))
        loss = crf1d(self.cost, steps, labels, reduce)
        return loss if reduce == 'mean' else get_item(loss, np.argsort(order))

    def argmax(self, xs: Sequence[ArrayLike], transpose: bool = False) -> tuple[Variable, list[Any]]:
        """The labels with the highest scores.

        Args:
            xs: As for `forward`.
            transpose: Whether `xs` are sequences and not steps.

        Returns:
            A Variable with the score of each sequence, of shape (B,), and the labels of each step, or of each sequence
            with `transpose`: arrays of int32.
        """
        if not transpose:
            return argmax_crf1d(self.cost, xs)
        order = _longest_first(xs)
        score, steps = argmax_crf1d(self.cost, transpose_sequence([xs[i] for i in order]))
        paths = transpose_sequence(steps)
        place = np.argsort(order)
        return get_item(score, place), [paths[i].array for i in place]


def _longest_first(xs: Sequence[ArrayLike]) -> list[int]:
    """The order of sequences by their length; none may be empty, as it would have no place among the steps."""
    if not all(map(len, xs)):
        raise ShapeError('CRF1d: expected sequences of at least one step, got lengths '
                         f'{", ".join([str(len(x)) for x in xs])}')
    return sorted(range(len(xs)), key=lambda i: -len(xs[i]))
