"""Layers of long short-term memory units that take one step a call."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_nn.functions.activation.sigmoid import sigmoid, tanh
from autograd_nn.functions.array.joining import concat, split_axis
from autograd_nn.functions.noise.dropout import zoneout
from autograd_nn.functions.rnn.recurrent_cells import gates_of_units, lstm
from autograd_nn.initializers import get_initializer
from autograd_nn.link import Chain
from autograd_nn.links.connection.fully_connected import Linear
from autograd_nn.links.rnn.stateful import CellStateChain, zero_state
from autograd_nn.types import Array, ArrayLike, InitializerLike
from autograd_nn.variable import Variable


class InFourParts:
    """An initializer that fills the rows of a matrix in four parts, as the weights of LSTM layers are."""

    def __init__(self, initializer: InitializerLike) -> None:
        self.initializer = get_initializer(initializer)
        self.dtype = getattr(self.initializer, 'dtype', None)

    def __call__(self, array: Array) -> None:
        for part in np.split(array, 4):
            self.initializer(part)


class _GateBias:
    """An initializer for the biases of a, i, f and o of each unit in a row."""

    def __init__(self, bias: InitializerLike, forget_bias: InitializerLike) -> None:
        self.bias, self.forget_bias = get_initializer(bias), get_initializer(forget_bias)
        self.dtype = getattr(self.bias, 'dtype', None)

    def __call__(self, array: Array) -> None:
        for k, initializer in enumerate((self.bias, self.bias, self.forget_bias, self.bias)):
            part = np.empty(len(array) // 4, array.dtype)
            initializer(part)
            array[k::4] = part


class LSTMBase(Chain):
    """What `LSTM` and `StatelessLSTM` have in common: their connections."""

    def __init__(self, in_size: int | None, out_size: int | None = None, lateral_init: InitializerLike = None,
                 upward_init: InitializerLike = None, bias_init: InitializerLike = None,
                 forget_bias_init: InitializerLike = None) -> None:
        super().__init__()
        if out_size is None:
            in_size, out_size = None, in_size
        if out_size is None:
            raise TypeError(f'{type(self).__name__}: out_size is missing')
        self.state_size = out_size
        bias = _GateBias(0 if bias_init is None else bias_init, 1 if forget_bias_init is None else forget_bias_init)
        with self.init_scope():
            self.upward = Linear(in_size, 4 * out_size, initialW=InFourParts(upward_init), initial_bias=bias)
            self.lateral = Linear(out_size, 4 * out_size, nobias=True, initialW=InFourParts(lateral_init))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.upward.in_size), ('out_size', self.state_size)]


class StatelessLSTM(LSTMBase):
    """A layer of long short-term memory units for one step, which is given its state.

    Args:
        in_size: The number of features of a sample; None settles it in the first call. May be left out:
            ``StatelessLSTM(10)`` is ``StatelessLSTM(None, 10)``.
        out_size: The number of units.
        lateral_init: Initial weights of the lateral connections (see `initializers.get_initializer`), for each quarter
            of the rows; `LeCunNormal` by default.
        upward_init: The same of the upward connections.
        bias_init: Initial biases of input, input gates and output gates; 0 by default.
        forget_bias_init: Initial biases of the forget gates; 1 by default, so that units remember at first.

    Attributes:
        upward: The `Linear` layer from the input. Its outputs are, for each unit, four numbers in a row (see
            `functions.lstm`).
        lateral: The `Linear` layer from the outputs of the step before, without bias.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.StatelessLSTM(3, 2)
        >>> c, h = layer(None, None, np.ones((5, 3), 'f'))
        >>> c, h = layer(c, h, np.ones((5, 3), 'f'))
        >>> h.shape
        (5, 2)
    """

    def forward(self, c: ArrayLike | None, h: ArrayLike | None, x: ArrayLike) -> tuple[Variable, Variable]:
        """Takes a step.

        Args:
            c: The cells after the step before, of shape (N, out_size), or None for zeros.
            h: The outputs of the step before, of the same shape, or None for zeros.
            x: The input of shape (N, ...).

        Returns:
            The new cells and the new outputs.
        """
        sums = self.upward(x)
        if h is not None:
            sums = sums + self.lateral(h)
        if c is None:
            c = zero_state(sums, self.state_size)
        return lstm(c, sums)


class LSTM(LSTMBase, CellStateChain):
    """A layer of long short-term memory units that remembers its state from call to call.

    Sequences may have different lengths, if the longest come first: a call with fewer samples than the one before
    leaves the state of the others as it is.

    Args:
        in_size: The number of features of a sample; None settles it in the first call. May be left out: ``LSTM(10)`` is
            ``LSTM(None, 10)``.
        out_size: The number of units.
        lateral_init: Initial weights of the lateral connections (see `initializers.get_initializer`), for each quarter
            of the rows; `LeCunNormal` by default.
        upward_init: The same of the upward connections.
        bias_init: Initial biases of input, input gates and output gates; 0 by default.
        forget_bias_init: Initial biases of the forget gates; 1 by default, so that units remember at first.

    Attributes:
        upward: The `Linear` layer from the input. Its outputs are, for each unit, four numbers in a row (see
            `functions.lstm`).
        lateral: The `Linear` layer from the outputs of the step before, without bias.
        c: The cells, or None before the first step.
        h: The outputs of the last step, or None before the first.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.LSTM(3, 2)
        >>> for x in np.ones((4, 5, 3), 'f'):          # four steps of five sequences
        ...     h = layer(x)
        >>> h.shape
        (5, 2)
        >>> layer.reset_state()
    """

    def forward(self, x: ArrayLike) -> Variable:
        """Takes a step.

        Args:
            x: The input of shape (N, ...).

        Returns:
            The outputs of shape (N, out_size).

        Raises:
            ValueError: There are more samples than in the step before.
        """
        sums = self.upward(x)
        ended = None
        if self.h is not None:
            h, n = self.h, len(sums)
            if n > len(h):
                raise ValueError(f'LSTM: expected at most {len(h)} samples, as in the step before, got {n}; '
                                 'reset_state() begins new sequences')
            if n < len(h):
                h, ended = split_axis(h, [n], axis=0)
            sums = sums + self.lateral(h)
        self.c, y = lstm(zero_state(sums, self.state_size) if self.c is None else self.c, sums)
        self.h = y if ended is None else concat((y, ended), axis=0)
        return y


class StatefulPeepholeLSTM(CellStateChain):
    """A layer of long short-term memory units whose gates see the cells, which remembers its state.

    In terms of `functions.lstm`: ``peep_i`` and ``peep_f`` of the old cells are added to the input gate and to the
    forget gate, ``peep_o`` of the new cells to the output gate.

    Gers and Schmidhuber, Recurrent nets that time and count (2000), https://doi.org/10.1109/IJCNN.2000.861302.

    Args:
        in_size: The number of features of a sample; None settles it in the first call.
        out_size: The number of units.

    Attributes:
        upward: The `Linear` layer from the input; for the order of its outputs see `functions.lstm`.
        lateral: The `Linear` layer from the outputs of the step before, without bias.
        peep_i: The `Linear` layer from the cells to the input gates, without bias.
        peep_f: The same to the forget gates.
        peep_o: The same to the output gates.
        c: The cells, or None before the first step.
        h: The outputs of the last step, or None before the first.
    """

    def __init__(self, in_size: int | None, out_size: int) -> None:
        super().__init__()
        self.state_size = out_size
        with self.init_scope():
            self.upward = Linear(in_size, 4 * out_size)
            self.lateral = Linear(out_size, 4 * out_size, nobias=True)
            self.peep_i = Linear(out_size, out_size, nobias=True)
            self.peep_f = Linear(out_size, out_size, nobias=True)
            self.peep_o = Linear(out_size, out_size, nobias=True)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.upward.in_size), ('out_size', self.state_size)]

    def forward(self, x: ArrayLike) -> Variable:
        """Takes a step with an input of shape (N, ...); returns the outputs of shape (N, out_size)."""
        sums = self.upward(x)
        if self.h is not None:
            sums = sums + self.lateral(self.h)
        c_prev = zero_state(sums, self.state_size) if self.c is None else self.c
        a, i, f, o = gates_of_units(sums)
        self.c = c = tanh(a) * sigmoid(i + self.peep_i(c_prev)) + sigmoid(f + self.peep_f(c_prev)) * c_prev
        self.h = sigmoid(o + self.peep_o(c)) * tanh(c)
        return self.h


class StatefulZoneoutLSTM(CellStateChain):
    """A layer of long short-term memory units that, in training, keep some of their state at random.

    Krueger et al., Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations (2016),
    https://arxiv.org/abs/1606.01305.

    Args:
        in_size: The number of features of a sample; None settles it in the first call.
        out_size: The number of units.
        c_ratio: The probability that a cell keeps its value (see `functions.zoneout`).
        h_ratio: The probability that an output keeps its value.

    Attributes:
        upward: The `Linear` layer from the input; for the order of its outputs see `functions.lstm`.
        lateral: The `Linear` layer from the outputs of the step before, without bias.
        c: The cells, or None before the first step.
        h: The outputs of the last step, or None before the first.
    """

    def __init__(self, in_size: int | None, out_size: int, c_ratio: float = 0.5, h_ratio: float = 0.5) -> None:
        super().__init__()
        self.state_size = out_size
        self.c_ratio = c_ratio
        self.h_ratio = h_ratio
        with self.init_scope():
            self.upward = Linear(in_size, 4 * out_size)
            self.lateral = Linear(out_size, 4 * out_size, nobias=True)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.upward.in_size), ('out_size', self.state_size), ('c_ratio', self.c_ratio),
                ('h_ratio', self.h_ratio)]

    def forward(self, x: ArrayLike) -> Variable:
        """Takes a step with an input of shape (N, ...); returns the outputs of shape (N, out_size)."""
        sums = self.upward(x)
        if self.h is not None:
            sums = sums + self.lateral(self.h)
        c_prev, h_prev = (zero_state(sums, self.state_size) if state is None else state for state in (self.c, self.h))
        c, h = lstm(c_prev, sums)
        self.c = zoneout(c_prev, c, self.c_ratio)
        self.h = zoneout(h_prev, h, self.h_ratio)
        return self.h
