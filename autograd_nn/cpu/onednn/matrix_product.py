"""Products of matrices.

Here, too, it is not only the time of one product that counts: after a product of BLAS its threads stay awake for a
while and keep a core from those of oneDNN (measured: a product of 0.5 ms took 8 ms).
"""
from __future__ import annotations

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu import memory
from autograd_nn.cpu.blocks import rectify
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Memory, Primitive, cached, element_strides, serves
from autograd_nn.types import Ints

# Fewer multiplications than these are done before oneDNN has been called.
_LEAST = 1 << 16


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrices, or stacks of them, in either order of rows and columns."""
    if (a.ndim < 2 or a.ndim != b.ndim or a.shape[-1] != b.shape[-2] or a.size * b.shape[-1] < _LEAST
            or not _broadcast(a.shape[:-2], b.shape[:-2]) or not serves('matmul', a, b)):
        return reference.matmul(a, b)
    return _product(a, b, None)


def linear(x: np.ndarray, W: np.ndarray, b: np.ndarray | None, ceiling: float | None = None) -> np.ndarray:
    """Adds the bias before a result leaves the processor."""
    if x.size * len(W) < _LEAST or not serves('linear', x, W, b):
        return reference.linear(x, W, b, ceiling)
    if x.ndim != 2 or W.ndim != 2 or x.shape[1] != W.shape[1] or (b is not None and b.shape != W.shape[:1]):
        raise ValueError(f'linear: x of shape {x.shape}, W {W.shape} and b {None if b is None else b.shape} do not fit')
    y = _product(x, W.T, None if b is None else np.ascontiguousarray(b).reshape(1, -1))
    if ceiling is not None:
        rectify(y, ceiling)
    return y


def _product(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    a, b = _with_rows(a), _with_rows(b)
    key = 'matmul', a.shape, element_strides(a), b.shape, element_strides(b), bias is not None
    primitive = cached(key, _primitive, *key[1:])
    batch = tuple(map(max, a.shape[:-2], b.shape[:-2]))
    y = memory.empty((*batch, a.shape[-2], b.shape[-1]))
    primitive(*((a, b, y) if bias is None else (a, b, bias, y)))
    return y


def _primitive(a_shape: Ints, a_strides: Ints, b_shape: Ints, b_strides: Ints, biased: bool) -> Primitive:
    y_shape = (*map(max, a_shape[:-2], b_shape[:-2]), a_shape[-2], b_shape[-1])
    bias = Memory((*(1,) * (len(y_shape) - 1), y_shape[-1])) if biased else None
    return Primitive('matmul', Memory(a_shape, a_strides), Memory(b_shape, b_strides), bias, Memory(y_shape),
                     arrays=(c.SRC, c.WEIGHTS, c.BIAS, c.DST) if biased else (c.SRC, c.WEIGHTS, c.DST),
                     strided=True)


def _broadcast(a: Ints, b: Ints) -> bool:
    return all(m == n or m == 1 or n == 1 for m, n in zip(a, b, strict=True))


def _with_rows(x: np.ndarray) -> np.ndarray:
    """`x` itself where its rows or its columns are contiguous and nothing overlaps, otherwise such a copy."""
    *_, rows, columns = x.shape
    *_, down, across = x.strides
    contiguous = across == x.itemsize or columns == 1 or down == x.itemsize or rows == 1
    return x if contiguous and element_strides(x) is not None else np.ascontiguousarray(x)
