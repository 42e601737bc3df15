"""Keyword arguments of functions that take any, as Chainer's own did for Python 2."""
from __future__ import annotations

import inspect
from typing import Any


def parse_kwargs(kwargs: dict[str, Any], *name_and_values: tuple[str, Any], **unexpected: str) -> tuple[Any, ...]:
    """The values of some keyword arguments.

    Args:
        kwargs: The keyword arguments that a function was given. Those that are found are removed.
        name_and_values: Pairs of a name and the value where it is not given.
        unexpected: What to say of some arguments that the function does not take any more.

    Returns:
        A value for each pair.

    Raises:
        ValueError: There is one of the arguments in `unexpected`.
        TypeError: There is another one.

    Example:
        >>> from autograd_nn.utils.argument import parse_kwargs
        >>> def pool(x, **kwargs):
        ...     stride, pad = parse_kwargs(kwargs, ('stride', 1), ('pad', 0), train='use chainer.config.train')
        ...     return stride, pad
        >>> pool(0, pad=2)
        (1, 2)
        >>> pool(0, padding=2)
        Traceback (most recent call last):
        TypeError: pool() got unexpected keyword argument(s) 'padding'
    """
    values = tuple([kwargs.pop(name, default) for name, default in name_and_values])
    check_unexpected_kwargs(kwargs, **unexpected)
    if kwargs:
        raise TypeError(f'{_caller()}() got unexpected keyword argument(s) {", ".join(map(repr, sorted(kwargs)))}')
    return values


def check_unexpected_kwargs(kwargs: dict[str, Any], **unexpected: str) -> None:
    """Raises if there are keyword arguments that a function does not take any more.

    Args:
        kwargs: The keyword arguments that it was given.
        unexpected: What to say of each of them.

    Raises:
        ValueError: There is one; with what is to be said of it.
    """
    for name, message in unexpected.items():
        if name in kwargs:
            raise ValueError(message)


def assert_kwargs_empty(kwargs: dict[str, Any]) -> None:
    """Raises if there are keyword arguments.

    Raises:
        TypeError: There are.
    """
    parse_kwargs(kwargs)


def _caller() -> str:
    """The name of the function outside of this module that is running."""
    return next(frame.function for frame in inspect.stack(0) if frame.filename != __file__)
