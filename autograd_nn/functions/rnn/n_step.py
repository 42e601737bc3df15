"""Stacked recurrent networks over sequences of any lengths, in one direction or both."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd_nn.functions.array.joining import concat, separate, split_axis, stack
from autograd_nn.functions.checks import check_choice, check_float
from autograd_nn.functions.noise.dropout import dropout
from autograd_nn.functions.rnn.recurrent_cells import ACTIVATIONS
from autograd_nn.functions.rnn.recurrent_sequences import GRUSequence, LSTMSequence, RecurrentSequence, RNNSequence
from autograd_nn.types import ArrayLike, Ints
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable

Variables = Sequence[Variable]
# Makes the function of a layer in one direction from batch sizes and direction.
FunctionMaker = Callable[[Ints, bool], RecurrentSequence]

# For each layer and direction the weights, or biases, in the order that the function documents.
Weights = Sequence[Sequence[ArrayLike]]


def run_stacked_layers(layer: FunctionMaker, dropout_ratio: float, states: Variables, ws: Sequence[Variables],
               bs: Sequence[Variables], x: Variable, batch_sizes: Ints,
               n_directions: int) -> tuple[list[Variable], Variable]:
    """Runs stacked layers over packed sequences.

    Args:
        layer: Makes the function of a layer in one direction.
        dropout_ratio: The ratio of the dropout between layers.
        states: The initial states of all layers and directions, each of shape (layers * directions, B, N).
        ws: The weights of each layer and direction.
        bs: The biases of each layer and direction.
        x: The packed sequences of shape (M, I).
        batch_sizes: The number of sequences that take part in each step; M in all.
        n_directions: 1, or 2 for both.

    Returns:
        The last states, and the packed states of the last layer, of shape (M, directions * N).
    """
    if not batch_sizes:
        units = states[0].shape[2]
        return list(states), Variable(x.xp.zeros((0, n_directions * units), x.dtype))
    initial = list(zip(*[separate(state, axis=0) for state in states]))
    last = []
    for k in range(0, len(ws), n_directions):
        if k and dropout_ratio:
            x = dropout(x, dropout_ratio)
        ys = []
        for direction in range(n_directions):
            node, place = layer(batch_sizes, direction == 1), k + direction
            y, *ends = node.apply((x, *initial[place], *ws[place], *bs[place]))
            ys.append(y)
            last.append(ends)
        x = ys[0] if n_directions == 1 else concat(ys, axis=1)
    return [stack(state) for state in zip(*last)], x


def _n_step(function: str, layer: FunctionMaker, n_weights: int, n_layers: int, dropout_ratio: float,
            states: dict[str, Any], ws: Weights, bs: Weights, xs: Sequence[ArrayLike], n_directions: int = 1) -> Any:
    """Checks the arguments, packs the steps, runs the layers and takes their outputs apart again."""
    hs = {name: as_variable(state) for name, state in states.items()}
    steps = [as_variable(x) for x in xs]
    ws, bs = ([[as_variable(p) for p in group] for group in groups] for groups in (ws, bs))
    _check_steps(function, steps)
    check_states(function, hs, n_layers * n_directions, len(steps[0]))
    _check_weights(function, ws, bs, n_weights, n_directions, steps[0].shape[1], next(iter(hs.values())).shape)
    batch_sizes = tuple([len(x) for x in steps])
    last, y = run_stacked_layers(layer, dropout_ratio, list(hs.values()), ws, bs, concat(steps, axis=0), batch_sizes,
                         n_directions)
    return *last, split_axis(y, np.cumsum(batch_sizes)[:-1], axis=0)


def _check_steps(function: str, xs: list[Variable]) -> None:
    if not xs:
        raise ValueError(f'{function}: expected at least one step in xs, got none')
    for x in xs:
        check_float(function, 'xs', x)
    if any(x.ndim != 2 or x.shape[1] != xs[0].shape[1] for x in xs):
        raise ShapeError(f'{function}: expected arrays of shape (B_t, I) as xs, got '
                         + ', '.join([str(x.shape) for x in xs]))
    sizes = [len(x) for x in xs]
    if sizes != sorted(sizes, reverse=True):
        raise ShapeError(f'{function}: expected batches that do not grow from step to step as xs, got '
                         + ', '.join(map(str, sizes)))


def check_states(function: str, states: dict[str, Variable], n_states: int, n_sequences: int, units: int | None = None,
                 exactly: bool = False) -> None:
    """Requires states of shape (n_states, B, N), where B is at least (or exactly) the number of sequences.

    Args:
        function: Who asks, for the message.
        states: The states by name.
        n_states: The number of layers and directions.
        n_sequences: The number of sequences.
        units: The number N of units; None for any.
        exactly: Whether B must not be larger.

    Raises:
        ValueError: One has another shape.
        TypeError: One is not floating-point.
    """
    shape = next(iter(states.values())).shape
    fits = len(shape) == 3 and shape[0] == n_states and units in (None, shape[2]) and (
        shape[1] == n_sequences if exactly else shape[1] >= n_sequences)
    for name, state in states.items():
        check_float(function, name, state)
        if state.shape != shape or not fits:
            batch = n_sequences if exactly else f'B of at least {n_sequences}'
            raise ShapeError(f'{function}: expected {" and ".join(states)} of shape ({n_states}, {batch}, '
                             f'{"N" if units is None else units}), got '
                             + ', '.join([f'{name} {state.shape}' for name, state in states.items()]))


def _check_weights(function: str, ws: Weights, bs: Weights, n_weights: int, n_directions: int, in_size: int,
                   state_shape: Ints) -> None:
    n_groups, _, units = state_shape
    for name, groups in ('ws', ws), ('bs', bs):
        if len(groups) != n_groups or any(len(group) != n_weights for group in groups):
            raise ValueError(f'{function}: expected {n_groups} lists of {n_weights} arrays as {name}, got lists of '
                             + ', '.join([str(len(group)) for group in groups]))
    for k, (weights, biases) in enumerate(zip(ws, bs)):
        width = in_size if k < n_directions else n_directions * units
        for j, (w, b) in enumerate(zip(weights, biases)):
            expected = units, width if j < n_weights // 2 else units
            if w.shape != expected or b.shape != (units,):
                raise ShapeError(f'{function}: expected ws[{k}][{j}] of shape {expected} and bs[{k}][{j}] of shape '
                                 f'({units},), got {w.shape} and {b.shape}')


def n_step_lstm(n_layers: int, dropout_ratio: float, hx: ArrayLike, cx: ArrayLike, ws: Weights, bs: Weights,
                xs: Sequence[ArrayLike]) -> tuple[Variable, Variable, tuple[Variable, ...]]:
    """Stacked layers of long short-term memory units over a batch of sequences.

    With W and b for ``ws[k]`` and ``bs[k]``, layer k computes in step t::

        i = sigmoid(W_0 x_t + b_0 + W_4 h + b_4)
        f = sigmoid(W_1 x_t + b_1 + W_5 h + b_5)
        a = tanh   (W_2 x_t + b_2 + W_6 h + b_6)
        o = sigmoid(W_3 x_t + b_3 + W_7 h + b_7)
        c = f * c + i * a
        h = o * tanh(c)

    and `h` of each step is the input of the next layer. Sequences may have different lengths: the longest comes first,
    and a step has as many samples as there are sequences that long. One kernel computes all steps of a layer; it is
    much faster than a loop over `lstm`. `links.NStepLSTM` sorts sequences and keeps the weights.

    See Hochreiter and Schmidhuber, Long Short-Term Memory, Neural Computation 9, 1997.

    Args:
        n_layers: The number of layers S.
        dropout_ratio: The ratio of the dropout between layers, in training.
        hx: Variable or array of the initial outputs of all layers, of shape (S, B, N), floating-point.
        cx: Variable or array of the initial cells of all layers, of the same shape.
        ws: For each layer a list of eight weights: W_0 to W_3 of shape (N, I), and (N, N) from the second layer on;
            W_4 to W_7 of shape (N, N).
        bs: For each layer a list of eight biases of shape (N,).
        xs: The steps: Variables or arrays of shape (B_t, I) with B_t falling or equal, none above B
            (see `transpose_sequence`).

    Returns:
        The last outputs `hy` and the last cells `cy`, of the shape of `hx`, where a sequence's last step is its own;
        and the outputs `ys` of the last layer, a Variable of shape (B_t, N) for each step.

    Raises:
        ValueError: The shapes do not fit; the message says which.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> h = np.zeros((1, 2, 3))                                          # 1 layer, 2 sequences, 3 units
        >>> ws = [[np.ones((3, 4))] * 4 + [np.ones((3, 3))] * 4]
        >>> bs = [[np.zeros(3)] * 8]
        >>> xs = [np.ones((2, 4)), np.ones((2, 4)), np.ones((1, 4))]         # of 3 and 2 steps
        >>> hy, cy, ys = F.n_step_lstm(1, 0.0, h, h, ws, bs, xs)
        >>> hy.shape, [y.shape for y in ys]
        ((1, 2, 3), [(2, 3), (2, 3), (1, 3)])
    """
    return _n_step('n_step_lstm', LSTMSequence, 8, n_layers, dropout_ratio, {'hx': hx, 'cx': cx}, ws, bs, xs)


def n_step_bilstm(n_layers: int, dropout_ratio: float, hx: ArrayLike, cx: ArrayLike, ws: Weights, bs: Weights,
                  xs: Sequence[ArrayLike]) -> tuple[Variable, Variable, tuple[Variable, ...]]:
    """Stacked layers of long short-term memory units over a batch of sequences, in both directions.

    Each layer goes through a sequence forward and, with other weights, backward; its output is that of the forward and
    that of the backward direction side by side. Otherwise it is `n_step_lstm`.

    See Schuster and Paliwal, Bidirectional Recurrent Neural Networks, IEEE Transactions on Signal Processing 45, 1997.

    Args:
        n_layers: The number of layers S.
        dropout_ratio: The ratio of the dropout between layers, in training.
        hx: Variable or array of the initial outputs, of shape (2 S, B, N), floating-point: of the first layer forward,
            of the first layer backward, and so on.
        cx: Variable or array of the initial cells, of the same shape.
        ws: For each layer and direction, in the order of `hx`, a list of eight weights as for `n_step_lstm`; W_0 to W_3
            have the shape (N, 2 N) from the second layer on.
        bs: For each layer and direction a list of eight biases of shape (N,).
        xs: The steps, as for `n_step_lstm`.

    Returns:
        The last outputs `hy` and cells `cy`, of the shape of `hx` (of the backward direction: at the first step); and
        the outputs `ys` of the last layer, a Variable of shape (B_t, 2 N) for each step.

    Raises:
        ValueError: The shapes do not fit; the message says which.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> h = np.zeros((2, 2, 3))
        >>> ws = [[np.ones((3, 4))] * 4 + [np.ones((3, 3))] * 4] * 2
        >>> hy, cy, ys = F.n_step_bilstm(1, 0.0, h, h, ws, [[np.zeros(3)] * 8] * 2, [np.ones((2, 4)), np.ones((1, 4))])
        >>> hy.shape, [y.shape for y in ys]
        ((2, 2, 3), [(2, 6), (1, 6)])
    """
    return _n_step('n_step_bilstm', LSTMSequence, 8, n_layers, dropout_ratio, {'hx': hx, 'cx': cx}, ws, bs, xs,
                   n_directions=2)


def n_step_gru(n_layers: int, dropout_ratio: float, hx: ArrayLike, ws: Weights, bs: Weights,
               xs: Sequence[ArrayLike]) -> tuple[Variable, tuple[Variable, ...]]:
    """Stacked layers of gated recurrent units over a batch of sequences.

    With W and b for ``ws[k]`` and ``bs[k]``, layer k computes in step t::

        r = sigmoid(W_0 x_t + b_0 + W_3 h + b_3)
        z = sigmoid(W_1 x_t + b_1 + W_4 h + b_4)
        a = tanh   (W_2 x_t + b_2 + r * (W_5 h + b_5))
        h = (1 - z) * a + z * h

    Otherwise it is as `n_step_lstm`. One step is `gru`.

    Args:
        n_layers: The number of layers S.
        dropout_ratio: The ratio of the dropout between layers, in training.
        hx: Variable or array of the initial states of all layers, of shape (S, B, N), floating-point.
        ws: For each layer a list of six weights: W_0 to W_2 of shape (N, I), and (N, N) from the second layer on; W_3
            to W_5 of shape (N, N).
        bs: For each layer a list of six biases of shape (N,).
        xs: The steps, as for `n_step_lstm`.

    Returns:
        The last states `hy` of the shape of `hx`, and the states `ys` of the last layer, a Variable of shape (B_t, N)
        for each step.

    Raises:
        ValueError: The shapes do not fit; the message says which.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> ws = [[np.ones((3, 4))] * 3 + [np.ones((3, 3))] * 3]
        >>> xs = [np.ones((2, 4)), np.ones((1, 4))]
        >>> hy, ys = F.n_step_gru(1, 0.0, np.zeros((1, 2, 3)), ws, [[np.zeros(3)] * 6], xs)
        >>> hy.shape, [y.shape for y in ys]
        ((1, 2, 3), [(2, 3), (1, 3)])
    """
    return _n_step('n_step_gru', GRUSequence, 6, n_layers, dropout_ratio, {'hx': hx}, ws, bs, xs)


def n_step_bigru(n_layers: int, dropout_ratio: float, hx: ArrayLike, ws: Weights, bs: Weights,
                 xs: Sequence[ArrayLike]) -> tuple[Variable, tuple[Variable, ...]]:
    """Stacked layers of gated recurrent units over a batch of sequences, in both directions.

    Units are those of `n_step_gru`, directions are arranged as in `n_step_bilstm`.

    Args:
        n_layers: The number of layers S.
        dropout_ratio: The ratio of the dropout between layers, in training.
        hx: Variable or array of the initial states, of shape (2 S, B, N), floating-point.
        ws: For each layer and direction a list of six weights; W_0 to W_2 have the shape (N, 2 N) from the second
            layer on.
        bs: For each layer and direction a list of six biases of shape (N,).
        xs: The steps, as for `n_step_lstm`.

    Returns:
        The last states `hy` of the shape of `hx`, and the states `ys` of the last layer, a Variable of shape (B_t, 2 N)
        for each step.

    Raises:
        ValueError: The shapes do not fit; the message says which.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> ws = [[np.ones((3, 4))] * 3 + [np.ones((3, 3))] * 3] * 2
        >>> hy, ys = F.n_step_bigru(1, 0.0, np.zeros((2, 2, 3)), ws, [[np.zeros(3)] * 6] * 2, [np.ones((2, 4))])
        >>> ys[0].shape
        (2, 6)
    """
    return _n_step('n_step_bigru', GRUSequence, 6, n_layers, dropout_ratio, {'hx': hx}, ws, bs, xs, n_directions=2)


def n_step_rnn(n_layers: int, dropout_ratio: float, hx: ArrayLike, ws: Weights, bs: Weights, xs: Sequence[ArrayLike],
               activation: str = 'tanh') -> tuple[Variable, tuple[Variable, ...]]:
    """Stacked layers of plain recurrent units over a batch of sequences.

    With W and b for ``ws[k]`` and ``bs[k]``, layer k computes ``h = f(W_0 x_t + b_0 + W_1 h + b_1)`` in step t.
    Otherwise it is as `n_step_lstm`. One step is `rnn`.

    Args:
        n_layers: The number of layers S.
        dropout_ratio: The ratio of the dropout between layers, in training.
        hx: Variable or array of the initial states of all layers, of shape (S, B, N), floating-point.
        ws: For each layer a list of two weights: W_0 of shape (N, I), and (N, N) from the second layer on; W_1 of shape
            (N, N).
        bs: For each layer a list of two biases of shape (N,).
        xs: The steps, as for `n_step_lstm`.
        activation: The function f: ``'tanh'`` or ``'relu'``.

    Returns:
        The last states `hy` of the shape of `hx`, and the states `ys` of the last layer, a Variable of shape (B_t, N)
        for each step.

    Raises:
        ValueError: The shapes do not fit; the message says which. Or there is no such `activation`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> ws = [[np.array([[1.]]), np.array([[10.]])]]
        >>> hy, ys = F.n_step_rnn(1, 0.0, np.ones((1, 1, 1)), ws, [np.zeros((2, 1))], np.ones((2, 1, 1)), 'relu')
        >>> hy
        variable([[[111.]]])
    """
    check_choice('n_step_rnn', 'activation', activation, tuple(ACTIVATIONS))
    return _n_step('n_step_rnn', partial(RNNSequence, activation=activation), 2, n_layers,
                   dropout_ratio, {'hx': hx}, ws, bs, xs)


def n_step_birnn(n_layers: int, dropout_ratio: float, hx: ArrayLike, ws: Weights, bs: Weights, xs: Sequence[ArrayLike],
                 activation: str = 'tanh') -> tuple[Variable, tuple[Variable, ...]]:
    """Stacked layers of plain recurrent units over a batch of sequences, in both directions.

    Units are those of `n_step_rnn`, directions are arranged as in `n_step_bilstm`.

    Args:
        n_layers: The number of layers S.
        dropout_ratio: The ratio of the dropout between layers, in training.
        hx: Variable or array of the initial states, of shape (2 S, B, N), floating-point.
        ws: For each layer and direction a list of two weights; W_0 has the shape (N, 2 N) from the second layer on.
        bs: For each layer and direction a list of two biases of shape (N,).
        xs: The steps, as for `n_step_lstm`.
        activation: The function f: ``'tanh'`` or ``'relu'``.

    Returns:
        The last states `hy` of the shape of `hx`, and the states `ys` of the last layer, a Variable of shape (B_t, 2 N)
        for each step.

    Raises:
        ValueError: The shapes do not fit; the message says which. Or there is no such `activation`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> ws = [[np.array([[1.]]), np.array([[10.]])]] * 2
        >>> hy, ys = F.n_step_birnn(1, 0.0, np.zeros((2, 1, 1)), ws, np.zeros((2, 2, 1)), np.ones((2, 1, 1)), 'relu')
        >>> ys
        (variable([[ 1., 11.]]), variable([[11.,  1.]]))
    """
    check_choice('n_step_birnn', 'activation', activation, tuple(ACTIVATIONS))
    return _n_step('n_step_birnn', partial(RNNSequence, activation=activation), 2, n_layers,
                   dropout_ratio, {'hx': hx}, ws, bs, xs, n_directions=2)
