"""Recurrent networks: LSTM and GRU cells, and whole sequences of LSTM, GRU and plain units.

Sequences do as much as possible in few large matrix products: the input of all steps is projected at once, and the
gradients of the weights are taken over all steps at once. What remains for the loop over the steps, one small product
each and elementwise mathematics on a block that fits the cache, works in place.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.contract import Ints
from autograd_nn.cpu.window import compute_dtype


def lstm(c_prev: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gates side by side in memory, then elementwise."""
    a, i, f, o = _lstm_gates(x)
    c = f * c_prev
    c += np.multiply(a, i, out=a)
    h = np.tanh(c)
    h *= o
    return c.astype(x.dtype, copy=False), h.astype(x.dtype, copy=False)


def lstm_grad(c_prev: np.ndarray, x: np.ndarray, c: np.ndarray, gc: np.ndarray,
              gh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Computes the gates once more."""
    gates = _lstm_gates(x)
    a, i, f, o = gates
    tanh_c = np.tanh(c, dtype=gates.dtype)
    gcell = gc + gh * o * (1 - tanh_c * tanh_c)
    slopes = gates - gates * gates
    slopes[0] = 1 - a * a
    slopes[0] *= gcell * i
    slopes[1] *= gcell * a
    slopes[2] *= gcell * c_prev
    slopes[3] *= gh * tanh_c
    gx = np.moveaxis(slopes, 0, 2).reshape(x.shape)
    return (gcell * f).astype(x.dtype, copy=False), gx.astype(x.dtype, copy=False)


def _lstm_gates(x: np.ndarray) -> np.ndarray:
    """The activated gates a, i, f and o of `x` (N, 4 S, ...), as an array (4, N, S, ...)."""
    split = x.reshape(len(x), x.shape[1] // 4, 4, *x.shape[2:])
    gates = np.moveaxis(split, 2, 0).astype(compute_dtype(x.dtype), 'C')
    _activate(gates, gates[1:])
    return gates


def gru(h_prev: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Elementwise."""
    _, z, a = _gru_gates(x, u)
    h = h_prev - a
    h *= z
    h += a
    return h.astype(x.dtype, copy=False)


def gru_grad(h_prev: np.ndarray, x: np.ndarray, u: np.ndarray,
             gh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Computes the gates once more."""
    r, z, a = _gru_gates(x, u)
    gx, gu = np.empty((2, *x.shape), r.dtype)
    gr, gz, ga = _parts(gx, 3)
    gr_too, gz_too, gu_a = _parts(gu, 3)
    ga[...] = gh * (1 - z) * (1 - a * a)
    gz[...] = gz_too[...] = gh * (h_prev - a) * (z - z * z)
    gr[...] = gr_too[...] = ga * _parts(u, 3)[2] * (r - r * r)
    gu_a[...] = ga * r
    gh_prev, gx, gu = _cast(x.dtype, gh * z, gx, gu)
    return gh_prev, gx, gu


def _gru_gates(x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The activated gates r, z and a, each of shape (N, S)."""
    dtype = compute_dtype(x.dtype)
    units = x.shape[1] // 3
    gates = np.add(x[:, :2 * units], u[:, :2 * units], dtype=dtype)
    _activate(gates, gates)
    r, z = _parts(gates, 2)
    a = np.multiply(r, u[:, 2 * units:], dtype=dtype)
    a += x[:, 2 * units:]
    return r, z, np.tanh(a, out=a)


def lstm_sequence(x: np.ndarray, h: np.ndarray, c: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray,
                  batch_sizes: Ints, reverse: bool, training: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """The workspace is the activated gates (M, 4 N) and the cells (M, N) of all steps."""
    dtype = x.dtype
    x, h, c, W, U, b = _computable(dtype, x, h, c, W, U, b)
    n_units = h.shape[1]
    gates = x @ W.T
    y = np.empty((len(x), n_units), x.dtype)
    cells = np.empty_like(y) if training else None
    h, c = h.copy(), c.copy()
    product, scratch = np.empty((len(h), 4 * n_units), x.dtype), np.empty_like(h)
    for rows, n in _steps(batch_sizes, reverse):
        z, cell = gates[rows], c[:n]
        z += np.matmul(h[:n], U.T, out=product[:n])
        z += b
        i, f, a, o = _parts(z, 4)
        _activate(z, z[:, :2 * n_units], o)
        cell *= f
        cell += np.multiply(i, a, out=scratch[:n])
        if cells is not None:
            cells[rows] = cell
        np.tanh(cell, out=y[rows])
        y[rows] *= o
        h[:n] = y[rows]
    y, h, c = _cast(dtype, y, h, c)
    return y, h, c, (gates, cells)


def lstm_sequence_grad(x: np.ndarray, h: np.ndarray, c: np.ndarray, W: np.ndarray, U: np.ndarray, y: np.ndarray,
                       workspace: Any, gy: np.ndarray, ghy: np.ndarray, gcy: np.ndarray, batch_sizes: Ints,
                       reverse: bool) -> tuple[np.ndarray, ...]:
    """Goes through the steps the other way round, then multiplies the gradients of all gates with what they met."""
    dtype = x.dtype
    x, h, c, W, U, y, gy, gh, gc = _computable(dtype, x, h, c, W, U, y, gy, ghy, gcy)
    gates, cells = workspace
    c_prev = _previous(c, cells, batch_sizes, reverse)
    gh, gc = gh.copy(), gc.copy()
    gz = np.empty_like(gates)
    scratch, slopes = np.empty_like(gh), np.empty((len(gh), gates.shape[1]), gates.dtype)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, gcell, tanh_c = gh[:n], gc[:n], scratch[:n]
        i, f, a, o = _parts(gates[rows], 4)
        gi, gf, ga, go = _parts(gz[rows], 4)
        ghidden += gy[rows]
        np.tanh(cells[rows], out=tanh_c)
        np.multiply(ghidden, tanh_c, out=go)
        tanh_c *= tanh_c
        np.subtract(1, tanh_c, out=tanh_c)
        tanh_c *= o
        tanh_c *= ghidden
        gcell += tanh_c
        np.multiply(gcell, a, out=gi)
        np.multiply(gcell, c_prev[rows], out=gf)
        np.multiply(gcell, i, out=ga)
        gcell *= f
        gz[rows] *= _slopes(gates[rows], 4, slopes[:n])
        np.matmul(gz[rows], U, out=ghidden)
    gx, gW, gb = _projection_grad(x, W, gz)
    gU = gz.T @ _previous(h, y, batch_sizes, reverse)
    return _cast(dtype, gx, gh, gc, gW, gU, gb)


def gru_sequence(x: np.ndarray, h: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray, d: np.ndarray,
                 batch_sizes: Ints, reverse: bool, training: bool) -> tuple[np.ndarray, np.ndarray, Any]:
    """The workspace is the activated gates (M, 3 N) and what the reset gate scales (M, N), of all steps."""
    dtype = x.dtype
    x, h, W, U, b, d = _computable(dtype, x, h, W, U, b, d)
    n_units = h.shape[1]
    gates = x @ W.T
    y = np.empty((len(x), n_units), x.dtype)
    scaled = np.empty_like(y) if training else None
    h, product = h.copy(), np.empty((len(h), 3 * n_units), x.dtype)
    for rows, n in _steps(batch_sizes, reverse):
        gate, u, hidden = gates[rows], product[:n], h[:n]
        gate += b
        np.matmul(hidden, U.T, out=u)
        u += d
        both, u_a = gate[:, :2 * n_units], u[:, 2 * n_units:]
        both += u[:, :2 * n_units]
        _activate(both, both)
        r, z, a = _parts(gate, 3)
        if scaled is not None:
            scaled[rows] = u_a
        u_a *= r
        a += u_a
        np.tanh(a, out=a)
        hidden -= a
        hidden *= z
        hidden += a
        y[rows] = hidden
    y, h = _cast(dtype, y, h)
    return y, h, (gates, scaled)


def gru_sequence_grad(x: np.ndarray, h: np.ndarray, W: np.ndarray, U: np.ndarray, y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, batch_sizes: Ints, reverse: bool) -> tuple[np.ndarray, ...]:
    """As for the LSTM; what reaches the gates from input and from state differs by the reset gate."""
    dtype = x.dtype
    x, h, W, U, y, gy, gh = _computable(dtype, x, h, W, U, y, gy, ghy)
    gates, scaled = workspace
    h_prev = _previous(h, y, batch_sizes, reverse)
    gh = gh.copy()
    gx_gates, gu_gates = np.empty_like(gates), np.empty_like(gates)
    scratch, slopes = np.empty_like(gh), np.empty((len(gh), gates.shape[1]), gates.dtype)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, rest = gh[:n], scratch[:n]
        r, z, a = _parts(gates[rows], 3)
        gr, gz, ga = _parts(gx_gates[rows], 3)
        slope_r, slope_z, slope_a = _parts(_slopes(gates[rows], 3, slopes[:n]), 3)
        ghidden += gy[rows]
        np.subtract(h_prev[rows], a, out=gz)
        gz *= ghidden
        gz *= slope_z
        np.subtract(1, z, out=ga)
        ga *= ghidden
        ga *= slope_a
        np.multiply(ga, scaled[rows], out=gr)
        gr *= slope_r
        gu_gates[rows] = gx_gates[rows]
        _parts(gu_gates[rows], 3)[2][...] *= r
        np.multiply(ghidden, z, out=rest)
        np.matmul(gu_gates[rows], U, out=ghidden)
        ghidden += rest
    gx, gW, gb = _projection_grad(x, W, gx_gates)
    return _cast(dtype, gx, gh, gW, gu_gates.T @ h_prev, gb, _sum_rows(gu_gates))


def rnn_sequence(x: np.ndarray, h: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray, activation: str,
                 batch_sizes: Ints, reverse: bool, training: bool) -> tuple[np.ndarray, np.ndarray, Any]:
    """The output says all that the gradient needs, so there is no workspace."""
    dtype = x.dtype
    x, h, W, U, b = _computable(dtype, x, h, W, U, b)
    y = x @ W.T
    h, product = h.copy(), np.empty_like(h)
    for rows, n in _steps(batch_sizes, reverse):
        z = y[rows]
        z += np.matmul(h[:n], U.T, out=product[:n])
        z += b
        h[:n] = np.tanh(z, out=z) if activation == 'tanh' else np.maximum(z, 0, out=z)
    y, h = _cast(dtype, y, h)
    return y, h, None


def rnn_sequence_grad(x: np.ndarray, h: np.ndarray, W: np.ndarray, U: np.ndarray, y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, activation: str, batch_sizes: Ints,
                      reverse: bool) -> tuple[np.ndarray, ...]:
    """As for the LSTM."""
    dtype = x.dtype
    x, h, W, U, y, gy, gh = _computable(dtype, x, h, W, U, y, gy, ghy)
    gh = gh.copy()
    gz = 1 - y * y if activation == 'tanh' else (y > 0).astype(y.dtype)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden = gh[:n]
        ghidden += gy[rows]
        gz[rows] *= ghidden
        np.matmul(gz[rows], U, out=ghidden)
    gx, gW, gb = _projection_grad(x, W, gz)
    return _cast(dtype, gx, gh, gW, gz.T @ _previous(h, y, batch_sizes, reverse), gb)


def _activate(z: np.ndarray, *logistic: np.ndarray) -> None:
    """In place: the logistic function of some parts of `z`, and the hyperbolic tangent of the others.

    The one is the other, scaled: a single pass of the tangent serves all.
    """
    for part in logistic:
        part *= 0.5
    np.tanh(z, out=z)
    for part in logistic:
        part *= 0.5
        part += 0.5


def _slopes(gates: np.ndarray, count: int, out: np.ndarray) -> np.ndarray:
    """The derivatives of `count` activated gates, of which the third, a, is a hyperbolic tangent."""
    np.multiply(gates, gates, out=out)
    np.subtract(gates, out, out=out)
    a, slope = _parts(gates, count)[2], _parts(out, count)[2]
    np.multiply(a, a, out=slope)
    np.subtract(1, slope, out=slope)
    return out


def _parts(array: np.ndarray, count: int) -> list[np.ndarray]:
    """Views of the equal parts of the columns."""
    width = array.shape[1] // count
    return [array[:, k * width:(k + 1) * width] for k in range(count)]


def _steps(batch_sizes: Ints, reverse: bool) -> list[tuple[slice, int]]:
    """The rows and the batch size of each step, in the order in which they are computed."""
    steps = []
    end = 0
    for n in batch_sizes:
        steps.append((slice(end, end + n), n))
        end += n
    return steps[::-1] if reverse else steps


def _previous(initial: np.ndarray, states: np.ndarray, batch_sizes: Ints, reverse: bool) -> np.ndarray:
    """The states that the steps started from, from those (M, N) that they arrived at."""
    state = initial.copy()
    previous = np.empty_like(states)
    for rows, n in _steps(batch_sizes, reverse):
        previous[rows] = state[:n]
        state[:n] = states[rows]
    return previous


def _projection_grad(x: np.ndarray, W: np.ndarray, gz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of ``x @ W.T + b`` with respect to `x`, `W` and `b`."""
    return gz @ W, gz.T @ x, _sum_rows(gz)


def _sum_rows(rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows), rows.dtype) @ rows


def _computable(dtype: np.dtype, *arrays: np.ndarray) -> list[np.ndarray]:
    """The arrays in the type in which those of `dtype` are computed."""
    return [array.astype(compute_dtype(dtype), copy=False) for array in arrays]


def _cast(dtype: np.dtype, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple([array.astype(dtype, copy=False) for array in arrays])
