"""Attention: averages of values, weighted by how well their keys answer a query."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.activation.softmax import softmax
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.kernel_gradients import FunctionGradients
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.noise.dropout import dropout
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Attention(FunctionNode):
    """Of all keys, without dropout of weights."""

    workspace: Any = None

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2))
        self.retain_outputs((0,))
        query, key, value = inputs
        y, self.workspace = backend.kernels(*inputs).attention(query, key, value, config.enable_backprop)
        return y,

    def multiply_adds(self, inputs: Arrays) -> int:
        query, key, value = inputs
        return math.prod(query.shape[:-1]) * key.shape[-2] * (key.shape[-1] + value.shape[-1])

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return AttentionGrad(self).apply((*self.get_retained_inputs(), grad_outputs[0]))


class AttentionGrad(FunctionGradients):

    def __init__(self, function: Attention) -> None:
        self.y = function._retained_outputs[0]
        self.workspace = function.workspace

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2, 3))
        query, key, value, gy = inputs
        return backend.kernels(*inputs).attention_grad(query, key, value, self.y, self.workspace, gy)

    def function(self, *inputs: Variable) -> tuple[Variable, ...]:
        query, key, value = inputs
        return matmul(softmax(_scores(query, key), axis=-1), value),


def _scores(query: Variable, key: Variable) -> Variable:
    # Scaled before the product, the smaller array is the one that is passed over once more.
    return matmul(query * (1 / math.sqrt(query.shape[-1])), key, transb=True)


def scaled_dot_product_attention(query: ArrayLike, key: ArrayLike, value: ArrayLike, mask: ArrayLike | None = None,
                                 ratio: float = 0.0) -> Variable:
    """For each query, the mean of the values, weighted by the softmax of the scaled products of query and keys.

    The weights are ``softmax(query key^T / sqrt(D))``.

    See Vaswani et al., Attention Is All You Need, https://arxiv.org/abs/1706.03762.

    Args:
        query: Variable or array of shape (..., Q, D), floating-point: Q vectors, for each sample and each head.
        key: The same of shape (..., K, D).
        value: The same of shape (..., K, V).
        mask: Which keys a query sees: an array of booleans whose shape broadcasts to (..., Q, K), with at least one
            True for each query; None shows all of them.
        ratio: The probability with which `dropout` sets a weight to zero (in training).

    Returns:
        Variable of shape (..., Q, V).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> key, value = np.array([[8., 0.], [0., 8.]]), np.array([[1., 2., 3.], [4., 5., 6.]])
        >>> F.scaled_dot_product_attention(np.array([[0., 9.]]), key, value)
        variable([[4., 5., 6.]])
    """
    query, key, value = as_variable(query), as_variable(key), as_variable(value)
    check_float('scaled_dot_product_attention', 'query', query)
    shapes = query.shape, key.shape, value.shape
    if min(map(len, shapes)) < 2 or query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(f'scaled_dot_product_attention: expected query (..., Q, D), key (..., K, D) and value '
                         f'(..., K, V), got shapes {shapes[0]}, {shapes[1]} and {shapes[2]}')
    if not query.shape[-1]:
        raise ShapeError(f'scaled_dot_product_attention: queries must have features, got query of shape {query.shape}')
    if mask is None and not ratio and len({shape[:-2] for shape in shapes}) == 1:
        return Attention().apply((query, key, value))[0]
    return _of_some_keys(query, key, value, mask, ratio)


@in_single_precision
def _of_some_keys(query: Variable, key: Variable, value: Variable, mask: Array, ratio: float) -> Variable:
    scores = _scores(query, key)
    if mask is not None:
        scores = where(mask, scores, -np.inf)
    weights = softmax(scores, axis=-1)
    return matmul(dropout(weights, ratio) if ratio else weights, value)
