"""Recurrent networks: LSTM and GRU cells, and whole sequences of LSTM, GRU and plain units.

Sequences do as much as possible in few large operations: the input of all steps is projected at once, the gradients of
the weights are taken over all steps at once, and so are the derivatives of the gates. What remains for the loop over
the steps, one small product each and elementwise mathematics on a block that fits the cache, works in place.

A layer has K gates: 4 in an LSTM. M is the number of rows of all steps, N that of units, and I that of inputs.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from autograd_nn.contract import Ints
from autograd_nn.cpu import memory, threads
from autograd_nn.cpu.window import compute_dtype

# Computes with two arrays, and writes the result into the second.
InPlace = Callable[[np.ndarray, np.ndarray], Any]
Arrays = Sequence[np.ndarray]

# By which factor an argument and a value of the hyperbolic tangent are those of an activation.
_SCALE = {'sigmoid': 0.5, 'tanh': 1.0}
# The elements of each array that a thread takes at a time.
_BLOCK_ELEMENTS = 1 << 15


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
    _activate(gates, _scales(gates, 'tanh', 'sigmoid', 'sigmoid', 'sigmoid'))
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
    _activate(gates, _SCALE['sigmoid'])
    r, z = _parts(gates, 2)
    a = np.multiply(r, u[:, 2 * units:], dtype=dtype)
    a += x[:, 2 * units:]
    return r, z, np.tanh(a, out=a)


class Products:
    """The matrix products of a layer of recurrent units, by NumPy's BLAS."""

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The product of two matrices."""
        return a @ b

    def project(self, x: np.ndarray, ws: Arrays, bs: Arrays) -> np.ndarray:
        """Projects the input of all steps for each gate.

        Args:
            x: The input (M, I).
            ws: For each gate the weights (N, I).
            bs: For each gate the bias (N,).

        Returns:
            ``x @ ws[k].T + bs[k]`` for each gate k, as an array (K, M, N).
        """
        z = memory.empty((len(ws), len(x), len(bs[0])), x.dtype)
        for out, W, b in zip(z, ws, bs, strict=True):
            np.matmul(x, W.T, out=out)
            out += b
        return z

    def recurrence(self, us: Arrays, *activations: str) -> InPlace:
        """What the state contributes to each gate in each step.

        Args:
            us: For each gate the weights of the state (N, N).
            activations: The functions of the gates: ``'sigmoid'`` and ``'tanh'``, ``'relu'`` of all, or ``'none'``.

        Returns:
            A function of a state h (n, N) and the projected input z (K, n, N) of n samples: it computes
            ``z[k] = activation(z[k] + h @ us[k].T)`` in place.
        """
        weights = np.stack(us).transpose(0, 2, 1)
        scales = _scales(weights, *activations) if activations[0] in _SCALE else None

        def step(h: np.ndarray, z: np.ndarray) -> None:
            z += h @ weights
            if scales is not None:
                _activate(z, scales)
            elif activations[0] == 'relu':
                np.maximum(z, 0, out=z)

        return step

    def recurrence_grad(self, us: Arrays) -> InPlace:
        """What the gradients of the gates contribute to that of the state in each step.

        Args:
            us: For each gate the weights of the state (N, N).

        Returns:
            A function of the gates' gradients gz (n, K, N) and the state's gradient gh (n, N) of n samples: it writes
            the sum of ``gz[:, k] @ us[k]`` into `gh`.
        """
        U = np.concatenate(us)
        return lambda gz, gh: np.matmul(_flat(gz), U, out=gh)


_PRODUCTS = Products()


def lstm_sequence(x: np.ndarray, h: np.ndarray, c: np.ndarray, ws: list[np.ndarray], bs: list[np.ndarray],
                  batch_sizes: Ints, reverse: bool, training: bool,
                  products: Products = _PRODUCTS) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """The workspace is the activated gates (4, M, N), the cells (M, N) of all steps and their hyperbolic tangent."""
    dtype = x.dtype
    x, h, c, *parameters = _computable(dtype, x, h, c, *ws, *bs)
    ws, us, bs = parameters[:4], parameters[4:8], _sums(parameters[8:12], parameters[12:])
    gates = products.project(x, ws, bs)
    recurrence = products.recurrence(us, 'sigmoid', 'sigmoid', 'tanh', 'sigmoid')
    y, cells, tanh_c = (memory.empty(gates.shape[1:], x.dtype) for _ in range(3))
    h, c = h.copy(), c.copy()
    scratch = np.empty_like(c)
    for rows, n in _steps(batch_sizes, reverse):
        recurrence(h[:n], gates[:, rows])
        i, f, a, o = gates[:, rows]
        cell = c[:n]
        cell *= f
        cell += np.multiply(i, a, out=scratch[:n])
        cells[rows] = cell
        h[:n] = np.multiply(np.tanh(cell, out=tanh_c[rows]), o, out=y[rows])
    y, h, c = _cast(dtype, y, h, c)
    return y, h, c, (gates, cells, tanh_c) if training else None


def lstm_sequence_grad(x: np.ndarray, h: np.ndarray, c: np.ndarray, ws: list[np.ndarray], y: np.ndarray,
                       workspace: Any, gy: np.ndarray, ghy: np.ndarray, gcy: np.ndarray, batch_sizes: Ints,
                       reverse: bool, products: Products = _PRODUCTS) -> tuple[
                           np.ndarray, np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Goes through the steps the other way round, then multiplies the gradients of all gates with what they met.

    In each step, what was computed for all of them before is multiplied with the gradient of cells and output.
    """
    dtype = x.dtype
    x, h, c, y, gy, gh, gc, *ws = _computable(dtype, x, h, c, y, gy, ghy, gcy, *ws)
    gates, cells, tanh_c = workspace
    gz, slopes = memory.empty((len(x), 4, h.shape[1]), x.dtype), memory.empty(cells.shape, x.dtype)
    _in_blocks(_lstm_slopes, gz, slopes, *gates, _previous(c, cells, batch_sizes, reverse), tanh_c)
    recurrence_grad = products.recurrence_grad(ws[4:])
    gh, gc = gh.copy(), gc.copy()
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, gcell, slope, gate = gh[:n], gc[:n], slopes[rows], gz[rows]
        ghidden += gy[rows]
        gate[:, 3] *= ghidden
        slope *= ghidden
        gcell += slope
        gate[:, :3] *= gcell[:, None]
        gcell *= gates[1, rows]
        recurrence_grad(gate, ghidden)
    gx, gws, gbs = _projection_grad(x, ws[:4], gz, products)
    gus, gds = _weights_grad(_previous(h, y, batch_sizes, reverse), gz, products)
    gx, gh, gc = _cast(dtype, gx, gh, gc)
    return gx, gh, gc, _cast(dtype, *gws, *gus), _cast(dtype, *gbs, *gds)


