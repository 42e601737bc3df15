"""Attaches the operators and the computing methods to `Variable`, which itself knows no numerics."""
from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_nn.backend import ARRAYS
from autograd_nn.functions.array import indexing, shape
from autograd_nn.functions.math import arithmetic, extremum, matrix_product, reduction
from autograd_nn.functions.precision import cast
from autograd_nn.variable import Variable, as_array

_operand_types = (Variable, int, float, np.generic, complex, *ARRAYS)
_binary_operators: dict[str, Callable[[Any, Any], Variable]] = {
    'add': arithmetic.add,
    'sub': arithmetic.sub,
    'mul': arithmetic.mul,
    'truediv': arithmetic.div,
    'floordiv': arithmetic.floordiv,
    'mod': arithmetic.remainder,
    'pow': arithmetic.pow,
    'matmul': matrix_product.matmul,
}


def _operator(function: Callable[[Any, Any], Variable]) -> tuple[Any, Any]:
    """An operator's method and its reflection; both leave operands that they do not know to Python."""

    def method(self: Variable, other: Any) -> Any:
        return function(self, other) if isinstance(other, _operand_types) else NotImplemented

    def reflected(self: Variable, other: Any) -> Any:
        return function(other, self) if isinstance(other, _operand_types) else NotImplemented

    return method, reflected


def _comparison(compare: Callable[[Any, Any], Any]) -> Any:
    def method(self: Variable, other: Any) -> Any:
        if not isinstance(other, _operand_types):
            return NotImplemented
        return Variable(self.xp.asarray(compare(self._array, as_array(other))), requires_grad=False)

    return method


def _reshape(self: Variable, *shape_: Any) -> Variable:
    """The same elements in another shape, given as a tuple or as several numbers; see `functions.reshape`."""
    return shape.reshape(self, shape_[0] if len(shape_) == 1 else shape_)


def _transpose(self: Variable, *axes: Any) -> Variable:
    """The axes in another order, given as a tuple or as several numbers; see `functions.transpose`."""
    return shape.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)


def _iterate(self: Variable) -> Iterator[Variable]:
    if self.ndim == 0:
        raise TypeError('iteration over a Variable with no axes')
    return (self[i] for i in range(len(self)))


def install() -> None:
    """Makes ``x + y``, ``x[i]``, ``x.T`` and the like work on Variables."""
    for name, function in _binary_operators.items():
        method, reflected = _operator(function)
        setattr(Variable, f'__{name}__', method)
        setattr(Variable, f'__r{name}__', reflected)
    for name in 'lt', 'le', 'gt', 'ge', 'eq', 'ne':
        setattr(Variable, f'__{name}__', _comparison(getattr(operator, name)))
    methods: dict[str, Any] = {
        '__neg__': arithmetic.neg,
        '__abs__': arithmetic.absolute,
        '__pos__': lambda x: x,
        '__getitem__': indexing.get_item,
        '__iter__': _iterate,
        'T': property(shape.transpose, doc='The axes in reverse order.'),
        'astype': cast,
        'flatten': shape.flatten,
        'max': extremum.max,
        'mean': reduction.mean,
        'min': extremum.min,
        'reshape': _reshape,
        'squeeze': shape.squeeze,
        'sum': reduction.sum,
        'transpose': _transpose,
    }
    for name, method in methods.items():
        setattr(Variable, name, method)
