"""Attention: two products of matrices with a softmax between them; the weights are kept for the gradients."""
from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from autograd_nn.cpu import matrix_product
from autograd_nn.cpu import softmax as softmax_kernels
from autograd_nn.dtypes import at_least_float32

Product = Callable[[np.ndarray, np.ndarray], np.ndarray]
Softmax = Callable[[np.ndarray, int], np.ndarray]


def attention(query: np.ndarray, key: np.ndarray, value: np.ndarray, training: bool,
              matmul: Product = matrix_product.matmul, softmax: Softmax = softmax_kernels.softmax) -> tuple[Any, Any]:
    """Scaled before the product, the smaller array is the one that is passed over once more.

    Other back ends give their own `matmul` and `softmax`.
    """
    dtype = query.dtype
    query, key, value = map(at_least_float32, (query, key, value))
    weights = softmax(matmul(_scaled(query), key.swapaxes(-1, -2)), key.ndim - 1)
    return matmul(weights, value).astype(dtype, copy=False), weights


def attention_grad(query: np.ndarray, key: np.ndarray, value: np.ndarray, y: np.ndarray, workspace: Any,
                   gy: np.ndarray,
                   matmul: Product = matrix_product.matmul) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four products, and the gradient of the softmax."""
    weights, dtype = workspace, query.dtype
    query, key, value, gy = map(at_least_float32, (query, key, value, gy))
    gvalue = matmul(weights.swapaxes(-1, -2), gy)
    gscores = softmax_kernels.softmax_grad(weights, matmul(gy, value.swapaxes(-1, -2)), weights.ndim - 1)
    gquery, gkey = _scaled(matmul(gscores, key)), matmul(gscores.swapaxes(-1, -2), _scaled(query))
    return tuple([g.astype(dtype, copy=False) for g in (gquery, gkey, gvalue)])  # type: ignore[return-value]


def _scaled(x: np.ndarray) -> np.ndarray:
    """Vectors (..., D) over the root of D."""
    return x * x.dtype.type(1 / sqrt(x.shape[-1]))
