"""Stacked recurrent layers over whole sequences of any lengths."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from autograd_nn import variable
from autograd_nn.functions.array.joining import concat, split_axis
from autograd_nn.functions.array.rearrangement import permutate
from autograd_nn.functions.rnn.n_step import FunctionMaker, check_states, run_stacked_layers
from autograd_nn.functions.rnn.recurrent_sequences import GRUSequence, LSTMSequence, RNNSequence, packing
from autograd_nn.initializers import get_initializer
from autograd_nn.link import ChainList, Link
from autograd_nn.types import ArrayLike, DTypeLike, InitializerLike
from autograd_nn.variable import Variable, as_variable


class NStepRNNBase(ChainList):
    """Base class of stacked recurrent layers; its children have the weights of one layer in one direction each.

    Args:
        n_layers: The number of layers.
        in_size: The number of features of each step.
        out_size: The number of units of each layer.
        dropout: The ratio of the dropout between layers, in training.
        initialW: Initial weights (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial biases; 0 by default.

    Attributes:
        n_layers: As given.
        out_size: As given.
        dropout: As given.
        direction: The number of directions, 1 or 2.
        n_cells: The number of states, 1 or 2.
        n_weights: The number of weights, and of biases, of a layer in one direction.
    """

    n_weights: ClassVar[int] = 2
    n_cells: ClassVar[int] = 1
    use_bi_direction: ClassVar[bool] = False
    layer: FunctionMaker

    def __init__(self, n_layers: int, in_size: int, out_size: int, dropout: float, *, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None) -> None:
        super().__init__()
        self.n_layers = n_layers
        self.out_size = out_size
        self.dropout = dropout
        self.direction = 2 if self.use_bi_direction else 1
        init_W, init_b = get_initializer(initialW), get_initializer(0 if initial_bias is None else initial_bias)
        for k in range(n_layers * self.direction):
            child = Link()
            from_below = in_size if k < self.direction else out_size * self.direction
            with child.init_scope():
                for j in range(self.n_weights):
                    shape = out_size, from_below if j < self.n_weights // 2 else out_size
                    setattr(child, f'w{j}', variable.Parameter(init_W, shape))
                    setattr(child, f'b{j}', variable.Parameter(init_b, out_size))
            self.append(child)

    @property
    def in_size(self) -> int:
        """The number of features of each step."""
        return self[0].w0.shape[1]

    @property
    def ws(self) -> list[list[variable.Parameter]]:
        """The weights of each layer and direction, as `functions.n_step_lstm` and the like take them."""
        return [[getattr(child, f'w{j}') for j in range(self.n_weights)] for child in self]

    @property
    def bs(self) -> list[list[variable.Parameter]]:
        """The biases of each layer and direction."""
        return [[getattr(child, f'b{j}') for j in range(self.n_weights)] for child in self]

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('n_layers', self.n_layers), ('in_size', self.in_size), ('out_size', self.out_size),
                ('dropout', self.dropout)]

    def _printable_children(self) -> Iterable[str]:
        return ()

    def init_hx(self, xs: Sequence[ArrayLike]) -> Variable:
        """A state of zeros.

        Args:
            xs: The sequences.

        Returns:
            A Variable of shape (n_layers * directions, number of sequences, out_size).
        """
        return self._zeros(len(xs), xs[0].dtype)

    def _zeros(self, n_sequences: int, dtype: DTypeLike) -> Variable:
        shape = self.n_layers * self.direction, n_sequences, self.out_size
        return Variable(self.xp.zeros(shape, dtype), requires_grad=False)

    def forward_packed(self, states: Sequence[ArrayLike | None], x: ArrayLike,
                       batch_sizes: tuple[int, ...]) -> tuple[list[Variable], Variable]:
        """Applies the layers to sequences that are packed already: the steps of all of them one after the other.

        Where all sequences have the same length, that is what a reshape of steps of shape (T, B, I) to (T * B, I)
        gives; it takes no rearrangement at all.

        Args:
            states: The initial states (`n_cells` of them), each of shape (n_layers * directions, B, out_size) or None
                for zeros.
            x: The steps: Variable or array of shape (M, I). Those of step t are ``batch_sizes[t]`` rows, of the first
                so many sequences.
            batch_sizes: The number of sequences that take part in each step, falling or equal, M in all.

        Returns:
            The last states, and the outputs of the last layer for all steps, of shape (M, directions * out_size).

        Raises:
            ValueError: The shapes do not fit.
        """
        x = as_variable(x)
        name = type(self).__name__
        if x.shape != (sum(batch_sizes), self.in_size):
            raise ValueError(f'{name}: expected x of shape ({sum(batch_sizes)}, {self.in_size}), got {x.shape}')
        first = batch_sizes[0] if batch_sizes else 0
        full = [self._zeros(first, x.dtype) if state is None else as_variable(state) for state in states]
        check_states(name, dict(zip(('hx', 'cx'), full)), self.n_layers * self.direction, first,
                     self.out_size)
        return run_stacked_layers(self.layer, self.dropout, full, self.ws, self.bs, x, batch_sizes, self.direction)

    def _apply(self, states: Sequence[ArrayLike | None],
               xs: Sequence[ArrayLike]) -> tuple[list[Variable], list[Variable]]:
        """Packs sequences of any lengths in any order, applies the layers, and puts everything back in order."""
        name = type(self).__name__
        if not isinstance(xs, (list, tuple)) or not xs:
            raise ValueError(f'{name}: expected a list of at least one sequence as xs, got '
                             f'{"none" if isinstance(xs, (list, tuple)) else type(xs).__name__}')
        xs = [as_variable(x) for x in xs]
        if any(x.ndim != 2 or x.shape[1] != self.in_size for x in xs):
            raise ValueError(f'{name}: expected sequences of shape (length, {self.in_size}) as xs, got '
                             + ', '.join([str(x.shape) for x in xs]))
        full = [self.init_hx(xs) if state is None else as_variable(state) for state in states]
        check_states(name, dict(zip(('hx', 'cx'), full)), self.n_layers * self.direction, len(xs),
                     self.out_size, exactly=True)
        lengths = [len(x) for x in xs]
        order, rows, batch_sizes = packing(lengths)
        order, rows = self.device.send(order), self.device.send(rows)
        last, y = self.forward_packed([permutate(state, order, axis=1) for state in full],
                                      permutate(concat(xs, axis=0), rows), batch_sizes)
        ys = split_axis(permutate(y, rows, inv=True), np.cumsum(lengths)[:-1], axis=0)
        return [permutate(state, order, axis=1, inv=True) for state in last], list(ys)

    def forward(self, hx: ArrayLike | None, xs: Sequence[ArrayLike]) -> tuple[Variable, list[Variable]]:
        """Applies the layers.

        Args:
            hx: The initial states of all layers and directions, of shape (n_layers * directions, B, out_size); None for
                zeros.
            xs: A list of B sequences: Variables or arrays of shape (length, in_size), each with its own length.

        Returns:
            The last states, of the shape of `hx`, and a list of the outputs of the last layer, of shape (length,
            directions * out_size) for each sequence.

        Raises:
            ValueError: The shapes do not fit.
        """
        (hy,), ys = self._apply([hx], xs)
        return hy, ys


class NStepLSTMBase(NStepRNNBase):
    """Base class of stacked LSTM layers, which have cells besides their outputs (see `NStepRNNBase`)."""

    n_weights = 8
    n_cells = 2
    layer = LSTMSequence

    def forward(self, hx: ArrayLike | None, cx: ArrayLike | None,  # type: ignore[override]
                xs: Sequence[ArrayLike]) -> tuple[Variable, Variable, list[Variable]]:
        """Applies the layers.

        Args:
            hx: The initial outputs of all layers and directions, of shape (n_layers * directions, B, out_size); None
                for zeros.
            cx: The initial cells, of the same shape; None for zeros.
            xs: A list of B sequences: Variables or arrays of shape (length, in_size), each with its own length.

        Returns:
            The last outputs and the last cells, of the shape of `hx`, and a list of the outputs of the last layer, of
            shape (length, directions * out_size) for each sequence.

        Raises:
            ValueError: The shapes do not fit.
        """
        (hy, cy), ys = self._apply([hx, cx], xs)
        return hy, cy, ys


class NStepLSTM(NStepLSTMBase):
    """Stacked layers of long short-term memory units over sequences of any lengths (see `functions.n_step_lstm`).

    Args:
        n_layers: The number of layers.
        in_size: The number of features of each step.
        out_size: The number of units of each layer.
        dropout: The ratio of the dropout between layers, in training.
        initialW: Initial weights (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial biases; 0 by default.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> lstm = L.NStepLSTM(2, 4, 3, dropout=0.5)
        >>> xs = [np.ones((length, 4), 'f') for length in (5, 2, 7)]
        >>> hy, cy, ys = lstm(None, None, xs)
        >>> hy.shape, [y.shape for y in ys]
        ((2, 3, 3), [(5, 3), (2, 3), (7, 3)])
        >>> [path for path, _ in lstm.namedparams()][:3]
        ['/0/w0', '/0/b0', '/0/w1']
    """


class NStepBiLSTM(NStepLSTMBase):
    """Stacked layers of long short-term memory units over sequences of any lengths, in both directions.

    See `functions.n_step_bilstm`.

    Args:
        n_layers: The number of layers.
        in_size: The number of features of each step.
        out_size: The number of units of each layer in each direction.
        dropout: The ratio of the dropout between layers, in training.
        initialW: Initial weights (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial biases; 0 by default.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> hy, cy, ys = L.NStepBiLSTM(2, 4, 3, dropout=0.5)(None, None, [np.ones((5, 4), 'f')])
        >>> hy.shape, ys[0].shape
        ((4, 1, 3), (5, 6))
    """

    use_bi_direction = True


class NStepGRU(NStepRNNBase):
    """Stacked layers of gated recurrent units over sequences of any lengths (see `functions.n_step_gru`).

    Args:
        n_layers: The number of layers.
        in_size: The number of features of each step.
        out_size: The number of units of each layer.
        dropout: The ratio of the dropout between layers, in training.
        initialW: Initial weights (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial biases; 0 by default.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> hy, ys = L.NStepGRU(2, 4, 3, dropout=0.5)(None, [np.ones((n, 4), 'f') for n in (5, 2)])
        >>> hy.shape, [y.shape for y in ys]
        ((2, 2, 3), [(5, 3), (2, 3)])
    """

    n_weights = 6
    layer = GRUSequence


class NStepBiGRU(NStepGRU):
    """Stacked layers of gated recurrent units over sequences of any lengths, in both directions.

    See `functions.n_step_bigru`; the arguments are those of `NStepGRU`.
    """

    use_bi_direction = True


class NStepRNNTanh(NStepRNNBase):
    """Stacked layers of plain recurrent units with hyperbolic tangents over sequences of any lengths.

    See `functions.n_step_rnn`; the arguments are those of `NStepGRU`.
    """

    layer = staticmethod(partial(RNNSequence, activation='tanh'))


class NStepRNNReLU(NStepRNNBase):
    """Stacked layers of plain recurrent units with rectifiers over sequences of any lengths.

    See `functions.n_step_rnn`; the arguments are those of `NStepGRU`.
    """

    layer = staticmethod(partial(RNNSequence, activation='relu'))


class NStepBiRNNTanh(NStepRNNTanh):
    """Stacked layers of plain recurrent units with hyperbolic tangents over sequences, in both directions.

    See `functions.n_step_birnn`; the arguments are those of `NStepGRU`.
    """

    use_bi_direction = True


class NStepBiRNNReLU(NStepRNNReLU):
    """Stacked layers of plain recurrent units with rectifiers over sequences, in both directions.

    See `functions.n_step_birnn`; the arguments are those of `NStepGRU`.
    """

    use_bi_direction = True
