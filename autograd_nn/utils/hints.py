"""Answers to those who look for a name that is not here: what PyTorch and Keras call it, or mistyped."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from types import ModuleType
from typing import Any, NoReturn, TypeVar

from autograd_nn.utils.foreign_names import ARGUMENTS

_Function = TypeVar('_Function', bound=Callable[..., Any])


class _Elsewhere:
    """An attribute that a class does not have; whoever asks for it is told what to use.

    Assigning to an instance, and defining the name in a subclass or in a further base class, work as if there were
    nothing. (A `__getattr__` would slow down every access to the attributes that do exist.)

    Args:
        holder: The class.
        name: The attribute.
        advice: What to use.
    """

    def __init__(self, holder: type, name: str, advice: str) -> None:
        self.holder = holder
        self.name = name
        self.advice = advice

    def __get__(self, instance: Any, owner: type) -> Any:
        mro = owner.__mro__
        if any(self.name in vars(base) for base in mro[mro.index(self.holder) + 1:]):
            return getattr(super(self.holder, owner if instance is None else instance), self.name)
        raise AttributeError(f'{owner.__name__} has no attribute {self.name!r}; {self.advice}')

    def __repr__(self) -> str:
        return f'not here; {self.advice}'


def explain_attributes(cls: type, advice: Mapping[str, str]) -> None:
    """Has a class say what to use instead of attributes that it does not have.

    ``hasattr`` says that they are not there, and ``dir`` of an instance does not list them.

    Args:
        cls: The class.
        advice: What to use, by the names of the attributes.

    Example:
        >>> class Tensor:
        ...     pass
        >>> explain_attributes(Tensor, {'numpy': 'x.array is the NumPy array'})
        >>> Tensor().numpy()
        Traceback (most recent call last):
            ...
        AttributeError: Tensor has no attribute 'numpy'; x.array is the NumPy array
    """
    for name, text in advice.items():
        setattr(cls, name, _Elsewhere(cls, name, text))
    listing: Any = cls.__dir__

    def list_names(self: Any) -> list[str]:
        return [name for name in listing(self)
                if name not in advice or name in getattr(self, '__dict__', ()) or hasattr(type(self), name)]

    cls.__dir__ = list_names  # type: ignore[assignment]


def explain_names(tables: Mapping[ModuleType, Mapping[str, str]]) -> None:
    """Has modules say what to use instead of names that they do not have.

    Args:
        tables: For each module what other frameworks' names, in lower case and without underscores, are called there;
            or a sentence.
    """
    for module in tables:
        vars(module)['__getattr__'] = _make_getter(module, tables)


def _make_getter(module: ModuleType, tables: Mapping[ModuleType, Mapping[str, str]]) -> Callable[[str], NoReturn]:
    def get(name: str) -> NoReturn:
        hint = '' if name.startswith('_') else _find_name(name, module, tables)
        raise AttributeError(f'module {module.__name__!r} has no attribute {name!r}{hint}')

    return get


def _find_name(name: str, module: ModuleType, tables: Mapping[ModuleType, Mapping[str, str]]) -> str:
    key = simplify(name)
    if key in tables[module]:
        found = tables[module][key]
        return f'; here it is called {found!r}' if found.isidentifier() else f'; {found}'
    here = _names(module)
    elsewhere = [(other, table.get(key) or _names(other).get(key, '')) for other, table in tables.items()]
    elsewhere = sorted((pair for pair in elsewhere if pair[1]), key=lambda pair: pair[1] != name)
    if elsewhere and key not in here:
        other, found = elsewhere[0]
        return f'; here it is {other.__name__}.{found}' if found.isidentifier() else f'; {found}'
    close = find_close(key, here)
    return f'; did you mean {here[close[0]]!r}?' if close else ''


def find_close(word: str, words: Iterable[str]) -> list[str]:
    """The one of some words that is most like a mistyped one, in a list; an empty list if none is."""
    from difflib import get_close_matches  # most programs make no mistake, and start without it

    return get_close_matches(word, words, 1, 0.7)


def simplify(name: str) -> str:
    """A name in lower case and without underscores."""
    return name.lower().replace('_', '')


def _names(module: ModuleType) -> dict[str, str]:
    """The public names of a module, by their simple forms."""
    return {simplify(name): name for name in dir(module)
            if not name.startswith('_') and not isinstance(vars(module).get(name), ModuleType)}


def explain_arguments(function: _Function, note: Callable[..., None] | None = None) -> _Function:
    """Has a function say what a keyword argument that it does not have is called here.

    Args:
        function: The function, or the constructor of a class.
        note: What is called before with its arguments, as a tuple and a dict.

    Returns:
        A function that does the same.

    Example:
        >>> @explain_arguments
        ... def softmax(x, axis=1):
        ...     return x
        >>> softmax(1, dim=0)
        Traceback (most recent call last):
            ...
        TypeError: softmax: there is no argument 'dim'; here it is called 'axis'
    """
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if note is not None:
            note(args, kwargs)
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            parameters = inspect.signature(function).parameters
            unknown = [word for word in kwargs if word not in parameters]
            if not unknown or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                raise
            text = _find_argument(unknown[0], [word for word in parameters if word != 'self'])
            name = type(args[0]).__name__ if function.__name__ == '__init__' else function.__name__
            raise TypeError(f'{name}: there is no argument {unknown[0]!r}; {text}') from error

    return call  # type: ignore[return-value]


def explain_constructors(*modules: ModuleType, note: Callable[..., None] | None = None) -> None:
    """Has the constructors of all classes in some packages say what keyword arguments are called here.

    Args:
        modules: The packages.
        note: See `explain_arguments`.
    """
    for module in modules:
        exported = [cls for cls in vars(module).values() if isinstance(cls, type)]
        # Bases that are not exported have constructors, too.
        classes = {base for cls in exported for base in cls.__mro__ if base.__module__.startswith(module.__name__)}
        for cls in classes:
            if '__init__' in vars(cls):
                cls.__init__ = explain_arguments(cls.__init__, note)  # type: ignore[misc]


def _find_argument(word: str, parameters: Sequence[str]) -> str:
    for found in ARGUMENTS.get(word, ()):
        name, comma, remark = found.partition(',')
        if name in parameters:
            return f'here it is called {name!r}{comma}{remark}'
        if not name.isidentifier():
            return found
    close = find_close(word, parameters)
    return f'did you mean {close[0]!r}?' if close else f'it takes {", ".join(parameters)}'
