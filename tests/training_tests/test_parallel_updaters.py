"""Updates by several devices in one process and in several; all of them are the CPU here."""
from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import iterators, optimizers, serializers, training
from autograd_nn.training.updaters import MultiprocessParallelUpdater, ParallelUpdater

X = np.array([[0, 1], [1, 1], [2, 0], [1, 3], [4, 2], [1, 5]], 'f')
T = X.sum(1, keepdims=True)
DATA = ann.datasets.TupleDataset(X, T)


class Net(ann.Chain):

    def __init__(self, lazy=False, normalize=True):
        super().__init__()
        with self.init_scope():
            self.l = L.Linear(*[1] if lazy else (2, 1), initialW=None if lazy else np.array([[0.5, -1]]))
            self.bn = L.BatchNormalization(1) if normalize else ann.Sequential()

    def forward(self, x, t):
        loss = F.mean_squared_error(self.bn(self.l(x)), t)
        ann.report({'loss': loss}, self)
        return loss


class Failing(Net):

    def forward(self, x, t):
        if multiprocessing.parent_process() is not None:
            if self.how == 'raise':
                raise ArithmeticError('too bad')
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x, t)


class Noisy(Net):

    def forward(self, x, t):
        return super().forward(x + np.random.randn(*x.shape).astype('f'), t)


def parallel(model, devices=('main', 'second'), batch_size=4, optimizer=None, repeat=True, **options):
    optimizer = (optimizer or optimizers.MomentumSGD(0.05)).setup(model)
    batches = iterators.SerialIterator(DATA, batch_size, repeat=repeat, shuffle=False)
    return ParallelUpdater(batches, optimizer, devices=dict.fromkeys(devices, 'cpu'), **options)


def processes(model, n=2, batch_size=2, optimizer=None, shuffle=False, devices=None, iterator=None):
    optimizer = (optimizer or optimizers.SGD(0.1)).setup(model)
    parts = ann.datasets.split_dataset_n(DATA, n)
    batches = [(iterator or iterators.SerialIterator)(part, batch_size, shuffle=shuffle) for part in parts]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return MultiprocessParallelUpdater(batches, optimizer, devices=devices or ['cpu'] * n)


def values(link):
    return {name: param.array.copy() for name, param in link.namedparams()}


def check_same(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, err_msg=name, **tolerance)


def standard(model, n, **options):
    """The same as n processes do, in one."""
    optimizer = optimizers.SGD(0.1).setup(model)
    updater = training.StandardUpdater(iterators.SerialIterator(
        [DATA[i] for i in order(n)], 2 * n, shuffle=False), optimizer, **options)
    return updater


def order(n):
    """What n processes take together, 2 examples each at a time."""
    size = len(DATA) // n
    places = np.arange(size * n).reshape(n, size)
    return [i for start in range(0, size, 2) for part in places for i in part[start:start + 2]]


@pytest.mark.parametrize('scale', [None, 8.])
def test_three_devices(tmp_path, scale):
    """The numbers are those of Chainer 7.8.1."""
    model = Net()
    updater = parallel(model, ('b', 'main', 'c'), loss_scale=scale)
    trainer = training.Trainer(updater, (4, 'iteration'), tmp_path)
    observed = []
    trainer.extend(lambda trainer: observed.append({key: float(x.array) for key, x in trainer.observation.items()}))
    trainer.run()
    found = [model.l.W.array, model.bn.gamma.array, model.bn.beta.array, model.bn.avg_mean, model.bn.avg_var]
    np.testing.assert_allclose(np.concatenate([x.ravel() for x in found]), [
        0.5005093, -0.9997933, -0.20399818, 5.5064, -0.48023075, 2.2217813], rtol=1e-5)
    assert observed[0] == pytest.approx({'main/loss': 12.49991226196289, 'b/loss': 4., 'c/loss': 4.}, rel=1e-5)
    assert observed[-1] == pytest.approx({'main/loss': 6.246130466461182, 'b/loss': 5.01312255859375,
                                          'c/loss': 5.01312255859375}, rel=1e-5)
    assert (updater.epoch, updater.get_optimizer('main').epoch, updater.iteration) == (2, 2, 4)