def _lstm_slopes(gz: np.ndarray, slope: np.ndarray, i: np.ndarray, f: np.ndarray, a: np.ndarray, o: np.ndarray,
                 c_prev: np.ndarray, tanh_c: np.ndarray) -> None:
    """The derivatives of cells (by the gates i, f and a) and output (by o, and by the cells: `slope`)."""
    gi, gf, ga, go = gz.transpose(1, 0, 2)
    _logistic_slope(i, gi)
    gi *= a
    _logistic_slope(f, gf)
    gf *= c_prev
    _tanh_slope(a, ga)
    ga *= i
    _logistic_slope(o, go)
    go *= tanh_c
    _tanh_slope(tanh_c, slope)
    slope *= o


def gru_sequence(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], bs: list[np.ndarray], batch_sizes: Ints,
                 reverse: bool, training: bool, products: Products = _PRODUCTS) -> tuple[np.ndarray, np.ndarray, Any]:
    """The workspace is the activated gates (3, M, N) and what the reset gate scales (1, M, N), of all steps."""
    dtype = x.dtype
    x, h, *parameters = _computable(dtype, x, h, *ws, *bs)
    ws, us, bs, ds = (parameters[k:k + 3] for k in range(0, 12, 3))
    gates = products.project(x, ws, [*_sums(bs[:2], ds), bs[2]])
    recurrence = products.recurrence(us[:2], 'sigmoid', 'sigmoid')
    scaled_recurrence = products.recurrence(us[2:], 'none')
    scaled = memory.empty((1, *gates.shape[1:]), x.dtype)
    scaled[...] = ds[2]
    y = memory.empty(gates.shape[1:], x.dtype)
    h = h.copy()
    scratch = np.empty_like(h)
    for rows, n in _steps(batch_sizes, reverse):
        hidden = h[:n]
        recurrence(hidden, gates[:2, rows])
        scaled_recurrence(hidden, scaled[:, rows])
        r, z, a = gates[:, rows]
        a += np.multiply(r, scaled[0, rows], out=scratch[:n])
        np.tanh(a, out=a)
        hidden -= a
        hidden *= z
        hidden += a
        y[rows] = hidden
    y, h = _cast(dtype, y, h)
    return y, h, (gates, scaled) if training else None


