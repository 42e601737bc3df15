"""Functions of Theano, which is gone."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = ['TheanoFunction', 'theano_function']
__path__: list[str] = []


class TheanoFunction:
    """Stands for Chainer's wrapper of a function of Theano, which can be neither installed nor imported any more."""

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError('TheanoFunction: Theano is gone; write the function with the functions of this package, or '
                           'as a FunctionNode of your own')


def theano_function(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises an error.

    Raises:
        RuntimeError: Always.
    """
    TheanoFunction()
    raise AssertionError
