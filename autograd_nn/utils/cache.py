"""What is computed once."""
from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from autograd_nn.config import config


class cached_property:
    """Decorator: a property that is computed once, and once more where backpropagation is turned on or off.

    Args:
        func: The method that computes it.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> from autograd_nn.utils.cache import cached_property
        >>> class Gate:
        ...     def __init__(self, x):
        ...         self.x = x
        ...
        ...     @cached_property
        ...     def y(self):
        ...         return ann.functions.sigmoid(self.x)
        >>> gate = Gate(ann.Variable(np.zeros(2)))
        >>> gate.y is gate.y
        True
        >>> with ann.no_backprop_mode():
        ...     gate.y.creator is None
        True
    """

    def __init__(self, func: Callable[[Any], Any]) -> None:
        update_wrapper(self, func)  # type: ignore[arg-type]
        self.func = func

    def __get__(self, obj: Any, cls: type | None = None) -> Any:
        if obj is None:
            return self
        values = obj.__dict__.setdefault(self.func.__name__, {})
        if config.enable_backprop not in values:
            values[config.enable_backprop] = self.func(obj)
        return values[config.enable_backprop]

    def __set__(self, obj: Any, value: Any) -> None:
        raise AttributeError(f'{type(obj).__name__}.{self.func.__name__} is computed and cannot be set')