def gru_sequence_grad(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, batch_sizes: Ints, reverse: bool,
                      products: Products = _PRODUCTS) -> tuple[
                          np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """As for the LSTM; what reaches the gates from input and from state differs by the reset gate."""
    dtype = x.dtype
    x, h, y, gy, gh, *ws = _computable(dtype, x, h, y, gy, ghy, *ws)
    gates, scaled = workspace
    h_prev = _previous(h, y, batch_sizes, reverse)
    gx_gates, gu_gates = (memory.empty((len(x), 3, h.shape[1]), x.dtype) for _ in range(2))
    _in_blocks(_gru_slopes, gx_gates, *gates, scaled[0], h_prev)
    recurrence_grad = products.recurrence_grad(ws[3:])
    gh = gh.copy()
    scratch = np.empty_like(gh)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, gate, gate_of_u = gh[:n], gx_gates[rows], gu_gates[rows]
        ghidden += gy[rows]
        gate[:, 1:] *= ghidden[:, None]
        gate[:, 0] *= gate[:, 2]
        gate_of_u[...] = gate
        gate_of_u[:, 2] *= gates[0, rows]
        rest = np.multiply(ghidden, gates[1, rows], out=scratch[:n])
        recurrence_grad(gate_of_u, ghidden)
        ghidden += rest
    gx, gws, gbs = _projection_grad(x, ws[:3], gx_gates, products)
    gus, gds = _weights_grad(h_prev, gu_gates, products)
    gx, gh = _cast(dtype, gx, gh)
    return gx, gh, _cast(dtype, *gws, *gus), _cast(dtype, *gbs, *gds)


def _gru_slopes(gx_gates: np.ndarray, r: np.ndarray, z: np.ndarray, a: np.ndarray, scaled: np.ndarray,
                h_prev: np.ndarray) -> None:
    """The derivatives of the state by the gates z and a, and of a by the gate r."""
    gr, gz, ga = gx_gates.transpose(1, 0, 2)
    _logistic_slope(z, gz)
    np.subtract(h_prev, a, out=gr)
    gz *= gr
    _logistic_slope(r, gr)
    gr *= scaled
    _tanh_slope(a, ga)
    ga *= 1 - z


def rnn_sequence(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], bs: list[np.ndarray], activation: str,
                 batch_sizes: Ints, reverse: bool, training: bool,
                 products: Products = _PRODUCTS) -> tuple[np.ndarray, np.ndarray, Any]:
    """The output says all that the gradient needs, so there is no workspace."""
    dtype = x.dtype
    x, h, W, U, b, d = _computable(dtype, x, h, *ws, *bs)
    z = products.project(x, [W], [b + d])
    recurrence = products.recurrence([U], activation)
    h = h.copy()
    for rows, n in _steps(batch_sizes, reverse):
        recurrence(h[:n], z[:, rows])
        h[:n] = z[0, rows]
    y, h = _cast(dtype, z[0], h)
    return y, h, None


