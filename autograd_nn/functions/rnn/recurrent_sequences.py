"""Layers of recurrent units over whole sequences, packed: the steps one after the other, ended sequences left out."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.activation.sigmoid import sigmoid, tanh
from autograd_nn.functions.array.joining import concat, split_axis, with_zeros
from autograd_nn.functions.array.rearrangement import permutate
from autograd_nn.functions.connection.fully_connected import linear
from autograd_nn.functions.kernel_gradients import FunctionGradients
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.rnn.recurrent_cells import ACTIVATIONS, gru_formula
from autograd_nn.types import Array, ArrayLike, Ints
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable

Step = Callable[..., tuple[Variable, ...]]


class RecurrentSequence(FunctionNode):
    """A layer in one direction: a kernel (see `Kernels.lstm_sequence`), and the same in functions.

    Its inputs are the packed input, the initial states, and the weights and biases of all gates, first those of the
    input and then those of the state. Its outputs are the packed states of all steps and the last states.

    Args:
        batch_sizes: The number of sequences that take part in each step.
        reverse: Whether to start at the end.
        options: What the kernel takes before these.
    """

    kernel: str
    n_states = 1
    n_weights: int

    def __init__(self, batch_sizes: Ints, reverse: bool, *options: Any) -> None:
        self.options = *options, batch_sizes, reverse
        self.batch_sizes = batch_sizes
        self.reverse = reverse
        self.workspace: Any = None

    def arrange(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        """Packed input and initial states; weights; biases; and what comes after them."""
        first, second = 1 + self.n_states, 1 + self.n_states + self.n_weights
        third = second + self.n_weights
        return list(inputs[:first]), list(inputs[first:second]), list(inputs[second:third]), list(inputs[third:])

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs(range(len(inputs)))
        self.retain_outputs((0,))
        xs, ws, bs, _ = self.arrange(inputs)
        kernel = getattr(backend.kernels(*inputs), self.kernel)
        *ys, self.workspace = kernel(*xs, ws, bs, *self.options, config.enable_backprop)
        self.output_shapes = [y.shape for y in ys]
        return tuple(ys)

    def multiply_adds(self, inputs: Arrays) -> int:
        """Each row of the input meets the weights of the input, each state before it those of the state."""
        (x, *_), ws, _, _ = self.arrange(inputs)
        return len(x) * sum(W.size for W in ws)

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        gys = with_zeros(grad_outputs, self.output_shapes)
        return RecurrentSequenceGrad(self, self._retained_outputs[0]).apply((*self.get_retained_inputs(), *gys))

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        """What the kernel computes, in functions."""
        raise NotImplementedError

    def loop(self, step: Step, x: Variable, *states: Variable) -> tuple[Variable, ...]:
        """Goes through the steps.

        Args:
            step: Computes new states from the input of a step and old states.
            x: The input of all steps.
            states: The initial states.

        Returns:
            The first state of all steps, and the last states.
        """
        starts = np.cumsum((0, *self.batch_sizes))
        ys = []
        steps = list(zip(starts, self.batch_sizes))
        for start, n in steps[::-1] if self.reverse else steps:
            new = step(x[start:start + n], *[state[:n] for state in states])
            ys.append(new[0])
            states = tuple([concat((first, state[n:]), axis=0) for first, state in zip(new, states)])
        return concat(ys[::-1] if self.reverse else ys, axis=0), *states


class RecurrentSequenceGrad(FunctionGradients):

    def __init__(self, sequence: RecurrentSequence, y: Array) -> None:
        self.sequence = sequence
        self.y = y

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs(range(len(inputs)))
        sequence = self.sequence
        xs, ws, _, gys = sequence.arrange(inputs)
        kernel = getattr(backend.kernels(*inputs), f'{sequence.kernel}_grad')
        *gxs, gws, gbs = kernel(*xs, ws, self.y, sequence.workspace, *gys, *sequence.options)
        return *gxs, *gws, *gbs

    def function(self, *inputs: Variable) -> tuple[Variable, ...]:
        return self.sequence.formula(*inputs)


class LSTMSequence(RecurrentSequence):

    kernel = 'lstm_sequence'
    n_states = 2
    n_weights = 8

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        (x, h, c), ws, bs, _ = self.arrange(inputs)
        U = concat(ws[4:], axis=0)

        def step(x: Variable, h: Variable, c: Variable) -> tuple[Variable, ...]:
            i, f, a, o = split_axis(x + matmul(h, U, transb=True), 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(a)
            return sigmoid(o) * tanh(c), c

        b = concat(bs[:4], axis=0) + concat(bs[4:], axis=0)
        return self.loop(step, linear(x, concat(ws[:4], axis=0), b), h, c)


class GRUSequence(RecurrentSequence):

    kernel = 'gru_sequence'
    n_weights = 6

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        (x, h), ws, bs, _ = self.arrange(inputs)
        W, U, b, d = (concat(part, axis=0) for part in (ws[:3], ws[3:], bs[:3], bs[3:]))

        def step(x: Variable, h: Variable) -> tuple[Variable, ...]:
            return gru_formula(h, x, linear(h, U, d)),

        return self.loop(step, linear(x, W, b), h)


class RNNSequence(RecurrentSequence):

    kernel = 'rnn_sequence'
    n_weights = 2

    def __init__(self, batch_sizes: Ints, reverse: bool, activation: str) -> None:
        super().__init__(batch_sizes, reverse, activation)
        self.activation = ACTIVATIONS[activation]

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        (x, h), (W, U), (b, d), _ = self.arrange(inputs)

        def step(x: Variable, h: Variable) -> tuple[Variable, ...]:
            return self.activation(x + linear(h, U, d)),

        return self.loop(step, linear(x, W, b), h)


def packing(lengths: Sequence[int]) -> tuple[np.ndarray, np.ndarray, Ints]:
    """How to pack sequences that lie one after the other.

    Args:
        lengths: Their lengths, in any order.

    Returns:
        The order of the sequences, the longest first; where each row of the packed sequences comes from; and the batch
        size of each step.

    Example:
        >>> from autograd_nn.functions.rnn.recurrent_sequences import packing
        >>> packing([1, 3])
        (array([1, 0]), array([1, 0, 2, 3]), (2, 1, 1))
    """
    counts = np.array(lengths, dtype=int)
    order = np.argsort(-counts, kind='stable')
    starts = np.cumsum(counts) - counts
    steps = np.arange(counts.max(initial=0))[:, None]
    taking_part = steps < counts[order]
    return order, (starts[order] + steps)[taking_part], tuple(taking_part.sum(1).tolist())


def transpose_sequence(xs: Sequence[ArrayLike]) -> tuple[Variable, ...]:
    """From sequences to steps, or from steps to sequences.

    It turns ``[(0, 1, 2), (3, 4), (5,)]`` into ``[(0, 3, 5), (1, 4), (2,)]``.

    Args:
        xs: Variables or arrays, the longest first, of the same shape except along the first axis.

    Returns:
        A Variable for each place in the longest one: what all that are long enough have there.

    Raises:
        ValueError: Their lengths rise, or the shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.transpose_sequence([np.array([0., 1., 2.]), np.array([3., 4.])])
        (variable([0., 3.]), variable([1., 4.]), variable([2.]))
    """
    lengths = [len(x) for x in xs]
    if lengths != sorted(lengths, reverse=True):
        raise ShapeError(f'transpose_sequence: expected the longest first, got lengths {", ".join(map(str, lengths))}')
    if not xs:
        return ()
    together = concat([as_variable(x) for x in xs], axis=0)
    _, rows, batch_sizes = packing(lengths)
    if not batch_sizes:
        return ()
    return split_axis(permutate(together, together.xp.asarray(rows)), np.cumsum(batch_sizes)[:-1], axis=0)
