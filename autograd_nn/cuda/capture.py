"""Computations on a GPU that are captured once, as a CUDA graph, and launched again with a single call.

While a stream captures, nothing is computed: CUDA notes which kernels would run, on which memory, with which numbers.
So what comes from the host stays as it was: numbers that kernels were given, and what Python did meanwhile.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_nn.cuda import device

# As many times a captured computation can ask for the key of a random mask.
_MAX_KEYS = 1 << 12
_local = threading.local()


class CaptureError(RuntimeError):
    """A computation cannot be captured; the message says why."""


class Capture:
    """A computation on the current device, which works in memory and on a stream of its own.

    What it allocates while it is captured must not be given to anybody else, so it gets a memory pool. The stream can
    capture, other than the default one.

    Attributes:
        is_ready: Whether `capture` has been called.
    """

    def __init__(self) -> None:
        cupy = device.cupy
        self._stream = cupy.cuda.Stream(non_blocking=True)
        self._pool = cupy.cuda.MemoryPool()
        self._graph: Any = None
        self._keys = cupy.empty((_MAX_KEYS, 2), np.uint32)
        self._key_count = 0

    @property
    def is_ready(self) -> bool:
        return self._graph is not None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A context whose work comes after what the current stream was given before, and before what it is given next.

        Computed here first, the computation compiles its kernels, and leaves memory that capturing needs.
        """
        outside = device.cupy.cuda.get_current_stream()
        self._stream.wait_event(outside.record())
        with self._stream, device.cupy.cuda.using_allocator(self._pool.malloc):
            yield
        outside.wait_event(self._stream.record())

    def capture(self, function: Callable[[], Any]) -> Any:
        """Calls a function without computing anything, and keeps what is to be computed.

        Returns:
            What the function returned. The arrays in it have their elements after each `launch`.

        Raises:
            CaptureError: The function needs the host: it waits for the device, copies from memory of the host, or draws
                random numbers other than `random_key`.
        """
        host = np.random.get_state(legacy=False)
        with self.aside(), _refusing_copies(), _refusing_random_numbers():
            self._stream.begin_capture()
            _local.capture, self._key_count = self, 0
            try:
                result = function()
            except device.cupy.cuda.runtime.CUDARuntimeError as error:
                raise CaptureError(f'it waits for the device ({error})') from error
            finally:
                _local.capture = None
                graph = self._end()
        if not _equal(host, np.random.get_state(legacy=False)):
            raise CaptureError("it draws random numbers of NumPy, which would be the same each time")
        if graph is None:
            raise CaptureError('it waits for the device')
        self._graph = graph
        return result

    def _end(self) -> Any:
        """The graph; None if what was done meanwhile has made it invalid."""
        try:
            return self._stream.end_capture()
        except device.cupy.cuda.runtime.CUDARuntimeError:
            return None

    def launch(self) -> None:
        """Computes, on the current stream, with new random keys."""
        if self._key_count:
            keys = np.random.randint(1 << 32, size=(self._key_count, 2), dtype=np.uint32)
            self._keys[:self._key_count] = device.cupy.asarray(keys)
        self._graph.launch(device.cupy.cuda.get_current_stream())

    def next_key(self) -> Any:
        """Memory (2,) on the device that has a new key in each launch."""
        if self._key_count == _MAX_KEYS:
            raise CaptureError(f'it needs more than {_MAX_KEYS} random masks')
        self._key_count += 1
        return self._keys[self._key_count - 1]


def random_key() -> Any:
    """Two random numbers of 32 bits: a NumPy array or, while a computation is captured, an array on the device."""
    capture: Capture | None = getattr(_local, 'capture', None)
    return np.random.randint(1 << 32, size=2, dtype=np.uint32) if capture is None else capture.next_key()


@contextmanager
def _refusing_copies() -> Iterator[None]:
    """Refuses copies from the host: launched again, they would read memory that has long been given to others."""
    cupy, capturing = device.cupy, threading.get_ident()
    pool = cupy.get_default_pinned_memory_pool()

    def allocate(size: int) -> Any:
        if threading.get_ident() == capturing:
            raise CaptureError('it copies from memory of the host')
        return pool.malloc(size)

    cupy.cuda.set_pinned_memory_allocator(allocate)
    try:
        yield
    finally:
        cupy.cuda.set_pinned_memory_allocator(pool.malloc)


@contextmanager
def _refusing_random_numbers() -> Iterator[None]:
    """Refuses numbers of CuPy's generator, which would be the same in each launch."""
    random = device.cupy.random

    class Refusing(random.RandomState):  # type: ignore[name-defined]
        def __init__(self) -> None:
            """Has no generator."""

        def __getattribute__(self, name: str) -> Any:
            if name.startswith('_'):
                return object.__getattribute__(self, name)
            raise CaptureError('it draws random numbers of CuPy, which would be the same each time')

        def __del__(self) -> None:
            """Has nothing to give back."""

    before = random.get_random_state()
    random.set_random_state(Refusing())
    try:
        yield
    finally:
        random.set_random_state(before)


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two states of NumPy's generator are the same one."""
    return a['state']['pos'] == b['state']['pos'] and np.array_equal(a['state']['key'], b['state']['key'])
