"""Recurrent networks: LSTM and GRU cells, and whole sequences of LSTM, GRU and plain units.

A cell is one kernel. In a sequence the input of all steps is projected at once, and the gradients of weights and biases
are taken over all steps at once. What remains for each step is one product, for all gates together, and one kernel.

The gates of a sequence lie side by side in arrays (M, K N): M is the number of rows of all steps, K that of gates, N
that of units, and B that of sequences. In half precision, what is multiplied is in that type; gates and cells are in
float32.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from autograd_nn.cuda import device
from autograd_nn.cuda.cublas import matmul
from autograd_nn.cuda.kernel import COMPUTE, elementwise
from autograd_nn.cuda.reductions import product_sum
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array, Ints

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

# Below, a thread computes one unit of one row of a step, whose rows begin with `first` in the arrays of all steps:
# views of each step's rows would take longer than the kernel. `units` is N; `k` is the unit's place in arrays of all
# steps, and `at` that of its first gate. S is the type of what is multiplied, T that of the rest.
_AT = '''
    const ptrdiff_t k = first * units + i, j = i % units, u_at = i / units * {gates} * units + j;
    const ptrdiff_t at = first * {gates} * units + u_at;
'''

_lstm_step = elementwise('raw S u, raw T bias, int64 units, int64 first',
                         'raw T gates, raw T c, raw T cells, raw S y, raw S h', _AT.format(gates=4) + '''
    const C in = logistic((C)gates[at] + (C)u[u_at] + (C)bias[j]);
    const C forget = logistic((C)gates[at + units] + (C)u[u_at + units] + (C)bias[j + units]);
    const C a = tanh((C)gates[at + 2 * units] + (C)u[u_at + 2 * units] + (C)bias[j + 2 * units]);
    const C out = logistic((C)gates[at + 3 * units] + (C)u[u_at + 3 * units] + (C)bias[j + 3 * units]);
    gates[at] = in;
    gates[at + units] = forget;
    gates[at + 2 * units] = a;
    gates[at + 3 * units] = out;
    const C cell = forget * c[i] + in * a;
    c[i] = cells[k] = cell;
    h[i] = y[k] = (S)(tanh(cell) * out)''', 'lstm_step', preamble=_GATES)

_lstm_step_grad = elementwise('raw T gates, raw T c_prev, raw T cells, raw S gy, int64 units, int64 first',
                              'raw S gz, raw S gh, raw T gc', _AT.format(gates=4) + '''
    const C in = gates[at], forget = gates[at + units], a = gates[at + 2 * units], out = gates[at + 3 * units];
    const C tanh_c = tanh((C)cells[k]), g = (C)gh[i] + (C)gy[k];
    const C gcell = gc[i] + g * out * (1 - tanh_c * tanh_c);
    gz[at] = (S)(gcell * a * (in - in * in));
    gz[at + units] = (S)(gcell * c_prev[k] * (forget - forget * forget));
    gz[at + 2 * units] = (S)(gcell * in * (1 - a * a));
    gz[at + 3 * units] = (S)(g * tanh_c * (out - out * out));
    gc[i] = gcell * forget''', 'lstm_step_grad', preamble=COMPUTE)

_gru_step = elementwise('raw S u, raw T bias, raw T bias_u, int64 units, int64 first',
                        'raw T gates, raw T scaled, raw S y, raw S h', _AT.format(gates=3) + '''
    const C r = logistic((C)gates[at] + (C)u[u_at] + (C)bias[j] + (C)bias_u[j]);
    const C z = logistic((C)gates[at + units] + (C)u[u_at + units] + (C)bias[j + units] + (C)bias_u[j + units]);
    const C part = (C)u[u_at + 2 * units] + (C)bias_u[j + 2 * units];
    const C a = tanh((C)gates[at + 2 * units] + (C)bias[j + 2 * units] + r * part);
    scaled[k] = part;
    gates[at] = r;
    gates[at + units] = z;
    gates[at + 2 * units] = a;
    h[i] = y[k] = (S)(a + z * ((C)h[i] - a))''', 'gru_step', preamble=_GATES)

_gru_step_grad = elementwise('raw T gates, raw T scaled, raw S h_prev, raw S gy, int64 units, int64 first',
                             'raw S gx, raw S gu, raw S gh', _AT.format(gates=3) + '''
    const C r = gates[at], z = gates[at + units], a = gates[at + 2 * units], g = (C)gh[i] + (C)gy[k];
    const C g_a = g * (1 - z) * (1 - a * a);
    gx[at] = gu[at] = (S)(g_a * scaled[k] * (r - r * r));
    gx[at + units] = gu[at + units] = (S)(g * ((C)h_prev[k] - a) * (z - z * z));
    gx[at + 2 * units] = (S)g_a;
    gu[at + 2 * units] = (S)(g_a * r);
    gh[i] = (S)(g * z)''', 'gru_step_grad', preamble=COMPUTE)

_rnn_step = elementwise('raw S u, raw T bias, bool rectify, int64 units, int64 first', 'raw S y, raw S h', '''
    const ptrdiff_t k = first * units + i;
    const C z = (C)y[k] + (C)u[i] + (C)bias[i % units];
    h[i] = y[k] = (S)(!rectify ? tanh(z) : z < 0 ? (C)0 : z)''', 'rnn_step', preamble=COMPUTE)

_rnn_step_grad = elementwise('raw T y, raw T gh, raw T gy, bool rectify, int64 units, int64 first', 'raw T gz', '''
    const ptrdiff_t k = first * units + i;
    const C slope = !rectify ? 1 - (C)y[k] * (C)y[k] : (C)y[k] <= 0 ? (C)0 : (C)1;
    gz[k] = (T)(((C)gh[i] + (C)gy[k]) * slope)''', 'rnn_step_grad', preamble=COMPUTE)


def lstm(c_prev: Array, x: Array) -> tuple[Any, Any]:
    """In one kernel: the gates of a unit, its cell and its output."""
    c, h = _like(c_prev, c_prev)
    _lstm(c_prev, *_parts_of_units(x), c, h)
    return c, h


def lstm_grad(c_prev: Array, x: Array, c: Array, gc: Array, gh: Array) -> tuple[Any, Any]:
    """One kernel, which computes the gates once more."""
    gc_prev, gx = _like(c_prev, x)
    _lstm_grad(c_prev, *_parts_of_units(x), c, gc, gh, gc_prev, *_parts_of_units(gx))
    return gc_prev, gx


def gru(h_prev: Array, x: Array, u: Array) -> Any:
    """In one kernel: the gates of a unit, and its state."""
    h, = _like(h_prev)
    return _gru(h_prev, *_parts(x, 3), *_parts(u, 3), h)


def gru_grad(h_prev: Array, x: Array, u: Array, gh: Array) -> tuple[Any, Any, Any]:
    """One kernel, which computes the gates once more."""
    gh_prev, gx, gu = _like(h_prev, x, u)
    _gru_grad(h_prev, *_parts(x, 3), *_parts(u, 3), gh, gh_prev, *_parts(gx, 3), *_parts(gu, 3))
    return gh_prev, gx, gu


def lstm_sequence(x: Array, h: Array, c: Array, ws: list[Any], bs: list[Any], batch_sizes: Ints, reverse: bool,
                  training: bool) -> tuple[Any, Any, Any, Any]:
    """The workspace is the gates (M, 4 N), the cells (M, N), and the joined weights of inputs and of states."""
    dtype, precise, units = x.dtype, compute_dtype(x.dtype), h.shape[1]
    x, W, U = _rows(dtype, x, _joined(ws[:4]), _joined(ws[4:]))
    bias = _joined(bs[:4]).astype(precise) + _joined(bs[4:]).astype(precise)
    gates = matmul(x, W.T).astype(precise, copy=False)
    h, c, u = h.astype(dtype, 'C'), c.astype(precise, 'C'), _empty(len(h), 4 * units, dtype)
    y, cells = _empty(len(x), units, dtype), _empty(len(x), units, precise)
    product = _Product(U.T)
    for first, n in _steps(batch_sizes, reverse):
        product(h, n, u)
        _lstm_step(u, bias, units, first, gates, c, cells, y, h, size=n * units)
    return y, h, c.astype(dtype, copy=False), (gates, cells, W, U) if training else None


def lstm_sequence_grad(x: Array, h: Array, c: Array, ws: list[Any], y: Array, workspace: Any, gy: Array, ghy: Array,
                       gcy: Array, batch_sizes: Ints, reverse: bool) -> tuple[Any, Any, Any, list[Any], list[Any]]:
    """Goes through the steps the other way round, then multiplies the gradients of all gates with what they met."""
    dtype, precise, units = x.dtype, compute_dtype(x.dtype), h.shape[1]
    x, y, gy = _rows(dtype, x, y, gy)
    gates, cells, W, U = workspace
    gh, gc, gz = ghy.astype(dtype, 'C'), gcy.astype(precise, 'C'), _empty(len(x), 4 * units, dtype)
    c_prev = _previous(c, cells, batch_sizes, reverse)
    product = _Product(U)
    for first, n in reversed(_steps(batch_sizes, reverse)):
        _lstm_step_grad(gates, c_prev, cells, gy, units, first, gz, gh, gc, size=n * units)
        product(gz[first:first + n], n, gh)
    h_prev = _previous(h, y, batch_sizes, reverse)
    gws = [*_rows_of_gates(matmul(gz.T, x), 4), *_rows_of_gates(matmul(gz.T, h_prev), 4)]
    gbs = _rows_of_gates(product_sum(gz, 1, (0,), dtype), 4)
    return matmul(gz, W), gh, gc.astype(dtype, copy=False), gws, [*gbs, *[gb.copy() for gb in gbs]]


def gru_sequence(x: Array, h: Array, ws: list[Any], bs: list[Any], batch_sizes: Ints, reverse: bool,
                 training: bool) -> tuple[Any, Any, Any]:
    """The workspace is the gates r, z and a (M, 3 N), what r scaled (M, N), and the joined weights."""
    dtype, precise, units = x.dtype, compute_dtype(x.dtype), h.shape[1]
    x, W, U = _rows(dtype, x, _joined(ws[:3]), _joined(ws[3:]))
    bias, bias_u = _rows(precise, _joined(bs[:3]), _joined(bs[3:]))
    gates = matmul(x, W.T).astype(precise, copy=False)
    h, u = h.astype(dtype, 'C'), _empty(len(h), 3 * units, dtype)
    y, scaled = _empty(len(x), units, dtype), _empty(len(x), units, precise)
    product = _Product(U.T)
    for first, n in _steps(batch_sizes, reverse):
        product(h, n, u)
        _gru_step(u, bias, bias_u, units, first, gates, scaled, y, h, size=n * units)
    return y, h, (gates, scaled, W, U) if training else None


def gru_sequence_grad(x: Array, h: Array, ws: list[Any], y: Array, workspace: Any, gy: Array, ghy: Array,
                      batch_sizes: Ints, reverse: bool) -> tuple[Any, Any, list[Any], list[Any]]:
    """Goes back through the steps; what reaches the gates from input and from state differs by the reset gate."""
    dtype, units = x.dtype, h.shape[1]
    x, y, gy = _rows(dtype, x, y, gy)
    gates, scaled, W, U = workspace
    gh, gx, gu = ghy.astype(dtype, 'C'), _empty(len(x), 3 * units, dtype), _empty(len(x), 3 * units, dtype)
    h_prev = _previous(h, y, batch_sizes, reverse)
    product, from_gates = _Product(U), _empty(len(h), units, dtype)
    for first, n in reversed(_steps(batch_sizes, reverse)):
        _gru_step_grad(gates, scaled, h_prev, gy, units, first, gx, gu, gh, size=n * units)
        product(gu[first:first + n], n, from_gates)
        gh[:n] += from_gates[:n]
    gws = [*_rows_of_gates(matmul(gx.T, x), 3), *_rows_of_gates(matmul(gu.T, h_prev), 3)]
    gbs = [gb for g in (gx, gu) for gb in _rows_of_gates(product_sum(g, 1, (0,), dtype), 3)]
    return matmul(gx, W), gh, gws, gbs


def rnn_sequence(x: Array, h: Array, ws: list[Any], bs: list[Any], activation: str, batch_sizes: Ints, reverse: bool,
                 training: bool) -> tuple[Any, Any, Any]:
    """The output says all that the gradient needs, so there is no workspace."""
    dtype, precise = x.dtype, compute_dtype(x.dtype)
    x, W, U = _rows(dtype, x, *ws)
    h, y, bias = h.astype(dtype, 'C'), matmul(x, W.T), bs[0].astype(precise) + bs[1].astype(precise)
    product, u, units = _Product(U.T), device.cupy.empty(h.shape, dtype), h.shape[1]
    for first, n in _steps(batch_sizes, reverse):
        product(h, n, u)
        _rnn_step(u, bias, activation == 'relu', units, first, y, h, size=n * units)
    return y, h, None


def rnn_sequence_grad(x: Array, h: Array, ws: list[Any], y: Array, workspace: Any, gy: Array, ghy: Array,
                      activation: str, batch_sizes: Ints, reverse: bool) -> tuple[Any, Any, list[Any], list[Any]]:
    """Goes through the steps the other way round; the slopes of the activation come from its outputs."""
    dtype = x.dtype
    x, y, gy, W, U = _rows(dtype, x, y, gy, *ws)
    gh, gz, units = ghy.astype(dtype, 'C'), device.cupy.empty_like(y), h.shape[1]
    product = _Product(U)
    for first, n in reversed(_steps(batch_sizes, reverse)):
        _rnn_step_grad(y, gh, gy, activation == 'relu', units, first, gz, size=n * units)
        product(gz[first:first + n], n, gh)
    gws = [matmul(gz.T, x), matmul(gz.T, _previous(h, y, batch_sizes, reverse))]
    gb = product_sum(gz, 1, (0,), dtype)
    return matmul(gz, W), gh, gws, [gb, gb.copy()]


def _like(*arrays: Array) -> list[Any]:
    """New arrays of the shapes and types of others, in row-major order."""
    return [device.cupy.empty(array.shape, array.dtype) for array in arrays]


def _parts(array: Array, count: int) -> list[Any]:
    """Views of the equal parts of the columns."""
    width = array.shape[1] // count
    return [array[:, k * width:(k + 1) * width] for k in range(count)]


def _parts_of_units(x: Array) -> list[Any]:
    """Views (N, S, ...) of the four numbers for each unit in `x` (N, 4 S, ...)."""
    units = x.reshape(len(x), x.shape[1] // 4, 4, *x.shape[2:])
    return [units[:, :, k] for k in range(4)]


def _rows_of_gates(array: Array, count: int) -> list[Any]:
    """Views of the equal parts of the rows, or of a vector."""
    width = len(array) // count
    return [array[k * width:(k + 1) * width] for k in range(count)]


class _Product:
    """Products with one matrix, step by step: most steps have as many rows as the one before."""

    def __init__(self, matrix: Array) -> None:
        self.matrix = matrix
        self.views: dict[tuple[int, int], Any] = {}

    def __call__(self, a: Array, n: int, out: Array) -> None:
        """Multiplies the first `n` rows of `a`, into those of `out`."""
        matmul(self._rows(a, n), self.matrix, out=self._rows(out, n))

    def _rows(self, a: Array, n: int) -> Any:
        if len(a) == n:
            return a
        key = id(a), n
        if key not in self.views:
            self.views[key] = a[:n]
        return self.views[key]


def _steps(batch_sizes: Ints, reverse: bool) -> list[tuple[int, int]]:
    """The first row and the batch size of each step that has any, in the order in which they are computed."""
    steps, end = [], 0
    for n in batch_sizes:
        if n:
            steps.append((end, n))
        end += n
    return steps[::-1] if reverse else steps


def _previous(initial: Array, states: Array, batch_sizes: Ints, reverse: bool) -> Any:
    """The states that the steps started from, from those (M, N) that they arrived at."""
    places = _places(tuple(batch_sizes), len(initial), reverse, device.cupy.cuda.Device().id)
    return device.cupy.concatenate([initial.astype(states.dtype, copy=False), states])[places]


@lru_cache(64)
def _places(batch_sizes: Ints, count: int, reverse: bool, device_id: int) -> Any:
    """Where, among `count` initial states and those of all steps, lies the one that each row started from."""
    current, places = np.arange(count), np.zeros(sum(batch_sizes), np.int64)
    for first, n in _steps(batch_sizes, reverse):
        places[first:first + n] = current[:n]
        current[:n] = count + np.arange(first, first + n)
    return device.cupy.asarray(places)


def _joined(arrays: Arrays) -> Any:
    return device.cupy.concatenate(arrays)


def _rows(dtype: Any, *arrays: Array) -> list[Any]:
    """The arrays in a type, in row-major order."""
    return [device.cupy.ascontiguousarray(array, dtype) for array in arrays]


def _empty(rows: int, columns: int, dtype: Any) -> Any:
    return device.cupy.empty((rows, columns), dtype)
