"""Threads and processes: failures, ends, and what they leave behind."""
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest

from autograd_nn.dataset import DatasetMixin, concat_examples
from autograd_nn.datasets import DictDataset, TupleDataset
from autograd_nn.iterators import MultiprocessIterator, MultithreadIterator
from autograd_nn.iterators.channel import Channel, pack

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='POSIX signals and forks')


class Calls(DatasetMixin):
    """Calls a function for each example."""

    def __init__(self, function, size=8):
        self.function = function
        self.size = size

    def __len__(self):
        return self.size

    def get_example(self, i):
        return self.function(i)


def gone(pid, seconds=5.):
    """Whether a process that is no child of this one ends within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def no_children():
    yield
    assert multiprocessing.active_children() == []


@pytest.fixture(params=['fork', 'spawn'])
def start_method(request):
    multiprocessing.set_start_method(request.param, force=True)
    return request.param


def test_start_methods(start_method, no_children):
    dataset = TupleDataset(np.arange(12.).reshape(6, 2), np.arange(6))
    with MultiprocessIterator(dataset, 4, shuffle=False, n_processes=2) as iterator:
        x, _ = concat_examples(next(iterator))
        np.testing.assert_array_equal(x, np.arange(8.).reshape(4, 2))
        assert concat_examples(next(iterator))[1].tolist() == [4, 5, 0, 1]


def test_several_processes_work(no_children):
    with MultiprocessIterator(Calls(lambda i: os.getpid()), 8, n_processes=3) as iterator:
        pids = set(next(iterator))
    assert len(pids) == 3 and os.getpid() not in pids
    assert all(map(gone, pids))


def test_several_threads_work():
    barrier = threading.Barrier(2)
    with MultithreadIterator(Calls(lambda i: barrier.wait(5) >= 0), 8, n_threads=2) as iterator:
        assert next(iterator) == [True] * 8


@pytest.mark.parametrize('kind', [MultithreadIterator, MultiprocessIterator])
def test_an_exception_has_its_traceback(kind, no_children):
    def culprit(i):
        raise ZeroDivisionError(f'at {i}')

    with (kind(Calls(culprit), 2, True, False, 1) as iterator,
          pytest.raises(ZeroDivisionError, match='at 0') as caught):
        next(iterator)
    text = ''.join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert 'in culprit' in text and "raise ZeroDivisionError(f'at {i}')" in text


class Unpicklable(Exception):
    def __init__(self, one, two):
        super().__init__(f'{one} and {two}')


@pytest.mark.parametrize('function, message', [
    (lambda i: (_ for _ in ()).throw(Unpicklable(1, 2)), 'Unpicklable: 1 and 2'),
    (lambda i: lambda: i, 'MultiprocessIterator: an example cannot be pickled')])
def test_what_cannot_be_pickled_is_reported(function, message, no_children):
    with (MultiprocessIterator(Calls(function), 2, n_processes=1) as iterator,
          pytest.raises(Exception, match=message)):
        next(iterator)


@pytest.mark.parametrize('die, reason', [
    (lambda: os.kill(os.getpid(), signal.SIGKILL), r'signal SIGKILL; was it out of memory\?'),
    (lambda: os.kill(os.getpid(), signal.SIGTERM), 'signal SIGTERM'),
    (lambda: os._exit(3), 'exit status 3')])
def test_a_process_that_dies_is_reported_at_once(die, reason, no_children):
    alive = multiprocessing.Value('b', 0)

    def deadly(i):
        if i == 5 and not alive.value:
            die()
        return i

    with MultiprocessIterator(Calls(deadly), 4, shuffle=False, n_processes=2) as iterator:
        batches = []
        message = rf'process \d+ died \({reason}\) before it delivered examples [04], [15]'
        with pytest.raises(RuntimeError, match=message):
            while True:
                batches.append(next(iterator))
        # The process may have died with the first batch undelivered.
        assert len(batches) <= 1
        alive.value = 1
        batches += [next(iterator) for _ in range(3)]
        assert batches[:3] == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 2, 3]]


def test_an_idle_process_that_was_killed_is_reported(no_children):
    with MultiprocessIterator(Calls(lambda i: os.getpid()), 4, n_processes=2) as iterator:
        for pid in set(next(iterator)):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match='died'):
            for _ in range(3):
                next(iterator)
        assert len(next(iterator)) == 4


def test_large_batches_and_requests_do_not_block(no_children):
    # Results, and requests of many indices, that are larger than what a socket buffers.
    x = np.random.rand(30000, 50)
    with MultiprocessIterator(TupleDataset(x), 30000, n_processes=2, n_prefetch=4) as iterator:
        order = iterator._state.order
        (batch,) = concat_examples(next(iterator))
        np.testing.assert_array_equal(batch, x[order])
        time.sleep(0.2)
        assert len(next(iterator)) == 30000


@pytest.mark.parametrize('dataset', [
    [np.full((i, 300), i) for i in range(6)], ['text'] * 6, [None] * 6, [{'a': [1, (2, 'b')]}] * 6,
    DictDataset(x=np.arange(60000.).reshape(6, -1), y=np.arange(6)), np.arange(6)])
def test_all_kinds_of_examples(dataset, no_children):
    with MultiprocessIterator(dataset, 6, shuffle=False, n_processes=2) as iterator:
        batch = next(iterator)
    for actual, expected in zip(batch, dataset):
        assert type(actual) is type(expected)
        np.testing.assert_equal(actual, expected)


def test_received_arrays_can_be_written_to(no_children):
    dataset = Calls(lambda i: np.zeros(100 if i % 2 else 20000))
    with MultiprocessIterator(dataset, 4, n_processes=1) as iterator:
        for array in next(iterator):
            array += 1


def test_reads_as_far_ahead_as_asked(no_children):
    count = multiprocessing.Value('i', 0)

    def counted(i):
        with count.get_lock():
            count.value += 1
        return i

    with MultiprocessIterator(Calls(counted, 100), 5, n_processes=2, n_prefetch=3) as iterator:
        next(iterator)
        deadline = time.monotonic() + 5
        while count.value < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert count.value == 20


def test_timeout_warning(no_children):
    dataset = Calls(lambda i: time.sleep(0.3) or i)
    with MultiprocessIterator(dataset, 1, shuffle=False, n_processes=1, dataset_timeout=0.1) as iterator:
        with pytest.warns(MultiprocessIterator.TimeoutWarning, match='has been reading examples 0 for 0.1 seconds'):
            assert next(iterator) == [0]
        with warnings.catch_warnings():
            warnings.simplefilter('error', MultiprocessIterator.TimeoutWarning)
            with pytest.raises(MultiprocessIterator.TimeoutWarning):
                next(iterator)
    with (MultiprocessIterator(dataset, 1, shuffle=False, n_processes=1, dataset_timeout=None) as iterator,
          warnings.catch_warnings()):
        warnings.simplefilter('error', MultiprocessIterator.TimeoutWarning)
        assert next(iterator) == [0]


def test_maxtasksperchild(no_children):
    with MultiprocessIterator(Calls(lambda i: (i, os.getpid())), 2, shuffle=False, n_processes=1,
                              maxtasksperchild=2) as iterator:
        batches = [next(iterator) for _ in range(6)]
        assert [[i for i, _ in batch] for batch in batches] == [[0, 1], [2, 3], [4, 5], [6, 7], [0, 1], [2, 3]]
        pids = [batch[0][1] for batch in batches]
        assert pids[0::2] == pids[1::2] and len(set(pids)) == 3
        assert gone(pids[0])


def test_random_numbers_in_processes_differ_and_repeat(no_children):
    dataset = Calls(lambda i: (np.random.rand(), random.random()), 8)
    results = []
    for _ in range(2):
        np.random.seed(3)
        with MultiprocessIterator(dataset, 4, n_processes=2) as iterator:
            results.append([next(iterator) for _ in range(4)])
    assert results[0] == results[1]
    for numbers in zip(*[pair for batch in results[0] for pair in batch]):
        assert len(set(numbers)) == 16


@pytest.mark.parametrize('arguments', [{'n_processes': -1}, {'n_prefetch': 0}, {'maxtasksperchild': 0}])
def test_wrong_numbers(arguments):
    with pytest.raises(ValueError, match=f'{next(iter(arguments))} must be positive'):
        MultiprocessIterator(range(4), 2, **arguments)
    with pytest.raises(ValueError, match='n_threads must be positive'):
        MultithreadIterator(range(4), 2, n_threads=0)


def test_default_number_of_processes():
    assert MultiprocessIterator(range(4), 2).n_processes == os.cpu_count()


def test_garbage_collection_ends_processes(no_children):
    iterator = MultiprocessIterator(Calls(lambda i: os.getpid()), 4, n_processes=2)
    pids = set(next(iterator))
    del iterator
    assert all(map(gone, pids))


def test_a_stuck_process_is_ended(no_children):
    iterator = MultiprocessIterator(Calls(lambda i: time.sleep(600) if i > 1 else os.getpid()), 1, shuffle=False,
                                    n_processes=2)
    pids = {next(iterator)[0], next(iterator)[0]}
    start = time.monotonic()
    iterator.finalize()
    assert time.monotonic() - start < 300, 'it waited for the process'
    assert all(map(gone, pids))


def test_descriptors_are_closed(no_children):
    def descriptors():
        return len(list(Path('/proc/self/fd').iterdir()))

    if not Path('/proc/self/fd').is_dir():
        pytest.skip('no /proc')
    with MultiprocessIterator(range(4), 2, n_processes=2) as iterator:
        next(iterator)
    before = descriptors()
    for _ in range(2):
        with MultiprocessIterator(range(4), 2, n_processes=2, maxtasksperchild=1) as iterator:
            for _ in range(3):
                next(iterator)
    assert descriptors() == before


def program(body):
    """Starts a program that makes an iterator over the numbers of its processes and prints the first batch."""
    text = textwrap.dedent("""
        import multiprocessing, os, time
        from autograd_nn.dataset import DatasetMixin
        from autograd_nn.iterators import MultiprocessIterator, MultithreadIterator

        class Numbers(DatasetMixin):
            def __len__(self):
                return 8
            def get_example(self, i):
                return os.getpid()

        multiprocessing.set_start_method('fork')
        iterators = [MultiprocessIterator(Numbers(), 4, n_processes=2) for _ in range(2)]
        print(*{pid for iterator in iterators for pid in next(iterator)}, flush=True)
    """) + body
    process = subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 4
    return process, pids


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_program(number):
    process, pids = program('time.sleep(60)')
    os.kill(process.pid, number)
    process.communicate()
    assert all(map(gone, pids))


def test_program_that_just_ends_is_quiet():
    process, pids = program('')
    assert process.communicate(timeout=10)[1] == ''
    assert process.returncode == 0 and all(map(gone, pids))


def test_control_c():
    process, pids = program(textwrap.dedent("""
        while True:
            for iterator in iterators:
                next(iterator)
    """))
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    # One process reports the interruption: the program, and none of its workers. (Its own report has two parts where
    # the interruption hits while NumPy is handling an exception.)
    assert errors.count('\nKeyboardInterrupt\n') == 1 and errors.endswith('\nKeyboardInterrupt\n')
    assert all(map(gone, pids))


@pytest.mark.parametrize('training', [False, True])
def test_control_c_does_not_wait_for_threads(training, tmp_path):
    # The examples that are being read ahead are never complete.
    text = textwrap.dedent("""
        import threading
        import numpy as np
        import autograd_nn as ann
        from autograd_nn import training

        class Stuck(ann.dataset.DatasetMixin):
            def __len__(self):
                return 8
            def get_example(self, i):
                if i > 3:
                    threading.Event().wait()
                return np.zeros(1, 'f')

        iterator = ann.iterators.MultithreadIterator(Stuck(), 2, shuffle=False, n_threads=2)
        next(iterator)
        print('ready', flush=True)
    """) + ("""if True:
        model = ann.Link(W=(1,))
        class Updater(training.StandardUpdater):
            def update_core(self):
                if self.iteration == 0:
                    super().update_core()
        updater = Updater(iterator, ann.optimizers.SGD().setup(model), loss_func=lambda x: (x * model.W).sum())
        training.Trainer(updater, None, 'OUT').run(show_loop_exception_msg=False)
    """.replace('OUT', str(tmp_path)) if training else 'while True: next(iterator)')
    process = subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'ready\n'
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert errors.endswith('\nKeyboardInterrupt\n')


@pytest.mark.parametrize('obj', [None, 5, np.arange(5), np.arange(50000.).reshape(2, -1),
                                 [np.zeros((0, 3)), np.ones(20000), 'text'], np.arange(60000.).reshape(2, -1).T])
def test_channel(obj):
    one, other = Channel.pair()
    sender = threading.Thread(target=one.send, args=(pack(obj),))
    sender.start()
    received = other.receive()
    sender.join()
    np.testing.assert_equal(received, obj)
    one.close()
    with pytest.raises(EOFError):
        other.receive()
    with pytest.raises(OSError):
        other.send(pack(obj))
        other.send(pack(obj))
    other.close()
