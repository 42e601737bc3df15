"""Snapshots of Chainer 7 are resumed here, and have the keys and types of those that are written here.

The literals are what a run of the same program with Chainer 7.8.1 wrote and computed.
"""
import io
import warnings

import numpy as np
import pytest

import autograd_nn as chainer
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizers, serializers, training
from autograd_nn.training import extensions, triggers


class Regression(chainer.Chain):

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.l = L.Linear(2, 1, initialW=np.array([[0.5, -1]]))

    def forward(self, x, t):
        loss = F.mean_squared_error(self.l(x), t)
        chainer.report({'loss': loss, 'sum': int(t.sum()), 'count': len(t)}, self)
        return loss


def make_trainer(out, optimizer, iterator='SerialIterator', shuffle=False, n_iterations=6):
    model = Regression()
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(0.01))
    optimizer.add_hook(chainer.optimizer_hooks.GradientClipping(0.5))
    x = np.array([[0, 1], [1, 1], [2, 0], [1, 3], [4, 2]], 'f')
    data = chainer.datasets.TupleDataset(x, x.sum(1, keepdims=True))
    options = {'n_processes': 1} if iterator == 'MultiprocessIterator' else {}
    batches = getattr(chainer.iterators, iterator)(data, 2, shuffle=shuffle, **options)
    validation = chainer.iterators.SerialIterator(data, 5, repeat=False, shuffle=False)
    updater = training.updaters.StandardUpdater(batches, optimizer)
    trainer = training.Trainer(updater, (n_iterations, 'iteration'), out)
    nowhere = io.StringIO()
    rate = 'alpha' if isinstance(optimizer, chainer.optimizers.Adam) else 'lr'
    trainer.extend(extensions.Evaluator(validation, model))
    trainer.extend(extensions.LogReport(['main/loss', 'validation/main/loss', 'ratio'], trigger=(2, 'iteration')))
    trainer.extend(extensions.PrintReport(['iteration', 'main/loss'], out=nowhere), trigger=(2, 'iteration'))
    trainer.extend(extensions.PrintReport(['epoch'], extensions.LogReport(['main/loss'], filename='other'), nowhere))
    trainer.extend(extensions.snapshot(filename='snapshot_{.updater.iteration}'), trigger=(1, 'iteration'))
    trainer.extend(extensions.snapshot_object(model, 'best'),
                   trigger=triggers.MinValueTrigger('main/loss', (2, 'iteration')))
    trainer.extend(extensions.ExponentialShift(rate, 0.5), trigger=(3, 'iteration'))
    trainer.extend(extensions.MultistepShift('other_rate', 0.5, [1, 5], 8.), trigger=(2, 'iteration'))
    trainer.extend(extensions.WarmupShift('warm_rate', 1., 4, 5.), trigger=(2, 'iteration'))
    trainer.extend(extensions.observe_lr(), trigger=triggers.OnceTrigger())
    trainer.extend(extensions.observe_value('two', lambda _: 2),
                   trigger=triggers.ManualScheduleTrigger([2, 5], 'iteration'))
    trainer.extend(extensions.MicroAverage('main/sum', 'main/count', 'ratio', (2, 'iteration')))
    trainer.extend(extensions.FailOnNonNumber(), trigger=triggers.TimeTrigger(1000))
    trainer.extend(extensions.DumpGraph('main/loss'))
    trainer.extend(extensions.PlotReport(['main/loss'], trigger=(50, 'iteration')))
    return trainer


