"""A training that is resumed from a snapshot equals one that has never stopped, bit for bit."""
import json

import numpy as np
import pytest

from autograd_nn import training
from autograd_nn.serializers import DictionarySerializer, load_npz, save_npz
from support import toy


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(training.extensions.PlotReport, '_draw', lambda self, path: None)


def resumed_from(path, out, **args):
    """A trainer like the one that saved the file, which saves nothing itself."""
    trainer = toy.make_trainer(out, **args)
    trainer.extend(training.extensions.snapshot(condition=lambda: False), trigger=(1, 'iteration'))
    load_npz(path, trainer)
    return trainer


def state_of(trainer):
    """Everything that a snapshot holds but the time."""
    serializer = DictionarySerializer()
    serializer.save(trainer)
    state = serializer.target
    del state['_snapshot_elapsed_time']
    for key in [key for key in state if key.endswith('/_log')]:
        log = json.loads(str(state.pop(key)))
        state[key] = [{name: value for name, value in entry.items() if name != 'elapsed_time'} for entry in log]
    return state


def check_same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key], key)


def run_with_snapshots(tmp_path, **args):
    trainer = toy.make_trainer(tmp_path / 'whole', **args)
    trainer.extend(training.extensions.snapshot(), trigger=(1, 'iteration'))
    trainer.run()
    return trainer


@pytest.mark.parametrize('optimizer', ['Adam', 'MomentumSGD'])
def test_resume_at_every_iteration(tmp_path, optimizer):
    whole = run_with_snapshots(tmp_path, optimizer=optimizer)
    assert whole.updater.iteration == 14 and len(whole.fired) > 30
    for iteration in range(1, 15):
        resumed = resumed_from(tmp_path / 'whole' / f'snapshot_iter_{iteration}', tmp_path / 'resumed',
                               optimizer=optimizer, seed=iteration)
        assert resumed.updater.iteration == iteration
        resumed.run()
        check_same(state_of(whole), state_of(resumed))
        # An extension that comes after the one which takes the snapshot is called after the resumption.
        assert resumed.fired == [(i, name) for i, name in whole.fired
                                 if i > iteration or (i == iteration and name.startswith('late '))]


def test_resume_a_resumed_training(tmp_path):
    whole = run_with_snapshots(tmp_path)
    path = tmp_path / 'whole' / 'snapshot_iter_3'
    for stop in (5, 'iteration'), (9, 'iteration'), (4, 'epoch'):
        trainer = toy.make_trainer(tmp_path / 'part', stop=stop, seed=stop[0])
        trainer.extend(training.extensions.snapshot(), trigger=(1, 'iteration'))
        load_npz(path, trainer)
        trainer.run()
        path = tmp_path / 'part' / f'snapshot_iter_{trainer.updater.iteration}'
    whole_state, state = state_of(whole), state_of(trainer)
    check_same(whole_state, state)


def test_resume_early_stopping(tmp_path):
    """The stop trigger sees what was reported in the iteration of the snapshot."""
    def stop():
        return training.triggers.EarlyStoppingTrigger((1, 'epoch'), 'validation/main/accuracy', patience=2,
                                                      max_trigger=(50, 'epoch'))
    whole = run_with_snapshots(tmp_path, stop=stop())
    n_iterations = whole.updater.iteration
    assert 7 < n_iterations < 150
    for iteration in range(1, n_iterations + 1):
        resumed = resumed_from(tmp_path / 'whole' / f'snapshot_iter_{iteration}', tmp_path / 'resumed', stop=stop(),
                               seed=iteration)
        resumed.run()
        assert resumed.updater.iteration == n_iterations
        check_same(state_of(whole), state_of(resumed))


def test_resume_after_the_end(tmp_path):
    trainer = toy.make_trainer(tmp_path, extensions=False)
    trainer.run()
    save_npz(tmp_path / 'end', trainer)
    for stop, iterations in ((4, 'epoch'), 14), ((3, 'epoch'), 14), ((10, 'iteration'), 14), ((6, 'epoch'), 21):
        resumed = toy.make_trainer(tmp_path, stop=stop, extensions=False)
        load_npz(tmp_path / 'end', resumed)
        resumed.run()
        assert resumed.updater.iteration == iterations


def test_elapsed_time_goes_on(tmp_path):
    trainer = toy.make_trainer(tmp_path, extensions=False)
    trainer._elapsed_before = 1000.
    trainer.run()
    assert 1000 < trainer.elapsed_time < 1060
    save_npz(tmp_path / 'end', trainer)
    assert trainer.elapsed_time < 1060
    resumed = toy.make_trainer(tmp_path, stop=(6, 'epoch'), extensions=False)
    with pytest.raises(RuntimeError, match='not been started'):
        resumed.elapsed_time  # noqa: B018
    load_npz(tmp_path / 'end', resumed)
    resumed.run()
    assert 1000 < resumed.elapsed_time < 1060


def test_a_new_extension_needs_a_load_that_is_not_strict(tmp_path):
    run_with_snapshots(tmp_path, extensions=False)
    path = tmp_path / 'whole' / 'snapshot_iter_3'
    trainer = toy.make_trainer(tmp_path, extensions=False)
    trainer.extend(training.extensions.LogReport())
    with pytest.raises(KeyError, match='LogReport'):
        load_npz(path, trainer)
    load_npz(path, trainer, strict=False)
    trainer.run()
    assert [entry['iteration'] for entry in trainer.get_extension('LogReport').log] == [4, 7, 11, 14]


def test_autoload(tmp_path):
    whole = run_with_snapshots(tmp_path)
    for n in range(9, 15):
        (tmp_path / 'whole' / f'snapshot_iter_{n}').unlink()
    resumed = toy.make_trainer(tmp_path / 'whole', seed=5)
    resumed.extend(training.extensions.snapshot(autoload=True), trigger=(1, 'iteration'))
    resumed.run()
    assert resumed.fired[-1] == whole.fired[-1] and resumed.fired[0][0] >= 8
    check_same(state_of(whole), state_of(resumed))


def test_snapshot_is_plain(tmp_path):
    run_with_snapshots(tmp_path)
    with np.load(tmp_path / 'whole' / 'snapshot_iter_5', allow_pickle=False) as npz:
        assert all(npz[key].dtype != object for key in npz)
        assert {'updater/model:main/l1/W', 'updater/optimizer:main/l1/W/m', 'updater/iterator:main/order',
                'updater/iteration', 'random_state/numpy_key', 'extensions/LogReport/_log'} <= set(npz)
