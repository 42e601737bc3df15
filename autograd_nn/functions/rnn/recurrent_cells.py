"""Recurrent units as functions of one step: LSTM and its relatives on trees, GRU, and plain units."""
from __future__ import annotations

from autograd_nn import backend
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.activation.rectifier import relu
from autograd_nn.functions.activation.sigmoid import sigmoid, tanh
from autograd_nn.functions.array.joining import concat, separate, split_axis, with_zeros
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.checks import check_choice, check_float, check_same_shape
from autograd_nn.functions.connection.fully_connected import linear
from autograd_nn.functions.kernel_gradients import FunctionGradients
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable

ACTIVATIONS = {'tanh': tanh, 'relu': relu}


class LSTM(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        self.retain_outputs((0,))
        return backend.kernels(*inputs).lstm(*inputs)

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        c, = self._retained_outputs
        return LSTMGrad(c).apply((*self.get_retained_inputs(), *with_zeros(grad_outputs, [c.shape] * 2)))


class LSTMGrad(FunctionGradients):

    def __init__(self, c: Array) -> None:
        self.c = c

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2, 3))
        c_prev, x, gc, gh = inputs
        return backend.kernels(*inputs).lstm_grad(c_prev, x, self.c, gc, gh)

    def function(self, *inputs: Variable) -> tuple[Variable, ...]:
        c_prev, x = inputs
        a, i, f, o = gates_of_units(x)
        c = tanh(a) * sigmoid(i) + sigmoid(f) * c_prev
        return c, sigmoid(o) * tanh(c)


class GRU(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2))
        return backend.kernels(*inputs).gru(*inputs),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return GRUGrad().apply((*self.get_retained_inputs(), grad_outputs[0]))


class GRUGrad(FunctionGradients):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2, 3))
        return backend.kernels(*inputs).gru_grad(*inputs)

    def function(self, *inputs: Variable) -> tuple[Variable, ...]:
        return gru_formula(*inputs),


def gru_formula(h_prev: Variable, x: Variable, u: Variable) -> Variable:
    """`gru` in terms of other functions."""
    x_r, x_z, x_a = split_axis(x, 3, axis=1)
    u_r, u_z, u_a = split_axis(u, 3, axis=1)
    z = sigmoid(x_z + u_z)
    a = tanh(x_a + sigmoid(x_r + u_r) * u_a)
    return a + z * (h_prev - a)