# Written in iteration 3 with MomentumSGD(0.1) and a SerialIterator that does not shuffle.
SNAPSHOT = {
    '_snapshot_elapsed_time': 0.018516141000191055,
    'extension_triggers/ExponentialShift/previous_epoch_detail': 1.2,
    'extension_triggers/ExponentialShift/previous_iteration': 3,
    'extension_triggers/FailOnNonNumber/next_time': 1000,
    'extension_triggers/LogReport/previous_epoch_detail': 1.2,
    'extension_triggers/LogReport/previous_iteration': 3,
    'extension_triggers/MicroAverage/previous_epoch_detail': 1.2,
    'extension_triggers/MicroAverage/previous_iteration': 3,
    'extension_triggers/MultistepShift/previous_epoch_detail': 1.2,
    'extension_triggers/MultistepShift/previous_iteration': 3,
    'extension_triggers/PlotReport/previous_epoch_detail': 1.2,
    'extension_triggers/PlotReport/previous_iteration': 3,
    'extension_triggers/PrintReport/previous_epoch_detail': 1.2,
    'extension_triggers/PrintReport/previous_iteration': 3,
    'extension_triggers/PrintReport_1/previous_epoch_detail': 1.2,
    'extension_triggers/PrintReport_1/previous_iteration': 3,
    'extension_triggers/WarmupShift/previous_epoch_detail': 1.2,
    'extension_triggers/WarmupShift/previous_iteration': 3,
    'extension_triggers/_Snapshot/previous_epoch_detail': 1.2,
    'extension_triggers/_Snapshot/previous_iteration': 3,
    'extension_triggers/_Snapshot_1/best_value': 12.859687805175781,
    'extension_triggers/_Snapshot_1/interval_trigger/previous_epoch_detail': 0.8,
    'extension_triggers/_Snapshot_1/interval_trigger/previous_iteration': 2,
    'extension_triggers/_Snapshot_1/summary/_names': '[]',
    'extension_triggers/_observe_value/_flag_first': False,
    'extension_triggers/_observe_value_1/finished': False,
    'extension_triggers/_observe_value_1/previous_epoch_detail': 1.2,
    'extension_triggers/_observe_value_1/previous_iteration': 3,
    'extension_triggers/validation/previous_epoch_detail': 1.2,
    'extension_triggers/validation/previous_iteration': 3,
    'extensions/ExponentialShift/_last_value': 0.05,
    'extensions/ExponentialShift/_t': 1,
    'extensions/LogReport/_log':
        '[{"main/loss": 12.859687805175781, "ratio": 2.25, "epoch": 0, "iteration": 2, '
        '"elapsed_time": 0.010738294000020687}]',
    'extensions/LogReport/_summary/_names': '["main/loss", "validation/main/loss"]',
    'extensions/LogReport/_summary/_summaries/0/_n': 1,
    'extensions/LogReport/_summary/_summaries/0/_x': 16.749380111694336,
    'extensions/LogReport/_summary/_summaries/0/_x2': 280.54173412602177,
    'extensions/LogReport/_summary/_summaries/1/_n': 1,
    'extensions/LogReport/_summary/_summaries/1/_x': 12.793169975280762,
    'extensions/LogReport/_summary/_summaries/1/_x2': 163.66519801642517,
    'extensions/LogReport/_trigger/previous_epoch_detail': 1.2,
    'extensions/LogReport/_trigger/previous_iteration': 3,
    'extensions/MicroAverage/_denominator': 2,
    'extensions/MicroAverage/_numerator': 7,
    'extensions/MultistepShift/_current_step': 1,
    'extensions/MultistepShift/_t': 1,
    'extensions/PlotReport/_plot_plot.png': '{"main/loss": []}',
    'extensions/PrintReport_1/_log_report/_log':
        '[{"main/loss": 14.156251907348633, "epoch": 1, "iteration": 3, '
        '"elapsed_time": 0.017898950000017066}]',
    'extensions/PrintReport_1/_log_report/_summary/_names': '[]',
    'extensions/PrintReport_1/_log_report/_trigger/previous_epoch_detail': 1.2,
    'extensions/PrintReport_1/_log_report/_trigger/previous_iteration': 3,
    'extensions/WarmupShift/_t': 1,
    'extensions/dump_graph/_flag_called': True,
    'extensions/dump_graph/_original_flag': False,
    'stop_trigger/previous_epoch_detail': 0.8,
    'stop_trigger/previous_iteration': 2,
    'updater/iteration': 3,
    'updater/iterator:main/current_position': 1,
    'updater/iterator:main/epoch': 1,
    'updater/iterator:main/is_new_epoch': True,
    'updater/iterator:main/previous_epoch_detail': 0.8,
    'updater/model:main/l/W': np.array([[0.62637323, -0.8041423]], 'f'),
    'updater/model:main/l/b': np.array([0.13437468], 'f'),
    'updater/optimizer:main/epoch': 1,
    'updater/optimizer:main/l/W/t': 3,
    'updater/optimizer:main/l/W/v': np.array([[0.07307367, 0.089903876]], 'f'),
    'updater/optimizer:main/l/b/t': 3,
    'updater/optimizer:main/l/b/v': np.array([0.055341616], 'f'),
    'updater/optimizer:main/t': 3,
}
# In iteration 6, whether resumed from that or not.
RESULT = [0.8917259, -0.5051803, 0.33743963]
LOG = [
    {'main/loss': 12.859687805175781, 'ratio': 2.25, 'epoch': 0, 'iteration': 2},
    {'main/loss': 9.512460231781006, 'validation/main/loss': 12.793169975280762, 'ratio': 2.75, 'epoch': 1,
     'iteration': 4},
    {'main/loss': 12.703073740005493, 'validation/main/loss': 8.226491928100586, 'ratio': 3.25, 'epoch': 2,
     'iteration': 6},
]
# The same with Adam(0.1) and other iterators.
UPDATER = {
    'iteration': 3,
    'iterator:main/current_position': 1,
    'iterator:main/epoch': 1,
    'iterator:main/is_new_epoch': True,
    'iterator:main/previous_epoch_detail': 0.8,
    'model:main/l/W': np.array([[0.7949144, -0.7038365]], 'f'),
    'model:main/l/b': np.array([0.28302386], 'f'),
    'optimizer:main/epoch': 1,
    'optimizer:main/l/W/m': np.array([[-0.072319806, -0.09038988]], 'f'),
    'optimizer:main/l/W/t': 3,
    'optimizer:main/l/W/v': np.array([[0.0002367039, 0.00035870043]], 'f'),
    'optimizer:main/l/b/m': np.array([-0.055236354], 'f'),
    'optimizer:main/l/b/t': 3,
    'optimizer:main/l/b/v': np.array([0.00015384595], 'f'),
    'optimizer:main/t': 3,
}
ORDERS = {'MultithreadIterator': {'_order': None}, 'SerialIterator': {}}
SHUFFLED = {'MultiprocessIterator': 'order', 'MultithreadIterator': '_order', 'SerialIterator': 'order'}


