"""``cupy.cuda.stream``: what is put on a stream is done at once."""
from __future__ import annotations

import itertools
import threading
from typing import Any

from . import graph
from .device import current_device

_local = threading.local()


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

    def use(self) -> Stream:
        _local.stream = self
        return self

    def __enter__(self) -> Stream:
        self._before.append(get_current_stream())
        return self.use()

    def __exit__(self, *exc_info: Any) -> None:
        _local.stream = self._before.pop()

    def synchronize(self) -> None:
        """Nothing is ever pending."""
        if graph.capturing(self):
            graph.refuse('cudaStreamSynchronize')

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
        """What the event marks has happened."""

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

    def record(self, stream: Any = None) -> None:
        self.time = next(self._clock)

    def synchronize(self) -> None:
        """It has happened."""
        graph.refuse('cudaEventSynchronize')


def get_elapsed_time(start: Event, end: Event) -> float:
    return float(end.time - start.time)
