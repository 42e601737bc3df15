"""SimCLR and MoCo: what is compared, what learns, and how the slower network follows."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import models, optimizers, serializers
from support.checking import uniform
from support.overfitting import overfit


def views(n=6, size=28, channels=1):
    return uniform(n, channels, size, size).astype('f'), uniform(n, channels, size, size).astype('f')


@pytest.fixture(params=['simclr', 'moco'])
def network(request):
    network = models.create(request.param, num_classes=4, encoder='lenet_bn', size=16)
    network.lossfun(*views())
    return network


def test_features_are_what_the_classifier_takes(network):
    x, _ = views(3)
    with ann.using_config('train', False):
        features, logits = network.features(x), network.encoder(x)
        np.testing.assert_allclose(logits.array, network.classifier(features).array, rtol=1e-5, atol=1e-6)
    assert features.shape == (3, 256) and network(x).shape == (3, 16)


def test_encoder_and_head_learn_and_the_classifier_does_not(network):
    optimizer = optimizers.Adam(0.01).setup(network)
    before = {path: param.array.copy() for path, param in network.namedparams()}
    x0, x1 = views()
    loss = network.lossfun(x0, x1).array
    for _ in range(8):
        optimizer.update(network.lossfun, x0, x1)
    assert network.lossfun(x0, x1).array < loss
    same = {path for path, param in network.namedparams() if np.array_equal(param.array, before[path])}
    assert {path for path in same if not path.startswith('/key')} == {'/encoder/ip2/W', '/encoder/ip2/b'}


@pytest.mark.slow
@pytest.mark.parametrize('name, options, steps, rate', [
    ('simclr', {}, 40, 0.01), ('moco', {'parts': 1, 'momentum': 0.5, 'queue_size': 16}, 60, 0.003)])
def test_overfits_eight_samples(name, options, steps, rate):
    """Of all mirror images, the nearest to a picture is its own."""
    network, (x0, _) = models.create(name, encoder='lenet_bn', size=16, **options), views(8)
    x1 = np.ascontiguousarray(x0[..., ::-1])
    overfit(network, lambda: network.lossfun(x0, x1), steps, rate)
    with ann.using_config('train', False), ann.no_backprop_mode():
        z0, z1 = F.normalize(network(x0)).array, F.normalize(getattr(network, 'key', network)(x1)).array
    assert (z0 @ z1.T).argmax(axis=1).tolist() == list(range(8))


def test_simclr_compares_both_views_in_one_minibatch():
    network = models.SimCLR(size=8, temperature=0.5)
    x0, x1 = views()
    z = network(np.concatenate([x0, x1])).array
    np.testing.assert_allclose(network.lossfun(x0, x1).array, F.nt_xent(z[:6], z[6:], 0.5).array, rtol=1e-5)


def values(link):
    return {**{path: param.array.copy() for path, param in link.namedparams()},
            **{path: np.copy(value) for path, value in link.namedpersistents() if not path.endswith('/N')}}


def test_the_slower_network_is_a_moving_average():
    network = models.MoCo(size=8, momentum=0.75, queue_size=8)
    optimizer = optimizers.SGD(0.5).setup(network)
    for _ in range(2):
        optimizer.update(network.lossfun, *views())
        slow, own = values(network.key), values(network)
    network._follow(0.75)
    after = values(network.key)
    moved = [path for path in after if not np.array_equal(after[path], slow[path])]
    assert {'/encoder/conv1/conv/W', '/encoder/conv2/bn/gamma', '/head/1/b'} <= set(moved)
    for path, value in after.items():
        if '/avg_' in path:  # it has its own
            assert path not in moved
            continue
        np.testing.assert_allclose(value, 0.75 * slow[path] + 0.25 * own[path], rtol=1e-5, atol=1e-7, err_msg=path)
    assert all(param.grad is None for param in network.key.params())


def test_the_slower_network_starts_as_the_other_one():
    network = models.MoCo(size=8, queue_size=8)
    network.lossfun(*views())
    own = values(network)
    for path, value in values(network.key).items():
        if '/avg_' not in path:  # these have moved on since
            np.testing.assert_array_equal(value, own[path], err_msg=path)


def test_the_queue_goes_round():
    network = models.MoCo(size=8, queue_size=10)
    x0, x1 = views()
    network.lossfun(x0, x1)
    first = network.queue.copy()
    with ann.no_backprop_mode():  # six are too few for parts
        keys = F.normalize(network.key(x1)).array
    np.testing.assert_allclose(first[:6], keys, atol=1e-5)
    assert int(network.place) == 6
    network.lossfun(x0, x1)
    assert int(network.place) == 2
    np.testing.assert_array_equal(network.queue[2:6], first[2:6])
    assert not np.array_equal(network.queue[6:], first[6:]) and not np.array_equal(network.queue[:2], first[:2])


def test_the_slower_network_sees_shuffled_parts(monkeypatch):
    network = models.MoCo(size=8, parts=2)
    x0, x1 = views(8)
    network.lossfun(x0, x1)
    order = np.array([3, 1, 7, 5, 0, 2, 4, 6])
    monkeypatch.setattr(np.random, 'permutation', lambda n: order)
    network.lossfun(x0, x1)
    with ann.no_backprop_mode():
        parts = [F.normalize(network.key(x1[part])).array for part in (order[:4], order[4:])]
    np.testing.assert_allclose(network.queue[8:16][order], np.concatenate(parts), atol=1e-5)


def test_moco_at_rest(tmp_path):
    """In test mode nothing moves; a file has all of it."""
    network = models.MoCo(size=8, queue_size=10)
    x0, x1 = views()
    network.lossfun(x0, x1)
    before = values(network)
    with ann.using_config('train', False):
        loss = network.lossfun(x0, x1).array
        for path, value in values(network).items():
            np.testing.assert_array_equal(value, before[path], err_msg=path)
        serializers.save_npz(tmp_path / 'moco.npz', network)
        other = models.MoCo(size=8, queue_size=10)
        other.lossfun(x0, x1)
        serializers.load_npz(tmp_path / 'moco.npz', other)
        np.testing.assert_array_equal(other.lossfun(x0, x1).array, loss)


@pytest.mark.parametrize('encoder, features', [('lenet', 500), ('resnet20', 64), ('mlp', 1000)])
def test_other_encoders(encoder, features):
    network = models.SimCLR(encoder=encoder)
    channels = 3 if encoder == 'resnet20' else 1
    x0, _ = views(2, 32 if encoder == 'resnet20' else 28, channels)
    assert network.features(x0).shape == (2, features)
    assert network.preprocessing is network.encoder.preprocessing


def test_encoders_that_will_not_do():
    with pytest.raises(ValueError, match='encoder: expected a network whose last layer is fully connected, got nin'):
        models.SimCLR(encoder='nin')
    with pytest.raises(ValueError, match='encoder: expected a network that classifies pictures, got lstm_lm'):
        models.MoCo(encoder='lstm_lm')
