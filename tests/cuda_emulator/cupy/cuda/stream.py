"""``cupy.cuda.stream``: what is put on a stream is done at once, but for copies from the host on streams of their own.

Those are done when somebody waits for them: who does not finds other elements.
"""
from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from . import graph
from .device import current_device

_local = threading.local()


class _Work:
    """What is done once."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function: Callable[[], Any] | None = function


def finish(pending: list[_Work]) -> None:
    """Does what has not been done yet."""
    for work in pending:
        function, work.function = work.function, None
        if function is not None:
            function()
    pending.clear()


class Stream:
    """As ``cupy.cuda.Stream``."""

    null: Stream
    ptr = 0
    done = True

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False,
                 priority: Any = None) -> None:
        self.is_null = null
        self.device_id = current_device()
        self._before: list[Any] = []
        self.pending: list[_Work] = []

    def use(self) -> Stream:
        _local.stream = self
        return self

    def __enter__(self) -> Stream:
        self._before.append(get_current_stream())
        return self.use()

    def __exit__(self, *exc_info: Any) -> None:
        _local.stream = self._before.pop()

    def put(self, function: Callable[[], Any]) -> None:
        """Does something, at the latest when somebody waits for it."""
        self.pending.append(_Work(function))
        if self.is_null:
            self.synchronize()

    def synchronize(self) -> None:
        """Does what is pending."""
        if graph.capturing(self):
            graph.refuse('cudaStreamSynchronize')
        finish(self.pending)

    def begin_capture(self, mode: Any = None) -> None:
        graph.begin(self)

    def end_capture(self) -> graph.Graph:
        return graph.end(self)

    def is_capturing(self) -> bool:
        return graph.capturing(self)

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        finish(event.work)

    def launch_host_func(self, callback: Any, arg: Any) -> None:
        callback(arg)


Stream.null = Stream(null=True)


def get_current_stream(device_id: int = -1) -> Stream:
    return getattr(_local, 'stream', Stream.null)


class Event:
    """As ``cupy.cuda.Event``; the time between two is how many others came between."""

    _clock = itertools.count()
    done = True

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.time: int | None = None
        self.work: list[_Work] = []

    def record(self, stream: Any = None) -> None:
        self.time = next(self._clock)
        self.work = list((stream or get_current_stream()).pending)

    def synchronize(self) -> None:
        """Does what is to come before it."""
        graph.refuse('cudaEventSynchronize')
        finish(self.work)


def get_elapsed_time(start: Event, end: Event) -> float:
    return float(end.time - start.time)
