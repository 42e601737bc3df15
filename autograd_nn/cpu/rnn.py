"""Recurrent networks: LSTM and GRU cells, and whole sequences of LSTM, GRU and plain units.

Sequences do as much as possible in few large operations: the input of all steps is projected at once, the gradients of
the weights are taken over all steps at once, and so are the derivatives of the gates. What remains for the loop over
the steps, one small product each and elementwise mathematics on a block that fits the cache, works in place.

Of the gates of a layer, those with the same activation go together: K of them lie side by side, in an array (M, K, N).
M is the number of rows of all steps, N that of units, and I that of inputs.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from autograd_nn.cpu import memory, threads
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Ints

# Computes with two arrays, and writes the result into the second.
InPlace = Callable[[np.ndarray, np.ndarray], Any]
Arrays = Sequence[np.ndarray]

# The elements of the largest array that a thread takes at a time. With smaller blocks the threads wait for the
# interpreter's lock more than for memory.
_BLOCK_ELEMENTS = 1 << 18


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
    np.tanh(gates[0], out=gates[0])
    _sigmoid(gates[1:])
    return gates


def gru(h_prev: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The gates of all units, then ``z * h_prev + (1 - z) * a`` in place."""
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
    _sigmoid(gates)
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
        """Projects the input of all steps for K gates.

        Args:
            x: The input (M, I).
            ws: For each gate the weights (N, I).
            bs: For each gate the bias (N,).

        Returns:
            ``x @ ws[k].T + bs[k]`` for each gate k, side by side: (M, K, N).
        """
        z = x @ joined(ws).T
        z += np.concatenate(bs)
        return z.reshape(len(x), len(ws), len(bs[0]))

    def project_grad(self, gz: np.ndarray, ws: Arrays) -> np.ndarray:
        """The gradient of `project` with respect to its input: the sum of all ``gz[:, k] @ ws[k]``."""
        return _flat(gz) @ joined(ws)

    def recurrence(self, us: Arrays, activation: str) -> InPlace:
        """What the state contributes to K gates in each step.

        Args:
            us: For each gate the weights of the state (N, N).
            activation: The function of these gates: ``'sigmoid'``, ``'tanh'``, ``'relu'`` or ``'identity'``.

        Returns:
            A function of a state h (n, N) and the projected input z (n, K, N) of n samples. In place, it computes
            ``z[:, k] = activation(z[:, k] + h @ us[k].T)``.
        """
        U, activate = joined(us), _ACTIVATIONS[activation]

        def step(h: np.ndarray, z: np.ndarray) -> None:
            flat = _flat(z)
            flat += h @ U.T
            activate(flat)

        return step

    def recurrence_grad(self, us: Arrays) -> InPlace:
        """What the gradients of K gates contribute to that of the state in each step.

        Args:
            us: For each gate the weights of the state (N, N).

        Returns:
            A function of the gates' gradients gz (n, K, N) and the state's gradient gh (n, N) of n samples: it writes
            the sum of all ``gz[:, k] @ us[k]`` into `gh`.
        """
        U = joined(us)
        return lambda gz, gh: np.matmul(_flat(gz), U, out=gh)


_PRODUCTS = Products()


def lstm_sequence(x: np.ndarray, h: np.ndarray, c: np.ndarray, ws: list[np.ndarray], bs: list[np.ndarray],
                  batch_sizes: Ints, reverse: bool, training: bool,
                  products: Products = _PRODUCTS) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """One product, and one function, of all gates: ``tanh(a)`` is ``2 * sigmoid(2 * a) - 1``.

    The workspace is the four logistic functions (M, 4, N), the cells (M, N), the hyperbolic tangents of the cells,
    and the output as it was before it was rounded to half precision.
    """
    dtype = x.dtype
    x, h, c, *parameters = _computable(dtype, x, h, c, *ws, *bs)
    ws, us, bs = parameters[:4], parameters[4:8], [b + d for b, d in zip(parameters[8:12], parameters[12:])]
    ws[2], us[2], bs[2] = (2 * part[2] for part in (ws, us, bs))
    gates = products.project(x, ws, bs)
    step = products.recurrence(us, 'sigmoid')
    y, cells, tanh_c = (memory.empty((len(x), h.shape[1]), x.dtype) for _ in range(3))
    h, c = h.copy(), c.copy()
    scratch = np.empty_like(c)
    for rows, n in _steps(batch_sizes, reverse):
        hidden, cell, gate, a = h[:n], c[:n], gates[rows], scratch[:n]
        step(hidden, gate)
        cell *= gate[:, 1]
        np.multiply(gate[:, 2], 2, out=a)
        a -= 1
        a *= gate[:, 0]
        cell += a
        cells[rows] = cell
        hidden[...] = np.multiply(np.tanh(cell, out=tanh_c[rows]), gate[:, 3], out=y[rows])
    workspace = (gates, cells, tanh_c, y) if training else None
    y, h, c = _cast(dtype, y, h, c)
    return y, h, c, workspace