@pytest.mark.parametrize('lazy', [False, True])
def test_the_sum_of_gradients_is_n_times_that_of_the_mean(lazy):
    updater = parallel(Net(lazy, normalize=False), optimizer=optimizers.SGD(0.01))
    single = Net(lazy, normalize=False)
    reference = training.StandardUpdater(iterators.SerialIterator(DATA, 4, shuffle=False),
                                         optimizers.SGD(0.02).setup(single))
    for each in updater, reference:
        ann.random.seed(0)
        for _ in range(4):
            each.update()
    for model in updater._models.values():
        check_same(values(single), values(model), rtol=1e-4)


def test_models_of_ones_own():
    main, other = Net(), Net()
    optimizer = optimizers.SGD(0.1).setup(main)
    updater = ParallelUpdater(iterators.SerialIterator(DATA, 2), optimizer, models={'x': other, 'main': main})
    other.l.W.array[...] = 100  # The main model's count.
    updater.update()
    check_same(values(main), values(other))
    assert abs(main.l.W.array).max() < 2
    with pytest.raises(ValueError, match='expected a device for each of the models x, main; got devices x'):
        ParallelUpdater(iterators.SerialIterator(DATA, 2), optimizer, models={'x': other, 'main': main},
                        devices={'x': 'cpu'})
    with pytest.raises(ValueError, match="target must be one of the models"):
        ParallelUpdater(iterators.SerialIterator(DATA, 2), optimizer, models={'x': other}, devices={'x': 'cpu'})


def test_a_snapshot_reaches_all_models():
    updater = parallel(Net())
    updater.update()
    serializer = serializers.DictionarySerializer()
    updater.serialize(serializer)
    stored = {name: value.copy() for name, value in serializer.target.items()}
    updater.update()
    other = parallel(Net())
    other.update()
    other.update()
    serializers.NpzDeserializer(stored).load(other)
    other.update()
    for model in other._models.values():
        check_same(values(updater.get_optimizer('main').target), values(model))


def test_a_batch_that_is_smaller_than_the_number_of_devices():
    updater = parallel(Net(normalize=False), ('main', 'b', 'c', 'd', 'e'), batch_size=5, repeat=False)
    updater.update()
    updater.update()  # with one example
    assert updater.epoch == 1
    with pytest.raises(StopIteration):
        updater.update()


def test_overflow_leaves_the_update_out():
    updater = parallel(Net(), optimizer=optimizers.SGD(0.1))
    optimizer = updater.get_optimizer('main')
    optimizer.loss_scaling()
    optimizer._loss_scale = 3e38
    before = values(optimizer.target)
    with np.errstate(all='ignore'):
        updater.update()
    check_same(before, values(optimizer.target))
    assert optimizer.loss_scale < 3e38


def test_other_batches_and_losses():
    """Dicts, single arrays, and a loss function that is no model."""
    model = ann.Link(w=(2,))
    model.w.array[...] = 0
    optimizer = optimizers.SGD(0.5).setup(model)
    updater = ParallelUpdater(iterators.SerialIterator(X, 2, shuffle=False), optimizer,
                              devices={'main': 'cpu', 'b': 'cpu'}, loss_func=lambda x: F.sum(model.w * x))
    updater.update()
    np.testing.assert_allclose(model.w.array, -0.5 * X[:2].sum(0))
    updater = ParallelUpdater(iterators.SerialIterator(X, 2, shuffle=False), optimizer,
                              devices={'main': 'cpu', 'b': 'cpu'}, converter=lambda batch, _: {'y': np.stack(batch)},
                              loss_func=lambda y: F.sum(model.w * y))
    updater.update()
    np.testing.assert_allclose(model.w.array, -X[:2].sum(0))


