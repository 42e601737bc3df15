"""Layers of recurrent units: the loops over the steps of `autograd_nn.cpu.rnn` with products of oneDNN.

In each step the state meets the same weights. They are brought into the format that oneDNN likes best once for all
steps, and what depends on input and state is added up and activated before it leaves the processor.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu import memory
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.matrix_product import matmul
from autograd_nn.cpu.onednn.primitive import Converter, Memory, Primitive, cached, loaded, serves
from autograd_nn.cpu.rnn import Arrays, InPlace, Products, joined
from autograd_nn.types import Ints

# Fewer multiplications than these are done before oneDNN has been called.
_LEAST = 1 << 18
_ACTIVATIONS = {'sigmoid': c.ELTWISE_LOGISTIC, 'tanh': c.ELTWISE_TANH}
# The shapes of the arguments, by the sizes M, B, I and N of the contract.
_SHAPES = {'x': 'MI', 'h': 'BN', 'c': 'BN', 'y': 'MN', 'gy': 'MN', 'ghy': 'BN', 'gcy': 'BN'}


class _OneDNNProducts(Products):
    """Products of oneDNN where they are large enough.

    Args:
        n: The number of samples that a step has at most.
    """

    def __init__(self, n: int) -> None:
        self._n = n

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return matmul(a, b)

    def project(self, x: np.ndarray, ws: Arrays, bs: Arrays) -> np.ndarray:
        if _multiplications(len(x), ws) < _LEAST:
            return super().project(x, ws, bs)
        z = memory.empty((len(x), len(ws), len(bs[0])))
        key = 'projection', x.shape, z.shape[1:]
        primitive = cached(key, _projection, *key[1:])
        x = np.ascontiguousarray(x)
        for k, (W, b) in enumerate(zip(ws, bs, strict=True)):
            primitive(x, np.ascontiguousarray(W), np.ascontiguousarray(b), z[:, k])
        return z

    def project_grad(self, gz: np.ndarray, ws: Arrays) -> np.ndarray:
        if _multiplications(len(gz), ws) < _LEAST:
            return super().project_grad(gz, ws)
        gx = memory.empty((len(gz), ws[0].shape[1]))
        for k, W in enumerate(ws):
            key = 'projection gradient', gz.shape, gx.shape, k > 0
            cached(key, _projection_grad, *key[1:])(gz[:, k], np.ascontiguousarray(W), gx)
        return gx

    def recurrence(self, us: Arrays, activation: str) -> InPlace:
        """oneDNN's rectifier makes zero of what is not a number, NumPy's does not."""
        if _multiplications(self._n, us) < _LEAST:
            return super().recurrence(us, activation)
        weights = _Weights(joined(us), True, _ACTIVATIONS.get(activation))
        if activation != 'relu':
            return weights.multiply

        def step(h: np.ndarray, z: np.ndarray) -> None:
            weights.multiply(h, z)
            np.maximum(z, 0, out=z)

        return step

    def recurrence_grad(self, us: Arrays) -> InPlace:
        if _multiplications(self._n, us) < _LEAST:
            return super().recurrence_grad(us)
        return _Weights(joined(us).T, False, None).multiply


def _multiplications(n: int, ws: Arrays) -> int:
    return n * len(ws) * ws[0].size


class _Weights:
    """Weights that many small matrices are multiplied with.

    Args:
        W: The weights (outputs, inputs), contiguous in one order of the axes or the other.
        accumulate: Whether products are added to what is there.
        activation: What is computed from the sums, one of `library.ELTWISE_*` or None.
    """

    def __init__(self, W: np.ndarray, accumulate: bool, activation: int | None) -> None:
        self._W = W
        self._key = W.shape, W.flags.c_contiguous, accumulate, activation
        self._plans: dict[int, tuple[_Product, np.ndarray]] = {}

    def multiply(self, x: np.ndarray, out: np.ndarray) -> None:
        """Writes ``x @ W.T`` into `out`, or adds it; both are C-contiguous.

        Args:
            x: One matrix (n, ...), or several side by side, of as many columns as there are inputs.
            out: The product (n, outputs).
        """
        plan, weights = self._plans.get(len(x)) or self._prepare(len(x))
        plan.primitive(x, weights, out)

    def _prepare(self, n: int) -> tuple[_Product, np.ndarray]:
        key = 'repeated product', n, *self._key
        plan = cached(key, _Product, *key[1:])
        fitting = (weights for other, weights in self._plans.values() if plan.takes_weights_of(other))
        weights = next(fitting, None)
        if weights is None:
            weights = plan.weights.convert(self._W)
        self._plans[n] = plan, weights
        return plan, weights


class _Product:

    def __init__(self, n: int, shape: Ints, by_rows: bool, accumulate: bool, activation: int | None) -> None:
        outputs, inputs = shape
        self.primitive = Primitive(
            'inner_product_forward', c.FORWARD_INFERENCE, Memory((n, inputs)), Memory(shape, any=True), None,
            Memory((n, outputs)), arrays=(c.SRC, c.WEIGHTS, c.DST), accumulate=accumulate, activation=activation)
        self.format = self.primitive.format(c.WEIGHTS)
        self.weights = Converter(Memory(shape, None if by_rows else (1, outputs)), self.format)

    def takes_weights_of(self, other: _Product) -> bool:
        """Whether both like the same format."""
        return bool(loaded().c.dnnl_memory_desc_equal(self.format, other.format))


def _projection(shape: Ints, gates: Ints) -> Primitive:
    """From the input of all steps to one of the gates that lie side by side."""
    (rows, inputs), (n_gates, units) = shape, gates
    return Primitive('matmul', Memory(shape), Memory((inputs, units), (1, inputs)), Memory((1, units)),
                     Memory((rows, units), (n_gates * units, 1)), arrays=(c.SRC, c.WEIGHTS, c.BIAS, c.DST),
                     strided=True)


def _projection_grad(gates: Ints, shape: Ints, accumulate: bool) -> Primitive:
    """From the gradient of one of the gates that lie side by side, to that of the input of all steps."""
    (rows, n_gates, units), (_, inputs) = gates, shape
    return Primitive('matmul', Memory((rows, units), (n_gates * units, 1)), Memory((units, inputs)), None,
                     Memory(shape), arrays=(c.SRC, c.WEIGHTS, c.DST), accumulate=accumulate, strided=True)


def _products(kernel: str, n_gates: int, batch_sizes: Ints, ws: Arrays, bs: Arrays, **arrays: np.ndarray) -> Products:
    """Those of oneDNN, if it can take the arrays, whose shapes are checked then; otherwise NumPy's."""
    if not serves(kernel, *ws, *bs, *arrays.values()):
        return Products()
    x, h = arrays['x'], arrays['h']
    if x.ndim != 2 or h.ndim != 2:
        raise ValueError(f'{kernel}: expected matrices as x and h, got shapes {x.shape} and {h.shape}')
    sizes = {'M': sum(batch_sizes), 'B': len(h), 'I': x.shape[1], 'N': h.shape[1]}
    if list(batch_sizes) != sorted(batch_sizes, reverse=True) or not all(0 <= n <= len(h) for n in batch_sizes):
        raise ValueError(f'{kernel}: expected batch_sizes that do not rise, from {len(h)} at most, got {batch_sizes}')
    for name, array in arrays.items():
        _check(kernel, name, array, tuple(sizes[axis] for axis in _SHAPES[name]))
    if len(ws) != 2 * n_gates or len(bs) not in (0, 2 * n_gates):
        raise ValueError(f'{kernel}: expected {2 * n_gates} weights and as many biases, got {len(ws)} and {len(bs)}')
    for k, W in enumerate(ws):
        _check(kernel, f'ws[{k}]', W, (sizes['N'], sizes['I' if k < n_gates else 'N']))
    for k, b in enumerate(bs):
        _check(kernel, f'bs[{k}]', b, (sizes['N'],))
    return _OneDNNProducts(len(h))


