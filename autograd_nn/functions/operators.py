"""Attaches the operators and the computing methods to `Variable`, which itself knows no numerics."""
from __future__ import annotations

from typing import Any

from autograd_nn.functions import arithmetic, broadcast
from autograd_nn.variable import Variable, as_array


def _operator(function: Any) -> tuple[Any, Any]:
    """An operator's method and its reflection; both leave operands that they do not know to Python."""

    def method(self: Variable, other: Any) -> Any:
        return function(self, other)

    def reflected(self: Variable, other: Any) -> Any:
        return function(other, self)

    return method, reflected


def _comparison(symbol: str) -> Any:
    def method(self: Variable, other: Any) -> Variable:
        return Variable(self.xp.asarray(getattr(self.array, symbol)(as_array(other))), requires_grad=False)

    return method


def install() -> None:
    """Makes ``x + y``, ``x[i]``, ``x.T`` and the like work on Variables."""
    for name, function in dict(add=arithmetic.add, sub=arithmetic.sub, mul=arithmetic.mul, truediv=arithmetic.div,
                               floordiv=arithmetic.floordiv, mod=arithmetic.remainder, pow=arithmetic.pow).items():
        method, reflected = _operator(function)
        setattr(Variable, f'__{name}__', method)
        setattr(Variable, f'__r{name}__', reflected)
    for symbol in '__lt__', '__le__', '__gt__', '__ge__', '__eq__', '__ne__':
        setattr(Variable, symbol, _comparison(symbol))
    methods: dict[str, Any] = {
        '__neg__': arithmetic.neg,
        '__abs__': arithmetic.absolute,
        '__pos__': lambda x: x,
        'astype': broadcast.cast,
    }
    for name, function in methods.items():
        setattr(Variable, name, function)
