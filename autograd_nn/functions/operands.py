"""The arguments of functions of two arrays, of which one may be a number."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import is_array, scalar_beside
from autograd_nn.dtypes import is_floating, is_real
from autograd_nn.variable import Variable, as_variable

_scalars = (int, float, complex, np.generic)


def _operand(value: Any, other: Variable) -> Variable:
    """The other operand of a Variable as a Variable.

    A number takes the Variable's dtype where that can hold it. So does an array if the Variable's is floating point: a
    network in single precision stays in it beside arrays of NumPy's default dtype, as in Chainer.
    """
    if isinstance(value, _scalars):
        if isinstance(value, np.generic):
            value = value.item()
        array = other._array
        dtype = array.dtype
        if not is_floating(dtype) or isinstance(value, complex):
            dtype = np.result_type(dtype, value)
        value = scalar_beside(array, value, dtype)
    elif is_array(value) and value.dtype != other.dtype and is_floating(other.dtype) and is_real(value.dtype):
        value = value.astype(other.dtype)
    return as_variable(value)


def operands(lhs: Any, rhs: Any) -> tuple[Variable, Variable]:
    """Two arguments, one of which may be a number, as Variables."""
    if isinstance(lhs, _scalars):
        rhs = as_variable(rhs)
    if isinstance(lhs, Variable):
        return lhs, rhs if isinstance(rhs, Variable) else _operand(rhs, lhs)
    if isinstance(rhs, Variable):
        return _operand(lhs, rhs), rhs
    # Two arrays, or an array and a number.
    lhs = as_variable(lhs)
    return lhs, _operand(rhs, lhs) if isinstance(rhs, _scalars) else as_variable(rhs)
