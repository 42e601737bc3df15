"""The training program in several processes computes what it does in one, and what becomes of it if one ends."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import mpi
from support.programs import ROOT, run_here

TRAIN = ROOT / 'scripts' / 'train.py'
SMALL = '--model', 'perceptron', '--optimizer', 'momentum', '--no-augment'


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with some digits as pictures of two classes, ``digits``."""
    from autograd_nn import datasets
    from autograd_nn.commands.pictures import save_picture
    folder = tmp_path_factory.mktemp('processes')
    train, test = datasets.get_digits(ndim=3)
    for part, data, count in ('train', train, 101), ('test', test, 31):
        for i in range(count):
            x, t = data[i]
            path = folder / 'digits' / part / str(t % 2) / f'{i}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            save_picture(path, Image.fromarray((x[0] * 255).astype(np.uint8)))
    return folder


def train(place, *arguments, n=1):
    """Trains in processes that mpiexec starts, or in this one; returns what was printed."""
    words = [str(word) for word in arguments]
    before = Path.cwd()
    os.chdir(place)
    try:
        if n > 1:
            return mpi.run(n, [TRAIN, *words], timeout=120).stdout
        process = run_here('train', *words, cwd=place)
    finally:
        os.chdir(before)
    assert process.returncode == 0, process.stderr
    return process.stdout


def weights(folder):
    with np.load(folder / 'model.npz') as arrays:
        return dict(arrays)


def assert_same_run(one, other, **tolerance):
    """Both have the same weights and figures, to rounding."""
    expected, actual = weights(one), weights(other)
    assert expected.keys() == actual.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(actual[name], array, rtol=1e-4, atol=1e-6, err_msg=name)
    logs = [json.loads((folder / 'log.json').read_text()) for folder in (one, other)]
    for row, other_row in zip(*logs, strict=True):
        for key in 'main/loss', 'validation/main/loss', 'lr', 'iteration', 'epoch':
            assert other_row[key] == pytest.approx(row[key], rel=1e-5), key


def test_processes_compute_what_one_does(place):
    train(place, *SMALL, '--dataset', 'digits', '--epochs', 2, '--batch-size', 32, '--out', 'one')
    said = train(place, *SMALL, '--dataset', 'digits', '--epochs', 1, '--batch-size', 16, '--out', 'two', n=2)
    assert '16 samples in each process, 32 in all' in said
    assert said.count('test accuracy') == 1, 'only the first process speaks'
    train(place, *SMALL, '--resume', 'two', '--epochs', 2, '--batch-size', 32, '--out', 'alone')
    assert len(json.loads((place / 'alone' / 'log.json').read_text())) == 2


def test_a_mistake_is_said_once(place):
    process = mpi.run(2, [TRAIN, '--lr', '-1'], timeout=60, check=False)
    assert process.returncode == 2 and process.stdout.count('--lr') == 1


@pytest.mark.slow
def test_weights_are_those_of_one_process(place):
    schedule = *SMALL, '--dataset', 'digits', '--epochs', 2, '--schedule', 'constant'
    train(place, *schedule, '--batch-size', 32, '--out', 'single')
    train(place, *schedule, '--batch-size', 16, '--out', 'double', n=2)
    assert_same_run(place / 'single', place / 'double')
