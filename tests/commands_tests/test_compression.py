"""What training makes of weights: averages, zeros, bits; and the small files that they are written to."""
import json
import shutil

import numpy as np
import pytest

from autograd_nn import models, serializers, training
from support.digits import write_digits
from support.programs import expect_one_line, run_here

OPTIONS = '--model', 'lenet_bn', '--dataset', 'few', '--batch-size', 20, '--epochs', 3


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(training.extensions.PlotReport, '_draw', lambda self, path: None)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with data, ``few``, and a run of a network of real weights, ``start``."""
    folder = tmp_path_factory.mktemp('compression')
    write_digits(folder / 'few', 120)
    train(folder, *OPTIONS, '--out', 'start')
    return folder


def train(folder, *arguments, status=0):
    process = run_here('train', *arguments, cwd=folder)
    assert process.returncode == status, process.stderr
    return process.stdout


def read(path, prefix=''):
    with np.load(path, allow_pickle=False) as arrays:
        return {name.removeprefix(prefix): arrays[name] for name in arrays.files if name.startswith(prefix)}


def stop_after(monkeypatch, updates):
    """Has the next training be interrupted, as by Ctrl-C."""
    update = training.StandardUpdater.update

    def interrupted(self):
        if self.iteration == updates:
            raise KeyboardInterrupt
        update(self)

    monkeypatch.setattr(training.StandardUpdater, 'update', interrupted)


@pytest.mark.parametrize('options', [
    pytest.param(['--swa', 0.5], marks=pytest.mark.slow),
    pytest.param(['--prune', 0.8, '--initial-weights', 'start/model.npz'], marks=pytest.mark.slow),
    ['--prune', 0.5, '--prune-per-layer', '--swa', 0.7, '--optimizer', 'momentum']])
def test_an_interrupted_run_ends_as_if_never_stopped(options, folder, monkeypatch):
    """Within an epoch, after averages have begun and zeros are complete."""
    whole = train(folder, *OPTIONS, *options, '--out', 'whole', '--overwrite')
    with monkeypatch.context() as patch:
        stop_after(patch, 14)
        train(folder, *OPTIONS, *options, '--out', 'parts', '--overwrite', status=130)
    rest = train(folder, '--resume', 'parts')
    for name in 'averaged', 'pruned', 'test accuracy':
        assert [line for line in rest.splitlines() if line.startswith(name)] == [
            line for line in whole.splitlines() if line.startswith(name)]
    for file in 'model.npz', 'best.npz', 'snapshot.npz':
        expected, actual = read(folder / 'whole' / file), read(folder / 'parts' / file)
        assert expected.keys() == actual.keys()
        for name, array in expected.items():
            # Time and memory are measured, and other ones in another process.
            if not name.endswith(('_log', '_snapshot_elapsed_time', 'observation', 'HtmlReport/memory')):
                np.testing.assert_array_equal(actual[name], array, err_msg=f'{file}: {name}')


def test_averages(folder):
    """The weights of a run are the averages that its snapshot has; statistics of the data are those of these weights,
    and the snapshot goes on with the weights that were trained."""
    shown = train(folder, *OPTIONS, '--swa', 0.5, '--out', 'averaged')
    assert 'after 9 updates it stays at 0.0015, and weights are averaged' in shown
    assert 'averaged: the weights after each of the last 9 updates (--swa)' in shown
    rates = [row['lr'] for row in json.loads((folder / 'averaged' / 'log.json').read_text())]
    assert rates[1:] == [pytest.approx(0.0015)] * 2 and rates[0] > 0.0018
    model, snapshot = read(folder / 'averaged' / 'model.npz'), read(folder / 'averaged' / 'snapshot.npz')
    last = {name.removeprefix('updater/model:main/predictor/'): array for name, array in snapshot.items()}
    plain = read(folder / 'start' / 'model.npz')
    for name, array in model.items():
        average = snapshot.get(f'extensions/WeightAveraging/{name}')
        if average is not None:
            np.testing.assert_array_equal(array, average, err_msg=name)
        if not name.endswith('/N'):
            assert not np.array_equal(array, last[name]) and not np.array_equal(array, plain[name]), name
    accuracy = float(next(line.split()[2].strip('%') for line in shown.splitlines() if line.startswith('test acc')))
    assert accuracy > 40
    assert run_here('predict', '--evaluate', 'averaged/model.npz', cwd=folder).stdout.splitlines()[1] == (
        f'averaged/model.npz: accuracy {accuracy / 100:.4f}')


def test_a_training_that_ends_before_its_last_part(folder):
    shown = train(folder, *OPTIONS, '--swa', 0.1, '--early-stopping', 1, '--lr', 1e-9, '--out', 'early')
    assert 'nothing is averaged: the training ended before its last part (--swa)' in shown


@pytest.mark.parametrize('scope', [[], ['--prune-per-layer']])
def test_zeros(scope, folder):
    shown = train(folder, *OPTIONS, '--initial-weights', 'start/model.npz', '--prune', 0.9, *scope, '--out', 'pruned',
                  '--overwrite')
    matrices = {name: array for name, array in read(folder / 'pruned' / 'model.npz').items() if array.ndim > 1}
    zeros = {name: (array == 0).mean() for name, array in matrices.items()}
    size = sum(array.size for array in matrices.values())
    assert sum((array == 0).sum() for array in matrices.values()) == pytest.approx(0.9 * size, abs=2)
    assert f'pruned: 90.0% of {size:,} weights are zero (' in shown
    assert all(f'{name} {part:.1%}' in shown for name, part in zeros.items())
    assert (np.ptp(list(zeros.values())) < 0.01) == bool(scope)
    before = read(folder / 'start' / 'model.npz')
    least = max(abs(before['ip1/W'][matrices['ip1/W'] == 0]))
    assert least < np.quantile(abs(before['ip1/W']), 0.97), 'those that were small are gone'


def test_small_files(folder):
    """Zeros compress; signs take a bit; what is computed stays the same, and predictions say so."""
    train(folder, *OPTIONS, '--initial-weights', 'start/model.npz', '--prune', 0.95, '--out', 'sparse')
    sizes = {}
    for name in 'start', 'sparse':
        process = run_here('convert', f'{name}/model.npz', f'{name}/small.npz', cwd=folder)
        assert process.returncode == 0, process.stderr
        sizes[name] = (folder / name / 'small.npz').stat().st_size
        before = (folder / name / 'model.npz').stat().st_size
        model, small = read(folder / name / 'model.npz'), read(folder / name / 'small.npz')
        zeros = sum((array == 0).sum() for key, array in model.items() if not key.endswith(('/N', '_mean', '_var')))
        assert process.stdout == (
            f'wrote {name}/small.npz: {sizes[name] / 1000:,.1f} kB instead of {before / 1000:,.1f} ('
            f'{before / sizes[name]:.1f} times as small); of 147,450 parameters {zeros / 147450:.1%} are zero\n')
        assert model.keys() == small.keys()
        for key in model:
            np.testing.assert_array_equal(model[key], small[key])
    assert sizes['sparse'] < 0.2 * sizes['start']


@pytest.mark.parametrize('name, binary', [('lenet_binaryconnect', 430_500), ('lenet_xnor', 425_000)])
def test_binary_weights_take_a_bit(name, binary, folder):
    train(folder, '--model', name, *OPTIONS[2:], '--epochs', 1, '--out', name)
    (folder / 'phone').mkdir(exist_ok=True)
    process = run_here('convert', f'{name}/model.npz', 'phone/small.npz', cwd=folder)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith('wrote phone/config.json: what the weights are of\n')
    assert f'{binary:,} take one bit each' in process.stdout
    small = folder / 'phone' / 'small.npz'
    real = read(folder / name / 'model.npz')
    assert binary / 8 < small.stat().st_size < binary / 8 + 4 * (sum(map(np.size, real.values())) - binary) + 20_000
    shown = run_here('predict', '--evaluate', f'{name}/model.npz', 'phone/small.npz', cwd=folder).stdout.splitlines()
    assert shown[1].split()[1:] == shown[2].split()[1:]
    x = np.random.default_rng(0).random((3, 1, 28, 28)).astype('f')
    trained, loaded = models.create(name), models.create(name)
    for network, path in (trained, folder / name / 'model.npz'), (loaded, small):
        network(x)
        serializers.load_npz(path, network)
    np.testing.assert_array_equal(trained.predict(x).array, loaded.predict(x).array)
    values = serializers.npz.NpzReader(small)['ip1/W']
    assert all(len(np.unique(abs(row))) == 1 for row in values)
    np.testing.assert_array_equal(values < 0, real['ip1/W'] < 0)
    shutil.rmtree(folder / 'phone')


@pytest.mark.parametrize('arguments, words', [
    (['--swa', 1], ['--swa: expected a part', 'got 1']), (['--swa', -0.1], ['--swa: expected a part']),
    (['--swa', 'nan'], ['--swa']), (['--swa', 0.9, '--warmup', 0.1], ['--swa', 'warmup']),
    (['--prune', 1], ['--prune: expected a part', 'got 1']), (['--prune', 'nan'], ['--prune: expected a part']),
    (['--prune-per-layer'], ['--prune-per-layer: expected --prune PART']),
    (['--resume', 'start', '--epochs', 4, '--prune', 0.5], ['of --prune 0.0, not of --prune 0.5']),
    (['--resume', 'start', '--epochs', 4, '--swa', 0.5], ['of --swa 0.0, not of --swa 0.5'])])
def test_mistakes_in_training(arguments, words, folder):
    options = [] if '--resume' in arguments else OPTIONS
    expect_one_line(run_here('train', *options, *arguments, '--out', 'new', cwd=folder), *words)
    assert not (folder / 'new').exists()


def test_mistakes_in_converting(folder):
    for arguments, words in (
            (['start/nothing.npz', 'x.npz'], ['start/nothing.npz: no such file']),
            (['start/model.npz', 'x.safetensors'], ['OUT', '.npz']),
            (['start/model.npz', 'start/../start/model.npz'], ['OUT: expected another file']),
            (['start/model.npz', 'x.npz', '--to', 'vgg16'], ['start/model.npz is taken for weights of a run', '--to']),
            (['few/model.npz', 'x.npz'], ['few/model.npz: no such file'])):
        expect_one_line(run_here('convert', *arguments, cwd=folder), *words)
    (folder / 'text').mkdir(exist_ok=True)
    (folder / 'text' / 'model.npz').write_bytes((folder / 'start' / 'model.npz').read_bytes())
    for config, words in ('{"arguments": {"model": "lstm_lm"}}', ['classifier of pictures', 'lstm_lm']), (
            '{"arguments": {"model": "lenet"}}', ['text/config.json is damaged']):
        (folder / 'text' / 'config.json').write_text(config)
        expect_one_line(run_here('convert', 'text/model.npz', 'x.npz', cwd=folder), *words)
    assert not (folder / 'x.npz').exists()
