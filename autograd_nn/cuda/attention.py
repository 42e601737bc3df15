"""Attention: two products of matrices with a softmax between them; the weights are kept for the gradients."""
from __future__ import annotations

from math import sqrt
from typing import Any

from autograd_nn.cuda.matrix_product import matmul
from autograd_nn.cuda.softmax import softmax, softmax_grad
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array


def attention(query: Array, key: Array, value: Array, training: bool) -> tuple[Any, Any]:
    """Scaled before the product, the smaller array is the one that is passed over once more."""
    dtype = query.dtype
    query, key, value = _precise(query, key, value)
    weights = softmax(matmul(_scaled(query), key.swapaxes(-1, -2)), key.ndim - 1)
    return matmul(weights, value).astype(dtype, copy=False), weights


def attention_grad(query: Array, key: Array, value: Array, y: Array, workspace: Any,
                   gy: Array) -> tuple[Any, Any, Any]:
    """Four products, and the gradient of the softmax."""
    weights, dtype = workspace, query.dtype
    query, key, value, gy = _precise(query, key, value, gy)
    gvalue = matmul(weights.swapaxes(-1, -2), gy)
    gscores = softmax_grad(weights, matmul(gy, value.swapaxes(-1, -2)), weights.ndim - 1)
    gquery, gkey = _scaled(matmul(gscores, key)), matmul(gscores.swapaxes(-1, -2), _scaled(query))
    return tuple([g.astype(dtype, copy=False) for g in (gquery, gkey, gvalue)])


def _precise(*arrays: Array) -> list[Any]:
    """The arrays in at least float32: products of numbers in half precision may be out of its range."""
    return [x.astype(compute_dtype(x.dtype), copy=False) for x in arrays]


def _scaled(x: Array) -> Any:
    """Vectors (..., D) over the root of D."""
    return x * x.dtype.type(1 / sqrt(x.shape[-1]))
