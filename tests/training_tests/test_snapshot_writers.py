"""How snapshots get to the disk: at once, in threads and in processes."""
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from autograd_nn import training
from autograd_nn.link import Link
from autograd_nn.serializers import save_npz
from autograd_nn.training import extensions
from autograd_nn.training.extensions import snapshot_writers
from support import toy

WRITERS = [snapshot_writers.SimpleWriter, snapshot_writers.ThreadWriter, snapshot_writers.ProcessWriter,
           snapshot_writers.ThreadQueueWriter, snapshot_writers.ProcessQueueWriter]


def fail_to_save(path, target):
    raise OSError('disk full')


def fail_unless_named_b(path, target):
    if not path.endswith('b'):
        raise ValueError(f'named {path[-1]}')
    save_npz(path, target)


def die(path, target):
    os._exit(3)


class Strange(Exception):

    def __init__(self, one, two):
        super().__init__(one)


def fail_in_a_strange_way(path, target):
    raise Strange('oh', 'no')


def finalize_in_any_case(writer):
    while True:
        try:
            return writer.finalize()
        except ValueError:
            pass


def run(out, *added, stop=(6, 'iteration')):
    trainer = training.Trainer(toy.FakeUpdater(), stop, out)
    for extension in added:
        trainer.extend(*extension)
    trainer.run()


@pytest.mark.parametrize('writer', WRITERS)
def test_writers_of_all_kinds(tmp_path, writer):
    """Each file has the arrays of its time; the last `n_retains` are there in the end."""
    model = Link(W=(2,))

    def change(trainer):
        model.W.array[...] = trainer.updater.iteration

    run(tmp_path, (change, 'change', None, 1000),
        (extensions.snapshot_object(model, 'm{.updater.iteration}', writer=writer(), n_retains=3), None,
         (1, 'iteration')), stop=(6, 'iteration'))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['m4', 'm5', 'm6']
    for i in 4, 5, 6:
        with np.load(tmp_path / f'm{i}') as npz:
            assert npz['W'].tolist() == [i, i]


@pytest.mark.parametrize('writer', WRITERS)
def test_errors_of_writers(tmp_path, writer):
    with pytest.raises(OSError, match='disk full'):
        run(tmp_path, (extensions.snapshot(writer=writer(fail_to_save)),))
    # They can be used again.
    again = writer(fail_unless_named_b)
    again('b', str(tmp_path), {'x': np.ones(2)})
    again.finalize()
    again('b', str(tmp_path), {'x': np.zeros(2)})
    again.finalize()
    with np.load(tmp_path / 'b') as npz:
        assert npz['x'].tolist() == [0, 0]
    if writer is not snapshot_writers.SimpleWriter:
        again('a', str(tmp_path), {})
    with pytest.raises(ValueError, match='named a'):
        for _ in range(100):  # An error is told as soon as it is known.
            again('a', str(tmp_path), {})
            time.sleep(0.01)
    again.finalize() if writer is snapshot_writers.SimpleWriter else finalize_in_any_case(again)


@pytest.mark.parametrize('writer', [snapshot_writers.ProcessWriter, snapshot_writers.ProcessQueueWriter])
def test_a_process_that_dies(tmp_path, writer):
    dying = writer(die)
    dying('a', str(tmp_path), {})
    with pytest.raises(RuntimeError, match='a process ended with exit status 3'):
        dying.finalize()


def test_errors_that_cannot_be_pickled(tmp_path):
    writer = snapshot_writers.ProcessWriter(fail_in_a_strange_way)
    writer('a', str(tmp_path), {})
    with pytest.raises(RuntimeError, match='Strange: oh'):
        writer.finalize()


@pytest.mark.parametrize('writer', ['ThreadWriter', 'ProcessWriter', 'ThreadQueueWriter', 'ProcessQueueWriter'])
def test_files_are_complete_when_the_program_ends(tmp_path, writer):
    code = ('import numpy as np\n'
            'from autograd_nn.training.extensions import snapshot_writers\n'
            f'writer = snapshot_writers.{writer}()\n'
            f'for i in range(3): writer(f"file{{i}}", {str(tmp_path)!r}, {{"x": np.ones((300, 300))}})\n')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ['file0', 'file1', 'file2']


class Own(snapshot_writers.StandardWriter):

    def create_worker(self, filename, outdir, target, **kwds):
        return Now(lambda: self.save(filename, outdir, target, self._savefun, **kwds))


class Now:

    def __init__(self, function):
        self.start = function

    def join(self):
        pass


class OwnQueue(snapshot_writers.ThreadQueueWriter):

    def create_task(self, savefun):
        return lambda filename, outdir, target: savefun(filename, sorted(target))


def test_writers_of_ones_own(tmp_path):
    saved = []
    run(tmp_path, (extensions.snapshot_object(Link(W=(2,)), 'own', writer=Own(compression=False)),))
    with np.load(tmp_path / 'own') as npz:
        assert npz['W'].shape == (2,)
    run(tmp_path, (extensions.snapshot_object(Link(W=(2,)), 's', writer=OwnQueue(lambda *args: saved.append(args))),))
    assert saved == [('s', ['W'])]
    assert not (tmp_path / 's').exists()
    writer = snapshot_writers.ThreadQueueWriter(task=lambda *args: saved.append(args))
    writer('a', 'b', {})
    writer.finalize()
    assert saved[-1] == ('a', 'b', {})


def test_what_is_not_overridden():
    for function, name in ((snapshot_writers.StandardWriter(), 'create_worker'),
                           (snapshot_writers.QueueWriter(), 'create_queue'),
                           (lambda *args: snapshot_writers.QueueWriter().create_consumer(None), 'create_consumer'),
                           (snapshot_writers.Writer(), '__call__')):
        with pytest.raises(NotImplementedError, match=f'Writer does not override {name}'):
            function('a', 'b', {})
