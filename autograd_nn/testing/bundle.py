"""Classes of tests that are made of one."""
from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A class to make: its name, its attributes, and what becomes of each test."""

    name: str
    attributes: dict[str, Any]
    convert: Callable[[Callable[..., Any]], Callable[..., Any] | None]


class Bundle:
    """The classes that were made of one, which are in its module under names of their own.

    It takes the place of that one, so that its tests are not run by themselves.

    Attributes:
        classes: The classes.
    """

    def __init__(self, classes: list[type]) -> None:
        self.classes = classes


def make_decorator(make_cases: Callable[[type], Iterable[Case]]) -> Callable[[Any], Bundle]:
    """A decorator of a class of tests that makes others of it; it can be applied to what another one made.

    Args:
        make_cases: Says which.
    """
    def decorate(tests: Any) -> Bundle:
        bases = [tests]
        if isinstance(tests, Bundle):
            bases = tests.classes
            for base in bases:
                _names_of(base).pop(base.__name__, None)
        made = [_make_class(base, case) for base in bases for case in make_cases(base)]
        for cls in made:
            _names_of(cls)[cls.__name__] = cls
        return Bundle(made)

    return decorate


def _names_of(cls: type) -> dict[str, Any]:
    """What is defined in the module of a class; what a program runs by itself, such as an example, has no module."""
    module = sys.modules.get(cls.__module__)
    return {} if module is None else vars(module)


def _make_class(base: type, case: Case) -> type:
    tests = {name: case.convert(method) for name, method in inspect.getmembers(base, inspect.isfunction)
             if name.startswith('test')}
    return type(case.name, (base,), {'__module__': base.__module__, **case.attributes, **tests})


def with_argument(method: Callable[..., Any], value: Any) -> Callable[..., Any]:
    """A method whose first argument, after ``self``, is given."""
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, value, *args, **kwargs)

    signature = inspect.signature(method)
    this, _, *others = signature.parameters.values()
    call.__name__, call.__qualname__, call.__doc__ = method.__name__, method.__qualname__, method.__doc__
    # The arguments that pytest is to give.
    call.__signature__ = signature.replace(parameters=[this, *others])  # type: ignore[attr-defined]
    vars(call).update({name: mark for name, mark in vars(method).items() if name != '__wrapped__'})
    return call
