"""``cupy.cuda.stream``: what is put on a stream is done at once, or, while it captures, when the graph is launched.

Between `Stream.begin_capture` and `end_capture` kernels are not run but kept, and so is everything else that would
write to a device's memory; new arrays hold anything. Waiting for the device, and reading from it, is refused. As with
CUDA, the graph works on the memory that it was captured with.
"""
from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from .device import current_device
from .runtime import CUDARuntimeError

_local = threading.local()


def do(function: Callable[[], Any]) -> None:
    """Does something to the memory of a device, now or whenever the graph that is being captured is launched."""
    graph = captured()
    if graph is None:
        function()
    else:
        graph.functions.append(function)


def captured() -> Graph | None:
    """The graph that the current stream is capturing."""
    return get_current_stream().graph


def no_capture(what: str) -> None:
    """Refuses what CUDA refuses while a stream captures."""
    if captured() is not None:
        raise CUDARuntimeError(f'cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing '
                               f'({what})')


class Graph:
    """As ``cupy.cuda.Graph``.

    Attributes:
        functions: What it does.
        held: The memory that was allocated meanwhile, which the pool of the capture would keep.
    """

    def __init__(self) -> None:
        self.functions: list[Callable[[], Any]] = []
        self.held: list[Any] = []

    def launch(self, stream: Stream | None = None) -> None:
        for function in self.functions:
            function()

    def upload(self, stream: Stream | None = None) -> None:
        """It is there."""


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
        self.graph: Graph | None = None

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
        no_capture('synchronize')

    def begin_capture(self, mode: Any = None) -> None:
        if self.is_null:
            raise CUDARuntimeError('cudaErrorStreamCaptureUnsupported: the null stream cannot capture')
        self.graph = Graph()

    def end_capture(self) -> Graph:
        graph, self.graph = self.graph, None
        if graph is None:
            raise CUDARuntimeError('cudaErrorIllegalState: the stream is not capturing')
        return graph

    def is_capturing(self) -> bool:
        return self.graph is not None

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
        no_capture('Event.synchronize')


def get_elapsed_time(start: Event, end: Event) -> float:
    return float(end.time - start.time)
