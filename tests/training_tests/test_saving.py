"""Whole models in files: no code, no pickle, and the same numbers afterwards."""
import inspect
import io
import json
import zipfile
from functools import partial

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.architecture import build, describe_architecture

LINKS = {
    'BatchNormalization': lambda: L.BatchNormalization(3, decay=0.5, use_beta=False, initial_gamma=2),
    'Bias': lambda: L.Bias(1, (3,)), 'Bilinear': lambda: L.Bilinear(2, 3, 4, nobias=True),
    'ChildSumTreeLSTM': lambda: L.ChildSumTreeLSTM(3, 2), 'CRF1d': lambda: L.CRF1d(3),
    'Convolution1D': lambda: L.Convolution1D(3, 4, 3, cover_all=True),
    'Convolution2D': lambda: L.Convolution2D(4, 6, (3, 5), stride=2, pad=(1, 2), dilate=2, groups=2, nobias=True),
    'ConvolutionND': lambda: L.ConvolutionND(2, 3, 4, 3, initialW=ann.initializers.HeNormal()),
    'Deconvolution2D': lambda: L.Deconvolution2D(3, 4, 3, outsize=(5, 6)),
    'DepthwiseConvolution2D': lambda: L.DepthwiseConvolution2D(3, 2, 3, pad=1),
    'EmbedID': lambda: L.EmbedID(5, 3, ignore_label=-1), 'GRU': lambda: L.GRU(3, 4),
    'GroupNormalization': lambda: L.GroupNormalization(2, 4), 'Highway': lambda: L.Highway(3, activate=F.tanh),
    'Inception': lambda: L.Inception(3, 1, 2, 3, 4, 5, 6), 'LSTM': lambda: L.LSTM(3, 4, forget_bias_init=2),
    'LayerNormalization': lambda: L.LayerNormalization(4, eps=1e-3),
    'Linear': lambda: L.Linear(3, 4, initialW=np.ones((4, 3), 'f')),
    'LocalConvolution2D': lambda: L.LocalConvolution2D(3, 4, (6, 6), 3),
    'MLPConvolution2D': lambda: L.MLPConvolution2D(3, (4, 5), 3, activation=F.elu),
    'Maxout': lambda: L.Maxout(3, 4, 2), 'MultiHeadAttention': lambda: L.MultiHeadAttention(4, 2, 0.1),
    'NStepLSTM': lambda: L.NStepLSTM(2, 3, 4, 0.5), 'PReLU': lambda: L.PReLU((3,), init=0.1),
    'Scale': lambda: L.Scale(1, (3,), bias_term=True),
    'SimplifiedDropconnect': lambda: L.SimplifiedDropconnect(3, 4, 0.3),
    'StatefulZoneoutLSTM': lambda: L.StatefulZoneoutLSTM(3, 4, 0.1, 0.2), 'Swish': lambda: L.Swish((3,)),
    'Classifier': lambda: L.Classifier(L.Linear(3, 2), lossfun=F.sigmoid_cross_entropy, accfun=F.binary_accuracy),
}


def through_file(model):
    file = io.BytesIO()
    ann.save_model(file, model)
    file.seek(0)
    return ann.load_model(file)


@pytest.mark.parametrize('name', LINKS)
def test_links_come_back(name):
    link = LINKS[name]()
    loaded = through_file(link)
    assert type(loaded) is type(link) and repr(loaded) == repr(link)
    assert [path for path, _ in loaded.namedparams()] == [path for path, _ in link.namedparams()]
    for (_, found), (_, param) in zip(loaded.namedparams(), link.namedparams()):
        np.testing.assert_array_equal(found.array, param.array)
    # All that is no initial value is an attribute of the same value, where it is one at all.
    for argument in inspect.signature(type(link)).parameters:
        value = getattr(link, argument, None)
        if isinstance(value, (bool, int, float, str, tuple)):
            assert getattr(loaded, argument) == value, argument
    assert describe_architecture(loaded) == describe_architecture(link)


def formula():
    x, tokens = ann.Input((2, 6, 6), name='x'), ann.Input(3, 'int32')
    h = F.relu(L.BatchNormalization()(L.Convolution2D(4, 3, pad=1)(x - np.float32(0.5))))
    h = F.max_pooling_2d(h, ksize=2)[:, :, ::2, ...]
    words = F.mean(L.EmbedID(7, 5)(tokens), axis=1)
    left, right = F.split_axis(F.concat([F.reshape(h, (h.shape[0], -1)), words]), [10], axis=1)
    gate = F.where(left > 0, left, 0 * left) * ann.Parameter(2., (10,))
    outputs = {'y': L.Linear(3)(F.dropout(gate, ratio=0.3)), 'z': (right, gate - np.arange(10, dtype='f'))}
    return ann.Model([x, tokens], outputs)


def inputs():
    return np.random.rand(4, 2, 6, 6).astype('f'), np.random.randint(7, size=(4, 3)).astype('i')


