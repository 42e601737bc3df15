"""Hooks that run around every link (or around one)."""
from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograd_nn.link import Link


class _Active(threading.local):
    """The hooks that apply to all links of a thread."""

    def __init__(self) -> None:
        self.hooks: dict[str, LinkHook] = {}


active = _Active()


@dataclass
class ForwardPreprocessCallbackArgs:
    """What a hook is told before a link runs.

    Attributes:
        link: The link.
        forward_name: The method that runs, ``'forward'``.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """

    link: Link
    forward_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass
class ForwardPostprocessCallbackArgs(ForwardPreprocessCallbackArgs):
    """What a hook is told after a link has run.

    Attributes:
        out: What the link returned.
    """

    out: Any


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
        if self.name in active.hooks:
            raise KeyError(f'a link hook named {self.name!r} is active already')
        active.hooks[self.name] = self
        self.added(None)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        active.hooks.pop(self.name).deleted(None)

    def added(self, link: Link | None) -> None:
        """Called when the hook becomes active; `link` is None when it does so for all links."""

    def deleted(self, link: Link | None) -> None:
        """Called when the hook stops being active."""

    def forward_preprocess(self, args: ForwardPreprocessCallbackArgs) -> None:
        """Called before a link runs."""

    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None:
        """Called after a link has run."""


def get_link_hooks() -> dict[str, LinkHook]:
    """This thread's active hooks for all links, by name."""
    return active.hooks
