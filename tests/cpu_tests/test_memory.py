"""The memory pool: who keeps a block in use, what happens to it afterwards, and how misuse is found."""
import ctypes
import gc
import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn.backend import memory_owner
from autograd_nn.cpu import memory
from autograd_nn.cpu.arena import PAGE
from autograd_nn.cpu.memory import MemoryPool

SHAPE = 256, 1024
SIZE = 4 * 256 * 1024


@pytest.fixture
def pool():
    return MemoryPool(1 << 30)


def address(x):
    return x.__array_interface__['data'][0]


@pytest.mark.parametrize('dtype', ['f2', 'f4', 'f8', 'i8', '?', 'u1', 'c8', '>f4'])
@pytest.mark.parametrize('shape', [(), (0,), (3,), (1 << 20,), (7, 11, 1023, 5), (3, 0, 1 << 20), (1, 1, 1 << 18)])
def test_arrays_are_ordinary_ones(pool, shape, dtype):
    x = pool.empty(shape, dtype)
    assert type(x) is np.ndarray and x.shape == shape and x.dtype == dtype
    assert x.flags.c_contiguous and x.flags.writeable and x.flags.aligned
    x[...] = 1
    assert (x == 1).all()
    if x.nbytes >= 1 << 16:
        assert address(x) % 64 == 0


@pytest.mark.parametrize('shape', [(2, 3), (2, 3, 4), (2, 3, 4, 5), (16, 64, 33, 31), (4, 16, 8, 16, 17), (0, 3, 4, 4)])
def test_channels_last_has_the_layout_of_a_transposed_array(pool, shape):
    x = pool.empty(shape, channels_last=True)
    expected = np.moveaxis(np.empty((shape[0], *shape[2:], shape[1]), 'f'), -1, 1)
    assert x.shape == shape and x.strides == expected.strides


