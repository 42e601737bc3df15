"""Memory that is used again: large arrays come from a pool and return to it when nobody refers to them any more.

Memory that is fresh from the system costs a page fault for every 4 KB that is touched, which takes longer than many a
kernel computes. A block of the pool has been touched already.

When the last reference to an array goes, its own or one held by a view, the callback of a weak reference puts that
reference in a queue; no code of the pool runs at that time, which may be in any thread, in the middle of an allocation
or at the interpreter's end. The next allocation takes what is in the queue.
"""
from __future__ import annotations

import logging
import mmap
import os
import threading
from collections import defaultdict, deque
from functools import lru_cache
from math import prod
from operator import attrgetter
from typing import Any
from weakref import ref

import numpy as np

_logger = logging.getLogger(__name__)

# Smaller arrays come from NumPy, whose allocator reuses the heap; there, the pool would cost more than it saves.
_SMALLEST = 1 << 16
# A fault for a page of this size costs about as much as one for 64 KB in pages of the usual size.
_HUGE_PAGE = 1 << 21
_POISON = 0xff


class _Block:
    """Memory from the system, which goes back there with this object."""

    __slots__ = ('memory', 'offset', 'poisoned', 'size', 'stamp')

    def __init__(self, size: int) -> None:
        self.size = size
        self.offset = 0
        self.stamp = 0
        self.poisoned = False
        if not hasattr(mmap, 'MAP_PRIVATE'):
            self.memory = mmap.mmap(-1, size)
            return
        huge = size >= _HUGE_PAGE and hasattr(mmap, 'MADV_HUGEPAGE')
        # Private, so that a process and its fork do not write into each other's arrays.
        self.memory = mmap.mmap(-1, size + _HUGE_PAGE * huge, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if huge:
            self.offset = -np.frombuffer(self.memory, np.uint8).__array_interface__['data'][0] % _HUGE_PAGE
            # Not the last, partial page: it would take more memory than the block has.
            self.memory.madvise(mmap.MADV_HUGEPAGE, self.offset, size - size % _HUGE_PAGE)

    def bytes(self) -> np.ndarray:
        """The memory as an array of numbers of eight bytes."""
        return np.frombuffer(self.memory, np.uint64, self.size // 8, self.offset)

    def poison(self) -> None:
        """Fills the block with a pattern that is NaN in every floating-point type."""
        self.bytes().view(np.uint8).fill(_POISON)
        self.poisoned = True

    def check(self) -> None:
        """Raises an error if the pattern is not as `poison` left it."""
        intact = self.bytes() == np.uint64(int.from_bytes(bytes([_POISON]) * 8, 'little'))
        if self.poisoned and not intact.all():
            raise RuntimeError(f'memory pool: a block of {self.size} bytes was written to after it had been released, '
                               f'at byte {8 * int(intact.argmin())}')
        self.poisoned = False


@lru_cache(4096)
def _plan(shape: tuple[int, ...], dtype: Any, channels_last: bool) -> tuple[int, tuple[int, ...] | None]:
    """The size of the block for an array (0 where the pool does not serve it) and its strides (None for C order)."""
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
    return _size_class(nbytes), strides


def _size_class(nbytes: int) -> int:
    """`nbytes` rounded up, by less than an eighth, to one of eight sizes between two powers of two."""
    shift = (nbytes - 1).bit_length() - 4
    return -(-nbytes >> shift) << shift


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
        # Of a cycle of garbage, an object's finalizer can run in here and ask for an array, too.
        self._lock = threading.RLock()
        self._free: defaultdict[int, deque[_Block]] = defaultdict(deque)
        self._leases: dict[int, tuple[ref[np.ndarray], _Block]] = {}
        self._returned: deque[ref[np.ndarray]] = deque()
        self._free_bytes = self._used_bytes = self._clock = 0
        self.hits = self.misses = self.peak_bytes = 0
        self._debug = debug
        self.set_limit(limit)

    def empty(self, shape: tuple[int, ...], dtype: Any = np.float32, channels_last: bool = False) -> np.ndarray:
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
        if not size or not self._limit:
            return np.empty(shape, dtype) if strides is None else np.ndarray(shape, dtype, None, 0, strides)
        with self._lock:
            if self._returned:
                self._settle()
            blocks = self._free[size]
            if blocks:
                block = blocks.pop()
                self._free_bytes -= size
                self.hits += 1
                if block.poisoned:
                    block.check()
            else:
                block = self._allocate(size)
            # A view's base is this array, so that the array lives as long as its memory is in use.
            array = np.ndarray(shape, dtype, block.memory, block.offset, strides)
            lease = ref(array, self._release_in_debug if self._debug else self._returned.append)
            self._leases[id(lease)] = lease, block
            self._used_bytes += size
            if self._used_bytes > self.peak_bytes:
                self.peak_bytes = self._used_bytes
        return array

    def empty_like(self, x: np.ndarray, dtype: Any = None) -> np.ndarray:
        """An array, whose elements have not been set, with the shape of another and its axes' order in memory.

        Args:
            x: The other array.
            dtype: The dtype; that of `x` by default.
        """
        dtype = x.dtype if dtype is None else dtype
        if x.flags.c_contiguous:
            return self.empty(x.shape, dtype)
        order = sorted(range(x.ndim), key=lambda i: (-abs(x.strides[i]), i))
        return self.empty(tuple(x.shape[i] for i in order), dtype).transpose(np.argsort(order))

    def used_bytes(self) -> int:
        """How many bytes arrays are using."""
        with self._lock:
            self._settle()
            return self._used_bytes

    def free_bytes(self) -> int:
        """How many bytes are kept while nobody uses them."""
        with self._lock:
            self._settle()
            return self._free_bytes

    def total_bytes(self) -> int:
        """How many bytes the pool has from the system: those in use and those kept."""
        with self._lock:
            self._settle()
            return self._used_bytes + self._free_bytes

    def n_free_blocks(self) -> int:
        """How many blocks are kept while nobody uses them."""
        with self._lock:
            self._settle()
            return sum(map(len, self._free.values()))

    def free_all_blocks(self) -> None:
        """Gives all memory that nobody uses back to the system."""
        with self._lock:
            self._settle()
            self._trim(0)

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
        with self._lock:
            self._limit = size
            self._settle()
            self._trim(size)

    def set_debug(self, debug: bool = True) -> None:
        """Turns the search for uses after release on or off, for arrays that are made from now on.

        Args:
            debug: Whether to fill released memory with NaN and to check that it still is when it is used again.
        """
        self._debug = debug

    def reset_statistics(self) -> None:
        """Counts hits and misses from zero, and the peak from what is in use."""
        with self._lock:
            self._settle()
            self.hits = self.misses = 0
            self.peak_bytes = self._used_bytes

    def _allocate(self, size: int) -> _Block:
        """A block of fresh memory."""
        self.misses += 1
        try:
            return _Block(size)
        except OSError:
            _logger.debug('the system has no %d bytes left: the free blocks go', size)
            self._trim(0)
        try:
            return _Block(size)
        except OSError as error:
            raise MemoryError(f'memory pool: the system has no {size} bytes left; {self._used_bytes} are in use'
                              ) from error

    def _settle(self) -> None:
        """Makes the blocks of arrays that are gone free."""
        while self._returned:
            lease = self._returned.popleft()
            _, block = self._leases.pop(id(lease))
            self._clock += 1
            block.stamp = self._clock
            self._used_bytes -= block.size
            self._free_bytes += block.size
            self._free[block.size].append(block)
        if self._free_bytes > self._limit:
            self._trim(self._limit)

    def _trim(self, limit: int) -> None:
        """Releases free blocks, least recently used first, until there are no more than `limit` bytes of them."""
        if self._free_bytes <= limit:
            return
        blocks = [block for blocks in list(self._free.values()) for block in list(blocks)]
        for block in sorted(blocks, key=attrgetter('stamp')):
            if self._free_bytes <= limit:
                break
            # Taken, if a finalizer that just ran asked for an array.
            if block in self._free[block.size]:
                self._free[block.size].remove(block)
                self._free_bytes -= block.size

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
