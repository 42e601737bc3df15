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

import math
import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np


class InvalidType(Exception):
    """The inputs of a function have shapes or dtypes that it does not take.

    Args:
        expect: What was expected, as text; the whole message if nothing else is given.
        actual: What came.
        msg: What to say before that.

    Attributes:
        expect: As given.
        actual: As given.
        msg: As given.
    """

    def __init__(self, expect: str, actual: str | None = None, msg: str | None = None) -> None:
        text = expect if actual is None else f'expected {expect}, got {actual}'
        super().__init__(text if msg is None else f'{msg}: {text}')
        self.expect, self.actual, self.msg = expect, actual, msg


class ShapeError(InvalidType, ValueError):
    """An `InvalidType` of the functions here: the shape of an argument does not fit."""


class DTypeError(InvalidType, TypeError):
    """An `InvalidType` of the functions here: the dtype of an argument does not fit."""


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
            raise InvalidType(f'{self.text}[{key!r}] to exist', f'{self.text} = {self.value!r}') from None

    def __iter__(self) -> Iterator[Expr]:
        return map(self.__getitem__, range(len(self.value)))

    def __neg__(self) -> Expr:
        return Expr(f'-{self.text}', -self.value)

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

    def expect(self) -> None:
        """Raises unless it holds.

        Raises:
            InvalidType: It does not.
        """
        if not self.value:
            raise InvalidType(self.text, self.actual)


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
for _name, _symbol in {'add': '+', 'sub': '-', 'mul': '*', 'truediv': '/', 'floordiv': '//', 'mod': '%',
                       'pow': '**'}.items():
    setattr(Expr, f'__{_name}__', _arithmetic(_symbol, getattr(operator, _name), reflected=False))
    setattr(Expr, f'__r{_name}__', _arithmetic(_symbol, getattr(operator, _name), reflected=True))


class Variable(Expr):
    """A value under a name that messages show.

    Args:
        value: The value, which may be a `TypeInfo`.
        name: The name.
    """

    def __init__(self, value: Any, name: str) -> None:
        super().__init__(name, value)


class TypeInfo:
    """What is checked of an array.

    Args:
        shape: Its shape.
        dtype: Its dtype.
    """

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.ndim = len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


class TypeInfoTuple(tuple):
    """Expressions for the arrays that a function was given."""

    name: str

    def size(self) -> Expr:
        """The number of arguments, as an expression."""
        return Expr(f'{self.name}.size()', len(self))


def get_types(data: Iterable[Any], name: str, accept_none: bool = True) -> TypeInfoTuple:
    """Describes arrays.

    Args:
        data: The arrays.
        name: What messages call them.
        accept_none: Whether None may be among them.

    Raises:
        InvalidType: None is among them, and may not be.
    """
    types = TypeInfoTuple(Variable(x, f'{name}[{i}]') for i, x in enumerate(data))
    types.name = name
    for expr in types:
        if expr.value is None and not accept_none:
            raise InvalidType(f'{expr.text} to be an array', 'None')
    return types


def get_light_types(data: Iterable[Any]) -> TypeInfoTuple:
    """As `get_types`, under the name that Chainer gives them."""
    return get_types(data, 'in_types')


class LightMode(threading.local):
    """A context in which Chainer checks in a way that is faster and has no messages.

    Here there is one way, which is fast and has messages; the context is for programs that ask `in_light_mode`.
    """

    depth = 0

    def __enter__(self) -> LightMode:
        self.depth += 1
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.depth -= 1


light_mode = LightMode()


def in_light_mode() -> bool:
    """Whether this is within ``with light_mode:``."""
    return light_mode.depth > 0


@contextmanager
def get_function_check_context(f: Any) -> Iterator[None]:
    """A context in which messages begin with a function's label.

    Args:
        f: The `Function` or the `FunctionNode` whose inputs are checked.
    """
    try:
        yield
    except InvalidType as error:
        message = f.label if error.msg is None else f'{f.label}: {error.msg}'
        raise InvalidType(error.expect, error.actual, message) from None


def make_variable(value: Any, name: str) -> Variable:
    """`value` under a name that messages show."""
    return Variable(value, name)


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
        raise InvalidType(f'{len(names)} inputs ({", ".join(names)})', f'{len(in_types)}')
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
        if isinstance(expectation, Comparison):
            expectation.expect()
        elif not expectation:
            raise InvalidType('a true condition', repr(expectation))


def expect_broadcast_shapes(*shape_types: Any) -> None:
    """Raises unless shapes broadcast against each other.

    Args:
        shape_types: The shapes: tuples, or expressions of them.

    Raises:
        InvalidType: They do not.
    """
    shapes = [_value(shape) for shape in shape_types]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        expected = ' and '.join(map(_text, shape_types)) + ' to broadcast together'
        raise InvalidType(expected, ' and '.join(map(str, shapes))) from None


# The names that functions of Chainer's own know.
_argname = argname
LightTypeInfoTuple = TypeInfoTuple