def gates_of_units(x: Variable) -> tuple[Variable, ...]:
    """The four numbers that belong to each unit, as four Variables of shape (N, S, ...)."""
    n, width, *more = x.shape
    return separate(reshape(x, (n, width // 4, 4, *more)), axis=2)


def _check_cell(function: str, count: int, state: tuple[str, Variable], sums: tuple[str, Variable],
                all_samples: bool = True) -> None:
    """Requires sums of shape (N, count S, ...) for a state of shape (B, S, ...): of `all_samples`, or of the first."""
    for name, v in state, sums:
        check_float(function, name, v)
    shape, expected = sums[1].shape, state[1].shape
    fits = len(shape) > 1 and len(expected) > 1 and shape[1:] == (count * expected[1], *expected[2:])
    if not fits or (shape[0] != expected[0] if all_samples else shape[0] > expected[0]):
        batch = '' if all_samples else ' with N not above B'
        raise ShapeError(f'{function}: expected {state[0]} of shape ({"N" if all_samples else "B"}, S, ...) and '
                         f'{sums[0]} of shape (N, {count} S, ...){batch}, got {expected} and {shape}')


def lstm(c_prev: ArrayLike, x: ArrayLike) -> tuple[Variable, Variable]:
    """Long short-term memory units with forget gates: one step, as an activation function.

    The second axis of `x` has four numbers for each unit, one after the other: the input a, the input gate i, the
    forget gate f and the output gate o. They are sums of what comes from the input and from the outputs of the step
    before (see `links.LSTM`). Then::

        c = tanh(a) * sigmoid(i) + c_prev * sigmoid(f)
        h = tanh(c) * sigmoid(o)

    Sequences may have different lengths, if the longest come first: where `x` has fewer samples than `c_prev`, the
    cells of the others stay as they are.

    See Gers, Long Short-Term Memory in Recurrent Neural Networks, 2001, http://www.felixgers.de/papers/phd.pdf.

    Args:
        c_prev: Variable or array of the cells after the step before, of shape (B, S, ...), floating-point.
        x: Variable or array of the four sums of each unit, of shape (N, 4 S, ...) with N <= B.

    Returns:
        The cells `c` of shape (B, S, ...) and the outputs `h` of shape (N, S, ...).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> c, h = F.lstm(np.array([[1.], [2.]]), np.array([[0., 0., 100., 100.]]))
        >>> c, h
        (variable([[1.],
                   [2.]]), variable([[0.76159416]]))
    """
    c_prev, x = as_variable(c_prev), as_variable(x)
    _check_cell('lstm', 4, ('c_prev', c_prev), ('x', x), all_samples=False)
    n = len(x)
    if n == len(c_prev):
        c, h = LSTM().apply((c_prev, x))
        return c, h
    running, ended = split_axis(c_prev, [n], axis=0)
    c, h = LSTM().apply((running, x))
    return concat((c, ended), axis=0), h


@in_single_precision
def slstm(c_prev1: ArrayLike, c_prev2: ArrayLike, x1: ArrayLike, x2: ArrayLike) -> tuple[Variable, Variable]:
    """S-LSTM units, which join two branches of a tree: one step, as an activation function.

    Each branch brings its cells and, for each unit, four sums in a row as for `lstm`. Then::

        c = (tanh(a1) * sigmoid(i1) + c_prev1 * sigmoid(f1)
             + tanh(a2) * sigmoid(i2) + c_prev2 * sigmoid(f2))
        h = tanh(c) * sigmoid(o1 + o2)

    See Zhu et al., Long Short-Term Memory Over Tree Structures, https://arxiv.org/abs/1503.04881.

    Args:
        c_prev1: Variable or array of the cells of the first branch, of shape (N, S, ...), floating-point.
        c_prev2: The same of the second branch.
        x1: Variable or array of the sums of the first branch, of shape (N, 4 S, ...).
        x2: The same of the second branch.

    Returns:
        The cells `c` and the outputs `h`, both of shape (N, S, ...).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> c, h = F.slstm(*np.ones((2, 1, 1)), *np.zeros((2, 1, 4)))
        >>> c, h
        (variable([[1.]]), variable([[0.38079708]]))
    """
    c_prev1, c_prev2, x1, x2 = (as_variable(v) for v in (c_prev1, c_prev2, x1, x2))
    check_same_shape('slstm', c_prev1=c_prev1, c_prev2=c_prev2)
    check_same_shape('slstm', x1=x1, x2=x2)
    _check_cell('slstm', 4, ('c_prev1', c_prev1), ('x1', x1))
    a1, i1, f1, o1 = gates_of_units(x1)
    a2, i2, f2, o2 = gates_of_units(x2)
    c = (tanh(a1) * sigmoid(i1) + sigmoid(f1) * c_prev1
         + tanh(a2) * sigmoid(i2) + sigmoid(f2) * c_prev2)
    return c, tanh(c) * sigmoid(o1 + o2)


@in_single_precision
def tree_lstm(*inputs: ArrayLike) -> tuple[Variable, Variable]:
    """Tree-LSTM units, which join any number of branches: one step, as an activation function.

    The sums of all units lie in 3 + K parts, one after the other: the input a, the input gate i, the output gate o, and
    a forget gate for each of the K branches. Then::

        c = tanh(a) * sigmoid(i) + c_1 * sigmoid(f_1) + ... + c_K * sigmoid(f_K)
        h = tanh(c) * sigmoid(o)

    See Tai et al., Improved Semantic Representations From Tree-Structured Long Short-Term Memory Networks,
    https://arxiv.org/abs/1503.00075.

    Args:
        inputs: Variables or arrays: the cells of the K branches, each of shape (N, S, ...), floating-point, and last
            the sums, of shape (N, (3 + K) S, ...).

    Returns:
        The cells `c` and the outputs `h`, both of shape (N, S, ...).

    Raises:
        ValueError: There are fewer than two arguments, or the shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> c, h = F.tree_lstm(np.array([[2.]]), np.array([[4.]]), np.zeros((1, 5)))
        >>> c
        variable([[3.]])
    """
    if len(inputs) < 2:
        raise ValueError(f'tree_lstm: expected the cells of at least one branch and the sums, got {len(inputs)} array')
    *cells, x = (as_variable(v) for v in inputs)
    check_same_shape('tree_lstm', **{f'c_{k}': c for k, c in enumerate(cells, 1)})
    _check_cell('tree_lstm', 3 + len(cells), ('c_1', cells[0]), ('x', x))
    a, i, o, *forget = split_axis(x, 3 + len(cells), axis=1)
    c = tanh(a) * sigmoid(i)
    for f, cell in zip(forget, cells):
        c = c + sigmoid(f) * cell
    return c, tanh(c) * sigmoid(o)


def gru(h_prev: ArrayLike, x: ArrayLike, u: ArrayLike) -> Variable:
    """Gated recurrent units: one step, as an activation function.

    The second axis of `x` and `u` has three parts, each for all units: the reset gate r, the update gate z and the
    candidate a. With ``x = linear(input, W, b)`` and ``u = linear(h_prev, U, d)`` it is the step that `n_step_gru`
    takes::

        r = sigmoid(x_r + u_r)
        z = sigmoid(x_z + u_z)
        a = tanh(x_a + r * u_a)
        h = (1 - z) * a + z * h_prev

    The units of `links.StatelessGRU` differ: there the reset gate scales the state before it is transformed, and z
    is the share of the new state.

    See Cho et al., Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation,
    https://arxiv.org/abs/1406.1078.

    Args:
        h_prev: Variable or array of the state after the step before, of shape (N, S), floating-point.
        x: Variable or array of what comes from the input, of shape (N, 3 S).
        u: Variable or array of what comes from the state, of shape (N, 3 S).

    Returns:
        The new state, of shape (N, S).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.gru(np.array([[2.]]), np.zeros((1, 3)), np.zeros((1, 3)))
        variable([[1.]])
    """
    h_prev, x, u = as_variable(h_prev), as_variable(x), as_variable(u)
    check_same_shape('gru', x=x, u=u)
    _check_cell('gru', 3, ('h_prev', h_prev), ('x', x))
    if x.ndim != 2:
        raise ShapeError(f'gru: expected x of shape (N, 3 S), got {x.shape}')
    return GRU().apply((h_prev, x, u))[0]


@in_single_precision
def rnn(h_prev: ArrayLike, x: ArrayLike, W: ArrayLike, U: ArrayLike, b: ArrayLike | None = None,
        activation: str = 'tanh') -> Variable:
    """Plain recurrent units: one step, ``h = f(x W^T + h_prev U^T + b)``.

    See Elman, Finding Structure in Time, Cognitive Science 14, 1990.

    Args:
        h_prev: Variable or array of the state after the step before, of shape (N, S), floating-point.
        x: Variable or array of the input, of shape (N, I).
        W: Weights of the input, of shape (S, I).
        U: Weights of the state, of shape (S, S).
        b: Bias of shape (S,).
        activation: The function f: ``'tanh'`` or ``'relu'``.

    Returns:
        The new state, of shape (N, S).

    Raises:
        ValueError: The shapes do not fit, or there is no such `activation`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.rnn(np.array([[2.]]), np.array([[1.]]), W=np.array([[3.]]), U=np.array([[10.]]), activation='relu')
        variable([[23.]])
    """
    check_choice('rnn', 'activation', activation, tuple(ACTIVATIONS))
    x, h_prev, U = as_variable(x), as_variable(h_prev), as_variable(U)
    check_float('rnn', 'h_prev', h_prev)
    units = W.shape[0]
    if h_prev.shape != (len(x), units) or U.shape != (units, units):
        raise ShapeError(f'rnn: expected h_prev of shape ({len(x)}, {units}) and U of shape ({units}, {units}) for x '
                         f'of shape {x.shape} and W of shape {W.shape}, got {h_prev.shape} and {U.shape}')
    return ACTIVATIONS[activation](linear(x, W, b) + matmul(h_prev, U, transb=True))