def lstm_sequence_grad(x: np.ndarray, h: np.ndarray, c: np.ndarray, ws: list[np.ndarray], y: np.ndarray,
                       workspace: Any, gy: np.ndarray, ghy: np.ndarray, gcy: np.ndarray, batch_sizes: Ints,
                       reverse: bool, products: Products = _PRODUCTS) -> tuple[
                           np.ndarray, np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Goes through the steps the other way round, then multiplies the gradients of all gates with what they met.

    In each step, what was computed for all of them before is multiplied with the gradient of cells and output.
    """
    dtype = x.dtype
    x, h, c, gy, gh, gc, *ws = _computable(dtype, x, h, c, gy, ghy, gcy, *ws)
    gates, cells, tanh_c, y = workspace
    gz, slopes = memory.empty(gates.shape, x.dtype), memory.empty(cells.shape, x.dtype)
    _in_blocks(_lstm_slopes, gz, slopes, gates, _previous(c, cells, batch_sizes, reverse), tanh_c)
    recurrence_grad = products.recurrence_grad(ws[4:])
    gh, gc = gh.copy(), gc.copy()
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, gcell, slope, gate = gh[:n], gc[:n], slopes[rows], gz[rows]
        ghidden += gy[rows]
        gate[:, 3] *= ghidden
        slope *= ghidden
        gcell += slope
        gate[:, :3] *= gcell[:, None]
        gcell *= gates[rows, 1]
        recurrence_grad(gate, ghidden)
    gx, gh, gc = _cast(dtype, products.project_grad(gz, ws[:4]), gh, gc)
    gws = [*_weights_grad(x, gz, products), *_weights_grad(_previous(h, y, batch_sizes, reverse), gz, products)]
    gbs = _biases_grad(gz, products)
    return gx, gh, gc, _cast(dtype, *gws), _cast(dtype, *gbs, *[gb.copy() for gb in gbs])


def _lstm_slopes(gz: np.ndarray, slope: np.ndarray, gates: np.ndarray, c_prev: np.ndarray,
                 tanh_c: np.ndarray) -> None:
    """The derivatives of cells (by the sums of the gates i, f and a) and output (by that of o, and by the cells)."""
    i, f, a, o = gates.transpose(1, 0, 2)
    gi, gf, ga, go = gz.transpose(1, 0, 2)
    a = 2 * a
    a -= 1
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
    """The workspace is the gates r and z (M, 2, N), the values a (M, 1, N), what r scaled (M, 1, N), and the output."""
    dtype = x.dtype
    x, h, *parameters = _computable(dtype, x, h, *ws, *bs)
    ws, us, bs, ds = (parameters[k:k + 3] for k in range(0, 12, 3))
    gates = products.project(x, ws[:2], [b + d for b, d in zip(bs[:2], ds)])
    inputs = products.project(x, ws[2:], bs[2:])
    gates_step, scaled_step = products.recurrence(us[:2], 'sigmoid'), products.recurrence(us[2:], 'identity')
    scaled = memory.empty(inputs.shape, x.dtype)
    scaled[...] = ds[2]
    y = memory.empty((len(x), h.shape[1]), x.dtype)
    h = h.copy()
    scratch = np.empty_like(h)
    for rows, n in _steps(batch_sizes, reverse):
        hidden, gate, a = h[:n], gates[rows], inputs[rows, 0]
        gates_step(hidden, gate)
        scaled_step(hidden, scaled[rows])
        a += np.multiply(gate[:, 0], scaled[rows, 0], out=scratch[:n])
        np.tanh(a, out=a)
        hidden -= a
        hidden *= gate[:, 1]
        hidden += a
        y[rows] = hidden
    workspace = (gates, inputs, scaled, y) if training else None
    y, h = _cast(dtype, y, h)
    return y, h, workspace


def gru_sequence_grad(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, batch_sizes: Ints, reverse: bool,
                      products: Products = _PRODUCTS) -> tuple[
                          np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Goes back through the steps; what reaches the gates from input and from state differs by the reset gate."""
    dtype = x.dtype
    x, h, gy, gh, *ws = _computable(dtype, x, h, gy, ghy, *ws)
    gates, inputs, scaled, y = workspace
    h_prev = _previous(h, y, batch_sizes, reverse)
    gx_gates, gu_gates = (memory.empty((len(x), 3, h.shape[1]), x.dtype) for _ in range(2))
    _in_blocks(_gru_slopes, gx_gates, gates, inputs[:, 0], scaled[:, 0], h_prev)
    recurrence_grad = products.recurrence_grad(ws[3:])
    gh = gh.copy()
    scratch = np.empty_like(gh)
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, gate, gate_of_u = gh[:n], gx_gates[rows], gu_gates[rows]
        ghidden += gy[rows]
        gate[:, 1:] *= ghidden[:, None]
        gate[:, 0] *= gate[:, 2]
        gate_of_u[...] = gate
        gate_of_u[:, 2] *= gates[rows, 0]
        rest = np.multiply(ghidden, gates[rows, 1], out=scratch[:n])
        recurrence_grad(gate_of_u, ghidden)
        ghidden += rest
    gx, gh = _cast(dtype, products.project_grad(gx_gates, ws[:3]), gh)
    gws = [*_weights_grad(x, gx_gates, products), *_weights_grad(h_prev, gu_gates, products)]
    gbs = [*_biases_grad(gx_gates, products), *_biases_grad(gu_gates, products)]
    return gx, gh, _cast(dtype, *gws), _cast(dtype, *gbs)


def _gru_slopes(gx_gates: np.ndarray, gates: np.ndarray, a: np.ndarray, scaled: np.ndarray, h_prev: np.ndarray) -> None:
    """The derivatives of the state by z and a, and of a by r."""
    r, z = gates.transpose(1, 0, 2)
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
    """The output says all that the gradient needs: the workspace is what it was before it was rounded."""
    dtype = x.dtype
    x, h, W, U, b, d = _computable(dtype, x, h, *ws, *bs)
    z = products.project(x, [W], [b + d])
    step = products.recurrence([U], activation)
    y, h = z[:, 0], h.copy()
    for rows, n in _steps(batch_sizes, reverse):
        step(h[:n], z[rows])
        h[:n] = y[rows]
    workspace = y if training else None
    y, h = _cast(dtype, y, h)
    return y, h, workspace


def rnn_sequence_grad(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, activation: str, batch_sizes: Ints, reverse: bool,
                      products: Products = _PRODUCTS) -> tuple[
                          np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Goes through the steps the other way round; the slopes of the activation come from its outputs."""
    dtype = x.dtype
    x, h, y, gy, gh, W, U = _computable(dtype, x, h, workspace, gy, ghy, *ws)
    gz = memory.empty((len(y), 1, y.shape[1]), y.dtype)
    _in_blocks(_tanh_slope if activation == 'tanh' else _relu_slope, y, gz[:, 0])
    recurrence_grad = products.recurrence_grad([U])
    gh = gh.copy()
    for rows, n in reversed(_steps(batch_sizes, reverse)):
        ghidden, gate = gh[:n], gz[rows]
        ghidden += gy[rows]
        gate[:, 0] *= ghidden
        recurrence_grad(gate, ghidden)
    gx, gh = _cast(dtype, products.project_grad(gz, [W]), gh)
    gws = [*_weights_grad(x, gz, products), *_weights_grad(_previous(h, y, batch_sizes, reverse), gz, products)]
    gb, = _biases_grad(gz, products)
    return gx, gh, _cast(dtype, *gws), _cast(dtype, gb, gb.copy())


def _sigmoid(z: np.ndarray) -> None:
    """In place: the logistic function, which is the hyperbolic tangent scaled and shifted."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


# In place.
_ACTIVATIONS: dict[str, Callable[[np.ndarray], Any]] = {
    'sigmoid': _sigmoid,
    'tanh': lambda z: np.tanh(z, out=z),
    'relu': lambda z: np.maximum(z, 0, out=z),
    'identity': lambda z: z,
}


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
    np.less_equal(y, 0, out=out)
    np.subtract(1, out, out=out)


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


def _weights_grad(x: np.ndarray, gz: np.ndarray, products: Products) -> list[np.ndarray]:
    """The gradients of the weights that `x` (M, I) was multiplied with, from those of the gates (M, K, N)."""
    return list(products.matmul(_flat(gz).T, x).reshape(*gz.shape[1:], x.shape[1]))


def _biases_grad(gz: np.ndarray, products: Products) -> list[np.ndarray]:
    return list(products.matmul(np.ones((1, len(gz)), gz.dtype), _flat(gz)).reshape(gz.shape[1:]))


def joined(ws: Arrays) -> np.ndarray:
    """The rows of all matrices, one after the other."""
    rows = memory.empty((sum(map(len, ws)), ws[0].shape[1]), ws[0].dtype)
    return np.concatenate(ws, out=rows)


def _flat(gates: np.ndarray) -> np.ndarray:
    """The gates (M, K, N) side by side."""
    return gates.reshape(len(gates), prod(gates.shape[1:]))


def _computable(dtype: np.dtype, *arrays: np.ndarray) -> list[np.ndarray]:
    """The arrays in the type in which those of `dtype` are computed."""
    return [array.astype(compute_dtype(dtype), copy=False) for array in arrays]


def _cast(dtype: np.dtype, *arrays: np.ndarray) -> list[np.ndarray]:
    return [array.astype(dtype, copy=False) for array in arrays]
