"""Names of a module that another one defines, which is imported when one of them is asked for."""
from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


def defer(module: str, target: str, names: Sequence[str]) -> None:
    """Lets a module have names of another one, without importing that one yet.

    So a package offers what is built upon it, under the names that programs know, and needs no import of its own for
    that; nor does importing the package take longer.

    Args:
        module: The module that is to have the names. It may exist; otherwise it is made, with the packages around it.
        target: The module that defines them.
        names: The names.

    Example:
        >>> import sys
        >>> from autograd_nn.utils.deferred import defer
        >>> defer('shapes.flat', 'turtle', ['Turtle'])
        >>> defer('shapes.numbers', 'math', ['pi', 'tau'])
        >>> from shapes.numbers import pi
        >>> pi, 'tau' in dir(sys.modules['shapes.numbers']), 'turtle' in sys.modules
        (3.141592653589793, True, False)
    """
    owner = _get_or_make(module)
    origins: dict[str, str] = vars(owner).setdefault('_deferred', {})
    origins.update(dict.fromkeys(names, target))
    otherwise = vars(owner).get('__getattr__')

    def get(name: str) -> Any:
        if name not in origins:
            if otherwise is not None:
                return otherwise(name)
            raise AttributeError(f'module {module!r} has no attribute {name!r}')
        value = getattr(import_module(origins[name]), name)
        setattr(owner, name, value)
        return value

    vars(owner).update(__getattr__=get, __dir__=lambda: sorted({*vars(owner), *origins}))


def _get_or_make(path: str) -> ModuleType:
    """The module of a dotted path; those on the way that do not exist are made, and found by ``import`` then."""
    if path not in sys.modules:
        module = sys.modules[path] = ModuleType(path)
        module.__path__ = []
        package, _, name = path.rpartition('.')
        if package:
            setattr(_get_or_make(package), name, module)
    return sys.modules[path]