def test_parallel_mistakes():
    optimizer = optimizers.SGD().setup(Net())
    batches = iterators.SerialIterator(DATA, 2)
    with pytest.raises(ValueError, match='ParallelUpdater: give models or devices'):
        ParallelUpdater(batches, optimizer)
    with pytest.raises(KeyError, match="must have an entry 'main', got x, y"):
        ParallelUpdater(batches, optimizer, devices={'x': -1, 'y': -1})


@pytest.mark.parametrize('lazy', [False, True])
@pytest.mark.parametrize('n', [1, 2, 3])
def test_processes_are_one_large_batch(n, lazy):
    model, single = Net(lazy, normalize=False), Net(lazy, normalize=False)
    updater = processes(model, n)
    try:
        for each in updater, standard(single, n):
            ann.random.seed(0)
            for _ in range(len(DATA) // n // 2):
                each.update()
        check_same(values(single), values(model), rtol=1e-4)
    finally:
        updater.finalize()
    assert updater.get_optimizer('main').lr == pytest.approx(0.1 / n)


@pytest.mark.slow
def test_spawned_processes():
    method = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method('spawn', force=True)
    try:
        test_processes_are_one_large_batch(2, False)
    finally:
        multiprocessing.set_start_method(method, force=True)


def test_iterators_that_have_processes():
    updater = processes(Net(), iterator=lambda *args, **options: iterators.MultiprocessIterator(
        *args, n_processes=1, **options))
    updater.update()
    updater.update()
    updater.finalize()
    assert not multiprocessing.active_children()


def test_trainer_is_resumed_with_its_processes(tmp_path):
    """Iterators and random numbers of all processes go on where they were."""
    def make(out):
        ann.random.seed(0)
        model = Noisy()
        trainer = training.Trainer(processes(model, shuffle=True, batch_size=1), (8, 'iteration'), out)
        trainer.extend(training.extensions.snapshot(filename='snapshot_{.updater.iteration}'), trigger=(1, 'iteration'))
        trainer.extend(training.extensions.LogReport(trigger=(1, 'iteration')))
        return trainer, model

    whole, model = make(tmp_path / 'whole')
    whole.run()
    for iteration in 5, 8:
        resumed, other = make(tmp_path / 'resumed')
        serializers.load_npz(tmp_path / 'whole' / f'snapshot_{iteration}', resumed)
        resumed.run()
        check_same(values(model), values(other), rtol=0)
    assert len(whole.get_extension('LogReport').log) == 8
    # After the training, too.
    serializers.save_npz(tmp_path / 'end', whole)
    with np.load(tmp_path / 'end') as end, np.load(tmp_path / 'whole' / 'snapshot_8') as last:
        names = [name for name in last if 'process:1' in name]
        assert any('order' in name for name in names)
        for name in names:
            np.testing.assert_array_equal(end[name], last[name])


def test_a_snapshot_of_one_process_alone():
    """As Chainer writes it."""
    updater = processes(Net())
    serializer = serializers.DictionarySerializer()
    updater.serialize(serializer)
    stored = {key: value for key, value in serializer.target.items() if 'process:' not in key}
    stored['iteration'] = np.array(7)
    serializers.NpzDeserializer(stored).load(updater)
    assert updater.iteration == 7
    updater.update()
    updater.finalize()


@pytest.mark.parametrize('how, error, message', [
    ('raise', ArithmeticError, 'too bad'),
    ('die', RuntimeError, r'MultiprocessParallelUpdater: process \d+ died \(signal SIGKILL'),
])
def test_an_error_in_a_process(tmp_path, how, error, message):
    model = Failing()
    model.how = how
    updater = processes(model)
    trainer = training.Trainer(updater, (4, 'iteration'), tmp_path)
    with pytest.raises(error, match=message):
        trainer.run()
    assert not multiprocessing.active_children()


def test_an_error_in_this_process(tmp_path):
    """The snapshot has the states of the others, whose answers had not been read."""
    updater = processes(Net(), batch_size=1)
    trainer = training.Trainer(updater, (4, 'iteration'), tmp_path)
    converter = updater.converter

    def fail(batch, device):
        if updater.iteration == 2:
            raise ArithmeticError
        return converter(batch, device)

    updater.converter = fail
    with pytest.raises(ArithmeticError):
        trainer.run()
    with np.load(tmp_path / 'snapshot_interrupted') as stored:
        assert stored['updater/process:1/iterator/epoch'] == 1  # after three batches of one example
    assert not multiprocessing.active_children()


def test_processes_end_with_the_program():
    code = (f'import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_parallel_updaters as tests\n'
            'updater = tests.processes(tests.Net()); updater.update(); print("done")')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.returncode) == ('done\n', 0), result.stderr


