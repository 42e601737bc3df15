"""Attention without its weights: they are computed in pieces that stay in the processor, and again for the gradients.

See Dao, FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning,
https://arxiv.org/abs/2307.08691. cuDNN has it in half precision, for vectors whose length is a multiple of 8.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import Any, NamedTuple

from autograd_nn.config import config
from autograd_nn.cuda import device
from autograd_nn.cuda import kernels as reference
from autograd_nn.cuda.cudnn.plan import Operand, operand, prepared, serves
from autograd_nn.dtypes import is_half, name_of
from autograd_nn.types import Array


class Sums(NamedTuple):
    """What the gradients need besides: the logarithms of the sums of exponentials (N, heads, Q, 1)."""

    logarithms: Any


def attention(query: Array, key: Array, value: Array, training: bool) -> tuple[Any, Any]:
    """In one kernel of cuDNN's, which keeps no weights in memory; the workspace has what its gradient needs."""
    plan = None
    # The gradients of a single query cuDNN 9.28 declines, or the process ends with a segmentation fault.
    if (query.shape[-2] > 1 or not training) and _serves('attention', query, key, value):
        q, k, v = map(_as_heads, (query, key, value))
        y = device.cupy.empty_like(q, shape=(*q.shape[:-1], v.shape[-1]))
        sums = operand((*y.shape[:-1], 1), 'float32')
        plan = prepared(_attention, (1 / sqrt(q.shape[-1]), training), list(map(_strided, (q, k, v))),
                        [_strided(y), *[sums] * training])
    if plan is None:
        return reference.attention(query, key, value, training)
    logarithms = [device.cupy.empty(sums.shape, 'f')] * training
    plan(q, k, v, y, *logarithms)
    return y.reshape(*query.shape[:-1], value.shape[-1]), Sums(*logarithms) if training else None


def attention_grad(query: Array, key: Array, value: Array, y: Array, workspace: Any,
                   gy: Array) -> tuple[Any, Any, Any]:
    """In a few kernels, in one order of sums if ``config.cudnn_deterministic`` wants it."""
    if not isinstance(workspace, Sums):
        return reference.attention_grad(query, key, value, y, workspace, gy)
    arrays = [*map(_as_heads, (query, key, value, y, gy)), workspace.logarithms]
    gradients = [device.cupy.empty_like(x) for x in arrays[:3]]
    plan = prepared(_gradients, (1 / sqrt(query.shape[-1]), config.cudnn_deterministic), list(map(_strided, arrays)),
                    list(map(_strided, gradients)))
    if plan is None:
        _, weights = reference.attention(query, key, value, True)
        return reference.attention_grad(query, key, value, y, weights, gy)
    plan(*arrays, *gradients)
    gquery, gkey, gvalue = [g.reshape(x.shape) for g, x in zip(gradients, (query, key, value))]
    return gquery, gkey, gvalue


def _attention(scale: float, training: bool) -> Callable[..., Sequence[Any]]:
    def describe(graph: Any, query: Array, key: Array, value: Array) -> Sequence[Any]:
        y, logarithms = graph.sdpa(q=query, k=key, v=value, attn_scale=scale, generate_stats=training)
        return [y, *[logarithms] * training]
    return describe


def _gradients(scale: float, deterministic: bool) -> Callable[..., Sequence[Any]]:
    def describe(graph: Any, query: Array, key: Array, value: Array, y: Array, gy: Array,
                 logarithms: Any) -> Sequence[Any]:
        return graph.sdpa_backward(q=query, k=key, v=value, o=y, dO=gy, stats=logarithms, attn_scale=scale,
                                   use_deterministic_algorithm=deterministic)
    return describe


def _serves(kernel: str, *arrays: Array) -> bool:
    return is_half(arrays[0].dtype) and serves(kernel, *arrays)


def _as_heads(x: Array) -> Any:
    """Vectors (..., L, D) as an array (N, heads, L, D) in which those of each vector lie side by side."""
    x = x if x.ndim == 4 else x.reshape(prod(x.shape[:-2]), 1, *x.shape[-2:])
    return x if x.strides[-1] == x.itemsize else device.cupy.ascontiguousarray(x)


def _strided(x: Array) -> Operand:
    return Operand(x.shape, tuple([s // x.itemsize for s in x.strides]), name_of(x.dtype))
