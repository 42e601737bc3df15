"""Pruning by magnitude: which weights go, when, and that they stay away."""
import copy

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import iterators, optimizers, training
from autograd_nn.serializers import load_npz
from autograd_nn.training.extensions import MagnitudePruning
from support import toy


def net(seed=0):
    ann.random.seed(seed)
    return ann.Sequential(L.Linear(None, 20), F.relu, L.BatchNormalization(20), L.Linear(20, 10), F.relu,
                          L.Linear(10, 3))


def make(out, sparsity, updates, every=1, per_layer=False, stop=14, optimizer=None, seed=0):
    model = L.Classifier(net(seed))
    optimizer = (optimizer or optimizers.MomentumSGD(0.1)).setup(model)
    updater = training.StandardUpdater(iterators.SerialIterator(toy.dataset(14, 1), 4), optimizer)
    trainer = training.Trainer(updater, (stop, 'iteration'), out)
    pruning = MagnitudePruning(model.predictor, sparsity, updates, every, per_layer)
    trainer.extend(pruning)
    return trainer, model.predictor, pruning


def matrices(network):
    return {path: param.array for path, param in network.namedparams() if param.ndim == 2}


def zeros(network):
    return sum(int((array == 0).sum()) for array in matrices(network).values())


@pytest.mark.parametrize('per_layer', [False, True])
def test_the_least_go(per_layer):
    network = net()
    network(np.ones((2, 4), 'f'))
    before = {path: array.copy() for path, array in matrices(network).items()}
    pruning = MagnitudePruning(network, 0.6, 10, per_layer=per_layer)
    pruning.prune(0.6)
    after = matrices(network)
    everything = sorted(abs(x) for array in before.values() for x in array.ravel().tolist())
    for path, array in before.items():
        own = sorted(abs(array).ravel().tolist())
        limit = own[round(0.6 * len(own))] if per_layer else everything[round(0.6 * len(everything))]
        np.testing.assert_array_equal(after[path], np.where(abs(array) < limit, 0, array))
        if per_layer:
            assert pruning.zeros()[path] == (round(0.6 * array.size), array.size)
        assert not np.signbit(after[path][after[path] == 0]).any(), 'there is one kind of zero'
    assert zeros(network) == pytest.approx(0.6 * len(everything), abs=2)
    assert pruning.zeros().keys() == before.keys(), 'biases and normalization are not pruned'
    assert all(param.array.any() for path, param in network.namedparams() if path.endswith('gamma'))


def test_what_is_gone_stays_gone_and_equal_weights_are_told_apart():
    """Weights that are zero by chance do not take the place of those that were pruned; of equal ones as many go as
    should."""
    layer = L.Linear(4, 3, initialW=np.array([[0, 0, 0, 1], [2, 2, 2, 2], [2, 2, 2, 2.]], 'f'))
    pruning = MagnitudePruning(layer, 0.5, 10)
    for sparsity, count in (1 / 12, 1), (0.25, 3), (0.1, 3), (0.5, 6):
        gone = layer.W.array == 0
        before = pruning.zeros().get('/W', (0, 0))[0]
        pruning.prune(sparsity)
        assert pruning.zeros()['/W'] == (count, 12) and before <= count
        assert not (gone & (layer.W.array != 0)).any()
    assert (layer.W.array == 0).sum() == 6


def test_schedule_of_zhu_and_gupta():
    pruning = MagnitudePruning(L.Linear(2, 2), 0.8, 20)
    for t in range(30):
        expected = 0.8 + (0 - 0.8) * (1 - min(t, 20) / 20) ** 3  # equation 1, with s_i = 0
        assert pruning.sparsity_after(t) == pytest.approx(expected)


@pytest.mark.parametrize('optimizer', [optimizers.MomentumSGD(0.1), optimizers.Adam(0.05)])
def test_zeros_are_kept_through_updates(optimizer, tmp_path):
    """While the optimizer remembers gradients of before; steps come every three updates, and one at the end."""
    trainer, network, pruning = make(tmp_path, 0.7, 10, every=3, optimizer=optimizer)
    counts = []
    trainer.extend(lambda trainer: counts.append(zeros(network)), name='count', trigger=(1, 'iteration'))
    trainer.run()
    size = sum(array.size for array in matrices(network).values())
    expected = [round(size * 0.7 * (1 - (1 - t / 10) ** 3)) for t in (0, 0, 3, 3, 3, 6, 6, 6, 9, *5 * [10])]
    assert counts == expected
    assert sum(count for count, _ in pruning.zeros().values()) == round(0.7 * size)
    assert all(param.grad is not None for param in network.params())


@pytest.mark.parametrize('at', [1, 3, 7, 12])
def test_a_resumed_training_prunes_the_same_to_the_last_bit(at, tmp_path):
    trainer, network, pruning = make(tmp_path, 0.75, 10, every=3)
    trainer.extend(training.extensions.snapshot(filename='snapshot_{.updater.iteration}'), trigger=(1, 'iteration'))
    trainer.run()
    other, resumed, its = make(tmp_path, 0.75, 10, every=3, seed=1)
    other.extend(training.extensions.snapshot(condition=lambda: False), trigger=(1, 'iteration'))
    load_npz(tmp_path / f'snapshot_{at}', other)
    masks = copy.deepcopy(its._masks)
    other.run()
    for (path, a), (_, b) in zip(sorted(network.namedparams()), sorted(resumed.namedparams()), strict=True):
        np.testing.assert_array_equal(a.array, b.array, path)
    assert its.zeros() == pruning.zeros()
    for path, mask in masks.items():
        assert not (~mask & its._masks[path]).any()


def test_a_snapshot_has_the_masks(tmp_path):
    """A weight that is zero by chance, and not pruned, goes on to be trained after a resumption."""
    trainer, network, _ = make(tmp_path, 0.5, 2, stop=4)
    trainer.extend(training.extensions.snapshot(filename='snapshot'), trigger=(4, 'iteration'))
    trainer.run()
    with np.load(tmp_path / 'snapshot', allow_pickle=False) as snapshot:
        masks = {name: snapshot[name] for name in snapshot.files if name.startswith('extensions/MagnitudePruning/')}
    arrays = matrices(network)
    assert len(masks) == len(arrays) == 3
    for path, array in arrays.items():
        mask = masks[f'extensions/MagnitudePruning{path}']
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, array != 0)


def test_apply_sets_zeros_again(tmp_path):
    trainer, network, pruning = make(tmp_path, 0.5, 2, stop=4)
    trainer.run()
    before = {path: array.copy() for path, array in matrices(network).items()}
    for array in matrices(network).values():
        array += array == 0
    pruning.apply()
    for path, array in matrices(network).items():
        np.testing.assert_array_equal(array, before[path])


def test_frozen_weights_are_not_pruned(tmp_path):
    trainer, network, pruning = make(tmp_path, 0.5, 2, stop=4)
    network[3].disable_update()
    network[5].freeze()
    before = network[5].W.array.copy()
    trainer.run()
    np.testing.assert_array_equal(network[5].W.array, before)
    assert '/5/W' not in pruning.zeros() and '/0/W' in pruning.zeros()


@pytest.mark.parametrize('options', [{'sparsity': 1}, {'sparsity': -0.1}, {'updates': 0}, {'every': 0}])
def test_impossible_values(options):
    with pytest.raises(ValueError, match=r'^MagnitudePruning: expected '):
        MagnitudePruning(L.Linear(2, 2), **{'sparsity': 0.5, 'updates': 3, **options})
