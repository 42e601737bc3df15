"""Averages of weights over the last part of a training, and the statistics that belong to them."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import iterators, optimizers, training
from autograd_nn.serializers import load_npz, save_npz
from autograd_nn.training.extensions import WeightAveraging
from autograd_nn.training.statistics import recompute_statistics
from support import toy


class Net(ann.Chain):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, 6)
            self.bn1 = L.BatchNormalization(6)
            self.l2 = L.Linear(6, 3)
            self.bn2 = L.DecorrelatedBatchNormalization(3, groups=1)

    def forward(self, x, t):
        return F.softmax_cross_entropy(self.bn2(self.l2(F.relu(self.bn1(self.l1(x))))), t)


def make(out, start, updates, seed=0):
    ann.random.seed(seed)
    model = Net()
    optimizer = optimizers.Adam(0.05).setup(model)
    updater = training.StandardUpdater(iterators.SerialIterator(toy.dataset(14, 1), 4), optimizer)
    trainer = training.Trainer(updater, (updates, 'iteration'), out)
    averaging = WeightAveraging(model, start)
    trainer.extend(averaging, trigger=(1, 'iteration'))
    return trainer, model, averaging


def weights_of(model):
    return {path: param.array.astype('d') for path, param in model.namedparams()}


def test_average_is_the_mean_of_what_there_was(tmp_path):
    trainer, model, averaging = make(tmp_path, 5, 12)
    seen = []
    trainer.extend(lambda trainer: seen.append(weights_of(model)), name='see', trigger=(1, 'iteration'))
    trainer.run()
    last = weights_of(model)
    assert averaging.count == 7 and len(seen) == 12
    for path, array in seen[-1].items():
        np.testing.assert_array_equal(last[path], array, 'the network trains on as it would')
    averaging.apply()
    for path, array in weights_of(model).items():
        np.testing.assert_allclose(array, np.mean([each[path] for each in seen[5:]], axis=0), rtol=1e-5, atol=1e-6)
        assert not np.array_equal(array, last[path])


@pytest.mark.parametrize('at', [3, 5, 6, 9])
def test_a_resumed_training_has_the_same_averages_to_the_last_bit(at, tmp_path):
    """Before the first that counts, at it, and after."""
    trainer, model, averaging = make(tmp_path, 5, 12)
    trainer.extend(training.extensions.snapshot(filename='snapshot_{.updater.iteration}'), trigger=(1, 'iteration'))
    trainer.run()
    averaging.apply()
    other, resumed, its = make(tmp_path, 5, 12, seed=1)
    # The extension that took the snapshot is part of it.
    other.extend(training.extensions.snapshot(condition=lambda: False), trigger=(1, 'iteration'))
    load_npz(tmp_path / f'snapshot_{at}', other)
    assert its.count == max(0, at - 5)
    other.run()
    its.apply()
    for (path, a), (_, b) in zip(sorted(model.namedparams()), sorted(resumed.namedparams()), strict=True):
        np.testing.assert_array_equal(a.array, b.array, path)


def test_where_it_counts_later_than_before_it_begins_anew(tmp_path):
    trainer, _, averaging = make(tmp_path, 2, 6)
    trainer.run()
    assert averaging.count == 4
    save_npz(tmp_path / 'state', trainer)
    longer, model, its = make(tmp_path, 7, 9)
    load_npz(tmp_path / 'state', longer)
    seen = []
    longer.extend(lambda trainer: seen.append(weights_of(model)), name='see', trigger=(1, 'iteration'))
    longer.run()
    its.apply()
    assert its.count == 2
    for path, array in weights_of(model).items():
        np.testing.assert_allclose(array, np.mean([each[path] for each in seen[-2:]], axis=0), rtol=1e-5, atol=1e-6)


def test_without_any_the_network_stays(tmp_path):
    trainer, model, averaging = make(tmp_path, 50, 3)
    trainer.run()
    before = weights_of(model)
    averaging.apply()
    assert averaging.count == 0
    for path, array in weights_of(model).items():
        np.testing.assert_array_equal(array, before[path])


def test_averages_of_half_precision_are_precise(tmp_path):
    model = ann.Link()
    with model.init_scope():
        model.W = ann.Parameter(np.ones(1, np.float16))
    averaging = WeightAveraging(model)
    values = [1, 1.001, 1.002, 1.003, 1.0039]
    for i, value in enumerate(values):
        model.W.array[...] = value
        averaging(type('', (), {'updater': type('', (), {'iteration': i + 1})}))
    averaging.apply()
    assert model.W.array == np.mean(np.array(values, np.float16).astype('d')).astype(np.float16)


def test_statistics_are_means_over_the_batches():
    """By NumPy for the first layer; for the second, whose input has other statistics then, in inference."""
    ann.random.seed(3)
    model = Net()
    batches = [(np.random.randn(8, 4).astype('f') * 3 + 1, np.arange(8, dtype=np.int32) % 3) for _ in range(5)]
    model(*batches[0])
    model.bn1.avg_mean[...], model.bn1.avg_var[...] = 100, 50
    gamma, N = model.bn1.gamma.array.copy(), model.bn1.N
    assert recompute_statistics(model, batches) == 2
    inputs = [x.astype('d') @ model.l1.W.array.T + model.l1.b.array for x, _ in batches]
    np.testing.assert_allclose(model.bn1.avg_mean, np.mean([h.mean(axis=0) for h in inputs], axis=0), rtol=1e-4)
    np.testing.assert_allclose(model.bn1.avg_var, np.mean([h.var(axis=0, ddof=1) for h in inputs], axis=0), rtol=1e-4)
    seconds = []
    for h in inputs:
        h = np.maximum((h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + model.bn1.eps), 0)
        seconds.append((h @ model.l2.W.array.T + model.l2.b.array).mean(axis=0))
    np.testing.assert_allclose(model.bn2.avg_mean.ravel(), np.mean(seconds, axis=0), rtol=1e-3, atol=1e-4)
    assert (model.bn1.decay, model.bn1.N) == (0.9, N) and np.array_equal(model.bn1.gamma.array, gamma)
    assert all(param.grad_var is None for param in model.params())


def test_statistics_of_layers_that_are_frozen_stay():
    model = Net()
    batch = np.ones((4, 4), 'f') * np.arange(4, dtype='f')[:, None], np.zeros(4, np.int32)
    model(*batch)
    model.bn1.freeze()
    before = model.bn1.avg_mean.copy()
    recompute_statistics(model, [batch])
    np.testing.assert_array_equal(model.bn1.avg_mean, before)


def test_without_normalization_no_batch_is_looked_at():
    assert recompute_statistics(L.Linear(3, 2), (1 / 0 for _ in range(3))) == 0


def test_an_error_leaves_the_decay():
    model = Net()
    with pytest.raises(ValueError, match='x'):
        recompute_statistics(model, [(np.ones((4, 4), 'f'), np.zeros(4, np.int32)), (np.ones((4, 5), 'f'), None)])
    assert model.bn1.decay == 0.9