@pytest.mark.parametrize('order', [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_empty_like_keeps_the_order_of_the_axes(pool, order):
    x = np.zeros((20, 21, 22, 23), 'f').transpose(order)
    y = pool.empty_like(x)
    assert y.shape == x.shape and y.strides == x.strides and y.dtype == x.dtype
    assert pool.empty_like(x[:, ::2], 'd').strides == np.empty_like(x[:, ::2], 'd').strides


def test_the_last_reference_gives_memory_back(pool):
    x = pool.empty(SHAPE)
    place = address(x)
    assert (pool.used_bytes(), pool.free_bytes(), pool.n_free_blocks()) == (SIZE, 0, 0)
    del x
    assert (pool.used_bytes(), pool.free_bytes(), pool.n_free_blocks()) == (0, SIZE, 1)
    assert address(pool.empty(SHAPE)) == place
    assert (pool.hits, pool.misses) == (1, 1)


@pytest.mark.parametrize('view', [
    lambda x: x[3],
    lambda x: x.reshape(-1)[5:].reshape(-1, 1),
    lambda x: x.T[::2],
    lambda x: x.view('i4'),
    lambda x: np.lib.stride_tricks.as_strided(x, (4,), (4,)),
    lambda x: np.broadcast_to(x, (2, *x.shape)),
    lambda x: np.asarray(memoryview(x)),
    lambda x: np.from_dlpack(x),
    lambda x: np.frombuffer(x.data, 'u1'),
    lambda x: ann.Variable(x)[2:].array,
], ids=range(10))
def test_views_keep_memory_in_use(pool, view):
    x = pool.empty(SHAPE)
    x[...] = 7
    y = view(view(x)) if view(x).ndim > 1 else view(x)
    expected = y.copy()
    del x
    assert pool.used_bytes() == SIZE
    pool.empty(SHAPE)[...] = 8
    np.testing.assert_array_equal(y, expected)
    del y
    assert pool.used_bytes() == 0


def test_memory_in_a_cycle_of_garbage_comes_back(pool):
    cycle = [pool.empty(SHAPE)]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert pool.used_bytes() == 0


def test_variables_that_share_memory_have_one_owner():
    x = memory.empty(SHAPE)
    assert memory_owner(x) is memory_owner(x[3:].T[2:])
    assert memory_owner(x) is not memory_owner(memory.empty(SHAPE))


def test_gradients_in_shared_memory_are_told_apart():
    """Two leaves whose gradients are views of one array get one each."""
    x, y = ann.Variable(np.ones(SHAPE, 'f')), ann.Variable(np.ones(SHAPE, 'f'))

    class Sum(ann.FunctionNode):
        def forward(self, inputs):
            return inputs[0] + inputs[1],

        def backward(self, indexes, grads):
            g = memory.empty(SHAPE)
            g[...] = 2
            return ann.Variable(g), ann.Variable(g[:])

    z = Sum().apply((x, y))[0]
    z.grad = np.ones(SHAPE, 'f')
    z.backward()
    x.grad[...] = 5
    assert (y.grad == 2).all()


def test_blocks_do_not_overlap(pool):
    arrays = [pool.empty((n,), 'u1') for n in (1 << 16, 100_000, 3 << 20, (5 << 20) + 1, 1 << 24) for _ in '12']
    for i, x in enumerate(arrays):
        x[...] = i
    for i, x in enumerate(arrays):
        assert (x == i).all()


@pytest.mark.skipif(not hasattr(mmap, 'MADV_DONTNEED'), reason='memory goes back in segments alone')
def test_the_limit_is_for_what_is_kept():
    pool = MemoryPool(3 * SIZE)
    arrays = [pool.empty(SHAPE) for _ in range(9)]
    del arrays[1::2]
    assert pool.free_bytes() == 3 * SIZE and pool.used_bytes() == 5 * SIZE
    pool.set_limit(SIZE)
    assert pool.free_bytes() == SIZE and pool.n_free_blocks() == 1
    arrays.append(pool.empty(SHAPE))
    assert pool.free_bytes() == 0
    pool.set_limit(SIZE - PAGE)
    assert pool.used_bytes() == 6 * SIZE
    del arrays
    assert pool.total_bytes() == SIZE - PAGE


def test_memory_of_one_size_serves_another():
    pool = MemoryPool(1 << 30)
    small = [pool.empty(SHAPE) for _ in range(8)]
    for x in small:
        x[...] = 1
    del small, x
    large = [pool.empty((4, *SHAPE)) for _ in range(2)]
    assert pool.total_bytes() == 8 * SIZE
    assert all((x == 1).all() for x in large)
    assert (pool.hits, pool.misses) == (2, 8)


def test_a_limit_of_zero_turns_the_pool_off():
    pool = MemoryPool(0)
    x = pool.empty(SHAPE, channels_last=True)
    assert x.base is None and pool.total_bytes() == 0 == pool.misses
    assert pool.empty((2, *SHAPE), 'd', channels_last=True).strides == (8 * SIZE // 4, 8, 8 * 256)
    with pytest.raises(ValueError, match=r'set_limit.*-1'):
        pool.set_limit(-1)
    assert pool.get_limit() == 0
    pool.set_limit()
    assert pool.get_limit() > 1 << 27


def test_memory_really_goes_back(pool):
    def resident():
        return int(statm.read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    statm = Path('/proc/self/statm')
    if not statm.exists():
        pytest.skip('no /proc')
    arrays = [pool.empty((1 << 20,)) for _ in range(16)] + [pool.empty((1 << 24,))]
    for x in arrays:
        x[...] = 0
    before = resident()
    del arrays, x
    pool.free_all_blocks()
    assert pool.total_bytes() == 0
    assert before - resident() > 100 << 20


def test_statistics(pool):
    x, y = pool.empty(SHAPE), pool.empty(SHAPE)
    del x
    z = pool.empty(SHAPE)
    assert (pool.hits, pool.misses, pool.peak_bytes) == (1, 2, 2 * SIZE)
    del z
    pool.reset_statistics()
    assert (pool.hits, pool.misses, pool.peak_bytes) == (0, 0, SIZE)
    y = [pool.empty(SHAPE) for _ in range(3)] + [y]
    assert (pool.hits, pool.misses, pool.peak_bytes) == (1, 2, 4 * SIZE)
    assert pool.total_bytes() == pool.used_bytes() == 4 * SIZE


def test_small_arrays_and_objects_do_not_come_from_the_pool(pool):
    assert pool.empty((1 << 14 - 1,)).base is None
    objects = pool.empty((1 << 16,), object)
    assert objects.base is None and objects[0] is None
    assert pool.misses == 0


def test_bad_arguments_are_named_before_memory_is_taken(pool):
    with pytest.raises(ValueError, match=r'negative.*\(-1024, -1024\)'):
        pool.empty((-1024, -1024))
    with pytest.raises(TypeError):
        pool.empty(SHAPE, 'no such type')
    assert pool.total_bytes() == 0


def test_no_memory_left(pool):
    x = pool.empty(SHAPE)
    del x
    with pytest.raises(MemoryError, match='memory pool'):
        pool.empty((1 << 45,))
    assert pool.total_bytes() == 0, 'what is free was not given back first'
    pool.empty(SHAPE)[...] = 1


def test_many_cycles_leave_nothing_behind(pool):
    for i in range(3000):
        x = pool.empty((1 + i % 7, *SHAPE))
        y = x[0].T
        del x
    del y
    assert pool.used_bytes() == 0
    assert pool.n_free_blocks() == 1 and pool.total_bytes() <= 21 * SIZE
    assert not pool._leases and not pool._returned


def test_threads():
    """Each array keeps what its thread wrote, while all threads release arrays of others."""
    pool = MemoryPool(20 * SIZE)
    errors, shared = [], []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            x = pool.empty((int(rng.integers(1, 4)), 32768))
            mark = rng.random()
            x[...] = mark
            shared.append((x, mark))
            other, expected = shared.pop(0)
            if not (other == np.float32(expected)).all():
                errors.append(expected)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not errors
    shared.clear()
    assert pool.used_bytes() == 0
    assert pool.hits + pool.misses == 1200
    assert sum(block.kept for block in pool._arena.kept_blocks()) == pool.free_bytes() <= 20 * SIZE


def test_a_finalizer_may_ask_for_an_array_while_the_pool_is_busy(pool):
    class Cyclic:
        def __init__(self):
            self.cycle, self.array = self, pool.empty(SHAPE)

        def __del__(self):
            kept.append(pool.empty(SHAPE))

    kept = []
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(50):
            Cyclic()
            pool.set_limit(SIZE)
            pool.empty(SHAPE)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert len(kept) == 50 == len({address(x) for x in kept})
    assert pool.used_bytes() == sum(x.base is not None for x in kept) * SIZE


FORK = '''
import os, sys, threading
import numpy as np
from autograd_nn.cpu import memory

x = memory.empty((1 << 20,))
x[...] = 1
y = memory.empty((1 << 20,))
del y
stop = threading.Event()
def work():
    while not stop.is_set():
        memory.empty((1 << 18,))[...] = 3
thread = threading.Thread(target=work)
thread.start()
children = []
for _ in range(20):
    child = os.fork()
    if not child:
        x[...] = 2
        z = memory.empty((1 << 20,))
        z[...] = 2
        del z
        os._exit(0 if (x == 2).all() and memory.get_default_memory_pool().total_bytes() else 1)
    children.append(child)
codes = [os.waitpid(child, 0)[1] for child in children]
stop.set()
thread.join()
assert not any(codes), codes
assert (x == 1).all(), 'the child wrote into the memory of its parent'
'''

AT_EXIT = '''
from autograd_nn.cpu import memory
x = memory.empty((1 << 20,))
class Late:
    def __del__(self):
        memory.empty((1 << 20,))
keep = Late(), memory.empty((1 << 20,))
cycle = [keep]
cycle.append(cycle)
'''


def run(program, **environment):
    return subprocess.run([sys.executable, '-W', 'ignore', '-c', program], env={**os.environ, **environment},
                          capture_output=True, text=True)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
def test_fork():
    done = run(FORK)
    assert not done.returncode, done.stderr


def test_the_interpreter_exits_quietly():
    done = run(AT_EXIT, AUTOGRAD_NN_DEBUG_MEMORY='1')
    assert not done.returncode and not done.stderr, done.stderr


def test_environment():
    show = ('from autograd_nn.cpu.memory import empty, get_default_memory_pool as pool; '
            'x = empty((1 << 20,)); print(pool().get_limit(), pool()._debug, x.base is None)')
    assert run(show, AUTOGRAD_NN_POOL_LIMIT='12345').stdout == '12345 False False\n'
    assert run(show, AUTOGRAD_NN_POOL_LIMIT='0', AUTOGRAD_NN_DEBUG_MEMORY='1').stdout == '0 True True\n'
    assert "AUTOGRAD_NN_POOL_LIMIT: expected a number of bytes, got 'much'" in run(
        show, AUTOGRAD_NN_POOL_LIMIT='much').stderr


def test_a_use_after_release_is_found():
    pool = MemoryPool(1 << 30, debug=True)
    x = pool.empty(SHAPE)
    x[...] = 1
    stale = ctypes.cast(address(x), ctypes.POINTER(ctypes.c_float))
    del x
    assert np.isnan(stale[0]) and np.isnan(stale[SIZE // 4 - 1])
    stale[1001] = 3.
    with pytest.raises(RuntimeError, match=f'memory pool: .* released: in a block of {SIZE} bytes, at byte 4004'):
        pool.empty(SHAPE)
    assert not np.isnan(pool.empty(SHAPE)).all() or pool.misses == 2


def test_debug_mode_raises_no_false_alarm():
    pool = MemoryPool(1 << 30, debug=True)
    for _ in range(3):
        x = pool.empty(SHAPE)
        x[...] = 1
        del x
    pool.set_debug(False)
    for _ in range(3):
        x = pool.empty(SHAPE)
        x[...] = 1
        del x
    pool.set_debug()
    for _ in range(3):
        assert pool.empty(SHAPE).shape == SHAPE
    assert (pool.hits, pool.misses) == (8, 1)


@pytest.mark.parametrize('dtype', ['f2', 'f4', 'f8'])
def test_released_memory_is_nan_in_debug_mode(dtype):
    pool = MemoryPool(1 << 30, debug=True)
    pool.empty((1 << 20,), dtype)[...] = 1
    assert np.isnan(pool.empty((1 << 20,), dtype)).all()
