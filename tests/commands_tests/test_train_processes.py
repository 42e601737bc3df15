"""The training program in several processes computes what it does in one, and what becomes of it if one ends."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autograd_nn import datasets
from autograd_nn.commands import processes
from autograd_nn.commands.command_line import CommandLine
from support import mpi
from support.programs import ROOT, expect_one_line, run_here

TRAIN = ROOT / 'scripts' / 'train.py'
MOMENTUM = '--model', 'perceptron', '--optimizer', 'momentum', '--dataset', 'pictures'
ADAM = '--model', 'perceptron', '--optimizer', 'adam', '--schedule', 'constant', '--dataset', 'pictures'


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with pictures of even and odd digits.

    Of ``pictures`` 101 are to train with, and 31 to test with; of ``few`` 51 and 9.
    """
    folder = tmp_path_factory.mktemp('processes')
    for name, counts in ('pictures', (101, 31)), ('few', (51, 9)):
        for part, data, count in zip(('train', 'test'), datasets.get_digits(ndim=2), counts):
            for i, (x, t) in enumerate(data[:count]):
                path = folder / name / part / ('even', 'odd')[t % 2] / f'{i}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray((x * 255).astype(np.uint8)).save(path)
    return folder


def train(folder, *arguments, n=1, status=0):
    """Trains in n processes; returns what was printed."""
    if n == 1:
        process = run_here('train', *arguments, cwd=folder)
        shown = process.stdout + process.stderr
    else:
        process = mpi.run(n, [TRAIN, *arguments], timeout=120, check=False, cwd=folder)
        shown = process.stdout
    assert process.returncode == status, shown
    return shown


def assert_same(folder, name, other):
    """Two runs have the same weights and the same figures, to rounding."""
    with np.load(folder / name / 'model.npz') as expected, np.load(folder / other / 'model.npz') as actual:
        for key in expected.files:
            np.testing.assert_allclose(actual[key], expected[key], rtol=1e-4, atol=1e-6, err_msg=key)
    logs = [json.loads((folder / run / 'log.json').read_text()) for run in (name, other)]
    for row, other_row in zip(*logs, strict=True):
        for key in row.keys() - {'images/s', 'words/s', 'elapsed_time'}:
            assert other_row[key] == pytest.approx(row[key], rel=1e-5), key


@pytest.mark.slow
def test_two_processes_go_on_with_what_one_has_begun(place):
    """Neither minibatches (of 33) nor the test samples (31) can be divided evenly, and epochs end within batches."""
    options = *MOMENTUM, '--batch-size', 33, '--schedule', 'constant'
    train(place, *options, '--epochs', 2, '--out', 'one')
    train(place, *options, '--epochs', 1, '--out', 'two')
    shown = train(place, '--resume', 'two', '--epochs', 2, n=2)
    assert '2 processes, of 1 thread each: minibatches have 16 or 17 samples in each process, 33 in all' in shown
    assert shown.count('test accuracy') == 1
    assert {path.name for path in (place / 'two').iterdir()} == {path.name for path in (place / 'one').iterdir()}
    assert_same(place, 'one', 'two')


@pytest.mark.slow
@pytest.mark.parametrize('n, batch_size', [(2, 10), (3, 7)])
def test_processes_compute_what_one_does(place, n, batch_size):
    """With momentum and a rate that rises; augmentation and order of the samples are those of one process."""
    options = *MOMENTUM, '--epochs', 2, '--warmup', '0.5', '--clip', 1, '--weight-decay', '0.01', '--overwrite'
    train(place, *options, '--batch-size', n * batch_size, '--out', 'single')
    train(place, *options, '--batch-size', batch_size, '--out', 'several', n=n)
    assert_same(place, 'single', 'several')


@pytest.mark.slow
def test_the_rate_grows_with_the_processes(place):
    shown = train(place, *MOMENTUM, '--epochs', 1, '--batch-size', 10, '--warmup', '0.5', '--scale-lr', 'linear', n=2)
    assert 'rises to 0.02 in' in shown and '--scale-lr linear: it was 0.01' in shown


@pytest.mark.slow
def test_more_or_fewer_processes_go_on_with_the_same_minibatches(place):
    options = *MOMENTUM, '--schedule', 'constant', '--overwrite'
    train(place, *options, '--batch-size', 20, '--epochs', 2, '--out', 'all')
    train(place, *options, '--batch-size', 10, '--epochs', 1, '--out', 'part', n=2)
    for n in 1, 3:
        train(place, '--resume', 'part', '--epochs', 2, '--out', f'rest{n}', n=n)
        assert_same(place, 'all', f'rest{n}')


DOUBLE = """
import sys
import numpy as np
import autograd_nn
from autograd_nn.tasks import classification
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.train import main
autograd_nn.global_config.dtype = np.dtype('d')
normal = classification.PictureConverter.__call__
classification.PictureConverter.__call__ = lambda *args: tuple(
    x.astype('d') if x.dtype == 'f' else x for x in normal(*args))
main(CommandLine('train.py', ['train.py'], sys.argv[1:]))
"""