def test_a_formula_comes_back(tmp_path):
    model = formula()
    model(*inputs())                                               # moves the running averages
    model.save(tmp_path / 'model.npz')
    loaded = ann.load_model(tmp_path / 'model.npz')
    x = inputs()
    expected, found = model.predict(x), loaded.predict(x)
    np.testing.assert_array_equal(found['y'], expected['y'])
    for one, other in zip(found['z'], expected['z']):
        np.testing.assert_array_equal(one, other)
    assert [path for path, _ in loaded.namedparams()] == [path for path, _ in model.namedparams()]
    assert loaded.input_specs == model.input_specs and loaded.graph().dump() == model.graph().dump()
    # The file is an NPZ file as any other, in which nothing is pickled.
    weights = np.load(tmp_path / 'model.npz', allow_pickle=False)
    np.testing.assert_array_equal(weights['linear/W'], model.linear.W.array)
    again = formula()
    serializers.load_npz(tmp_path / 'model.npz', again)
    np.testing.assert_array_equal(again.predict(x)['y'], expected['y'])


def test_a_row_of_layers_comes_back():
    model = ann.Sequential(L.Convolution2D(None, 4, 3), F.relu, partial(F.max_pooling_2d, ksize=2, stride=(1, 2)),
                           ann.Sequential(L.Linear(None, 5), F.tanh), L.Linear(5, 2))
    x = np.random.rand(3, 1, 8, 8).astype('f')
    expected = model.predict(x)
    loaded = through_file(model)
    np.testing.assert_array_equal(loaded.predict(x), expected)
    assert repr(loaded) == repr(model)


def test_a_model_without_its_weights_yet_comes_back():
    loaded = through_file(ann.Sequential(L.Linear(4), F.relu, L.Linear(2)))
    assert loaded.predict(np.ones((1, 3), 'f')).shape == (1, 2)


def test_what_it_was_compiled_with_comes_back():
    x, t = np.random.rand(8, 3).astype('f'), np.arange(8) % 2
    model = ann.Sequential(L.Linear(3, 2))
    model.compile(ann.optimizers.MomentumSGD(lr=0.25), 'softmax_cross_entropy', ['accuracy'])
    loaded = through_file(model)
    assert (loaded.learner.optimizer.lr, loaded.learner.optimizer.momentum) == (0.25, 0.9)
    assert loaded.evaluate(x, t) == model.evaluate(x, t)
    model.compile('adam', lambda y, t: F.sum(y))                    # which no file can hold
    with pytest.raises(RuntimeError, match='say first how it is trained'):
        through_file(model).evaluate(x, t)


class Mine(ann.Model):
    def forward(self, x):
        return x


class MyLinear(L.Linear):
    pass


@pytest.mark.parametrize(('model', 'message'), [
    (lambda: Mine(), r'Mine is a class of yours, whose forward no file can hold; serializers.save_npz'),
    (lambda: ann.Sequential(MyLinear(2, 3)), 'MyLinear is a class of yours'),
    (lambda: ann.Sequential(lambda x: x), r'the function <lambda> is not of autograd_nn.functions.*functools.partial'),
    (lambda: L.Linear(2, 3).add_hook(ann.link_hooks.SpectralNormalization()), 'has the hook .*which no file can hold')])
def test_what_no_file_can_hold_is_refused(model, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        ann.save_model(tmp_path / 'model.npz', model())
    assert not list(tmp_path.iterdir())


def test_a_file_cannot_call_what_it_likes(tmp_path):
    for evil in ({'class': 'os.system', 'arguments': {}}, {'class': 'Parameter.__init__', 'arguments': {}},
                 {'class': 'Sequential', 'layers': [{'function': '__import__'}]},
                 {'class': 'Sequential', 'layers': [{'partial': [{'function': 'eval'}, {'tuple': []}, {'dict': []}]}]},
                 {'class': 'Sequential', 'layers': [{'code': '1'}]}):
        with pytest.raises(ValueError, match='load_model: '):
            build(evil, ann.Model)


def test_files_that_are_no_models(tmp_path):
    serializers.save_npz(tmp_path / 'weights.npz', L.Linear(2, 3))
    with pytest.raises(ValueError, match=r'weights alone.*serializers.load_npz'):
        ann.load_model(tmp_path / 'weights.npz')
    with pytest.raises(FileNotFoundError):
        ann.load_model(tmp_path / 'nothing.npz')
    about = {'format': 2, 'model': {}, 'compile': None}
    serializers.save_npz(tmp_path / 'later.npz', {'architecture': json.dumps(about)})
    with pytest.raises(ValueError, match='format 2, of a later version'):
        ann.load_model(tmp_path / 'later.npz')


def test_the_architecture_is_json(tmp_path):
    ann.save_model(tmp_path / 'model.npz', formula())
    with zipfile.ZipFile(tmp_path / 'model.npz') as archive:
        assert 'architecture.npy' in archive.namelist()
    about = json.loads(str(np.load(tmp_path / 'model.npz')['architecture']))
    assert about['model']['class'] == 'Model' and 'Convolution2D' in json.dumps(about['model'])
