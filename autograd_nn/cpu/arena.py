"""Memory from the system, and blocks of it: handed out where they fit best, joined with their neighbours when free."""
from __future__ import annotations

import mmap
import sys
from bisect import bisect_left, insort
from collections import defaultdict
from operator import attrgetter

import numpy as np

PAGE = mmap.ALLOCATIONGRANULARITY
# The first touch of a page of this size takes little longer than that of a usual one.
_HUGE_PAGE = 1 << 21
_RETURNS_PAGES = hasattr(mmap, 'MADV_DONTNEED')
# Where memory comes and goes page by page, addresses cost nothing, and few segments have few ends that are of no use.
_SEGMENT = 1 << 33 if _RETURNS_PAGES else 0
# The constant has had a name since Python 3.13.
_NO_RESERVE = getattr(mmap, 'MAP_NORESERVE', 0x4000 if sys.platform == 'linux' else 0)
_POISON = 0xff


class Segment:
    """Consecutive addresses. They have memory as soon as it is touched, until this object goes.

    Attributes:
        memory: The addresses.
        offset: Where the first block begins.
    """

    __slots__ = 'memory', 'offset'

    def __init__(self, size: int) -> None:
        self.offset = 0
        if not hasattr(mmap, 'MAP_PRIVATE'):
            self.memory = mmap.mmap(-1, size)
            return
        # Private, so that a process and its fork do not write into each other's arrays.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        self.memory = mmap.mmap(-1, size + _HUGE_PAGE, flags=flags)
        self.offset = -np.frombuffer(self.memory, np.uint8).__array_interface__['data'][0] % _HUGE_PAGE
        if hasattr(mmap, 'MADV_HUGEPAGE'):
            self.memory.madvise(mmap.MADV_HUGEPAGE, self.offset, size)


class Block:
    """A part of a segment.

    Attributes:
        segment: The segment.
        start: Where in its memory the block begins.
        size: How many bytes it has.
        before: The block that ends where this one begins.
        after: The block that begins where this one ends.
        free: Whether it is among the free ones.
        kept: How many of its bytes, from its beginning, have been used before and not been given back.
        poisoned: How many of them hold a pattern, see `poison`.
        stamp: A number that is higher for blocks that became free later.
        serial: A number that tells free blocks apart.
    """

    __slots__ = 'after', 'before', 'free', 'kept', 'poisoned', 'segment', 'serial', 'size', 'stamp', 'start'

    def __init__(self, segment: Segment, start: int, size: int) -> None:
        self.segment = segment
        self.start = start
        self.size = size
        self.before: Block | None = None
        self.after: Block | None = None
        self.free = False
        self.kept = self.poisoned = self.stamp = self.serial = 0

    def poison(self) -> None:
        """Fills the block with a pattern that is NaN in every floating-point type."""
        self._bytes(self.size).fill(_POISON)
        self.poisoned = self.size

    def check(self) -> None:
        """Raises an error if the pattern is not as `poison` left it."""
        if self.poisoned:
            intact = self._bytes(self.poisoned) == _POISON
            if not intact.all():
                raise RuntimeError(f'memory pool: memory was written to after it had been released: in a block of '
                                   f'{self.size} bytes, at byte {int(intact.argmin())}')
            self.poisoned = 0

    def _bytes(self, count: int) -> np.ndarray:
        return np.frombuffer(self.segment.memory, np.uint8, count, self.start)


