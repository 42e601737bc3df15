"""``cupy.cuda.memory``: the pool counts the bytes that live arrays hold, on each device; it keeps nothing back."""
from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from . import graph
from .device import DEVICES, current_device

TOTAL = 1 << 34


class OutOfMemoryError(MemoryError):
    """More was asked for than the pool's limit or the device allows."""


class Memory:
    """A piece of a device's memory; it counts as long as somebody refers to it."""

    def __init__(self, pool: MemoryPool, size: int) -> None:
        self.size = -(-size // 512) * 512
        self.device_id = current_device()
        pool.count(self.device_id, self.size)
        weakref.finalize(self, pool.count, self.device_id, -self.size).atexit = False

    @cached_property
    def bytes(self) -> np.ndarray:
        """Its bytes. What nobody has written yet is not to be read: not a number, or large ones."""
        return np.full(self.size, 0xff, np.uint8)


class MemoryPointer:
    """As ``cupy.cuda.MemoryPointer``.

    Args:
        mem: The memory that it keeps alive.
        ptr: The address, if not that of the memory.
        holder: What holds the bytes if that is not `mem`.
    """

    def __init__(self, mem: Memory, ptr: int | None = None, holder: Any = None) -> None:
        self.mem, self._ptr, self._holder = mem, ptr, holder
        self.device_id = mem.device_id

    @property
    def ptr(self) -> int:
        return self.mem.bytes.ctypes.data if self._ptr is None else self._ptr

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.ptr + offset, self._holder)

    def __int__(self) -> int:
        return self.ptr

    def copy_from_host_async(self, mem: Any, size: int, stream: Any = None) -> None:
        from .stream import get_current_stream
        graph.refuse('cudaMemcpyAsync')
        (stream or get_current_stream()).put(lambda: ctypes.memmove(self.ptr, int(mem), size))

    def copy_from_device_async(self, src: MemoryPointer, size: int, stream: Any = None) -> None:
        graph.refuse('cudaMemcpyAsync')
        ctypes.memmove(self.ptr, src.ptr, size)

    def array(self, shape: Any, dtype: Any, strides: Any, order: str) -> np.ndarray:
        """The memory as a NumPy array."""
        like = np.lib.stride_tricks.as_strided(np.empty(0, dtype), shape, strides) if strides else \
            np.empty(shape, dtype, order)
        extent = like.itemsize + sum((n - 1) * s for n, s in zip(like.shape, like.strides)) if like.size else 0
        bytes_ = (ctypes.c_char * extent).from_address(self.ptr)
        bytes_._held = self
        return np.ndarray(like.shape, dtype, bytes_, 0, like.strides)


class MemoryPool:
    """As ``cupy.cuda.MemoryPool``."""

    def __init__(self) -> None:
        self._used = [0] * DEVICES
        self._limits = [0] * DEVICES

    def malloc(self, size: int) -> MemoryPointer:
        return MemoryPointer(Memory(self, size))

    def count(self, device: int, size: int) -> None:
        """Adds bytes, or takes them away.

        Raises:
            OutOfMemoryError: That is more than the limit.
        """
        limit = self._limits[device] or TOTAL
        if size > 0 and self._used[device] + size > limit:
            raise OutOfMemoryError(f'Out of memory allocating {size:,} bytes (allocated so far: '
                                   f'{self._used[device]:,} bytes, limit set to: {limit:,} bytes).')
        self._used[device] += size

    def used_bytes(self) -> int:
        return self._used[current_device()]

    def total_bytes(self) -> int:
        return self.used_bytes()

    def free_bytes(self) -> int:
        return 0

    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self, stream: Any = None) -> None:
        """Nothing is kept."""

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        self._limits[current_device()] = int(size if size is not None else (fraction or 0) * TOTAL)

    def get_limit(self) -> int:
        return self._limits[current_device()]


class PinnedMemory(np.ndarray):
    """As ``cupy.cuda.PinnedMemoryPointer``: memory of the host, with the buffer protocol."""

    ptr = property(lambda self: self.ctypes.data)


class PinnedMemoryPool:
    """As ``cupy.cuda.PinnedMemoryPool``."""

    def malloc(self, size: int) -> Any:
        return alloc_pinned_memory(size)

    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self) -> None:
        """Nothing is kept."""


default_pool, default_pinned_pool = MemoryPool(), PinnedMemoryPool()
_allocator: Callable[[int], MemoryPointer] = default_pool.malloc
_pinned_allocator: Callable[[int], Any] | None = None


def set_allocator(allocator: Callable[[int], MemoryPointer] | None = None) -> None:
    """Sets what new arrays take their memory from."""
    global _allocator
    _allocator = allocator or default_pool.malloc


@contextmanager
def using_allocator(allocator: Callable[[int], MemoryPointer] | None = None) -> Iterator[None]:
    """A context in which new arrays take their memory from elsewhere."""
    before = get_allocator()
    set_allocator(allocator)
    try:
        yield
    finally:
        set_allocator(before)


def get_allocator() -> Callable[[int], MemoryPointer]:
    return _allocator


def alloc(size: int) -> MemoryPointer:
    """Memory of the current device."""
    return _allocator(size)


def set_pinned_memory_allocator(allocator: Any = None) -> None:
    """Sets what copies from the host go through."""
    global _pinned_allocator
    _pinned_allocator = allocator


def alloc_pinned_memory(size: int) -> Any:
    """Memory of the host: an object with the buffer protocol."""
    if _pinned_allocator is not None and _pinned_allocator != default_pinned_pool.malloc:
        return _pinned_allocator(size)
    return np.empty(size, np.uint8).view(PinnedMemory)
