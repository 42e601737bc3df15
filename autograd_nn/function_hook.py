"""Hooks: code that runs around every function (or around one)."""
from __future__ import annotations

from typing import Any

from autograd_nn.config import config
from autograd_nn.function_node import FunctionNode


class FunctionHook:
    """Runs before and after the forward and the backward computation of functions.

    As a context manager it applies to all functions of this thread; ``function.add_hook(hook)`` applies it to one.

    Attributes:
        name: Under which it is registered; two hooks of one name cannot be active at a time.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> class Trace(ann.FunctionHook):
        ...     name = 'Trace'
        ...     def forward_preprocess(self, function, in_data):
        ...         print(function.label, [x.shape for x in in_data])
        >>> with Trace():
        ...     y = ann.functions.exp(np.zeros((2, 3)))
        Exp [(2, 3)]
    """

    name = 'FunctionHook'

    def __enter__(self) -> Any:
        if self.name in config._function_hooks:
            raise KeyError(f'a function hook named {self.name!r} is active already')
        self.added(None)
        config._function_hooks[self.name] = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        config._function_hooks.pop(self.name).deleted(None)

    def added(self, function: FunctionNode | None) -> None:
        """Called when the hook becomes active; `function` is None when it does so for all functions."""

    def deleted(self, function: FunctionNode | None) -> None:
        """Called when the hook stops being active."""

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        """Called before a forward computation with the input arrays."""

    def forward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        """Called after a forward computation with the input arrays."""

    def backward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...], out_grad: tuple[Any, ...]) -> None:
        """Called before a backward computation with the retained input arrays and the output gradients."""

    def backward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...],
                             out_grad: tuple[Any, ...]) -> None:
        """Called after a backward computation with the retained input arrays and the output gradients."""


def get_function_hooks() -> dict[str, FunctionHook]:
    """This thread's active hooks for all functions, by name."""
    return config._function_hooks
