"""``cupy.cuda``: two devices that have no access to each other's memory, and streams that finish at once."""
from __future__ import annotations

import itertools
import threading
import weakref
from typing import Any

import numpy as np

from . import nvtx, runtime

DEVICES = 2
_local = threading.local()


def current_device() -> int:
    """The number of this thread's current device."""
    return getattr(_local, 'device', 0)


class Device:
    """As ``cupy.cuda.Device``."""

    def __init__(self, device: Any = None) -> None:
        self.id = current_device() if device is None else int(device)
        self._before: list[int] = []

    compute_capability = '90'
    attributes: dict[str, int] = {'MultiProcessorCount': 2, 'WarpSize': 32, 'MaxSharedMemoryPerBlock': 49152}
    mem_info = property(lambda self: (1 << 34, 1 << 34))

    def use(self) -> None:
        if not 0 <= self.id < DEVICES:
            raise runtime.CUDARuntimeError('cudaErrorInvalidDevice: invalid device ordinal')
        _local.device = self.id

    def synchronize(self) -> None:
        """Nothing is ever pending."""

    def __enter__(self) -> Device:
        self._before.append(current_device())
        self.use()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        _local.device = self._before.pop()

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f'<CUDA Device {self.id}>'


def get_device_id() -> int:
    return current_device()


class MemoryPointer:
    """As ``cupy.cuda.MemoryPointer``: where an array begins."""

    def __init__(self, buffer: np.ndarray, device_id: int, offset: int = 0) -> None:
        self.buffer, self.device_id, self.offset = buffer, device_id, offset
        self.ptr = buffer.ctypes.data + offset
        self.mem = self

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.buffer, self.device_id, self.offset + offset)

    def __int__(self) -> int:
        return self.ptr


class MemoryPool:
    """As ``cupy.cuda.MemoryPool``: counts bytes of each device that arrays hold."""

    def __init__(self) -> None:
        self._used = [0] * DEVICES
        self._limit = 0

    def used_bytes(self) -> int:
        return self._used[current_device()]

    def total_bytes(self) -> int:
        return self._used[current_device()]

    def free_bytes(self) -> int:
        return 0

    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self, stream: Any = None) -> None:
        """Nothing is kept."""

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        self._limit = int(size if size is not None else (fraction or 0) * (1 << 34))

    def get_limit(self) -> int:
        return self._limit

    def malloc(self, size: int) -> MemoryPointer:
        buffer = np.empty(size, np.uint8)
        allocated(buffer, current_device())
        return MemoryPointer(buffer, current_device())

    def count(self, device: int, size: int) -> None:
        """Adds bytes, or takes them away.

        Raises:
            OutOfMemoryError: That is more than the limit.
        """
        if size > 0 and 0 < self._limit < self._used[device] + size:
            raise memory.OutOfMemoryError(
                f'Out of memory allocating {size:,} bytes (allocated so far: {self._used[device]:,} bytes, '
                f'limit set to: {self._limit:,} bytes).')
        self._used[device] += size


class PinnedMemoryPool:
    """As ``cupy.cuda.PinnedMemoryPool``."""

    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self) -> None:
        """Nothing is kept."""

    def malloc(self, size: int) -> Any:
        return alloc_pinned_memory(size)


class memory:
    """``cupy.cuda.memory``."""

    class OutOfMemoryError(MemoryError):
        """The limit of the pool is reached."""

    MemoryPointer, MemoryPool = MemoryPointer, MemoryPool


class _Owner:
    """Counts the bytes of an array's memory as long as it or a view of it lives."""


_pool, _pinned_pool = MemoryPool(), PinnedMemoryPool()


def allocated(a: np.ndarray, device: int) -> _Owner:
    """What an array and its views hold so that the pool counts the memory once."""
    owner = _Owner()
    _pool.count(device, a.nbytes)
    weakref.finalize(owner, _pool.count, device, -a.nbytes).atexit = False
    return owner


def alloc(size: int) -> MemoryPointer:
    return _pool.malloc(size)


def alloc_pinned_memory(size: int) -> Any:
    """Memory of the host: an object with the buffer protocol."""
    return np.empty(size, np.uint8)


class Stream:
    """As ``cupy.cuda.Stream``: what is put on it is done at once."""

    null: Stream
    ptr = 0

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: Any = None) -> None:
        self.is_null = null
        self.device_id = current_device()
        self._before: list[Any] = []

    done = True

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


def get_elapsed_time(start: Event, end: Event) -> float:
    return float(end.time - start.time)


def is_available() -> bool:
    return runtime.getDeviceCount() > 0