class Arena:
    """Segments and their blocks. Not safe in threads.

    A block that becomes free waits, as it is, for a taker of just its size, which is what loops ask for. When there is
    none, all that wait are joined with their free neighbours, and the smallest free block that is large enough serves.

    A block is among the free ones only while it agrees with its neighbours, so that an interruption between two steps
    loses a block at worst.

    Attributes:
        kept_bytes: How many bytes of free blocks have been used before and not been given back.
    """

    def __init__(self) -> None:
        self.kept_bytes = 0
        self._waiting: defaultdict[int, list[Block]] = defaultdict(list)
        # In ascending order of sizes; among those of one size, memory that is there comes first.
        self._free: list[tuple[int, int, int, Block]] = []
        self._clock = 0

    def take(self, size: int) -> Block:
        """A block of `size` bytes, a multiple of the page size.

        Raises:
            OSError: The system has no memory left.
        """
        waiting = self._waiting[size]
        if waiting:
            self.kept_bytes -= size
            return waiting.pop()
        self._join_waiting()
        i = bisect_left(self._free, (size,))
        block = self._free[i][-1] if i < len(self._free) else self._fresh(size)
        self._remove(block)
        if block.size > size:
            self._insert(self._split(block, size))
        return block

    def give(self, block: Block) -> None:
        """Gives a block back: it waits for the next request of its size."""
        self._clock += 1
        block.stamp = self._clock
        block.kept = block.size
        self.kept_bytes += block.size
        self._waiting[block.size].append(block)

    def _join_waiting(self) -> None:
        for blocks in self._waiting.values():
            while blocks:
                block = blocks.pop()
                self.kept_bytes -= block.size
                after, before = block.after, block.before
                if after is not None and after.free:
                    self._remove(after)
                    self._join(block, after)
                if before is not None and before.free:
                    self._remove(before)
                    self._join(before, block)
                    block = before
                self._insert(block)
        self._waiting.clear()

    def kept_blocks(self) -> list[Block]:
        """The free blocks that have been used before, least recently used first."""
        self._join_waiting()
        return sorted((block for *_, block in self._free if block.kept), key=attrgetter('stamp'))

    def trim(self, limit: int) -> None:
        """Gives memory of free blocks back, least recently used first, until `kept_bytes` is at most `limit`."""
        for block in self.kept_blocks():
            excess = -(-(self.kept_bytes - limit) // PAGE) * PAGE
            if excess <= 0:
                return
            if block.before is block.after is None and (excess >= block.kept or not _RETURNS_PAGES):
                # It is all of its segment, which goes.
                self._remove(block)
            elif _RETURNS_PAGES:
                self._remove(block)
                count = min(excess, block.kept)
                block.kept -= count
                block.poisoned = min(block.poisoned, block.kept)
                block.segment.memory.madvise(mmap.MADV_DONTNEED, block.start + block.kept, count)
                self._insert(block)

    def _fresh(self, size: int) -> Block:
        """A new segment, as one free block."""
        try:
            segment, size = Segment(max(size, _SEGMENT)), max(size, _SEGMENT)
        except OSError:
            segment = Segment(size)
        block = Block(segment, segment.offset, size)
        self._insert(block)
        return block

    def _insert(self, block: Block) -> None:
        self._clock += 1
        block.serial = -self._clock
        insort(self._free, (block.size, -block.kept, block.serial, block))
        self.kept_bytes += block.kept
        block.free = True

    def _remove(self, block: Block) -> None:
        block.free = False
        self.kept_bytes -= block.kept
        del self._free[bisect_left(self._free, (block.size, -block.kept, block.serial))]

    @staticmethod
    def _split(block: Block, size: int) -> Block:
        """Shortens a block to `size`; returns the rest."""
        rest = Block(block.segment, block.start + size, block.size - size)
        rest.kept, rest.poisoned = max(0, block.kept - size), max(0, block.poisoned - size)
        rest.stamp = block.stamp
        rest.before, rest.after = block, block.after
        if rest.after is not None:
            rest.after.before = rest
        block.after = rest
        block.size, block.kept, block.poisoned = size, min(block.kept, size), min(block.poisoned, size)
        return rest

    @staticmethod
    def _join(block: Block, after: Block) -> None:
        """Adds to a block the one after it."""
        if after.kept:
            # What is missing in between counts as kept: there is one number only.
            block.kept = block.size + after.kept
        if block.poisoned == block.size:
            block.poisoned += after.poisoned
        block.stamp = max(block.stamp, after.stamp)
        block.after = after.after
        if after.after is not None:
            after.after.before = block
        block.size += after.size
