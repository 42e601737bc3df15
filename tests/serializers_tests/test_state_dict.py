"""Weights with the names of PyTorch's modules."""
from __future__ import annotations

import io

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers
from support.torch_writer import describe, write_zip

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape).astype('f')


def make_model():
    return ann.Chain(conv1=L.Convolution2D(3, 4, 3), bn1=L.BatchNormalization(4),
                     body=ann.ChainList(L.Linear(5, 6), L.LayerNormalization(6)), embed=L.EmbedID(7, 5))


def make_weights():
    return {
        'features.0.weight': normal(4, 3, 3, 3), 'features.0.bias': normal(4),
        'features.1.weight': normal(4), 'features.1.bias': normal(4), 'features.1.running_mean': normal(4),
        'features.1.running_var': abs(normal(4)), 'features.1.num_batches_tracked': np.array(9),
        'body.0.weight': normal(6, 5), 'body.0.bias': normal(6), 'body.1.weight': normal(6), 'body.1.bias': normal(6),
        'embed.weight': normal(7, 5), 'head.weight': normal(10, 5),
    }


PAIRS = {'conv1/W': 'features.0.weight', 'conv1/b': 'features.0.bias', 'bn1/gamma': 'features.1.weight',
         'bn1/beta': 'features.1.bias', 'bn1/avg_mean': 'features.1.running_mean',
         'bn1/avg_var': 'features.1.running_var', 'bn1/N': 'features.1.num_batches_tracked',
         'body/0/W': 'body.0.weight', 'body/0/b': 'body.0.bias', 'body/1/gamma': 'body.1.weight',
         'body/1/beta': 'body.1.bias', 'embed/W': 'embed.weight'}


@pytest.mark.parametrize('name_map', [
    {'features.0': 'conv1', 'features.1': 'bn1'},
    {'features': 'nowhere', 'features.0': '/conv1', 'features.1': 'bn1', 'head': None},
    [(r'^features\.0$', 'conv1'), (r'^features\.(\d)', r'bn\1')],
    lambda name: {'features.0': 'conv1', 'features.1': 'bn1', 'head': None}.get(name, name),
], ids=['prefixes', 'longest prefix', 'expressions', 'function'])
def test_every_kind_of_map(name_map):
    model, weights = make_model(), make_weights()
    report = serializers.load_state_dict(weights, model, name_map)
    serializer = serializers.DictionarySerializer()
    serializer.save(model)
    assert set(serializer.target) == set(PAIRS) == set(report.loaded)
    for own, name in PAIRS.items():
        np.testing.assert_array_equal(serializer.target[own], weights[name])
    assert report.missing == [] and report.other_shape == {} and report.unused == ['head.weight']


def test_names_that_agree_need_no_map():
    report = serializers.load_state_dict(make_weights(), make_model())
    assert set(report.loaded) == {'body/0/W', 'body/0/b', 'body/1/gamma', 'body/1/beta', 'embed/W'}
    assert 'features.0.weight' in report.unused and 'conv1/W' in report.missing


def test_a_single_layer():
    model = L.Linear(5, 6)
    report = serializers.load_state_dict({'weight': normal(6, 5), 'bias': normal(6)}, model)
    assert set(report.loaded) == {'W', 'b'}


def test_prefixes_end_at_dots():
    model = ann.Chain(a=L.Linear(2, 2), a1=L.Linear(2, 2))
    report = serializers.load_state_dict({'x.weight': normal(2, 2), 'x1.weight': normal(2, 2)}, model,
                                         {'x': 'a', 'x1': 'a1'})
    assert set(report.loaded) == {'a/W', 'a1/W'}


def test_shapes_that_do_not_fit_are_reported():
    model = ann.Chain(a=L.Linear(5, 6), b=L.Linear(5, 6))
    before = model.a.W.array.copy()
    report = serializers.load_state_dict({'a.weight': normal(7, 5), 'a.bias': normal(6)}, model)
    assert report.other_shape == {'a/W': ((7, 5), (6, 5))}
    assert report.unused == []
    np.testing.assert_array_equal(model.a.W.array, before)


def test_half_precision_is_converted():
    model = L.Linear(5, 6)
    weights = normal(6, 5).astype('f2')
    serializers.load_state_dict({'weight': weights}, model)
    assert model.W.dtype == np.float32
    np.testing.assert_array_equal(model.W.array, weights)


