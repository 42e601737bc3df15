"""Layers of gated recurrent units, and of minimal gated units, that take one step a call."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn.functions.activation.sigmoid import sigmoid, tanh
from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.math.affine import linear_interpolate
from autograd_nn.link import Chain
from autograd_nn.links.connection.fully_connected import Linear
from autograd_nn.links.rnn.stateful import HiddenStateChain, zero_state
from autograd_nn.types import ArrayLike, InitializerLike
from autograd_nn.variable import Variable, as_variable


class GRUBase(Chain):
    """What `StatelessGRU` and `StatefulGRU` have in common: their connections."""

    def __init__(self, in_size: int | None, out_size: int, init: InitializerLike = None,
                 inner_init: InitializerLike = None, bias_init: InitializerLike = None) -> None:
        super().__init__()
        self.state_size = out_size
        with self.init_scope():
            self.W_r = Linear(in_size, out_size, initialW=init, initial_bias=bias_init)
            self.U_r = Linear(out_size, out_size, initialW=inner_init, initial_bias=bias_init)
            self.W_z = Linear(in_size, out_size, initialW=init, initial_bias=bias_init)
            self.U_z = Linear(out_size, out_size, initialW=inner_init, initial_bias=bias_init)
            self.W = Linear(in_size, out_size, initialW=init, initial_bias=bias_init)
            self.U = Linear(out_size, out_size, initialW=inner_init, initial_bias=bias_init)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.W.in_size), ('out_size', self.state_size)]

    def _step(self, h: ArrayLike, x: ArrayLike) -> Variable:
        r = sigmoid(self.W_r(x) + self.U_r(h))
        z = sigmoid(self.W_z(x) + self.U_z(h))
        return linear_interpolate(z, tanh(self.W(x) + self.U(r * h)), h)


class StatelessGRU(GRUBase):
    """A layer of gated recurrent units for one step, which is given its state.

    ::

        r = sigmoid(W_r x + U_r h)
        z = sigmoid(W_z x + U_z h)
        a = tanh(W x + U (r * h))
        h = (1 - z) * h + z * a

    The units of `NStepGRU` differ: see `functions.n_step_gru`.

    Cho et al., On the Properties of Neural Machine Translation: Encoder-Decoder Approaches (2014),
    https://arxiv.org/abs/1409.1259.

    Args:
        in_size: The number of features of a sample; None settles it in the first call.
        out_size: The number of units.
        init: Initial weights of the connections from the input (see `initializers.get_initializer`); `LeCunNormal` by
            default.
        inner_init: Initial weights of the connections from the state.
        bias_init: Initial biases; 0 by default.

    Attributes:
        W_r: The `Linear` layer from the input to the reset gates r; ``W_z`` to the update gates z, and ``W`` to the
            candidates a, are like it.
        U_r: The `Linear` layer from the state to the reset gates; ``U_z`` and ``U`` are like it.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.StatelessGRU(3, 2)(np.zeros((5, 2), 'f'), np.ones((5, 3), 'f')).shape
        (5, 2)
    """

    def forward(self, h: ArrayLike, x: ArrayLike) -> Variable:
        """Takes a step.

        Args:
            h: The state after the step before, of shape (N, out_size).
            x: The input of shape (N, ...).

        Returns:
            The new state.
        """
        return self._step(as_variable(h), x)


class StatefulGRU(GRUBase, HiddenStateChain):
    """A layer of gated recurrent units that remembers its state from call to call.

    The units are those of `StatelessGRU`. In the first step, without a state, what the connections from the state would
    add is left out, their biases included.

    Args:
        in_size: The number of features of a sample; None settles it in the first call.
        out_size: The number of units.
        init: Initial weights of the connections from the input (see `initializers.get_initializer`); `LeCunNormal` by
            default.
        inner_init: Initial weights of the connections from the state.
        bias_init: Initial biases.

    Attributes:
        W_r: The `Linear` layer from the input to the reset gates r; ``W_z`` to the update gates z, and ``W`` to the
            candidates a, are like it.
        U_r: The `Linear` layer from the state to the reset gates; ``U_z`` and ``U`` are like it.
        h: The state, or None before the first step.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.StatefulGRU(3, 2)
        >>> for x in np.ones((4, 5, 3), 'f'):          # four steps of five sequences
        ...     h = layer(x)
        >>> h.shape
        (5, 2)
    """

    def __init__(self, in_size: int | None, out_size: int, init: InitializerLike = None,
                 inner_init: InitializerLike = None, bias_init: InitializerLike = 0) -> None:
        super().__init__(in_size, out_size, init, inner_init, bias_init)

    def forward(self, x: ArrayLike) -> Variable:
        """Takes a step with an input of shape (N, ...); returns the new state of shape (N, out_size)."""
        if self.h is None:
            self.h = sigmoid(self.W_z(x)) * tanh(self.W(x))
        else:
            self.h = self._step(self.h, x)
        return self.h


class GRU(StatefulGRU):
    """Chainer's other name for `StatefulGRU`."""


class MGUBase(Chain):
    """What `StatelessMGU` and `StatefulMGU` have in common: their connections."""

    def __init__(self, n_inputs: int, n_units: int) -> None:
        super().__init__()
        self.state_size = n_units
        with self.init_scope():
            self.W_f = Linear(n_inputs + n_units, n_units)
            self.W_h = Linear(n_inputs + n_units, n_units)

    def _step(self, h: ArrayLike, x: ArrayLike) -> Variable:
        f = sigmoid(self.W_f(concat((h, x), axis=1)))
        return linear_interpolate(f, tanh(self.W_h(concat((f * h, x), axis=1))), h)


class StatelessMGU(MGUBase):
    """A layer of minimal gated units for one step, which is given its state.

    They have one gate: ``f = sigmoid(W_f [h, x])``, ``h = (1 - f) * h + f * tanh(W_h [f * h, x])``.

    Zhou et al., Minimal Gated Unit for Recurrent Neural Networks (2016), https://arxiv.org/abs/1603.09420.

    Args:
        n_inputs: The number of features of a sample.
        n_units: The number of units.

    Attributes:
        W_f: The `Linear` layer from state and input to the gates.
        W_h: The `Linear` layer from state and input to the candidates.
    """

    def forward(self, h: ArrayLike, x: ArrayLike) -> Variable:
        """Takes a step.

        Args:
            h: The state after the step before, of shape (N, n_units).
            x: The input of shape (N, n_inputs).

        Returns:
            The new state.
        """
        return self._step(as_variable(h), x)


class StatefulMGU(MGUBase, HiddenStateChain):
    """A layer of minimal gated units that remembers its state from call to call (see `StatelessMGU`).

    Args:
        in_size: The number of features of a sample.
        out_size: The number of units.

    Attributes:
        W_f: The `Linear` layer from state and input to the gates.
        W_h: The `Linear` layer from state and input to the candidates.
        h: The state, or None before the first step.
    """

    def __init__(self, in_size: int, out_size: int) -> None:
        super().__init__(in_size, out_size)

    def forward(self, x: ArrayLike) -> Variable:
        """Takes a step with an input of shape (N, in_size); returns the new state of shape (N, out_size)."""
        x = as_variable(x)
        self.h = self._step(zero_state(x, self.state_size) if self.h is None else self.h, x)
        return self.h
