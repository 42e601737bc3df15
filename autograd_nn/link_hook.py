"""Hooks that run around every link (or around one)."""
from __future__ import annotations

from typing import Any

from autograd_nn.config import config
from autograd_nn.link import ForwardPostprocessCallbackArgs, ForwardPreprocessCallbackArgs, Link

__all__ = ['ForwardPostprocessCallbackArgs', 'ForwardPreprocessCallbackArgs', 'LinkHook', 'get_link_hooks']


class LinkHook:
    """Runs before and after links.

    As a context manager it applies to all links of this thread; ``link.add_hook(hook)`` applies it to one.

    Attributes:
        name: Under which it is registered; two hooks of one name cannot be active at a time.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> class Double(ann.Link):
        ...     def forward(self, x):
        ...         return 2 * x
        >>> class Trace(ann.LinkHook):
        ...     name = 'Trace'
        ...     def forward_postprocess(self, args):
        ...         print(args.link, args.args, args.out)
        >>> with Trace():
        ...     y = Double()(3)
        Double() (3,) 6
    """

    name = 'LinkHook'

    def __enter__(self) -> Any:
        if self.name in config._link_hooks:
            raise KeyError(f'a link hook named {self.name!r} is active already')
        config._link_hooks[self.name] = self
        self.added(None)
        return self

    def __exit__(self, *exc_info: object) -> None:
        config._link_hooks.pop(self.name).deleted(None)

    def added(self, link: Link | None) -> None:
        """Called when the hook becomes active; `link` is None when it does so for all links."""

    def deleted(self, link: Link | None) -> None:
        """Called when the hook stops being active."""

    def forward_preprocess(self, args: ForwardPreprocessCallbackArgs) -> None:
        """Called before a link runs."""

    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None:
        """Called after a link has run."""

    def forward_failed(self, args: ForwardPreprocessCallbackArgs) -> None:
        """Called in place of `forward_postprocess` where the link, or another hook, has raised an error."""


def get_link_hooks() -> dict[str, LinkHook]:
    """This thread's active hooks for all links, by name."""
    return config._link_hooks
