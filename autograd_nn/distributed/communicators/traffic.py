"""Which communicators a program uses, for those who have to know whether a call can be repeated by some processes."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_listeners: list[list[Any]] = []


@contextmanager
def listening() -> Iterator[list[Any]]:
    """A context that gives a list, to which is added whichever communicator is used within it."""
    heard: list[Any] = []
    _listeners.append(heard)
    try:
        yield heard
    finally:
        _listeners.remove(heard)


def note(communicator: Any) -> None:
    """Tells that a communicator is used.

    Args:
        communicator: The communicator.
    """
    for heard in _listeners:
        if communicator not in heard:
            heard.append(communicator)
