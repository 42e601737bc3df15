"""Layers of long short-term memory units that join the branches of a tree."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn.functions.array.joining import concat, split_axis
from autograd_nn.functions.rnn.recurrent_cells import tree_lstm
from autograd_nn.link import Chain
from autograd_nn.links.connection.fully_connected import Linear
from autograd_nn.links.rnn.stateful import zero_state
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


class TreeLSTMBase(Chain):
    """What the tree LSTMs have in common: their arguments."""

    in_size: int
    state_size: int

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.in_size), ('out_size', self.state_size)]

    def _arguments(self, cshsx: tuple[Any, ...]) -> tuple[list[Variable], list[Variable | None], Variable]:
        """The cells (zeros where there are none), outputs and input of a call."""
        n = len(cshsx) // 2
        known = [as_variable(v) for v in cshsx if v is not None]
        if len(cshsx) % 2 == 0 or not known:
            raise ValueError(f'{type(self).__name__}: expected the cells of the branches, as many outputs, and the '
                             f'input, not all of them None, got {len(cshsx)} arguments')
        *_, x = [None if v is None else as_variable(v) for v in cshsx]
        if x is None:
            x = zero_state(known[0], self.in_size)
        cells = [zero_state(x, self.state_size) if c is None else as_variable(c) for c in cshsx[:n]]
        return cells, [None if h is None else as_variable(h) for h in cshsx[n:-1]], x


class ChildSumTreeLSTM(TreeLSTMBase):
    """Long short-term memory units that join any number of branches, whose order does not matter.

    Input and gates see the sum of the branches' outputs; each branch has a forget gate that sees its own.

    Tai et al., Improved Semantic Representations From Tree-Structured Long Short-Term Memory Networks (2015), section
    3.1, https://arxiv.org/abs/1503.00075.

    Args:
        in_size: The number of features of a sample.
        out_size: The number of units.

    Attributes:
        W_x: The `Linear` layer from the input to a, i, o and f (see `functions.tree_lstm`).
        W_h_aio: The `Linear` layer from the sum of outputs to a, i and o, without bias.
        W_h_f: The `Linear` layer from the output of a branch to its forget gate, without bias.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer, x = L.ChildSumTreeLSTM(3, 2), np.ones((5, 3), 'f')
        >>> c1, h1 = layer(x)                       # two leaves
        >>> c2, h2 = layer(2 * x)
        >>> c, h = layer(c1, c2, h1, h2, x)         # what joins them
        >>> h.shape
        (5, 2)
    """

    def __init__(self, in_size: int, out_size: int) -> None:
        super().__init__()
        self.in_size = in_size
        self.state_size = out_size
        with self.init_scope():
            self.W_x = Linear(in_size, 4 * out_size)
            self.W_h_aio = Linear(out_size, 3 * out_size, nobias=True)
            self.W_h_f = Linear(out_size, out_size, nobias=True)

    def forward(self, *cshsx: ArrayLike) -> tuple[Variable, Variable]:
        """Joins branches.

        Args:
            cshsx: The cells of each branch, of shape (N, out_size), the outputs of each branch, of the same shape, and
                the input of shape (N, in_size). None stands for zeros.

        Returns:
            The cells and the outputs.

        Raises:
            ValueError: The number of arguments is even, or all are None.
        """
        cells, hs, x = self._arguments(cshsx)
        aio, f = split_axis(self.W_x(x), [3 * self.state_size], axis=1)
        outputs = [h for h in hs if h is not None]
        if outputs:
            aio = aio + self.W_h_aio(sum(outputs[1:], outputs[0]))
        forget = [f if h is None else f + self.W_h_f(h) for h in hs]
        if not cells:
            # A leaf is a branch of its own that has nothing to remember.
            cells, forget = [zero_state(x, self.state_size)], [f]
        return tree_lstm(*cells, concat([aio, *forget], axis=1))


class NaryTreeLSTM(TreeLSTMBase):
    """Long short-term memory units that join a fixed number of branches, each with weights of its own.

    Tai et al., Improved Semantic Representations From Tree-Structured Long Short-Term Memory Networks (2015), section
    3.2, https://arxiv.org/abs/1503.00075; every forget gate has weights from the input of its own, as in Bowman et al.,
    A Fast Unified Model for Parsing and Sentence Understanding (2016), https://arxiv.org/abs/1603.06021.

    Args:
        in_size: The number of features of a sample.
        out_size: The number of units.
        n_ary: The number of branches.

    Attributes:
        W_x: The `Linear` layer from the input to a, i, o and all f (see `functions.tree_lstm`).
        W_h1: The `Linear` layer from the output of the first branch to them, without bias; ``W_h2`` and so on are like
            it.

    Raises:
        ValueError: `n_ary` is not positive.
    """

    def __init__(self, in_size: int, out_size: int, n_ary: int = 2) -> None:
        super().__init__()
        if n_ary < 1:
            raise ValueError(f'NaryTreeLSTM: expected a positive n_ary, got {n_ary}')
        self.in_size = in_size
        self.state_size = out_size
        self.n_ary = n_ary
        with self.init_scope():
            self.W_x = Linear(in_size, (3 + n_ary) * out_size)
            for k in range(1, n_ary + 1):
                setattr(self, f'W_h{k}', Linear(out_size, (3 + n_ary) * out_size, nobias=True))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [*super().printable_specs, ('n_ary', self.n_ary)]

    def forward(self, *cshsx: ArrayLike) -> tuple[Variable, Variable]:
        """Joins branches.

        Args:
            cshsx: The cells of each branch, of shape (N, out_size), the outputs of each branch, of the same shape, and
                the input of shape (N, in_size). None stands for zeros.

        Returns:
            The cells and the outputs.

        Raises:
            ValueError: There are not ``2 n_ary + 1`` arguments, or all are None.
        """
        if len(cshsx) != 2 * self.n_ary + 1:
            raise ValueError(f'NaryTreeLSTM: expected {2 * self.n_ary + 1} arguments, got {len(cshsx)}')
        cells, hs, x = self._arguments(cshsx)
        sums = self.W_x(x)
        for k, h in enumerate(hs, 1):
            if h is not None:
                sums = sums + self[f'W_h{k}'](h)
        return tree_lstm(*cells, sums)