@pytest.mark.slow
def test_batch_normalization_by_whole_minibatches(place, tmp_path):
    """In a network with many such layers, which make much of the rounding of float32; other processes read the data."""
    program = tmp_path / 'double.py'
    program.write_text(DOUBLE)
    words = (program, '--model', 'resnet20', *MOMENTUM[2:-1], 'few', '--schedule', 'constant', '--epochs', 1,
             '--overwrite')
    mpi.run(1, [*words, '--batch-size', 34, '--out', 'single'], cwd=place)
    mpi.run(2, [*words, '--batch-size', 17, '--sync-bn', '--workers', 1, '--out', 'several'], cwd=place)
    with np.load(place / 'single' / 'model.npz') as single, np.load(place / 'several' / 'model.npz') as several:
        for key in single.files:
            np.testing.assert_allclose(several[key], single[key], rtol=1e-9, atol=1e-10, err_msg=key)
    expect_one_line(run_here('train', *MOMENTUM, '--sync-bn', cwd=place), '--sync-bn', 'perceptron has none')


@pytest.mark.slow
def test_averaged_and_pruned_weights(place, tmp_path):
    """Statistics of the data among them, by whole minibatches; and without, where each process has all of them."""
    program = tmp_path / 'double.py'
    program.write_text(DOUBLE)
    words = (program, '--model', 'lenet_bn', *MOMENTUM[2:], '--epochs', 2, '--swa', 0.5, '--prune', 0.5,
             '--overwrite')
    mpi.run(1, [*words, '--batch-size', 34, '--out', 'single'], cwd=place)
    mpi.run(2, [*words, '--batch-size', 17, '--sync-bn', '--out', 'several'], cwd=place)
    with np.load(place / 'single' / 'model.npz') as single, np.load(place / 'several' / 'model.npz') as several:
        for key in single.files:
            np.testing.assert_allclose(several[key], single[key], rtol=1e-9, atol=1e-10, err_msg=key)
        assert (several['ip1/W'] == 0).any()
    shown = train(place, *words[1:], '--batch-size', 17, '--shard-state', '--out', 'several', n=2)
    assert shown.count('averaged: the weights after each of the last 3 updates') == 1
    assert shown.count('pruned: 50.0% of ') == shown.count('test accuracy') == 1


@pytest.mark.slow
def test_a_state_that_is_spread_over_the_processes(place):
    """With Adam, whose state counts; then in more processes, and in one."""
    options = *ADAM, '--clip', 1, '--overwrite'
    train(place, *options, '--batch-size', 20, '--epochs', 3, '--out', 'all')
    train(place, *options, '--batch-size', 10, '--shard-state', '--epochs', 1, '--out', 'parts', n=2)
    train(place, '--resume', 'parts', '--epochs', 2, n=3)
    train(place, '--resume', 'parts', '--epochs', 3)
    assert_same(place, 'all', 'parts')


@pytest.mark.slow
def test_streams_of_text_are_divided(tmp_path):
    rng = np.random.RandomState(0)
    (tmp_path / 'text.txt').write_text(' '.join(rng.choice(['a', 'b', 'c', 'd'], 900)))
    options = ('--model', 'lstm_lm', '--dataset', 'text.txt', '--units', 8, '--layers', 1, '--dropout', 0, '--steps', 5,
               '--optimizer', 'sgd', '--epochs', 2, '--sample', 0)
    train(tmp_path, *options, '--batch-size', 6, '--out', 'single')
    shown = train(tmp_path, *options, '--batch-size', 3, '--out', 'several', n=2)
    assert 'minibatches have 3 streams in each process, 6 in all' in shown
    assert_same(tmp_path, 'single', 'several')


def test_a_mistake_is_one_line_of_all_processes(tmp_path):
    process = mpi.run(2, [TRAIN, '--lr', '-1'], check=False, cwd=tmp_path)
    assert process.returncode == 2
    assert process.stdout == 'train.py: error: --lr: expected a positive number, got -1.0\n'
    assert not any(tmp_path.iterdir())


def start(folder, n, *arguments):
    if mpi.MPIEXEC is None:
        pytest.skip('needs mpiexec')
    process = subprocess.Popen([mpi.MPIEXEC, '-n', str(n), sys.executable, TRAIN, *map(str, arguments)], cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                               env={**os.environ, 'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'})
    deadline = time.monotonic() + 60
    while not (folder / 'result' / 'snapshot.npz').exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


def ranks(launcher):
    """The numbers of the processes that train, below a launcher.

    Read from /proc: `ps` cuts command lines to the terminal's width where COLUMNS is set.
    """
    below = {launcher.pid}
    for _ in range(4):
        for stat in Path('/proc').glob('[0-9]*/stat'):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                parent = int(stat.read_text().rpartition(')')[2].split()[1])
                if parent in below:
                    below.add(int(stat.parent.name))
    command = f'{sys.executable}\0{TRAIN}\0'.encode()
    return [pid for pid in sorted(below) if Path(f'/proc/{pid}/cmdline').read_bytes().startswith(command)]


