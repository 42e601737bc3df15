"""Memory that is used again: large arrays come from a pool and return to it when nobody refers to them any more.

Memory that is fresh from the system costs a page fault for every 4 KB that is touched, which takes longer than many a
kernel computes. A block of the pool has been touched already.

When the last reference to an array goes, its own or one held by a view, the callback of a weak reference puts that
reference in a queue; no code of the pool runs at that time, which may be in any thread, in the middle of an allocation
or at the interpreter's end. The next allocation takes what is in the queue.
"""
from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any
from weakref import ref

import numpy as np

from autograd_nn.cpu.arena import PAGE, Arena, Block
from autograd_nn.types import DTypeLike

_logger = logging.getLogger(__name__)

# Smaller arrays come from NumPy, whose allocator reuses the heap; there, the pool would cost more than it saves.
_SMALLEST = 1 << 16


@lru_cache(4096)
def _plan(shape: tuple[int, ...], dtype: DTypeLike, channels_last: bool) -> tuple[int, tuple[int, ...] | None]:
    """The bytes of memory for an array (0 where the pool does not serve it) and its strides (None for C order)."""
    dtype = np.dtype(dtype)
    if any(n < 0 for n in shape):
        raise ValueError(f'empty: expected a shape without negative numbers, got {shape}')
    strides = None
    if channels_last and len(shape) > 2:
        n, c, *spatial = shape
        in_memory = (n, *spatial, c)
        steps = [dtype.itemsize * prod(in_memory[i + 1:]) for i in range(len(shape))]
        strides = steps[0], steps[-1], *steps[1:-1]
    nbytes = prod(shape) * dtype.itemsize
    if nbytes < _SMALLEST or dtype.hasobject:
        return 0, strides
    return -(-nbytes // PAGE) * PAGE, strides


class MemoryPool:
    """Keeps the memory of large arrays for the next ones. Safe in threads and across ``fork``.

    Args:
        limit: The most bytes to keep while nobody uses them; 0 turns the pool off. It is observed whenever an array
            is made. The blocks that have been unused for longest go first.
        debug: Whether to fill released memory with NaN and to check that it still is when it is used again.

    Attributes:
        hits: How many arrays got memory that had been used before.
        misses: How many got fresh memory.
        peak_bytes: The most bytes that were in use at a time.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.cpu.memory import MemoryPool
        >>> pool = MemoryPool()
        >>> x = pool.empty((1024, 1024))
        >>> row = x[0]
        >>> del x
        >>> pool.used_bytes(), pool.free_bytes()
        (4194304, 0)
        >>> del row
        >>> pool.used_bytes(), pool.free_bytes()
        (0, 4194304)
        >>> pool.free_all_blocks()
        >>> pool.total_bytes()
        0
    """

    def __init__(self, limit: int | None = None, debug: bool = False) -> None:
        self._lock = threading.RLock()
        self._busy = False
        self._arena = Arena()
        self._leases: dict[int, tuple[ref[np.ndarray], Block]] = {}
        self._returned: deque[ref[np.ndarray]] = deque()
        self._used_bytes = 0
        self.hits = self.misses = self.peak_bytes = 0
        self._debug = debug
        self.set_limit(limit)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32, channels_last: bool = False) -> np.ndarray:
        """An array whose elements have not been set.

        Args:
            shape: Its shape.
            dtype: Its dtype.
            channels_last: Whether an array of shape (N, C, *spatial) has the memory layout (N, *spatial, C).

        Returns:
            An array of that shape and dtype, aligned to 64 bytes if it is large.

        Raises:
            MemoryError: The system has none left.
            RuntimeError: In debug mode: the memory was written to while nobody was using it.
        """
        size, strides = _plan(shape, dtype, channels_last)
        if size and self._limit:
            array = self._alone(self._take, size, shape, dtype, strides)
            if array is not None:
                return array
        return np.empty(shape, dtype) if strides is None else np.ndarray(shape, dtype, None, 0, strides)

    def _alone(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls a function while nothing else changes the pool; does nothing if this happens in the middle of a call.

        That is when an object asks for an array as it is collected as garbage, or because of a signal.
        """
        with self._lock:
            if self._busy:
                return None
            self._busy = True
            try:
                return function(*args)
            finally:
                self._busy = False

    def _take(self, size: int, shape: tuple[int, ...], dtype: DTypeLike, strides: tuple[int, ...] | None) -> np.ndarray:
        if self._returned:
            self._settle()
        try:
            block = self._arena.take(size)
        except OSError:
            _logger.debug('the system has no %d bytes left: what is free goes back first', size)
            block = self._take_after_trimming(size)
        if block.kept >= size:
            self.hits += 1
        else:
            self.misses += 1
        if block.poisoned:
            block.check()
        # A view's base is this array, so that the array lives as long as its memory is in use.
        array: np.ndarray = np.ndarray(shape, dtype, block.segment.memory, block.start, strides)
        lease = ref(array, self._release_in_debug if self._debug else self._returned.append)
        self._leases[id(lease)] = lease, block
        self._used_bytes += block.size
        if self._used_bytes > self.peak_bytes:
            self.peak_bytes = self._used_bytes
        return array

    def empty_like(self, x: np.ndarray, dtype: DTypeLike | None = None) -> np.ndarray:
        """An array, whose elements have not been set, with the shape of another and its axes' order in memory.

        Args:
            x: The other array.
            dtype: The dtype; that of `x` by default.
        """
        dtype = x.dtype if dtype is None else dtype
        if x.flags.c_contiguous:
            return self.empty(x.shape, dtype)
        if x.strides == _plan(x.shape, x.dtype, True)[1]:
            return self.empty(x.shape, dtype, True)
        order = sorted(range(x.ndim), key=lambda i: (-abs(x.strides[i]), i))
        return self.empty(tuple(x.shape[i] for i in order), dtype).transpose(np.argsort(order))

    def used_bytes(self) -> int:
        """How many bytes arrays are using."""
        self._alone(self._settle)
        return self._used_bytes

    def free_bytes(self) -> int:
        """How many bytes are kept while nobody uses them."""
        self._alone(self._settle)
        return self._arena.kept_bytes

    def total_bytes(self) -> int:
        """How many bytes the pool has from the system: those in use and those kept."""
        self._alone(self._settle)
        return self._used_bytes + self._arena.kept_bytes

    def n_free_blocks(self) -> int:
        """How many pieces of memory are kept while nobody uses them."""
        return self._alone(self._settle) or len(self._alone(self._arena.kept_blocks))

    def free_all_blocks(self) -> None:
        """Gives all memory that nobody uses back to the system."""
        self._alone(self._settle, 0)

    def get_limit(self) -> int:
        """The most bytes to keep while nobody uses them."""
        return self._limit

    def set_limit(self, size: int | None = None) -> None:
        """Sets the most bytes to keep while nobody uses them.

        Args:
            size: That many; 0 turns the pool off. By default a quarter of the machine's memory.

        Raises:
            ValueError: It is negative.
        """
        if size is None:
            size = _physical_memory() // 4
        if size < 0:
            raise ValueError(f'set_limit: expected a number of bytes that is not negative, got {size}')
        self._limit = size
        self._alone(self._settle)

    def set_debug(self, debug: bool = True) -> None:
        """Turns the search for uses after release on or off, for arrays that are made from now on.

        Args:
            debug: Whether to fill released memory with NaN and to check that it still is when it is used again.
        """
        self._debug = debug

    def reset_statistics(self) -> None:
        """Counts hits and misses from zero, and the peak from what is in use."""
        self._alone(self._settle)
        self.hits = self.misses = 0
        self.peak_bytes = self._used_bytes

    def _settle(self, limit: int | None = None) -> None:
        """Makes the blocks of arrays that are gone free, and observes the limit or a lower one."""
        while self._returned:
            lease = self._returned.popleft()
            _, block = self._leases.pop(id(lease))
            self._used_bytes -= block.size
            self._arena.give(block)
        limit = self._limit if limit is None else limit
        if self._arena.kept_bytes > limit:
            self._arena.trim(limit)

    def _take_after_trimming(self, size: int) -> Block:
        self._arena.trim(0)
        try:
            return self._arena.take(size)
        except OSError as error:
            raise MemoryError(f'memory pool: the system has no {size} bytes left; {self._used_bytes} are in use'
                              ) from error

    def _release_in_debug(self, lease: ref[np.ndarray]) -> None:
        """Fills the memory with the pattern as soon as its array is gone."""
        self._leases[id(lease)][1].poison()
        self._returned.append(lease)


def _physical_memory() -> int:
    """The machine's memory in bytes; 8 GB where the system does not say."""
    try:
        return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    except (AttributeError, ValueError, OSError):
        return 8 << 30


def _limit_from_environment() -> int | None:
    value = os.environ.get('AUTOGRAD_NN_POOL_LIMIT')
    if value is None:
        return None
    if not value.isdigit():
        raise ValueError(f'AUTOGRAD_NN_POOL_LIMIT: expected a number of bytes, got {value!r}')
    return int(value)


_pool = MemoryPool(_limit_from_environment(), os.environ.get('AUTOGRAD_NN_DEBUG_MEMORY', '0') not in ('', '0'))
empty = _pool.empty
empty_like = _pool.empty_like

if hasattr(os, 'register_at_fork'):
    # A fork between two steps of another thread would find the pool in between.
    os.register_at_fork(before=_pool._lock.acquire, after_in_parent=_pool._lock.release,
                        after_in_child=_pool._lock.release)


def get_default_memory_pool() -> MemoryPool:
    """The `MemoryPool` that the CPU kernels use.

    Example:
        >>> import autograd_nn as ann
        >>> pool = ann.get_default_memory_pool()
        >>> pool.free_all_blocks()
        >>> pool.free_bytes()
        0
    """
    return _pool
