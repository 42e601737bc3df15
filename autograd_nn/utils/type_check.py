"""Checks of the inputs of user-defined functions, with messages that show the expectation and what came.

Inside ``check_type_forward(self, in_types)``, ``in_types`` describes the input arrays; expressions of their shapes and
dtypes remember how they were written:

    >>> import numpy as np
    >>> from autograd_nn.utils import type_check
    >>> in_types = type_check.get_types([np.zeros((3, 4), 'f')], 'in_types')
    >>> type_check.expect(in_types.size() == 1, in_types[0].dtype.kind == 'f')
    >>> type_check.expect(in_types[0].shape[1] == 5)
    Traceback (most recent call last):
    autograd_nn.utils.type_check.InvalidType: expected in_types[0].shape[1] == 5, got 4 == 5
"""
from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any


class InvalidType(Exception):
    """The inputs of a function have shapes or dtypes that it does not take."""


class Expr:
    """A value with the text of the expression that it comes from."""

    def __init__(self, text: str, value: Any) -> None:
        self.text = text
        self.value = value

    def eval(self) -> Any:
        """What the expression stands for: a number, a shape or a dtype."""
        return self.value

    def __getattr__(self, name: str) -> Expr:
        if name.startswith('_'):
            raise AttributeError(name)
        return Expr(f'{self.text}.{name}', getattr(self.value, name))

    def __getitem__(self, key: Any) -> Expr:
        try:
            return Expr(f'{self.text}[{key!r}]', self.value[key])
        except IndexError:
            raise InvalidType(f'expected {self.text}[{key!r}] to exist, got {self.text} = {self.value!r}') from None

    def __iter__(self) -> Iterator[Expr]:
        return map(self.__getitem__, range(len(self.value)))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __str__(self) -> str:
        return self.text

    __hash__ = None  # type: ignore[assignment]


class Comparison(Expr):
    """An expectation, such as ``in_types[0].ndim == 2``."""

    def __init__(self, left: Any, symbol: str, right: Any, holds: bool) -> None:
        super().__init__(f'{_text(left)} {symbol} {_text(right)}', holds)
        self.actual = f'{_value(left)!r} {symbol} {_value(right)!r}'


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Expr) else x


def _text(x: Any) -> str:
    return x.text if isinstance(x, Expr) else repr(x)


def _comparison(symbol: str, compute: Callable[[Any, Any], Any]) -> Callable[[Expr, Any], Comparison]:
    return lambda left, right: Comparison(left, symbol, right, compute(left.value, _value(right)))


def _arithmetic(symbol: str, compute: Callable[[Any, Any], Any], reflected: bool) -> Callable[[Expr, Any], Expr]:
    def method(self: Expr, other: Any) -> Expr:
        left, right = (other, self) if reflected else (self, other)
        return Expr(f'({_text(left)} {symbol} {_text(right)})', compute(_value(left), _value(right)))
    return method


for _name, _symbol in {'eq': '==', 'ne': '!=', 'lt': '<', 'le': '<=', 'gt': '>', 'ge': '>='}.items():
    setattr(Expr, f'__{_name}__', _comparison(_symbol, getattr(operator, _name)))
for _name, _symbol in {'add': '+', 'sub': '-', 'mul': '*', 'floordiv': '//', 'mod': '%'}.items():
    setattr(Expr, f'__{_name}__', _arithmetic(_symbol, getattr(operator, _name), reflected=False))
    setattr(Expr, f'__r{_name}__', _arithmetic(_symbol, getattr(operator, _name), reflected=True))


class Types(tuple):
    """Expressions for the arrays that a function was given."""

    name: str

    def size(self) -> Expr:
        """The number of arguments, as an expression."""
        return Expr(f'{self.name}.size()', len(self))


def get_types(arrays: Iterable[Any], name: str) -> Types:
    """Describes arrays.

    Args:
        arrays: The arrays.
        name: What messages call them.
    """
    types = Types(Expr(f'{name}[{i}]', x) for i, x in enumerate(arrays))
    types.name = name
    return types


def make_variable(value: Any, name: str) -> Expr:
    """`value` under a name that messages show."""
    return Expr(name, value)


def eval(exp: Any) -> Any:
    """The value of an expression; anything else as it is.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import type_check
        >>> in_types = type_check.get_types([np.zeros((3, 4), 'f')], 'in_types')
        >>> type_check.eval(in_types[0].shape[0] + 1)
        4
    """
    return _value(exp)


def prod(xs: Expr) -> Expr:
    """The product of the elements, such as those of a shape."""
    product = 1
    for x in xs.value:
        product *= x
    return Expr(f'prod({xs.text})', product)


def argname(in_types: Sequence[Expr], names: Sequence[str]) -> None:
    """Gives the inputs names of their own in messages.

    Raises:
        InvalidType: There are more or fewer inputs than names.
    """
    if len(in_types) != len(names):
        raise InvalidType(f'expected {len(names)} inputs ({", ".join(names)}), got {len(in_types)}')
    for expr, name in zip(in_types, names):
        expr.text = name


def same_types(*arrays: Any) -> bool:
    """Whether all arguments are arrays of one kind (all NumPy or all CuPy)."""
    return len({type(x) for x in arrays}) <= 1


def expect(*expectations: Any) -> None:
    """Raises unless every expectation holds.

    Args:
        expectations: Comparisons of expressions (or plain truth values).

    Raises:
        InvalidType: One does not hold.
    """
    for expectation in expectations:
        if not expectation:
            if isinstance(expectation, Comparison):
                raise InvalidType(f'expected {expectation.text}, got {expectation.actual}')
            raise InvalidType(f'expected a true condition, got {expectation!r}')