def _check(kernel: str, name: str, array: np.ndarray, shape: Ints) -> None:
    if array.shape != shape:
        raise ValueError(f'{kernel}: expected {name} of shape {shape}, got {array.shape}')


def lstm_sequence(x: np.ndarray, h: np.ndarray, c: np.ndarray, ws: list[np.ndarray], bs: list[np.ndarray],
                  batch_sizes: Ints, reverse: bool, training: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """The loop over steps is that of the kernel on NumPy; its products of matrices are oneDNN's."""
    products = _products('lstm_sequence', 4, batch_sizes, ws, bs, x=x, h=h, c=c)
    return reference.lstm_sequence(x, h, c, ws, bs, batch_sizes, reverse, training, products)


def lstm_sequence_grad(x: np.ndarray, h: np.ndarray, c: np.ndarray, ws: list[np.ndarray], y: np.ndarray,
                       workspace: Any, gy: np.ndarray, ghy: np.ndarray, gcy: np.ndarray, batch_sizes: Ints,
                       reverse: bool) -> tuple[
                           np.ndarray, np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """The loop over steps is that of the kernel on NumPy; its products of matrices are oneDNN's."""
    products = _products('lstm_sequence_grad', 4, batch_sizes, ws, [], x=x, h=h, c=c, y=y, gy=gy, ghy=ghy, gcy=gcy)
    return reference.lstm_sequence_grad(x, h, c, ws, y, workspace, gy, ghy, gcy, batch_sizes, reverse, products)


def gru_sequence(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], bs: list[np.ndarray], batch_sizes: Ints,
                 reverse: bool, training: bool) -> tuple[np.ndarray, np.ndarray, Any]:
    """The loop over steps is that of the kernel on NumPy; its products of matrices are oneDNN's."""
    products = _products('gru_sequence', 3, batch_sizes, ws, bs, x=x, h=h)
    return reference.gru_sequence(x, h, ws, bs, batch_sizes, reverse, training, products)


def gru_sequence_grad(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, batch_sizes: Ints,
                      reverse: bool) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """The loop over steps is that of the kernel on NumPy; its products of matrices are oneDNN's."""
    products = _products('gru_sequence_grad', 3, batch_sizes, ws, [], x=x, h=h, y=y, gy=gy, ghy=ghy)
    return reference.gru_sequence_grad(x, h, ws, y, workspace, gy, ghy, batch_sizes, reverse, products)


def rnn_sequence(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], bs: list[np.ndarray], activation: str,
                 batch_sizes: Ints, reverse: bool, training: bool) -> tuple[np.ndarray, np.ndarray, Any]:
    """The loop over steps is that of the kernel on NumPy; its products of matrices are oneDNN's."""
    products = _products('rnn_sequence', 1, batch_sizes, ws, bs, x=x, h=h)
    return reference.rnn_sequence(x, h, ws, bs, activation, batch_sizes, reverse, training, products)


def rnn_sequence_grad(x: np.ndarray, h: np.ndarray, ws: list[np.ndarray], y: np.ndarray, workspace: Any,
                      gy: np.ndarray, ghy: np.ndarray, activation: str, batch_sizes: Ints,
                      reverse: bool) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """The loop over steps is that of the kernel on NumPy; its products of matrices are oneDNN's."""
    products = _products('rnn_sequence_grad', 1, batch_sizes, ws, [], x=x, h=h, y=y, gy=gy, ghy=ghy)
    return reference.rnn_sequence_grad(x, h, ws, y, workspace, gy, ghy, activation, batch_sizes, reverse, products)
