"""What depends on libraries that are gone, as errors that say so."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = ['TheanoFunction', 'get_cudnn_dropout_states', 'get_cudnn_dropout_states_core', 'theano_function']
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


def get_cudnn_dropout_states(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises an error.

    Raises:
        RuntimeError: Always.
    """
    raise RuntimeError('get_cudnn_dropout_states: CuPy has no bindings of cuDNN since version 14, and masks of dropout '
                       'are drawn by kernels of this package')


get_cudnn_dropout_states_core = get_cudnn_dropout_states
