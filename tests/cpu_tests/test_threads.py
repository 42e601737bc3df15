"""Threads that share a kernel's work."""
import os
import threading
import time
import weakref

import numpy as np
import pytest

from autograd_nn import config, using_config
from autograd_nn.cpu import threads


@pytest.fixture(autouse=True, params=[1, 2, 5])
def num_threads(request):
    with using_config('num_threads', request.param):
        yield request.param


@pytest.mark.parametrize('count', [0, 1, 2, 3, 1000])
def test_every_item_is_taken_once(count):
    done = []
    threads.run(done.append, iter(range(count)))
    assert sorted(done) == list(range(count))


def test_as_many_threads_as_configured_work_at_the_same_time(num_threads):
    """Each call waits for the others, so that no thread can take two items."""
    barrier = threading.Barrier(num_threads)
    seen = []

    def work(item):
        barrier.wait(60)
        seen.append(threading.get_ident())

    for _ in range(5):
        seen.clear()
        threads.run(work, range(num_threads))
        assert len(set(seen)) == num_threads and threading.get_ident() in seen


def test_threads_are_used_again():
    for _ in range(200):
        threads.run(lambda item: None, range(8))
    assert sum(thread.name == 'autograd_nn' for thread in threading.enumerate()) <= 4


def test_blocks_of_arrays():
    x, y = np.arange(1e6), np.empty(10 ** 6)
    threads.run(lambda at: np.multiply(x[at:at + 30_000], 2, out=y[at:at + 30_000]), range(0, 10 ** 6, 30_000))
    np.testing.assert_array_equal(y, 2 * x)


def test_errors_reach_the_caller_when_all_threads_are_done(num_threads):
    running, done = [], []

    def work(item):
        running.append(item)
        try:
            if item == 3:
                raise OSError('item 3')
            time.sleep(0.001)
            done.append(item)
        finally:
            running.remove(item)

    with pytest.raises(OSError, match='item 3'):
        threads.run(work, range(500))
    assert not running
    assert len(done) < 499
    threads.run(done.append, ['next'])
    assert done[-1] == 'next'


def test_calls_within_calls():
    done = []
    threads.run(lambda i: threads.run(lambda j: done.append((i, j)), range(5)), range(7))
    assert sorted(done) == [(i, j) for i in range(7) for j in range(5)]


def test_several_threads_may_call():
    done = []

    def call(i):
        with using_config('num_threads', 3):
            for j in range(50):
                threads.run(lambda k: done.append((i, j, k)), range(4))

    callers = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(done) == [(i, j, k) for i in range(4) for j in range(50) for k in range(4)]


@pytest.mark.skipif(np.__version__ < '2', reason='the state is not part of the context')
def test_numpy_handles_errors_as_in_the_calling_thread():
    x = np.zeros(4, 'f')
    with np.errstate(divide='raise'), pytest.raises(FloatingPointError, match='divide'):
        threads.run(lambda i: np.divide(1, x[i:i + 1]), range(4))
    with np.errstate(divide='ignore'):
        threads.run(lambda i: np.divide(1, x[i:i + 1]), range(4))


def test_nothing_is_kept():
    class Item:
        pass

    items = [Item() for _ in range(20)]
    references = [weakref.ref(item) for item in items]
    threads.run(lambda item: None, items)
    del items
    deadline = time.monotonic() + 60
    while any(reference() for reference in references) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not any(reference() for reference in references)


def test_idle_threads_sleep():
    threads.run(lambda item: None, range(8))
    time.sleep(0.01)
    start = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - start < 0.1


def test_number(num_threads, monkeypatch):
    assert threads.number() == num_threads
    for everything in None, 0:
        with using_config('num_threads', everything):
            if hasattr(os, 'sched_getaffinity'):
                assert threads.number() == len(os.sched_getaffinity(0))
            else:
                assert threads.number() == os.cpu_count()
    assert config.num_threads == num_threads
