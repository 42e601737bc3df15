"""The benchmark of whole networks."""
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_nn
from autograd_nn import cuda

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / 'scripts'))

from benchmarks import comparison, machine, profiler, tables  # noqa: E402
from benchmarks.chainer_side import ChainerSide  # noqa: E402
from benchmarks.rows import HALVES, ROWS, Setting  # noqa: E402

SHORT = '--rounds', '2', '--threads', '1'


def run(*arguments, cwd):
    """Runs ``benchmark.py models``; returns its completed process."""
    return subprocess.run([sys.executable, ROOT / 'scripts' / 'benchmark.py', 'models', *arguments], cwd=cwd,
                          capture_output=True, text=True, timeout=600, check=False)


def result(what='training', **ratios):
    """What `comparison.compare` would return for the MLP."""
    memory = {'highest': 300 * 2 ** 20, 'beyond imports': 200 * 2 ** 20}
    sides = {side: {'milliseconds': [9., 10. * ratio, 50.], 'share of peak': ratio / 10, 'memory': memory}
             for side, ratio in {'autograd_nn': 1., **ratios}.items()}
    return {'row': 'mlp', 'title': 'MLP', 'what': what, 'batch': 100, 'sides': sides,
            'ratios': {side: [ratio - 0.1, ratio, ratio + 0.1] for side, ratio in ratios.items()}}