@pytest.mark.parametrize('optimizer, name, expected', [
    (optimizers.Adam(eps=1e-3), 'eps', 3e-3), (optimizers.AdaGrad(eps=1e-3), 'eps', 3e-3),
    (optimizers.RMSprop(eps=1e-3), 'eps', 3e-3), (optimizers.RMSpropGraves(eps=1e-3), 'eps', 9e-3),
    (optimizers.AdaDelta(eps=1e-3), 'eps', 9e-3), (optimizers.MomentumSGD(0.3), 'lr', 0.1),
    (optimizers.SMORMS3(0.3), 'lr', 0.1),
])
def test_hyperparameters_for_the_sum(optimizer, name, expected):
    """As in Chainer."""
    batches = [iterators.SerialIterator(DATA, 2) for _ in range(3)]
    with pytest.warns(UserWarning, match=f'{name} is {expected:g} now'):
        MultiprocessParallelUpdater(batches, optimizer.setup(Net()), devices=['cpu'] * 3)
    assert getattr(optimizer, name) == pytest.approx(expected)


@pytest.mark.parametrize('devices', [['cpu', '@numpy'], ('native', -1), {'b': 'cpu', 'main': 'cpu'}])
def test_devices(devices):
    updater = processes(Net(), devices=devices)
    updater.update()
    updater.finalize()


def test_mistakes():
    optimizer = optimizers.SGD().setup(Net())
    batches = [iterators.SerialIterator(DATA, 2), iterators.SerialIterator(DATA, 2)]
    for devices in None, [], ['cpu', None], 'cpu':
        with pytest.raises(ValueError, match='MultiprocessParallelUpdater: expected a list or a dict of devices'):
            MultiprocessParallelUpdater(batches, optimizer, devices=devices)
    with pytest.raises(ValueError, match="must have an entry 'main', got a"):
        MultiprocessParallelUpdater(batches, optimizer, devices={'a': 'cpu'})
    with pytest.raises(ValueError, match='for each of the 3 devices, over data of one length; got 2 iterators over 6'):
        MultiprocessParallelUpdater(batches, optimizer, devices=['cpu'] * 3)
    with pytest.raises(ValueError, match='got 2 iterators over 5 and 6 examples'):
        MultiprocessParallelUpdater([batches[0], iterators.SerialIterator(DATA[:5], 2)], optimizer,
                                    devices=['cpu'] * 2)
    with pytest.raises(TypeError, match='expected an optimizer that is a GradientMethod, got Optimizer'):
        MultiprocessParallelUpdater(batches, ann.Optimizer(), devices=['cpu'] * 2)


def test_gpus_need_nccl(monkeypatch):
    from autograd_nn.training.updaters import multiprocess_parallel_updater as module
    monkeypatch.setattr(module, 'get_device', lambda device: type('Device', (), {'name': device, 'xp': None})())
    if not MultiprocessParallelUpdater.available():
        with pytest.raises(RuntimeError, match='GPUs need NCCL'):
            MultiprocessParallelUpdater([iterators.SerialIterator(DATA, 2)] * 2, optimizers.SGD().setup(Net()),
                                        devices=['cuda:0', 'cuda:1'])
