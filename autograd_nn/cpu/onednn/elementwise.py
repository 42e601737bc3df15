"""Elementwise operations on large arrays.

Only those are here that oneDNN computes as NumPy does where an element is zero, infinite or not a number. Its `relu`
makes zero of NaN, for one.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu import blocks, memory
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Memory, Primitive, cached, extreme, serves

# Fewer elements are done before oneDNN has been called.
_LEAST = 1 << 15


class _Operation(NamedTuple):
    """An operation of oneDNN, or its gradient.

    Attributes:
        algorithm: Which one.
        data: What the gradient is computed from, the input or the output; None for the operation itself.
        numbers_last: Whether the number among the arguments is the second of the two that oneDNN takes.
    """

    algorithm: int
    data: int | None = None
    numbers_last: bool = False


# Their arguments are an array, at most one number, and, of gradients, the gradient of the output.
_OPERATIONS = {
    'relu_grad': _Operation(c.ELTWISE_RELU_FROM_OUTPUT, c.DST),
    'clipped_relu_grad': _Operation(c.ELTWISE_CLIP_FROM_OUTPUT, c.DST, numbers_last=True),
    'leaky_relu': _Operation(c.ELTWISE_RELU),
    'sigmoid': _Operation(c.ELTWISE_LOGISTIC),
    'sigmoid_grad': _Operation(c.ELTWISE_LOGISTIC_FROM_OUTPUT, c.DST),
    'tanh_grad': _Operation(c.ELTWISE_TANH_FROM_OUTPUT, c.DST),
    'elu': _Operation(c.ELTWISE_ELU),
    'gelu': _Operation(c.ELTWISE_GELU),
    'gelu_grad': _Operation(c.ELTWISE_GELU, c.SRC),
    'swish': _Operation(c.ELTWISE_SWISH),
    'swish_grad': _Operation(c.ELTWISE_SWISH, c.SRC),
}


def elementwise(body: Callable[..., np.ndarray], args: Sequence[Any], operation: str | None = None) -> np.ndarray:
    """By name, where oneDNN knows it; otherwise NumPy computes, in blocks."""
    if operation in _OPERATIONS and args[0].size >= _LEAST:
        y = _compute(operation, args)
        if y is not None:
            return y
    return reference.elementwise(body, args, operation)


def _compute(operation: str, args: Sequence[Any]) -> np.ndarray | None:
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    numbers = [float(a) for a in args if isinstance(a, (int, float))]
    # A slope of zero is another operation to oneDNN.
    if len(arrays) + len(numbers) < len(args) or 0. in numbers or not serves(operation, *arrays):
        return None
    flat = blocks.flat(arrays)
    if flat is None:
        return None
    key = 'elementwise', operation, arrays[0].size, *numbers
    primitive = cached(key, _primitive, *key[1:])
    y = memory.empty_like(arrays[0])
    primitive(*flat, y)
    # With AVX-512, oneDNN's makes NaN of infinity and infinity of numbers near it.
    return None if operation == 'gelu' and not np.isfinite(extreme(np.maximum, y)) else y


def _primitive(operation: str, size: int, *numbers: float) -> Primitive:
    algorithm, data, numbers_last = _OPERATIONS[operation]
    x = Memory((size,))
    parameters = (0., *numbers) if numbers_last else (*numbers, 0., 0.)[:2]
    forward = Primitive('eltwise_forward', c.FORWARD_TRAINING, algorithm, x, x, *parameters,
                        arrays=(c.SRC, c.DST) if data is None else ())
    if data is None:
        return forward
    return Primitive('eltwise_backward', algorithm, x, x, x, *parameters, arrays=(data, c.DIFF_DST, c.DIFF_SRC),
                     hint=forward)
