"""Softmax and its logarithm along the axis whose elements lie side by side in memory.

Where something is not a number, NumPy makes NaN of all elements along the axis, oneDNN of some; then NumPy computes.
"""
from __future__ import annotations

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu import memory
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Memory, Primitive, cached, extreme, serves
from autograd_nn.cpu.softmax import losses
from autograd_nn.types import Ints

# Fewer elements are done before oneDNN has been called.
_LEAST = 1 << 12


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """In one pass over memory; NumPy computes what contains infinities, of which oneDNN makes NaN."""
    y = _softmax('softmax', x, axis)
    return reference.softmax(x, axis) if y is None or np.isnan(extreme(np.minimum, y)) else y


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """From softmax, whose largest element says what the sum of exponentials was: oneDNN's logarithm is less exact."""
    y = _softmax('log_softmax', x, axis)
    if y is not None:
        log_sum = x.max(axis, keepdims=True)
        log_sum -= np.log(y.max(axis, keepdims=True))
        if not np.isnan(log_sum).any():
            return np.subtract(x, log_sum, out=y)
    return reference.log_softmax(x, axis)


def softmax_cross_entropy(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NumPy's losses of a softmax by oneDNN."""
    y = _softmax('softmax_cross_entropy', x, 1)
    if y is not None:
        expected = *x.shape[:1], *x.shape[2:]
        if labels.shape != expected:
            raise ValueError(f'softmax_cross_entropy: expected labels of shape {expected}, got {labels.shape}')
        loss = losses(x, y, labels)
        if not np.isnan(loss).any():
            return y, loss
    return reference.softmax_cross_entropy(x, labels)


def _softmax(kernel: str, x: np.ndarray, axis: int) -> np.ndarray | None:
    if x.size < _LEAST or not serves(kernel, x):
        return None
    if not 0 <= axis < x.ndim:
        raise ValueError(f'{kernel}: there is no axis {axis} in x of shape {x.shape}')
    if not np.moveaxis(x, axis, -1).flags.c_contiguous:
        return None
    n = x.shape[axis]
    primitive = cached(('softmax', (x.size // n, n)), _primitive, (x.size // n, n))
    y = memory.empty_like(x)
    primitive(x, y)
    return y


def _primitive(shape: Ints) -> Primitive:
    rows = Memory(shape)
    return Primitive('softmax_forward', c.FORWARD_INFERENCE, c.SOFTMAX_ACCURATE, rows, rows, 1, arrays=(c.SRC, c.DST))
