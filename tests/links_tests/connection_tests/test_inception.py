"""Inception modules: their paths written out by hand, their names, and their gradients."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.gradient_check import check_backward


def images(dtype='f'):
    return np.random.uniform(-1, 1, (2, 3, 6, 5)).astype(dtype)


def inception(link, x):
    """Figure 2 (b) of the paper."""
    paths = [link.conv1(x), link.conv3(F.relu(link.proj3(x))), link.conv5(F.relu(link.proj5(x))),
             link.projp(F.max_pooling_2d(x, 3, 1, 1))]
    return np.maximum(np.concatenate([path.array for path in paths], axis=1), 0)


def inception_bn(link, x):
    def layer(name, x):
        return F.relu(link[f'{name}n'](link[name](x)))

    paths = [layer('conv3', layer('proj3', x)), layer('conv33b', layer('conv33a', layer('proj33', x)))]
    if link.stride == 1:
        pooled = layer('poolp', F.average_pooling_2d(x, 3, 1, 1))
        paths.insert(0, layer('conv1', x))
    else:
        pooled = F.max_pooling_2d(x, 3, link.stride, 1, cover_all=False)
    return np.concatenate([path.array for path in [*paths, pooled]], axis=1)


MODULES = {
    'Inception': (lambda n: L.Inception(n, 4, 2, 3, 5, 6, 7, bias_init=0.1), inception, (2, 20, 6, 5)),
    'InceptionBN': (lambda n: L.InceptionBN(n, 4, 2, 3, 5, 6, 'avg', 7), inception_bn, (2, 20, 6, 5)),
    'InceptionBN, stride': (lambda n: L.InceptionBN(n, 0, 2, 3, 5, 6, 'max', None, 2), inception_bn, (2, 12, 3, 3)),
}


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('n_in', [3, None])
@pytest.mark.parametrize('name', MODULES)
def test_values(name, n_in, train):
    create, reference, shape = MODULES[name]
    link, x = create(n_in), images()
    with ann.using_config('train', train):
        y = link(x)
        assert y.shape == shape
        np.testing.assert_allclose(y.array, reference(link, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', MODULES)
def test_gradients(name):
    with ann.using_config('dtype', np.dtype('d')):
        link, x = MODULES[name][0](3), images('d')
    check_backward(link, x, np.random.uniform(-1, 1, link(x).shape), params=tuple(link.params()), eps=1e-5, rtol=1e-3,
                   atol=1e-4)


def test_names_of_chainer():
    names = {child.name for child in MODULES['Inception'][0](3).children()}
    assert names == {'conv1', 'proj3', 'conv3', 'proj5', 'conv5', 'projp'}
    convolutions = {'conv1', 'proj3', 'conv3', 'proj33', 'conv33a', 'conv33b', 'poolp'}
    names = {child.name for child in MODULES['InceptionBN'][0](3).children()}
    assert names == convolutions | {f'{name}n' for name in convolutions}
    names = {child.name for child in MODULES['InceptionBN, stride'][0](3).children()}
    assert not names & {'conv1', 'conv1n', 'poolp', 'poolpn'}
