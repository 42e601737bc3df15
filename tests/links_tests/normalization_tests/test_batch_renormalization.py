"""Batch renormalization as a layer: what it has in common with batch normalization, and what differs."""
import io

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers


def make(**arguments):
    link = L.BatchRenormalization(3, **{'rmax': 2, 'dmax': 1, 'dtype': 'd', **arguments})
    link.avg_mean[...], link.avg_var[...] = [0.5, -0.3, 0.1], [1.5, 0.7, 1]
    for param in link.params():
        param.array[...] = np.random.rand(3) + 0.5
    return link, np.random.randn(5, 3, 4)


@pytest.mark.parametrize('arguments', [{}, {'use_gamma': False, 'use_beta': False}, {'decay': 0.5, 'eps': 0.1}])
def test_training(arguments):
    link, x = make(**arguments)
    gamma = np.ones(3) if link.gamma is None else link.gamma.array
    beta = np.zeros(3) if link.beta is None else link.beta.array
    mean, var = link.avg_mean.copy(), link.avg_var.copy()
    expected = F.batch_renormalization(x, gamma, beta, 2, 1, link.eps, mean, var, link.decay, update_statistics=True)
    y = link(x)
    np.testing.assert_array_equal(y.array, expected.array)
    np.testing.assert_array_equal([link.avg_mean, link.avg_var], [mean, var])
    assert (mean != [0.5, -0.3, 0.1]).all()


@pytest.mark.parametrize('frozen', [True, False])
def test_inference(frozen):
    link, x = make()
    averages = link.avg_mean.copy(), link.avg_var.copy()
    if frozen:
        link.freeze()
    with ann.using_config('train', frozen):
        y = link(x)
    np.testing.assert_allclose(y.array, F.fixed_batch_normalization(x, link.gamma, link.beta, *averages).array)
    np.testing.assert_array_equal([link.avg_mean, link.avg_var], averages)


def test_without_limits_training_is_inference():
    link, x = make(rmax=1e9, dmax=1e9)
    with ann.using_config('train', False):
        expected = link(x).array
    np.testing.assert_allclose(link(x).array, expected, atol=1e-9)


def test_limits_may_grow():
    link, x = make(rmax=1, dmax=0)
    with ann.using_config('in_recomputing', True):
        np.testing.assert_allclose(link(x).array, F.batch_normalization(x, link.gamma, link.beta).array, atol=1e-12)
        link.rmax, link.dmax = 3, 5
        assert abs(link(x).array - F.batch_normalization(x, link.gamma, link.beta).array).max() > 0.1


def test_finetuning():
    link, x = make()
    link.start_finetuning()
    link(x, True)
    link(x + 3, finetune=True)
    assert link.N == 2
    np.testing.assert_allclose(link.avg_mean, x.mean((0, 2)) + 1.5)
    np.testing.assert_allclose(link.avg_var, x.var((0, 2), ddof=1))


def test_computed_a_second_time():
    results = []
    for forget in False, True:
        np.random.seed(0)
        link, x = make()

        def call(x, link=link):
            return link(link(x, finetune=True) * 2)

        v = ann.Variable(x)
        F.sum((F.forget(call, v) if forget else call(v)) ** 3).backward()
        results.append([v.grad, link.gamma.grad, link.beta.grad, link.avg_mean, link.avg_var, link.N])
    for expected, actual in zip(*results):
        np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_size_that_the_first_call_settles_and_initial_values():
    link = L.BatchRenormalization(None, 2, 1, initial_gamma=2, initial_beta=3, initial_avg_mean=4, initial_avg_var=5)
    with ann.using_config('train', False):
        link(np.zeros((2, 3, 4), 'f'))
    for actual, expected in (link.gamma.array, 2), (link.beta.array, 3), (link.avg_mean, 4), (link.avg_var, 5):
        np.testing.assert_array_equal(actual, np.full(3, expected))
    assert repr(link).startswith('BatchRenormalization(size=3, rmax=2, dmax=1, decay=0.9, eps=2e-05')


def test_file_is_that_of_batch_normalization():
    link, x = make()
    link(x)
    file = io.BytesIO()
    serializers.save_npz(file, link)
    file.seek(0)
    other = L.BatchNormalization(3, dtype='d')
    serializers.load_npz(file, other)
    with ann.using_config('train', False):
        np.testing.assert_array_equal(other(x).array, link(x).array)


@pytest.mark.parametrize('train', [True, False])
def test_in_a_row_of_layers(train):
    """A convolution takes it over at inference, and it takes over what follows it."""
    link = L.BatchRenormalization(8, 2, 1)
    link.avg_mean[...], link.avg_var[...] = 0.2, 0.5
    model = ann.Sequential(L.Convolution2D(4, 8, 3), link, F.relu)
    x = np.random.randn(2, 4, 6, 6).astype('f')
    with ann.using_config('train', train), ann.using_config('enable_backprop', train), \
            ann.using_config('in_recomputing', True):
        expected = F.relu(link(model[0](x))).array
        y = model(x)
    np.testing.assert_allclose(y.array, expected, atol=1e-5)
    if train:
        assert y.creator.label == 'BatchNormalization'


@pytest.mark.gpu
def test_on_a_gpu():
    x, results = np.random.randn(6, 4, 3).astype('f'), []
    for device in 'cpu', 'cuda:0':
        link = L.BatchRenormalization(4, 2, 1).to_device(device)
        arrays = []
        for train in True, True, False:
            v = ann.Variable(link.device.send(x))
            with ann.using_config('train', train):
                y = link(v)
            F.sum(y ** 3).backward()
            arrays += [y.array, v.grad]
        results.append([ann.cuda.to_cpu(array) for array in (*arrays, *(array for _, array in link.namedpersistents()))
                        if hasattr(array, 'shape')])
    assert len(results[0]) == 8
    for expected, actual in zip(*results):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)
