"""Numbers of one type in another: on request, and in another precision where the digits of their own are too few."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autograd_nn.backend import LARGE, kernels
from autograd_nn.dtypes import is_floating, is_half
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.types import Array, ArrayLike, DTypeLike
from autograd_nn.variable import Variable, as_variable


def total(x: Array, axis: tuple[int, ...] | None = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> Any:
    """The sum of an array along some axes, or all.

    Small ones are added up without looking for a back end; NumPy is faster where it need not look at axes, either.
    """
    if x.size >= LARGE and is_floating(x.dtype):
        axis = tuple(range(x.ndim)) if axis is None else axis
        return kernels(x).sum_along(x, axis, keepdims, dtype or x.dtype)
    if dtype is not None or is_half(x.dtype):
        return x.sum(axis=axis, keepdims=keepdims, dtype=np.float32).astype(dtype or x.dtype, copy=False)
    return x.sum() if axis is None else x.sum(axis=axis, keepdims=keepdims)


def in_double_precision(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a function of NumPy arrays computes in float64, silently; the result has the type of the first.

    For formulas such as recurrences and series that lose more digits than single precision can spare.
    """
    @wraps(compute)
    def call(x: Any, *args: Any) -> Any:
        with np.errstate(all='ignore'):
            y = compute(*[np.asarray(each, np.float64) for each in (x, *args)])
        return y.astype(x.dtype if is_floating(x.dtype) else np.float64, copy=False)

    return call


class Cast(FunctionNode):

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = dtype

    def forward(self, inputs: Arrays) -> Arrays:
        self.x_dtype = inputs[0].dtype
        return inputs[0].astype(self.dtype, copy=False),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return cast(gy, self.x_dtype),


def cast(x: ArrayLike, typ: DTypeLike) -> Variable:
    """Converts to another dtype.

    Args:
        x: Variable or array.
        typ: The dtype of the result.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.cast(np.array([1.0, 2.0]), np.float16).dtype
        dtype('float16')
    """
    x = as_variable(x)
    return x if x.dtype == typ else Cast(typ).apply((x,))[0]
