"""Recurrent layers, over whole sequences side by side.

Donahue et al., Long-term recurrent convolutional networks for visual recognition and description (2015),
https://arxiv.org/abs/1411.4389.
"""
from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import autograd_nn.functions as F
from autograd_nn.caffe.layers.fillers import initializer
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.links.rnn.stateful import StatefulChain, zero_state
from autograd_nn.types import Array, ArrayLike, InitializerLike
from autograd_nn.variable import Parameter, Variable, as_variable


class Recurrent(StatefulChain):
    """Base class of layers that run over sequences.

    Where a sequence goes on from the call before, it starts from the state which that call has left; gradients do not
    go back there. `reset_state` forgets it.

    Args:
        units: The number of units.
        weight: What fills the weights.
        bias: What fills the biases.
        static: Whether there is an input that is the same at all times.
        exposed: Whether states are inputs and outputs instead of remembered.

    Attributes:
        W_x: Weights of the inputs, of shape (gates, features).
        b: Biases of shape (gates,).
        W_static: Weights of the static input, if there is one.
        W_h: Weights of the hidden state, of shape (gates, units).
    """

    gates: ClassVar[int]

    def __init__(self, units: int, weight: Any, bias: InitializerLike, static: bool, exposed: bool) -> None:
        super().__init__()
        self.units = units
        self.static = static
        self.exposed = exposed
        with self.init_scope():
            self.W_x = Parameter(weight)
            self.b = Parameter(bias, (self.gates * units,))
            if static:
                self.W_static = Parameter(weight)
            self.W_h = Parameter(weight, (self.gates * units, units))

    def forward(self, x: ArrayLike, cont: ArrayLike, *others: ArrayLike) -> Any:
        """Runs over sequences.

        Args:
            x: Inputs of shape (T, N, ...).
            cont: Shape (T, N): 0 where a sequence begins, 1 where it goes on.
            others: The static input of shape (N, ...) if there is one, and the states of shape (1, N, units) if they
                are exposed.

        Returns:
            Outputs of shape (T, N, units); if states are exposed, a tuple of them and the last states.
        """
        x, cont = as_variable(x), as_variable(cont)
        if x.ndim < 2 or cont.shape != x.shape[:2]:
            raise ValueError(f'expected x of shape (T, N, ...) and cont of shape (T, N), got {x.shape} and '
                             f'{cont.shape}')
        inputs = F.linear(x, self._initialized(self.W_x, x, 2), self.b, 2)
        if self.static:
            inputs = inputs + F.linear(others[0], self._initialized(self.W_static, as_variable(others[0]), 1))
        states = [F.reshape(state, (x.shape[1], self.units)) for state in others[self.static:]] if self.exposed else (
            self._remembered(inputs[0]))
        outputs = []
        for t in range(len(x)):
            goes_on = cont.array[t].astype(x.dtype)[:, None]
            y, states = self.step(inputs[t], goes_on, states)
            outputs.append(y)
        y = F.stack(outputs)
        if self.exposed:
            return y, *(state[None] for state in states)
        self._set_states(*[Variable(state.array, requires_grad=False) for state in states])
        return y

    def _initialized(self, W: Parameter, x: Variable, batch_axes: int) -> Parameter:
        if not W.is_initialized:
            W.initialize((self.gates * self.units, prod(x.shape[batch_axes:])))
        return W

    def _remembered(self, like: Variable) -> list[Any]:
        """The states that the call before has left, if it had as many sequences."""
        states = [getattr(self, name) for name in self.state_names]
        zeros = zero_state(like, self.units)
        return [zeros if state is None or state.shape != zeros.shape else state for state in states]

    def step(self, inputs: Variable, goes_on: Variable, states: list[Any]) -> tuple[Variable, list[Any]]:
        """One step of time.

        Args:
            inputs: What the inputs add to the gates, of shape (N, gates).
            goes_on: Shape (N, 1): 0 where a sequence begins.
            states: The states before, in the order of Caffe's bottoms.

        Returns:
            The output and the new states.
        """
        raise NotImplementedError


def _lstm_unit(c: Array, gates: Array, goes_on: Array) -> tuple[Variable, Variable]:
    i, f, o, g = F.split_axis(gates, 4, as_variable(gates).ndim - 1)
    c = F.sigmoid(f) * (c * goes_on) + F.sigmoid(i) * F.tanh(g)
    return c, F.sigmoid(o) * F.tanh(c)


@builder('LSTMUnit')
def lstm_unit(spec: Specification) -> Layer:
    """The cells and the output of one step of `LSTM`: of cells, gates and whether sequences go on."""
    return lambda c, gates, cont: _lstm_unit(c, gates, as_variable(cont).array[..., None])


class LSTM(Recurrent):
    """Long short-term memory; the gates come in the order input, forget, output, candidate."""

    gates = 4
    state_names = ('h', 'c')

    def step(self, inputs: Variable, goes_on: Variable, states: list[Any]) -> tuple[Variable, list[Any]]:
        """One step of time (see `Recurrent.step`); the states are the output h and the cell c."""
        h, c = states
        c, h = _lstm_unit(c, inputs + F.linear(h * goes_on, self.W_h), goes_on)
        return h, [h, c]


class RNN(Recurrent):
    """A layer of tanh whose output passes through another one.

    Attributes:
        W_o: Weights of the output, of shape (units, units).
        b_o: Its biases.
    """

    gates = 1
    state_names = ('h',)

    def __init__(self, units: int, weight: Any, bias: InitializerLike, static: bool, exposed: bool) -> None:
        super().__init__(units, weight, bias, static, exposed)
        with self.init_scope():
            self.W_o = Parameter(weight, (units, units))
            self.b_o = Parameter(bias, (units,))

    def step(self, inputs: Variable, goes_on: Variable, states: list[Any]) -> tuple[Variable, list[Any]]:
        """One step of time (see `Recurrent.step`); the only state is h, from which the output is computed."""
        h = F.tanh(inputs + F.linear(states[0] * goes_on, self.W_h))
        return F.tanh(F.linear(h, self.W_o, self.b_o)), [h]


@builder('LSTM', 'RNN')
def recurrent(spec: Specification) -> Layer:
    """A recurrent layer; blobs are the parameters in the order of the class."""
    param = spec.recurrent_param
    kind: type[Recurrent] = LSTM if spec.type == 'LSTM' else RNN
    n, units = kind.gates * param.num_output, param.num_output
    if units < 1:
        raise spec.error(f'expected num_output of at least 1, got {units}')
    states = len(kind.state_names) if param.expose_hidden else 0
    static = len(spec.bottom) - states == 3
    if len(spec.bottom) - states not in (2, 3) or len(spec.top) != 1 + states:
        raise spec.error(f'expected {2 + states} bottoms, or {3 + states} with a static one, and {1 + states} tops, '
                         f'got {len(spec.bottom)} and {len(spec.top)}')
    link = kind(units, initializer(param.weight_filler), initializer(param.bias_filler), static, param.expose_hidden)
    shapes = {'W_x': (n, None), 'b': (n,), 'W_static': (n, None), 'W_h': (n, units), 'W_o': (units, units),
              'b_o': (units,)}
    for index, name in enumerate(link._params):
        spec.fill(getattr(link, name), index, f'the parameter {name}', shapes[name])
    return link