def test_lists():
    model = L.Linear(3, 2)
    serializers.load_state_dict({'weight': [[1, 2, 3], [4, 5, 6]]}, model)
    assert model.W.array.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize('pair, message', [
    (('(', 'fc'), r"got '\(' and 'fc': missing \)"), (('a', r'\1'), 'invalid group reference'),
    (('a', r'\g<x>'), 'unknown group name')])
def test_what_is_no_regular_expression(pair, message):
    with pytest.raises(ValueError, match=f'^load_state_dict: name_map: expected a regular expression .*{message}'):
        serializers.load_state_dict({'a.weight': normal(2, 3)}, L.Linear(3, 2), [pair])


def test_nothing_fits():
    with pytest.raises(ValueError, match=r"nothing of the file fits: .*'x\.weight', the link '/W', '/b'; a name_map"):
        serializers.load_state_dict({'x.weight': normal(2, 2)}, L.Linear(2, 2))


def test_two_names_of_one_parameter():
    with pytest.raises(ValueError, match=r"'x\.weight' and 'y\.weight' both mean 'W'"):
        serializers.load_state_dict({'x.weight': normal(2, 2), 'y.weight': normal(2, 2)}, L.Linear(2, 2),
                                    lambda name: '')


def test_files(tmp_path):
    numpy_files = pytest.importorskip('safetensors.numpy')
    weights = {name: np.asarray(value, 'f') for name, value in make_weights().items() if name != 'head.weight'}
    (tmp_path / 'a.safetensors').write_bytes(numpy_files.save(weights))
    content = {name: describe(value, name) for name, value in weights.items()}
    storages = {name: value.tobytes() for name, value in weights.items()}
    (tmp_path / 'a.pt').write_bytes(write_zip({'state_dict': content}, storages))
    name_map = {'features.0': 'conv1', 'features.1': 'bn1'}
    for file, key in ((tmp_path / 'a.safetensors', None), (tmp_path / 'a.pt', 'state_dict'),
                      (io.BytesIO((tmp_path / 'a.pt').read_bytes()), 'state_dict')):
        model = make_model()
        serializers.load_state_dict(file, model, name_map, key)
        np.testing.assert_array_equal(model.conv1.W.array, weights['features.0.weight'])
    (tmp_path / 'b.pt').write_bytes(b'nonsense')
    with pytest.raises(ValueError, match=r'read_torch_file: .*b\.pt: expected'):
        serializers.load_state_dict(tmp_path / 'b.pt', model)


def test_outputs_are_those_of_pytorch(tmp_path):
    torch = pytest.importorskip('torch')
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, stride=2, padding=1), torch.nn.BatchNorm2d(4),
                                 torch.nn.ReLU(), torch.nn.ConvTranspose2d(4, 2, 2, stride=2), torch.nn.Flatten(),
                                 torch.nn.Linear(2 * 8 * 8, 5))
    theirs(torch.randn(8, 3, 8, 8))
    theirs.eval()
    torch.save(theirs.state_dict(), tmp_path / 'a.pt')
    ours = ann.Sequential(L.Convolution2D(3, 4, 3, stride=2, pad=1), L.BatchNormalization(4, eps=1e-5), F.relu,
                          L.Deconvolution2D(4, 2, 2, stride=2), L.Linear(2 * 8 * 8, 5))
    report = serializers.load_state_dict(tmp_path / 'a.pt', ours, {'3': '2', '5': '3'})
    assert not report.missing and not report.unused
    x = normal(2, 3, 8, 8)
    with ann.using_config('train', False):
        y = ours(x).array
    np.testing.assert_allclose(y, theirs(torch.as_tensor(x)).detach(), rtol=1e-4, atol=1e-5)


def test_lists_of_layers_are_numbered_in_their_order():
    """Whatever the names are that links have in files of Chainer."""
    weights = {f'body.{i}.weight': normal(3, 3) for i in range(4)}
    model = ann.Chain(body=ann.Sequential(*[L.Linear(3, 3, nobias=True) for _ in range(4)]))
    serializers.load_state_dict(weights, model)
    for i, layer in enumerate(model.body):
        np.testing.assert_array_equal(layer.W.array, weights[f'body.{i}.weight'])
