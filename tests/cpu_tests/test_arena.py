"""Blocks of memory: they never overlap, and what is free can serve again."""
import mmap
import random
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_nn.cpu import arena as module
from autograd_nn.cpu.arena import PAGE, Arena

MEGABYTE = 1 << 20
returns_pages = pytest.mark.skipif(not hasattr(mmap, 'MADV_DONTNEED'), reason='memory goes back in segments alone')


def everything(arena):
    """All blocks of the arena that can be reached, by segment and place."""
    blocks = {id(b): b for *_, b in arena._free}
    waiting = list(blocks.values())
    while waiting:
        block = waiting.pop()
        for other in block.before, block.after:
            if other is not None and id(other) not in blocks:
                blocks[id(other)] = other
                waiting.append(other)
    return sorted(blocks.values(), key=lambda b: (id(b.segment), b.start))


def check(arena, used):
    """The free blocks and those in use fit together, and the sums are right."""
    kept = arena.kept_blocks()
    assert arena.kept_bytes == sum(b.kept for b in kept)
    assert [b.stamp for b in kept] == sorted(b.stamp for b in kept)
    assert arena._free == sorted(arena._free, key=lambda entry: entry[:3])
    for *key, block in arena._free:
        assert block.free and key == [block.size, -block.kept, block.serial] and 0 <= block.kept <= block.size
    blocks = everything(arena)
    assert {id(b) for b in used if b.before or b.after} <= {id(b) for b in blocks}
    for before, after in pairwise(blocks):
        if before.segment is after.segment:
            assert before.start + before.size == after.start and before.after is after and after.before is before
            assert not (before.free and after.free)
    places = sorted((id(b.segment), b.start, b.size) for b in used)
    for (segment, start, size), (other, next_start, _) in pairwise(places):
        assert segment != other or start + size <= next_start


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(['take', 'give', 'trim']), st.integers(1, 40)), max_size=80),
       st.sampled_from([0, 16 * PAGE, 100 * PAGE]))
def test_any_sequence(actions, segment):
    before = module._SEGMENT
    module._SEGMENT = segment
    try:
        arena, used = Arena(), []
        for action, n in actions:
            if action == 'take':
                block = arena.take(n * PAGE)
                assert block.size == n * PAGE and not block.free
                used.append(block)
            elif action == 'give' and used:
                arena.give(used.pop(n % len(used)))
            elif action == 'trim':
                arena.trim(n * PAGE)
                if module._RETURNS_PAGES:
                    assert arena.kept_bytes <= n * PAGE
            check(arena, used)
        for block in used:
            arena.give(block)
        check(arena, [])
        assert all(b.before is b.after is None for b in everything(arena))
        arena.trim(0)
        assert arena.kept_bytes == 0 and not arena.kept_blocks()
    finally:
        module._SEGMENT = before


def test_a_block_of_the_same_size_serves_again_at_once():
    arena = Arena()
    first, second = arena.take(MEGABYTE), arena.take(MEGABYTE)
    arena.give(first)
    arena.give(second)
    assert arena.take(MEGABYTE) is second
    assert arena.take(MEGABYTE) is first


def test_neighbours_are_joined():
    arena = Arena()
    blocks = [arena.take(MEGABYTE) for _ in range(4)]
    for i in (0, 2, 1):
        arena.give(blocks[i])
    large = arena.take(3 * MEGABYTE)
    assert large.start == blocks[0].start and large.kept == 3 * MEGABYTE


@returns_pages
def test_the_smallest_block_that_is_large_enough_serves():
    arena = Arena()
    sizes = [5, 1, 3, 1, 4, 1]
    blocks = [arena.take(n * MEGABYTE) for n in sizes]
    for i in (0, 2, 4):
        arena.give(blocks[i])
    starts = {n: block.start for n, block in zip(sizes, blocks)}
    assert arena.take(7 * MEGABYTE // 2).start == starts[4]
    assert arena.take(2 * MEGABYTE).start == starts[3]
    assert arena.kept_bytes == (5 + 1) * MEGABYTE + MEGABYTE // 2


@returns_pages
def test_least_recently_used_memory_goes_first():
    arena = Arena()
    blocks = [arena.take(MEGABYTE) for _ in range(9)]
    for i in (4, 0, 6, 2):
        arena.give(blocks[i])
    arena.trim(5 * MEGABYTE // 2)
    kept = {b.start: b.kept for b in arena.kept_blocks()}
    assert kept == {blocks[0].start: MEGABYTE // 2, blocks[6].start: MEGABYTE, blocks[2].start: MEGABYTE}


@returns_pages
def test_memory_that_went_back_is_zero():
    arena = Arena()
    blocks = [arena.take(MEGABYTE) for _ in range(3)]
    for block in blocks:
        block._bytes(MEGABYTE).fill(7)
    arena.give(blocks[1])
    arena.trim(MEGABYTE // 2)
    block = arena.take(MEGABYTE)
    assert block.start == blocks[1].start and block.kept == MEGABYTE // 2
    content = block._bytes(MEGABYTE)
    assert (content[:MEGABYTE // 2] == 7).all() and not content[MEGABYTE // 2:].any()
    assert (blocks[0]._bytes(MEGABYTE) == 7).all() and (blocks[2]._bytes(MEGABYTE) == 7).all()


def test_an_empty_segment_goes():
    arena = Arena()
    block = arena.take(MEGABYTE)
    arena.give(block)
    arena.trim(0)
    assert not arena._free and arena.take(MEGABYTE).segment is not block.segment


def test_poison_is_joined_and_split():
    arena = Arena()
    blocks = [arena.take(MEGABYTE) for _ in range(3)]
    for block in blocks[:2]:
        block.poison()
        arena.give(block)
    half = arena.take(3 * MEGABYTE // 2)
    assert half.poisoned == half.size
    half.check()
    assert half.poisoned == 0
    rest = arena.take(MEGABYTE // 2)
    rest._bytes(MEGABYTE // 2)[1234] = 0
    with pytest.raises(RuntimeError, match='at byte 1234'):
        rest.check()


def test_an_interruption_loses_a_block_at_worst():
    """Between any two lines of the module."""
    class Interrupted(Exception):
        pass

    generator = random.Random(0)

    def trace(frame, event, arg):
        if frame.f_code.co_filename != module.__file__:
            return None
        if event == 'line' and generator.random() < 0.02:
            raise Interrupted
        return trace

    interruptions = 0
    for _ in range(20):
        arena, used = Arena(), []
        for _ in range(200):
            block = used.pop(generator.randrange(len(used))) if used and generator.random() < 0.5 else None
            old = sys.gettrace()
            sys.settrace(trace)
            try:
                if block is not None:
                    arena.give(block)
                elif generator.random() < 0.1:
                    arena.trim(10 * PAGE)
                else:
                    used.append(arena.take(generator.randint(1, 20) * PAGE))
            except Interrupted:
                interruptions += 1
            finally:
                sys.settrace(old)
            places = sorted((id(b.segment), b.start, b.size) for b in used)
            for (segment, start, size), (other, next_start, _) in pairwise(places):
                assert segment != other or start + size <= next_start
    assert interruptions > 100