@pytest.mark.slow
@pytest.mark.parametrize('number, options', [
    (signal.SIGINT, MOMENTUM), (signal.SIGINT, (*ADAM, '--shard-state')), (signal.SIGTERM, MOMENTUM),
    (signal.SIGKILL, MOMENTUM)])
def test_an_end_in_the_middle_loses_no_more_than_an_epoch(number, options, place, tmp_path):
    """A signal to one process ends all, in the same iteration; one that is killed takes the others with it."""
    shutil.copytree(place / 'pictures', tmp_path / 'pictures')
    process = start(tmp_path, 2, *options, '--schedule', 'constant', '--epochs', 100_000)
    try:
        os.kill(ranks(process)[-1], number)
        shown, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    log = json.loads((tmp_path / 'result' / 'log.json').read_text())
    if number == signal.SIGKILL:
        assert process.returncode != 0 and re.search(r'rank \d', shown), shown
    else:
        assert process.returncode == 130, shown
        assert re.search('interrupted: the state is kept; to continue: python .*train.py --resume result', shown)
    epochs = len(log) + 1
    train(tmp_path, '--resume', 'result', '--epochs', epochs)
    train(tmp_path, *options, '--schedule', 'constant', '--epochs', epochs, '--batch-size', 128, '--out', 'whole')
    assert_same(tmp_path, 'whole', 'result')


@pytest.mark.slow
def test_an_error_of_one_process_ends_all(place, tmp_path):
    """It says which one had it, though it is not the one that prints."""
    program = tmp_path / 'program.py'
    program.write_text("""
import os, sys
from autograd_nn.tasks import classification
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.train import main
normal = classification.PictureConverter.__call__
calls = []
def convert(*args):
    calls.append(1)
    if os.environ['PMI_RANK'] == '1' and len(calls) == int(sys.argv[1]):
        raise OSError('the cable is loose')
    return normal(*args)
classification.PictureConverter.__call__ = convert
main(CommandLine('train.py', ['train.py'], sys.argv[2:]))
""")
    words = [program, 5, *MOMENTUM[:4], '--epochs', 3]
    process = mpi.run(2, words, check=False, cwd=tmp_path, timeout=60)
    assert process.returncode == 2, process.stdout
    assert re.search('rank 1: train.py: error: the cable is loose; there was no snapshot', process.stdout)


@pytest.mark.slow
def test_processes_starts_them(tmp_path):
    pytest.importorskip('mpi4py')
    if mpi.MPIEXEC is None:
        pytest.skip('needs mpiexec')
    process = subprocess.run([sys.executable, TRAIN, '--processes', '2', '--model', 'perceptron', '--epochs', '1'],
                             cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
                             env={**os.environ, 'PATH': f'{Path(mpi.MPIEXEC).parent}:{os.environ["PATH"]}'})
    assert process.returncode == 0, process.stderr
    assert '2 processes' in process.stdout and process.stdout.count('test accuracy') == 1


def test_processes_that_cannot_be_started(tmp_path, monkeypatch):
    expect_one_line(run_here('train', '--processes', 'x', cwd=tmp_path), '--processes', "'x'")
    expect_one_line(run_here('train', '--processes', 0, cwd=tmp_path), '--processes: expected at least 1, got 0')
    monkeypatch.setattr(processes.shutil, 'which', lambda name, path: None)
    expect_one_line(run_here('train', '--processes', 2, cwd=tmp_path), 'mpiexec is missing',
                    "pip install 'autograd_nn[mpi]'")


def test_mpiexec_gets_the_command_as_it_was_typed(monkeypatch):
    calls = []
    monkeypatch.setattr(processes.shutil, 'which', lambda name, path: '/bin/mpiexec')
    monkeypatch.setattr(processes.importlib.util, 'find_spec', lambda name: name)
    monkeypatch.setattr(processes.os, 'execv', lambda path, words: calls.append(words))
    monkeypatch.setattr(sys, 'orig_argv', ['python3', '-m', 'autograd_nn', 'train', '--processes=4'])
    processes.start_processes(CommandLine('train', ['train'], ['--processes=4']))
    assert calls == [['/bin/mpiexec', '-n', '4', sys.executable, '-m', 'autograd_nn', 'train', '--processes=4']]


def test_one_process_needs_no_mpi(tmp_path):
    """Nor what belongs to several processes: its import takes time."""
    code = ('import sys; from autograd_nn.commands import train;'
            "assert not {'mpi4py', 'autograd_nn.distributed'} & set(sys.modules)")
    subprocess.run([sys.executable, '-c', code], check=True, cwd=tmp_path)