@pytest.mark.slow
def test_table_and_json(tmp_path):
    process = run('--rows', 'mlp', '--json', 'out.json', *SHORT, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    shown = process.stdout.splitlines()
    assert [line.split()[:2] for line in shown if line.startswith('MLP')] == [['MLP', 'training'], ['MLP', 'inference']]
    report = json.loads((tmp_path / 'out.json').read_text())
    assert report['threads'] == 1 and report['machine']['cores'] >= 1
    training, inference = report['results']
    assert training['parameters'] == 1_796_010
    assert inference['operations'] == 2 * 100 * (784 * 1000 + 1000 * 1000 + 1000 * 10)
    assert training['operations'] == 3 * inference['operations']
    for entry in training, inference:
        ours = entry['sides']['autograd_nn']
        low, middle, high = ours['milliseconds']
        assert 0 < low <= middle <= high
        assert 0 < ours['share of peak'] < 10
        if sys.platform == 'linux' and ours['memory']:
            assert ours['memory']['highest'] > ours['memory']['beyond imports'] > 4 * 1_796_010


def test_convolutions_against_pytorch_in_both_layouts(tmp_path):
    pytest.importorskip('torch')
    process = run('--rows', 'lenet', '--what', 'training', '--json', *SHORT, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    entry, = json.loads(process.stdout)['results']
    assert set(entry['sides']) == {'autograd_nn', 'torch', 'torch channels_last'}
    assert set(entry['ratios']) == {'torch', 'torch channels_last'}


def take_parameters(ours, theirs):
    """Fills arrays with our parameters, in order; one of theirs may be several of ours, one below the other."""
    arrays = iter(param.array for param in ours.params())
    for other in theirs:
        rows = 0
        while rows < len(other):
            array = next(arrays)
            assert array.shape[1:] == other.shape[1:]
            other[rows:rows + len(array)] = array
            rows += len(array)
        assert rows == len(other)
    assert next(arrays, None) is None


@pytest.mark.parametrize('name', ROWS)
def test_networks_are_the_same_in_pytorch(name):
    """Given the same parameters, they compute the same."""
    pytest.importorskip('torch')
    from benchmarks.torch_side import TorchSide
    row = dataclasses.replace(ROWS[name], batch=2)
    ours, theirs = ChainerSide('autograd_nn', row, 'inference'), TorchSide(row, 'inference', channels_last=False)
    assert ours.parameters == theirs.parameters
    take_parameters(ours.model, [param.detach().numpy() for param in theirs.model.parameters()])
    for _ in range(2):  # recurrent networks go on from the state that they have reached
        y, expected = ours.infer().array, theirs.infer().numpy()
        np.testing.assert_allclose(y.reshape(expected.shape), expected, rtol=0, atol=1e-2 * expected.std())


@pytest.mark.parametrize('name', ['mlp', 'lenet', 'mobilenet_v2', 'lstm_lm'])
def test_networks_are_the_same_in_chainer(name, monkeypatch):
    """Which autograd_nn itself stands in for."""
    monkeypatch.setitem(sys.modules, 'chainer', autograd_nn)
    row = dataclasses.replace(ROWS[name], batch=2)
    if name == 'lstm_lm':
        row = dataclasses.replace(row, classes=50, shape=(3,))
    ours, theirs = (ChainerSide(library, row, 'inference') for library in ('autograd_nn', 'chainer'))
    assert type(ours.model) is not type(theirs.model)
    assert ours.parameters == theirs.parameters
    for param, other in zip(ours.model.params(), theirs.model.params(), strict=True):
        assert param.shape == other.shape
        other.array[...] = param.array
    for _ in range(2):
        y, expected = theirs.infer().array, ours.infer().array
        np.testing.assert_allclose(y, expected.reshape(y.shape), rtol=0, atol=1e-4 * expected.std())


def test_training_learns_the_minibatch():
    side = ChainerSide('autograd_nn', dataclasses.replace(ROWS['mlp'], batch=4), 'training')
    losses = []
    for _ in range(10):
        side.forward()
        losses.append(float(side.loss.array))
        side.backward()
        side.update()
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize('library', ['autograd_nn', 'chainer'])
def test_steps_of_a_language_model_follow_each_other(library, monkeypatch):
    monkeypatch.setitem(sys.modules, 'chainer', autograd_nn)
    row = dataclasses.replace(ROWS['lstm_lm'], batch=2, classes=20, shape=(3,))
    side = ChainerSide(library, row, 'training')
    weights = side.model.output.W.array.copy()
    side.step()
    assert (side.model.output.W.array != weights).any()
    state = side.model.h
    assert state.creator is None and np.any(state.array)
    side.step()
    assert side.model.h is not state


def test_profile_shows_functions_and_kernels(tmp_path):
    process = run('--rows', 'lenet', '--what', 'training', '--profile', *SHORT, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    for words in 'LinearFunction backward', 'update, outside of functions', 'momentum_sgd', 'outside of kernels':
        assert words in process.stdout


def test_profile_accounts_for_the_whole_step_and_leaves_no_trace():
    kernels = autograd_nn.backend.kernels
    side = ChainerSide('autograd_nn', ROWS['lenet'], 'training')
    found = profiler.profile(side, 2, shapes=True)
    functions, kernel_rows = ({name: numbers for name, *numbers in found[what]} for what in ('functions', 'kernels'))
    covered = sum(ms for _, ms, _ in functions.values())
    assert 0.8 * found['profiled'] < covered <= found['profiled']
    inside = sum(ms for _, _, ms in functions.values())
    assert inside == pytest.approx(sum(ms for _, ms in kernel_rows.values()))
    assert 0 < inside < covered
    assert functions['LinearFunction forward (64, 500) (10, 500) (10,)'][0] == 1
    assert functions['LinearFunction backward (64, 10)'][0] == 1
    assert any(name.startswith('max_pooling_grad (64, 20, 12, 12)') for name in kernel_rows)
    assert autograd_nn.backend.kernels is kernels is autograd_nn.functions.loss.cross_entropy.kernels


def test_numbers_of_parameters_must_agree():
    comparison.check_parameters(ROWS['mlp'], {'autograd_nn': 7, 'torch': 7})
    with pytest.raises(RuntimeError, match=r'MLP.*autograd_nn 7, torch 8'):
        comparison.check_parameters(ROWS['mlp'], {'autograd_nn': 7, 'torch': 8})


def test_a_side_that_fails_is_named():
    with pytest.raises(RuntimeError, match='no_such_library: ModuleNotFoundError'):
        comparison.WorkerProcess('no_such_library', ROWS['mlp'], 'training', 1)


def test_better_layout_and_means():
    results = [result('training', **{'torch': 2., 'torch channels_last': 1.5}), result('inference', torch=6.)]
    assert comparison.better_layout(results[0]) == 'torch channels_last'
    assert comparison.better_layout(results[1]) == 'torch'
    assert '1.50 (1.40-1.60)' in tables.line(results[0]) and '2.00 (1.90-2.10)' in tables.line(results[0])
    assert '200 (300)' in tables.line(results[0])
    training, _, both = tables.means(results).splitlines()
    assert ' 1.50 ' in training and ' 2.00 ' in training
    assert ' 3.00 ' in both and ' 3.46 ' in both
    assert tables.means([result()]) == ''
    assert tables.line(result()).count(' - ') >= 4
    assert 'Chainer' in tables.line(result(chainer=14.)) and '14.00' in tables.line(result(chainer=14.))


def test_sides_of_ratios_are_neighbours():
    assert comparison.sides_of(ROWS['lenet'], ['torch']) == ['torch', 'autograd_nn', 'torch channels_last', 'peak']
    assert comparison.sides_of(ROWS['mlp'], ['torch', 'chainer']) == ['chainer', 'torch', 'autograd_nn', 'peak']
    assert comparison.sides_of(ROWS['lenet'], []) == ['autograd_nn', 'peak']


def test_frameworks_that_do_not_import_are_left_out(tmp_path, monkeypatch):
    (tmp_path / 'chainer').mkdir()
    (tmp_path / 'chainer' / '__init__.py').write_text('import numpy\nnumpy.bool_is_gone')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    found = comparison.frameworks()
    assert 'bool_is_gone' in found['chainer']
    header = tables.header({'versions': machine.versions(), 'machine': machine.describe(), 'threads': 1, 'rounds': 2,
                            'frameworks': found, 'device': 'cpu', 'precision': 'float32'})
    assert 'chainer is installed but cannot be imported' in header


@pytest.mark.parametrize('arguments, word', [
    (['--rows', 'nonsense'], 'nonsense'), (['--rounds', '1'], '--rounds'), (['--threads', '0'], '--threads'),
    (['--what', 'nonsense'], 'nonsense'), (['--device', 'tpu'], 'tpu'), (['--batch', '0'], '--batch'),
    (['--precision', 'float8'], 'float8'),
])
def test_wrong_arguments(arguments, word, tmp_path):
    process = run(*arguments, cwd=tmp_path)
    assert process.returncode == 2 and word in process.stderr and 'Traceback' not in process.stderr


@pytest.mark.skipif(cuda.available, reason='there is a GPU')
def test_a_gpu_that_is_not_there(tmp_path):
    process = run('--device', 'cuda', cwd=tmp_path)
    assert process.returncode == 2 and 'CUDA is not available' in process.stderr and 'Traceback' not in process.stderr


@pytest.mark.gpu
@pytest.mark.parametrize('precision, dtype', [('float32', 'float32'), *HALVES.items()])
@pytest.mark.parametrize('what', ['training', 'inference'])
def test_a_network_on_a_gpu(what, precision, dtype, monkeypatch):
    monkeypatch.setattr(autograd_nn.global_config, 'dtype', np.dtype('f'))
    row = dataclasses.replace(ROWS['lenet'], batch=2)
    side = ChainerSide('autograd_nn', row, what, Setting('cuda', precision))
    side.step()
    side.synchronize()
    assert isinstance(side.x, cuda.ndarray) and side.device_memory() > 0
    assert side.x.dtype == dtype