def write(values):
    """A file as Chainer writes it."""
    file = io.BytesIO()
    np.savez_compressed(file, **{key: np.asarray(value) for key, value in values.items()})
    file.seek(0)
    return file


def load(values, target, **options):
    serializers.load_npz(write(values), target, **options)


def parameters(trainer):
    model = trainer.updater.get_optimizer('main').target
    return np.concatenate([model.l.W.array.ravel(), model.l.b.array])


def without(values, *ends):
    return {key: value for key, value in values.items() if not key.endswith(ends)}


def new_trainer(tmp_path, optimizer=None, *args, **options):
    optimizer = optimizer or optimizers.MomentumSGD(0.1)
    optimizer.other_rate = optimizer.warm_rate = 1.
    return make_trainer(tmp_path, optimizer, *args, **options)


@pytest.mark.filterwarnings('ignore:.*the file has no')
def test_a_training_of_chainer_is_resumed(tmp_path):
    trainer = new_trainer(tmp_path)
    load(SNAPSHOT, trainer)
    trainer.run()
    np.testing.assert_allclose(parameters(trainer), RESULT, rtol=1e-6)
    log = trainer.get_extension('LogReport').log
    assert [entry.pop('elapsed_time') > 0 for entry in log] == [True] * 3
    assert [pytest.approx(entry, rel=1e-6) for entry in LOG] == log
    optimizer = trainer.updater.get_optimizer('main')
    # From 0.1, 8 and 1 to 5.
    assert (optimizer.lr, optimizer.other_rate, optimizer.warm_rate) == (0.025, 4., 4.)


def test_what_is_missing_is_named(tmp_path):
    """Chainer saves neither the trigger nor the sums of these two."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        load(SNAPSHOT, new_trainer(tmp_path))
    assert sorted(str(warning.message).split(':')[0] for warning in caught) == ['DictSummary', *['IntervalTrigger'] * 2]


def test_a_snapshot_has_what_chainer_looks_for(tmp_path):
    trainer = new_trainer(tmp_path)
    trainer.run()
    np.testing.assert_allclose(parameters(trainer), RESULT, rtol=1e-6)
    with np.load(tmp_path / 'snapshot_3', allow_pickle=False) as written:
        for key, value in SNAPSHOT.items():
            expected, found = np.asarray(value), written[key]
            assert (found.shape, found.dtype.kind) == (expected.shape, expected.dtype.kind), key
            assert expected.dtype.kind == 'U' or found.dtype == expected.dtype, key
            if expected.dtype.kind == 'f' and 'elapsed' not in key:
                np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=key)
            elif expected.dtype.kind != 'f' and '_log' not in key:
                assert found == expected, key


@pytest.mark.parametrize('iterator', ORDERS)
def test_other_iterators_and_optimizers(tmp_path, iterator):
    trainer = new_trainer(tmp_path, optimizers.Adam(0.1), iterator)
    values = UPDATER | {f'iterator:main/{key}': value for key, value in ORDERS[iterator].items()}
    load(values, trainer.updater)
    written = serializers.DictionarySerializer()
    trainer.updater.serialize(written)
    assert values.keys() <= written.target.keys()
    # As the schedule has it, which is not part of the updater.
    trainer.updater.get_optimizer('main').alpha = 0.05
    for _ in range(3):
        trainer.updater.update()
    np.testing.assert_allclose(parameters(trainer), [0.9397875, -0.55838394, 0.42273924], rtol=1e-6)


@pytest.mark.parametrize('key', ['order', '_order'])
@pytest.mark.parametrize('iterator', SHUFFLED)
def test_an_epoch_goes_on_in_its_order(iterator, key):
    """The order of Chainer's iterators; that of the next epoch is drawn anew there, too."""
    options = {'n_processes': 1} if iterator == 'MultiprocessIterator' else {}
    values = {'current_position': 1, 'epoch': 1, 'is_new_epoch': True, 'previous_epoch_detail': 0.8,
              key: np.array([1, 3, 4, 0, 2])}
    with getattr(chainer.iterators, iterator)(np.arange(5), 2, **options) as batches:
        load(values, batches)
        assert batches.epoch_detail == 1.2
        assert [*batches.next(), *batches.next()] == [3, 4, 0, 2]
        assert sorted([*batches.next(), *batches.next(), batches.next()[0]]) == [0, 1, 2, 3, 4]
        written = serializers.DictionarySerializer()
        batches.serialize(written)
        assert SHUFFLED[iterator] in written.target


