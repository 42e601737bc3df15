"""Recurrent networks: LSTM and GRU cells, and whole sequences of LSTM, GRU and plain units.

A cell is one kernel. In a sequence the input of all steps is projected at once, and the gradients of weights and biases
are taken over all steps at once. What remains for each step is one product, for all gates together, and one kernel.

The gates of a sequence lie side by side in arrays (M, K N): M is the number of rows of all steps, K that of gates, N
that of units, and B that of sequences.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_nn.contract import Ints
from autograd_nn.cuda import device
from autograd_nn.cuda.cublas import matmul
from autograd_nn.cuda.kernel import COMPUTE, elementwise
from autograd_nn.cuda.reductions import compute_dtype, product_sum

Arrays = Sequence[Any]

_GATES = COMPUTE + '''
__device__ C logistic(C x) { return tanh(x * (C)0.5) * (C)0.5 + (C)0.5; }
'''
# The result of a gate's function says the function's slope.
_LSTM_GATES = '''
    const C a = tanh((C)x_a), in = logistic((C)x_i), forget = logistic((C)x_f), out = logistic((C)x_o);
'''
_lstm = elementwise('T c_prev, T x_a, T x_i, T x_f, T x_o', 'T c, T h', _LSTM_GATES + '''
    const C cell = a * in + (C)c_prev * forget;
    c = (T)cell;
    h = (T)(tanh(cell) * out)''', 'lstm', preamble=_GATES)

_lstm_grad = elementwise('T c_prev, T x_a, T x_i, T x_f, T x_o, T c, T gc, T gh',
                         'T gc_prev, T g_a, T g_i, T g_f, T g_o', _LSTM_GATES + '''
    const C tanh_c = tanh((C)c);
    const C gcell = (C)gc + (C)gh * out * (1 - tanh_c * tanh_c);
    gc_prev = (T)(gcell * forget);
    g_a = (T)(gcell * in * (1 - a * a));
    g_i = (T)(gcell * a * (in - in * in));
    g_f = (T)(gcell * (C)c_prev * (forget - forget * forget));
    g_o = (T)((C)gh * tanh_c * (out - out * out))''', 'lstm_grad', preamble=_GATES)

_GRU_GATES = '''
    const C r = logistic((C)x_r + (C)u_r), z = logistic((C)x_z + (C)u_z), a = tanh((C)x_a + r * (C)u_a);
'''
_gru = elementwise('T h_prev, T x_r, T x_z, T x_a, T u_r, T u_z, T u_a', 'T h', _GRU_GATES + '''
    h = (T)(a + z * ((C)h_prev - a))''', 'gru', preamble=_GATES)

_gru_grad = elementwise('T h_prev, T x_r, T x_z, T x_a, T u_r, T u_z, T u_a, T gh',
                        'T gh_prev, T gx_r, T gx_z, T gx_a, T gu_r, T gu_z, T gu_a', _GRU_GATES + '''
    const C g_a = (C)gh * (1 - z) * (1 - a * a);
    gh_prev = (T)((C)gh * z);
    gx_a = (T)g_a;
    gu_a = (T)(g_a * r);
    gx_z = gu_z = (T)((C)gh * ((C)h_prev - a) * (z - z * z));
    gx_r = gu_r = (T)(g_a * (C)u_a * (r - r * r))''', 'gru_grad', preamble=_GATES)

# Below, rows are those of one step; `units` is N, and `at` is the place of a row's first gate.
_AT = 'const ptrdiff_t at = i / units * {gates} * units + i % units;'

_lstm_step = elementwise('raw T u, raw T bias, int64 units', 'raw T gates, T c, T cell, T y, T h',
                         _AT.format(gates=4) + '''
    const ptrdiff_t j = i % units;
    const C in = logistic((C)(gates[at] + u[at] + bias[j]));
    const C forget = logistic((C)(gates[at + units] + u[at + units] + bias[j + units]));
    const C a = tanh((C)(gates[at + 2 * units] + u[at + 2 * units] + bias[j + 2 * units]));
    const C out = logistic((C)(gates[at + 3 * units] + u[at + 3 * units] + bias[j + 3 * units]));
    gates[at] = in;
    gates[at + units] = forget;
    gates[at + 2 * units] = a;
    gates[at + 3 * units] = out;
    c = cell = forget * c + in * a;
    h = y = tanh(cell) * out''', 'lstm_step', preamble=_GATES)

_lstm_step_grad = elementwise('raw T gates, T c_prev, T cell, T gy, int64 units', 'raw T gz, T gh, T gc',
                              _AT.format(gates=4) + '''
    const C in = gates[at], forget = gates[at + units], a = gates[at + 2 * units], out = gates[at + 3 * units];
    const C tanh_c = tanh(cell), g = gh + gy;
    const C gcell = gc + g * out * (1 - tanh_c * tanh_c);
    gz[at] = gcell * a * (in - in * in);
    gz[at + units] = gcell * c_prev * (forget - forget * forget);
    gz[at + 2 * units] = gcell * in * (1 - a * a);
    gz[at + 3 * units] = g * tanh_c * (out - out * out);
    gc = gcell * forget''', 'lstm_step_grad', preamble=COMPUTE)

_gru_step = elementwise('raw T u, raw T bias, raw T bias_u, int64 units', 'raw T gates, T scaled, T y, T h',
                        _AT.format(gates=3) + '''
    const ptrdiff_t j = i % units;
    const C r = logistic((C)(gates[at] + u[at] + bias[j] + bias_u[j]));
    const C z = logistic((C)(gates[at + units] + u[at + units] + bias[j + units] + bias_u[j + units]));
    scaled = u[at + 2 * units] + bias_u[j + 2 * units];
    const C a = tanh((C)(gates[at + 2 * units] + bias[j + 2 * units] + r * scaled));
    gates[at] = r;
    gates[at + units] = z;
    gates[at + 2 * units] = a;
    h = y = a + z * (h - a)''', 'gru_step', preamble=_GATES)

_gru_step_grad = elementwise('raw T gates, T scaled, T h_prev, T gy, int64 units', 'raw T gx, raw T gu, T gh',
                             _AT.format(gates=3) + '''
    const C r = gates[at], z = gates[at + units], a = gates[at + 2 * units], g = gh + gy;
    const C g_a = g * (1 - z) * (1 - a * a);
    gx[at] = gu[at] = g_a * scaled * (r - r * r);
    gx[at + units] = gu[at + units] = g * (h_prev - a) * (z - z * z);
    gx[at + 2 * units] = g_a;
    gu[at + 2 * units] = g_a * r;
    gh = g * z''', 'gru_step_grad', preamble=COMPUTE)

_rnn_step = elementwise('T u, T bias, bool rectify', 'T y, T h', '''
    const T z = y + u + bias;
    h = y = !rectify ? tanh(z) : z < 0 ? (T)0 : z''', 'rnn_step')

_rnn_step_grad = elementwise('T y, T gh, T gy, bool rectify', 'T gz',
                             'gz = (gh + gy) * (!rectify ? 1 - y * y : y > 0 ? (T)1 : (T)0)', 'rnn_step_grad')


def lstm(c_prev: Any, x: Any) -> tuple[Any, Any]:
    """One kernel."""
    c, h = _like(c_prev, c_prev)
    _lstm(c_prev, *_parts_of_units(x), c, h)
    return c, h


def lstm_grad(c_prev: Any, x: Any, c: Any, gc: Any, gh: Any) -> tuple[Any, Any]:
    """One kernel, which computes the gates once more."""
    gc_prev, gx = _like(c_prev, x)
    _lstm_grad(c_prev, *_parts_of_units(x), c, gc, gh, gc_prev, *_parts_of_units(gx))
    return gc_prev, gx


def gru(h_prev: Any, x: Any, u: Any) -> Any:
    """One kernel."""
    h, = _like(h_prev)
    return _gru(h_prev, *_parts(x, 3), *_parts(u, 3), h)


def gru_grad(h_prev: Any, x: Any, u: Any, gh: Any) -> tuple[Any, Any, Any]:
    """One kernel, which computes the gates once more."""
    gh_prev, gx, gu = _like(h_prev, x, u)
    _gru_grad(h_prev, *_parts(x, 3), *_parts(u, 3), gh, gh_prev, *_parts(gx, 3), *_parts(gu, 3))
    return gh_prev, gx, gu


def lstm_sequence(x: Any, h: Any, c: Any, ws: list[Any], bs: list[Any], batch_sizes: Ints, reverse: bool,
                  training: bool) -> tuple[Any, Any, Any, Any]:
    """The workspace is the gates (M, 4 N) and the cells (M, N)."""
    dtype, units = x.dtype, h.shape[1]
    x, h, c, W, U, bias = _computable(dtype, x, h, c, _joined(ws[:4]), _joined(ws[4:]),
                                      _joined(bs[:4]) + _joined(bs[4:]))
    h, c, gates = h.copy(), c.copy(), matmul(x, W.T)
    cells, y = (device.cupy.empty((len(x), units), x.dtype) for _ in range(2))
    u = device.cupy.empty((len(h), 4 * units), x.dtype)
    for rows, n in _steps(batch_sizes, reverse):
        matmul(h[:n], U.T, out=u[:n])
        _lstm_step(u, bias, units, gates[rows], c[:n], cells[rows], y[rows], h[:n])
    y, h, c = _cast(dtype, y, h, c)
    return y, h, c, (gates, cells) if training else None


def lstm_sequence_grad(x: Any, h: Any, c: Any, ws: list[Any], y: Any, workspace: Any, gy: Any, ghy: Any, gcy: Any,
                       batch_sizes: Ints, reverse: bool) -> tuple[Any, Any, Any, list[Any], list[Any]]:
    """Goes through the steps the other way round, then multiplies the gradients of all gates with what they met."""
    dtype, units = x.dtype, h.shape[1]
    x, h, c, y, gy, gh, gc, W, U = _computable(dtype, x, h, c, y, gy, ghy, gcy, _joined(ws[:4]), _joined(ws[4:]))
    gates, cells = workspace
    gh, gc, gz = gh.copy(), gc.copy(), device.cupy.empty_like(gates)
    c_prev = _previous(c, cells, batch_sizes, reverse)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        _lstm_step_grad(gates[rows], c_prev[rows], cells[rows], gy[rows], units, gz[rows], gh[:n], gc[:n])
        matmul(gz[rows], U, out=gh[:n])
    h_prev = _previous(h, y, batch_sizes, reverse)
    gws = [*_rows_of_gates(matmul(gz.T, x), 4), *_rows_of_gates(matmul(gz.T, h_prev), 4)]
    gbs = _rows_of_gates(product_sum(gz, 1, (0,), gz.dtype), 4)
    gx, gh, gc = _cast(dtype, matmul(gz, W), gh, gc)
    return gx, gh, gc, _cast(dtype, *gws), _cast(dtype, *gbs, *[gb.copy() for gb in gbs])


def gru_sequence(x: Any, h: Any, ws: list[Any], bs: list[Any], batch_sizes: Ints, reverse: bool,
                 training: bool) -> tuple[Any, Any, Any]:
    """The workspace is the gates r, z and a (M, 3 N), and what r scaled (M, N)."""
    dtype, units = x.dtype, h.shape[1]
    x, h, W, U, bias, bias_u = _computable(dtype, x, h, _joined(ws[:3]), _joined(ws[3:]), _joined(bs[:3]),
                                           _joined(bs[3:]))
    h, gates = h.copy(), matmul(x, W.T)
    scaled, y = (device.cupy.empty((len(x), units), x.dtype) for _ in range(2))
    u = device.cupy.empty((len(h), 3 * units), x.dtype)
    for rows, n in _steps(batch_sizes, reverse):
        matmul(h[:n], U.T, out=u[:n])
        _gru_step(u, bias, bias_u, units, gates[rows], scaled[rows], y[rows], h[:n])
    y, h = _cast(dtype, y, h)
    return y, h, (gates, scaled) if training else None


def gru_sequence_grad(x: Any, h: Any, ws: list[Any], y: Any, workspace: Any, gy: Any, ghy: Any, batch_sizes: Ints,
                      reverse: bool) -> tuple[Any, Any, list[Any], list[Any]]:
    """As for the LSTM; what reaches the gates from input and from state differs by the reset gate."""
    dtype, units = x.dtype, h.shape[1]
    x, h, y, gy, gh, W, U = _computable(dtype, x, h, y, gy, ghy, _joined(ws[:3]), _joined(ws[3:]))
    gates, scaled = workspace
    gh, gx, gu = gh.copy(), device.cupy.empty_like(gates), device.cupy.empty_like(gates)
    h_prev = _previous(h, y, batch_sizes, reverse)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        _gru_step_grad(gates[rows], scaled[rows], h_prev[rows], gy[rows], units, gx[rows], gu[rows], gh[:n])
        gh[:n] += matmul(gu[rows], U)
    gws = [*_rows_of_gates(matmul(gx.T, x), 3), *_rows_of_gates(matmul(gu.T, h_prev), 3)]
    gbs = [gb for g in (gx, gu) for gb in _rows_of_gates(product_sum(g, 1, (0,), g.dtype), 3)]
    gx, gh = _cast(dtype, matmul(gx, W), gh)
    return gx, gh, _cast(dtype, *gws), _cast(dtype, *gbs)


def rnn_sequence(x: Any, h: Any, ws: list[Any], bs: list[Any], activation: str, batch_sizes: Ints, reverse: bool,
                 training: bool) -> tuple[Any, Any, Any]:
    """The output says all that the gradient needs, so there is no workspace."""
    dtype = x.dtype
    x, h, W, U, b, d = _computable(dtype, x, h, *ws, *bs)
    h, y, bias = h.copy(), matmul(x, W.T), b + d
    for rows, n in _steps(batch_sizes, reverse):
        _rnn_step(matmul(h[:n], U.T), bias, activation == 'relu', y[rows], h[:n])
    y, h = _cast(dtype, y, h)
    return y, h, None


def rnn_sequence_grad(x: Any, h: Any, ws: list[Any], y: Any, workspace: Any, gy: Any, ghy: Any, activation: str,
                      batch_sizes: Ints, reverse: bool) -> tuple[Any, Any, list[Any], list[Any]]:
    """As for the LSTM."""
    dtype = x.dtype
    x, h, y, gy, gh, W, U = _computable(dtype, x, h, y, gy, ghy, *ws)
    gh, gz = gh.copy(), device.cupy.empty_like(y)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        _rnn_step_grad(y[rows], gh[:n], gy[rows], activation == 'relu', gz[rows])
        matmul(gz[rows], U, out=gh[:n])
    gws = [matmul(gz.T, x), matmul(gz.T, _previous(h, y, batch_sizes, reverse))]
    gb = product_sum(gz, 1, (0,), gz.dtype)
    gx, gh = _cast(dtype, matmul(gz, W), gh)
    return gx, gh, _cast(dtype, *gws), _cast(dtype, gb, gb.copy())


def _like(*arrays: Any) -> list[Any]:
    """New arrays of the shapes and types of others, in row-major order."""
    return [device.cupy.empty(array.shape, array.dtype) for array in arrays]


def _parts(array: Any, count: int) -> list[Any]:
    """Views of the equal parts of the columns."""
    width = array.shape[1] // count
    return [array[:, k * width:(k + 1) * width] for k in range(count)]


def _parts_of_units(x: Any) -> list[Any]:
    """Views (N, S, ...) of the four numbers for each unit in `x` (N, 4 S, ...)."""
    units = x.reshape(len(x), x.shape[1] // 4, 4, *x.shape[2:])
    return [units[:, :, k] for k in range(4)]


def _rows_of_gates(array: Any, count: int) -> list[Any]:
    """Views of the equal parts of the rows, or of a vector."""
    width = len(array) // count
    return [array[k * width:(k + 1) * width] for k in range(count)]


def _steps(batch_sizes: Ints, reverse: bool) -> list[tuple[slice, int]]:
    """The rows and the batch size of each step that has any, in the order in which they are computed."""
    steps, end = [], 0
    for n in batch_sizes:
        if n:
            steps.append((slice(end, end + n), n))
        end += n
    return steps[::-1] if reverse else steps


def _previous(initial: Any, states: Any, batch_sizes: Ints, reverse: bool) -> Any:
    """The states that the steps started from, from those (M, N) that they arrived at."""
    state, previous = initial.copy(), device.cupy.empty_like(states)
    for rows, n in _steps(batch_sizes, reverse):
        previous[rows] = state[:n]
        state[:n] = states[rows]
    return previous


def _joined(arrays: Arrays) -> Any:
    return device.cupy.concatenate(arrays)


def _computable(dtype: Any, *arrays: Any) -> list[Any]:
    """The arrays in the type in which those of `dtype` are computed, in row-major order."""
    return [device.cupy.ascontiguousarray(array.astype(compute_dtype(dtype), copy=False)) for array in arrays]


def _cast(dtype: Any, *arrays: Any) -> list[Any]:
    return [array.astype(dtype, copy=False) for array in arrays]