def rnn_sequence_grad(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, activation: str, batch_sizes: Ints, reverse: bool,
                      products: Products = _PRODUCTS) -> tuple[
                          np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """As for the LSTM."""
    dtype = x.dtype
    x, h, y, gy, gh, W, U = _computable(dtype, x, h, y, gy, ghy, *ws)
    gz = memory.empty((len(y), 1, y.shape[1]), y.dtype)
    _in_blocks(_tanh_slope if activation == 'tanh' else _relu_slope, y, gz[:, 0])
    recurrence_grad = products.recurrence_grad([U])
    gh = gh.copy()
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, gate = gh[:n], gz[rows]
        ghidden += gy[rows]
        gate[:, 0] *= ghidden
        recurrence_grad(gate, ghidden)
    gx, gws, gbs = _projection_grad(x, [W], gz, products)
    gus, gds = _weights_grad(_previous(h, y, batch_sizes, reverse), gz, products)
    gx, gh = _cast(dtype, gx, gh)
    return gx, gh, _cast(dtype, *gws, *gus), _cast(dtype, *gbs, *gds)


def _scales(z: np.ndarray, *activations: str) -> np.ndarray:
    """The scales for `_activate` of the parts along the first axis of `z`."""
    scales = [_SCALE[name] for name in activations]
    return np.array(scales, z.dtype).reshape(-1, *[1] * (z.ndim - 1))


def _activate(z: np.ndarray, scale: Any) -> None:
    """In place: the hyperbolic tangent where the scale is 1, and the logistic function where it is 1/2.

    The one is the other, scaled: a single pass of the tangent serves all.
    """
    z *= scale
    np.tanh(z, out=z)
    z *= scale
    z += 1 - scale


def _logistic_slope(y: np.ndarray, out: np.ndarray) -> None:
    """The derivative of the logistic function where its value is `y`."""
    np.subtract(1, y, out=out)
    out *= y


def _tanh_slope(y: np.ndarray, out: np.ndarray) -> None:
    """The derivative of the hyperbolic tangent where its value is `y`."""
    np.multiply(y, y, out=out)
    np.subtract(1, out, out=out)


def _relu_slope(y: np.ndarray, out: np.ndarray) -> None:
    """The derivative of the rectifier where its value is `y`."""
    np.greater(y, 0, out=out)


def _in_blocks(function: Callable[..., None], *arrays: np.ndarray) -> None:
    """Calls a function with corresponding rows of the arrays, on all cores."""
    first = arrays[0]
    step = max(1, _BLOCK_ELEMENTS * len(first) // max(first.size, 1))
    threads.run(lambda start: function(*[a[start:start + step] for a in arrays]), range(0, len(first), step))


def _parts(array: np.ndarray, count: int) -> list[np.ndarray]:
    """Views of the equal parts of the columns."""
    width = array.shape[1] // count
    return [array[:, k * width:(k + 1) * width] for k in range(count)]


def _steps(batch_sizes: Ints, reverse: bool) -> list[tuple[slice, int]]:
    """The rows and the batch size of each step that has any, in the order in which they are computed."""
    steps = []
    end = 0
    for n in batch_sizes:
        if n:
            steps.append((slice(end, end + n), n))
        end += n
    return steps[::-1] if reverse else steps


def _previous(initial: np.ndarray, states: np.ndarray, batch_sizes: Ints, reverse: bool) -> np.ndarray:
    """The states that the steps started from, from those (M, N) that they arrived at."""
    state = initial.copy()
    previous = memory.empty(states.shape, states.dtype)
    for rows, n in _steps(batch_sizes, reverse):
        previous[rows] = state[:n]
        state[:n] = states[rows]
    return previous


def _projection_grad(x: np.ndarray, ws: Arrays, gz: np.ndarray,
                     products: Products) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """The gradients of `Products.project` with respect to `x`, `ws` and `bs` from that of its result (M, K, N)."""
    return products.matmul(_flat(gz), np.concatenate(ws)), *_weights_grad(x, gz, products)


def _weights_grad(x: np.ndarray, gz: np.ndarray, products: Products) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The gradients of the weights that `x` was multiplied with, and of the biases."""
    rows = _flat(gz)
    gb = products.matmul(np.ones((1, len(rows)), rows.dtype), rows).reshape(gz.shape[1:])
    return [products.matmul(gz[:, k].T, x) for k in range(len(gb))], [part.copy() for part in gb]


def _flat(gates: np.ndarray) -> np.ndarray:
    """The gates (M, K, N) side by side."""
    return gates.reshape(len(gates), prod(gates.shape[1:]))


def _sums(bs: Arrays, ds: Arrays) -> list[np.ndarray]:
    return [b + d for b, d in zip(bs, ds)]


def _computable(dtype: np.dtype, *arrays: np.ndarray) -> list[np.ndarray]:
    """The arrays in the type in which those of `dtype` are computed."""
    return [array.astype(compute_dtype(dtype), copy=False) for array in arrays]


def _cast(dtype: np.dtype, *arrays: np.ndarray) -> list[np.ndarray]:
    return [array.astype(dtype, copy=False) for array in arrays]
