"""Batch normalization as a layer: statistics in training and at inference, running averages, fine-tuning."""
import io

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.gradient_check import check_backward


def reference(x, axis, gamma, beta, mean=None, var=None, eps=2e-5):
    mean = x.mean(axis, keepdims=True) if mean is None else np.expand_dims(mean, axis)
    var = x.var(axis, keepdims=True) if var is None else np.expand_dims(var, axis)
    return (x - mean) / np.sqrt(var + eps) * np.expand_dims(gamma, axis) + np.expand_dims(beta, axis)


CASES = [
    # size, axis, shape of x, the axes of the batch
    (3, None, (5, 3), (0,)),
    (3, None, (5, 3, 4, 2), (0, 2, 3)),
    ((3, 4), None, (5, 3, 4), (0,)),
    (4, (0, 1), (5, 3, 4), (0, 1)),
    (None, (0, 1), (5, 3, 4), (0, 1)),
    (None, (0, -1), (5, 3, 4), (0, 2)),
    (None, 0, (5, 3, 4), (0,)),
    (None, None, (5, 3, 4), (0, 2)),
    (None, None, (5, 3), (0,)),
]


def make(size=3, **arguments):
    link = L.BatchNormalization(size, dtype='d', **arguments)
    x = np.random.randn(5, 3) * 2 + 1
    return link, x


@pytest.mark.parametrize('size, axis, shape, batch', CASES)
@pytest.mark.parametrize('dtype, tolerance', [('d', 1e-9), ('f', 1e-4)])
def test_values_and_averages(size, axis, shape, batch, dtype, tolerance):
    link = L.BatchNormalization(size, axis=axis, dtype=dtype)
    x = (np.random.randn(*shape) * 2 + 1).astype(dtype)
    with ann.using_config('train', False):
        link(x)
    features = tuple(n for i, n in enumerate(shape) if i not in batch)
    assert link.gamma.shape == link.beta.shape == link.avg_mean.shape == link.avg_var.shape == features
    assert {a.dtype for a in (link.gamma, link.beta, link.avg_mean, link.avg_var)} == {np.dtype(dtype)}
    np.testing.assert_array_equal([link.avg_mean, link.avg_var], [np.zeros(features), np.ones(features)])
    link.gamma.array[...] = np.random.rand(*features)
    link.beta.array[...] = np.random.rand(*features)
    y = link(x)
    assert y.dtype == np.dtype(dtype)
    np.testing.assert_allclose(y.array, reference(x, batch, link.gamma.array, link.beta.array), atol=tolerance)
    np.testing.assert_allclose(link.avg_mean, 0.1 * x.mean(batch), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(link.avg_var, 0.9 + 0.1 * x.var(batch, ddof=1), rtol=tolerance)
    averages = link.avg_mean.copy(), link.avg_var.copy()
    with ann.using_config('train', False):
        y = link(x)
    np.testing.assert_allclose(y.array, reference(x, batch, link.gamma.array, link.beta.array, *averages),
                               atol=tolerance)
    np.testing.assert_array_equal([link.avg_mean, link.avg_var], averages)


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('size, axis, shape, batch', CASES[:4])
def test_gradients(size, axis, shape, batch, train):
    link = L.BatchNormalization(size, axis=axis, dtype='d')
    for param in link.params():
        param.array[...] = np.random.rand(*param.shape)
    with ann.using_config('train', train):
        check_backward(link, np.random.randn(*shape), np.random.randn(*shape), tuple(link.params()), eps=1e-4)


def test_without_gamma_and_beta():
    link, x = make(use_gamma=False, use_beta=False)
    assert list(link.params()) == [] and link.gamma is None and link.beta is None
    np.testing.assert_allclose(link(x).array, reference(x, 0, np.ones(3), np.zeros(3)), atol=1e-9)
    lazy = L.BatchNormalization(use_gamma=False, use_beta=False)
    assert lazy(x.astype('f')).shape == (5, 3) and lazy.avg_mean.shape == (3,)


def test_initial_values():
    link, _ = make(initial_gamma=2, initial_beta=3, initial_avg_mean=4, initial_avg_var=np.arange(3.0))
    for actual, expected in (link.gamma.array, 2), (link.beta.array, 3), (link.avg_mean, 4), (link.avg_var, [0, 1, 2]):
        np.testing.assert_array_equal(actual, np.broadcast_to(expected, 3))


def test_decay_and_eps():
    link, x = make(decay=0.5, eps=1.0)
    np.testing.assert_allclose(link(x).array, reference(x, 0, np.ones(3), np.zeros(3), eps=1.0), atol=1e-9)
    np.testing.assert_allclose(link.avg_mean, 0.5 * x.mean(0))


def test_finetuning_averages_all_batches_equally():
    link, x = make()
    link(x)
    batches = [x, x + 3, x * 2]
    link.start_finetuning()
    for batch in batches:
        link(batch, finetune=True)
    assert link.N == 3
    np.testing.assert_allclose(link.avg_mean, np.mean([b.mean(0) for b in batches], 0))
    np.testing.assert_allclose(link.avg_var, np.mean([b.var(0, ddof=1) for b in batches], 0))


def test_saving():
    link, x = make()
    link(x)
    link(x, finetune=True)
    file = io.BytesIO()
    serializers.save_npz(file, link)
    file.seek(0)
    assert sorted(np.load(file)) == ['N', 'avg_mean', 'avg_var', 'beta', 'gamma']
    for loaded in L.BatchNormalization(3, dtype='d'), L.BatchNormalization(dtype='d'):
        serializers.load_npz(file, loaded)
        assert loaded.N == 1
        with ann.using_config('train', False):
            np.testing.assert_array_equal(loaded(x).array, link(x).array)


def test_uninitialized_layer_is_saved_as_such():
    file = io.BytesIO()
    serializers.save_npz(file, L.BatchNormalization())
    loaded = L.BatchNormalization()
    serializers.load_npz(file, loaded)
    assert loaded.avg_mean is None and loaded.gamma.array is None
    assert loaded(np.random.randn(4, 2).astype('f')).shape == (4, 2)


def test_repeated_layers_have_averages_of_their_own():
    model = L.BatchNormalization(3).repeat(2)
    model(np.random.randn(5, 3).astype('f') + 4)
    assert (model[0].avg_mean > 0.1).all() and abs(model[1].avg_mean).max() < 1e-5


def test_wrong_shape():
    with pytest.raises(ValueError, match=r'gamma of shape \(4,\)'):
        make()[0](np.zeros((2, 4)))


@pytest.mark.parametrize('train', [True, False])
def test_activation(train):
    link, x = make()
    with ann.using_config('train', train):
        np.testing.assert_array_equal(link(x, activation=F.relu).array, np.maximum(link(x).array, 0))
        with pytest.raises(ValueError, match='activation'):
            link(x, activation=F.tanh)
