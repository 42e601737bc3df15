"""Functions of numbers in half precision that are computed in float32, and so are their gradients.

What several roundings would spoil, or what is out of the range of the type on the way, is computed like this: the
numbers are cast, the result is rounded once, and in the graph all in between is in float32.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from autograd_nn.backend import is_array
from autograd_nn.dtypes import is_floating, is_half
from autograd_nn.function_node import FunctionNode
from autograd_nn.functions.precision import cast
from autograd_nn.types import Array, DTypeLike
from autograd_nn.variable import Variable

P = ParamSpec('P')
R = TypeVar('R')


def half_type(xs: Iterable[Any]) -> Any:
    """The type of numbers in half precision, if all floating-point arrays and Variables among some objects have it."""
    found = None
    for x in xs:
        dtype = getattr(x, 'dtype', None)
        if dtype is not None:
            if dtype.itemsize != 2:
                if dtype.kind == 'f':
                    return None
            elif is_floating(dtype):
                found = found or dtype
    return found


def widened(*xs: Array) -> list[Any]:
    """Variables and arrays, those in half precision in float32; anything else as it is."""
    return [cast(x, np.float32) if (isinstance(x, Variable) or is_array(x)) and is_half(x.dtype) else x for x in xs]


def rounded(y: Array, dtype: DTypeLike) -> Any:
    """A result, or those in a tuple, in half precision: Variables alone, and those in float32."""
    if isinstance(y, tuple):
        return tuple([rounded(each, dtype) for each in y])
    return cast(y, dtype) if isinstance(y, Variable) and y.dtype == np.float32 else y


def in_single_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: a function of Variables and arrays that are all in half precision computes in float32.

    Its results come back in their type.
    """
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        dtype = half_type((*args, *kwargs.values()) if kwargs else args)
        if dtype is None:
            return function(*args, **kwargs)
        y = function(*widened(*args), **dict(zip(kwargs, widened(*kwargs.values()))))
        return rounded(y, dtype)

    return call


class SinglePrecision(FunctionNode):
    """A function that is computed in float32 where its inputs are in half precision; what it keeps is in float32."""

    _widens = True

    def widened_inputs(self, inputs: Sequence[Variable]) -> Sequence[Variable]:
        return () if half_type(inputs) is None else widened(*inputs)

    def narrowed_outputs(self, outputs: tuple[Variable, ...], dtype: DTypeLike) -> tuple[Variable, ...]:
        return rounded(outputs, dtype)