@pytest.mark.parametrize('position, epoch, expected', [(1, 1, 0.8), (0, 0, None), (1, 0, 0.), (4, 2, 2.4)])
def test_iterator_without_previous_epoch(position, epoch, expected):
    """As the first versions of Chainer wrote them."""
    batches = chainer.iterators.SerialIterator(np.arange(5), 2, shuffle=False)
    load({'current_position': position, 'epoch': epoch, 'is_new_epoch': False}, batches)
    assert batches.previous_epoch_detail == (None if expected is None else pytest.approx(expected))
    load({'current_position': 1, 'epoch': 0, 'is_new_epoch': False, 'previous_epoch_detail': None}, batches)
    assert batches.previous_epoch_detail is None


@pytest.mark.filterwarnings('ignore')
def test_triggers_without_a_state(tmp_path):
    """They go on as if they had been called in each iteration, the last one included."""
    values = without(SNAPSHOT, 'previous_iteration', 'previous_epoch_detail', '_flag_first', 'finished')
    values['updater/iterator:main/previous_epoch_detail'] = 0.8
    trainer = new_trainer(tmp_path)
    load(values, trainer)
    fired = []
    trainer.extend(lambda trainer: fired.append(sorted(trainer.observation)))
    trainer.run()
    assert ['two' in names for names in fired] == [False, True, False]
    assert ['lr' in names for names in fired] == [False] * 3
    assert ['validation/main/loss' in names for names in fired] == [False, True, False]
    np.testing.assert_allclose(parameters(trainer), RESULT, rtol=1e-6)


def test_a_used_trigger_forgets():
    trigger = triggers.OnceTrigger()
    with pytest.warns(UserWarning, match='OnceTrigger: the file does not say whether'):
        load({'other': 0}, trigger)
    assert trigger.finished
    trigger = triggers.EarlyStoppingTrigger(check_trigger=lambda trainer: True, max_trigger=lambda trainer: False)
    with pytest.warns(UserWarning, match='EarlyStoppingTrigger: the file has no best value'):
        load({'summary/_x': 0.}, trigger)
    assert (trigger.best, trigger.count) == (np.inf, 0)


def test_what_must_be_there(tmp_path):
    for end in 'main/l/W/v', 'LogReport/_log', 'ExponentialShift/_t', 'updater/iteration', '_plot_plot.png':
        with pytest.raises(KeyError, match=end):
            load(without(SNAPSHOT, end), new_trainer(tmp_path))


def test_half_precision_continues_from_the_file(tmp_path):
    """A snapshot of Chainer has no parameter in float32; the one from before loading would not be it."""
    model = chainer.Link()
    with model.init_scope():
        model.p = chainer.Parameter(np.ones(2, np.float16))
    optimizer = optimizers.SGD(1.)
    optimizer.use_fp32_update()
    optimizer.setup(model)
    model.p.grad = np.ones(2, np.float16)
    optimizer.update()
    load({'t': 1, 'epoch': 0, 'p/t': 1}, optimizer)
    load({'p': np.full(2, 5, np.float16)}, model)
    model.p.grad = np.ones(2, np.float16)
    optimizer.update()
    assert model.p.array.tolist() == [4, 4]
