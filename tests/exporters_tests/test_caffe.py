"""Exported networks compute the same where OpenCV and where our own importer run them."""
from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip('google.protobuf')

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import caffe, exporters, models
from autograd_nn.sequential import Sequential, run_layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4, 9, 10)).astype('f')
CHANNELS = np.arange(1, 5, dtype='f').reshape(4, 1, 1)


def batch_normalization(channels, **options):
    link = L.BatchNormalization(channels, **options)
    randomize(link)
    return link


def randomize(model):
    for link in model.links():
        for name in 'avg_mean', 'avg_var':
            if getattr(link, name, None) is not None:
                getattr(link, name)[...] = RNG.uniform(0.5, 2, getattr(link, name).shape)
    for param in model.params():
        if param.array is not None and param.array.ndim <= 1:
            param.array[...] = RNG.uniform(0.5, 2, param.shape)


def shortcut(*last):
    layers = [L.Convolution2D(4, 4, 3, pad=1), batch_normalization(4)]
    return lambda x: run_layers([*layers, L.Shortcut(x), *last], x)


NETWORKS = {
    'convolution': Sequential(L.Convolution2D(4, 6, (3, 2), stride=(2, 1), pad=(1, 0))),
    'convolution without bias, dilated, in groups': L.Convolution2D(4, 6, 3, pad=2, dilate=2, groups=2, nobias=True),
    'convolution, normalized, rectified': Sequential(L.Convolution2D(4, 6, 3), batch_normalization(6), F.relu),
    'convolution, normalized, clipped': Sequential(L.Convolution2D(4, 6, 3), batch_normalization(6), F.relu6),
    'depthwise convolution': L.DepthwiseConvolution2D(4, 2, 3),
    'transposed convolution': L.Deconvolution2D(4, 6, 4, stride=2, pad=1, groups=2),
    'normalization without scale': batch_normalization(4, use_gamma=False, use_beta=False, eps=0.1),
    'normalization of vectors': Sequential(L.Linear(360, 5), batch_normalization(5), F.relu),
    'shortcut': shortcut(), 'shortcut, rectified': shortcut(F.relu),
    'fully connected': Sequential(L.Linear(360, 5), F.sigmoid, L.Linear(5, 3, nobias=True), F.tanh),
    'fully connected, rectified': Sequential(L.Linear(360, 5), F.relu, L.Linear(5, 4), F.relu),
    'maxima': lambda x: F.max_pooling_2d(x, 3, 2),
    'maxima, no window beyond the border': lambda x: F.max_pooling_2d(x, (3, 2), 2, cover_all=False),
    'maxima, padded': lambda x: F.max_pooling_2d(x, 3, 2, pad=1, cover_all=False),
    'means': lambda x: F.average_pooling_2d(x, 3, 2, pad=1),
    'mean of images': Sequential(lambda x: F.average(x, axis=(2, 3)), L.Linear(4, 3), F.softmax),
    'squeeze and excite': lambda x: x * F.sigmoid(F.average(x, (2, 3)))[:, :, None, None],
    'response normalization': F.local_response_normalization,
    'response normalization with k of 1': lambda x: F.local_response_normalization(x, n=3, k=1, alpha=0.1, beta=0.5),
    'leaky rectifier': lambda x: F.leaky_relu(x, 0.1), 'ceiling': lambda x: F.clipped_relu(x, 0.5),
    'learned slopes': L.PReLU((4,)), 'learned slope': L.PReLU((), init=0.3), 'elu': lambda x: F.elu(x, 0.5),
    'softplus': F.softplus, 'swish': lambda x: F.swish(x, 1.0), 'swish, steep': lambda x: F.swish(x, 2.0),
    'absolute values and powers': lambda x: F.rsqrt(F.absolute(x) + 1) * F.sqrt(F.exp(-x)),
    'logarithms': lambda x: F.log(F.square(x) + 0.1),
    'arithmetic with numbers': lambda x: (2 - x * 3) / 2 - 0.5, 'cube': lambda x: x ** 3,
    'scaled and shifted': Sequential(L.Scale(1, (4,), bias_term=True), L.Bias(2, (9, 10))),
    'arithmetic with arrays': lambda x: (CHANNELS - x) / CHANNELS + np.arange(10, dtype='f') - CHANNELS,
    'sum': lambda x: x + F.relu(x), 'difference': lambda x: x - F.relu(x), 'product': lambda x: x * F.tanh(x),
    'sum, rectified': lambda x: F.add(x, x * 2, 1.0, activation=F.relu), 'larger one': lambda x: F.maximum(x, -x),
    'side by side': lambda x: F.concat([x, F.relu(x)]), 'doubled rectifier': F.crelu,
    'parts': Sequential(lambda x: F.split_axis(x, [1, 3], 1), lambda a, b, c: F.concat([c, b, a])),
    'axes in another order': lambda x: F.transpose(x, (0, 2, 3, 1)),
    'another shape': lambda x: F.reshape(x, (2, 2, -1, 5)), 'log softmax': Sequential(L.Linear(360, 5), F.log_softmax),
    'softmax over channels': F.softmax, 'nothing between': Sequential(F.relu, F.identity, F.sigmoid),
    'dropout': Sequential(F.dropout, F.relu),
    'weights computed from others': (lambda W: lambda x: F.convolution_2d(x, W * 2 + 1))(
        ann.Parameter(RNG.standard_normal((3, 4, 2, 2)).astype('f'))),
    'the same layer twice': (lambda link: Sequential(link, F.relu, link))(L.Convolution2D(4, 4, 3)),
}
SLOPES = NETWORKS['learned slopes']
SLOPES.W.array[:] = [0.1, 0.2, 0.3, 0.4]


class Wrapped(ann.Chain):
    """Gives a function the form of a model."""

    def __init__(self, body):
        super().__init__()
        with self.init_scope():
            self.body = body

    def forward(self, *xs):
        return self.body(*[ann.as_variable(x) for x in xs])


def run(model, *xs):
    with ann.using_config('train', False), ann.no_backprop_mode():
        return model(*xs).array


def run_in_opencv(directory, x):
    cv2 = pytest.importorskip('cv2')
    net = cv2.dnn.readNetFromCaffe(str(directory / 'chainer_model.prototxt'),
                                   str(directory / 'chainer_model.caffemodel'))
    net.setInput(x)
    return net.forward()


def run_in_caffe(directory, x):
    return run(caffe.load(directory / 'chainer_model.prototxt', directory / 'chainer_model.caffemodel'), x)


@pytest.mark.parametrize('runner', [run_in_opencv, run_in_caffe])
@pytest.mark.parametrize('name', NETWORKS)
def test_layers(name, runner, tmp_path):
    model = Wrapped(NETWORKS[name])
    expected = run(model, X)
    exporters.caffe.export(model, X, tmp_path)
    y = runner(tmp_path, X)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize(('make', 'size'), [
    (models.SqueezeNet, 64), (models.MobileNetV2, 64), (models.EfficientNetB0, 64)])
def test_networks_of_the_zoo(make, size, tmp_path):
    model = make()
    x = RNG.standard_normal((1, 3, size, size)).astype('f')
    run(model, x)
    randomize(model)
    exporters.caffe.export(model, x, tmp_path)
    expected = run(model, x)
    np.testing.assert_allclose(run_in_opencv(tmp_path, x), expected, atol=1e-4 * abs(expected).max())


def test_layers_have_the_names_of_links():
    model = ann.Chain(conv1=L.Convolution2D(4, 3, 3), bn1=batch_normalization(3), fc=L.Linear(None, 2))
    model.forward = lambda x: model.fc(F.relu(model.bn1(model.conv1(x))))
    net, blobs = exporters.caffe.export(model, X, graph_name='small')
    assert net.name == 'small'
    assert [(layer.type, layer.name) for layer in net.layer] == [
        ('Input', 'data'), ('Convolution', 'conv1'), ('BatchNorm', 'bn1'), ('Scale', 'bn1_2'), ('ReLU', 'relu1'),
        ('Reshape', 'reshape1'), ('InnerProduct', 'fc')]
    assert net.layer[0].input_param.shape[0].dim == list(X.shape)
    np.testing.assert_array_equal(blobs['conv1'][0], model.conv1.W.array)
    assert [blob.shape for blob in blobs['bn1']] == [(3,), (3,), (1,)]


class TwoInputs(ann.Chain):

    def forward(self, left, right=None):
        return left + F.relu(right), left * 2


@pytest.mark.parametrize(('args', 'names'), [
    ((X, X), ['data1', 'data2']), ([ann.Variable(X), X], ['data1', 'data2']),
    ({'right': X, 'left': X}, ['right', 'left'])])
def test_several_inputs_and_outputs(args, names):
    net, _ = exporters.caffe.export(TwoInputs(), args)
    assert [layer.name for layer in net.layer if layer.type == 'Input'] == names
    used = {bottom for layer in net.layer for bottom in layer.bottom}
    assert len({top for layer in net.layer for top in layer.top} - used) == 2


def test_files(tmp_path):
    model = Sequential(L.Linear(4, 2))
    exporters.caffe.export(model, X[:, :, 0, 0], tmp_path / 'new', export_params=False)
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['chainer_model.prototxt']
    net, _ = exporters.caffe.export(model, X[:, :, 0, 0], tmp_path / 'new')
    read_net, blobs = caffe.read_caffemodel(tmp_path / 'new' / 'chainer_model.caffemodel')
    assert read_net == net == caffe.read_prototxt(tmp_path / 'new' / 'chainer_model.prototxt')
    np.testing.assert_array_equal(blobs['0'][0], model[0].W.array)


def test_the_number_of_images_may_change(tmp_path):
    model = Sequential(L.Convolution2D(4, 3, 3), L.Linear(None, 2))
    exporters.caffe.export(model, X, tmp_path)
    more = np.concatenate([X, X, X])
    np.testing.assert_allclose(run_in_opencv(tmp_path, more), run(model, more), rtol=1e-4, atol=1e-5)


def test_the_model_is_left_as_it_was():
    model = Sequential(L.Convolution2D(4, 3, 3), batch_normalization(3), F.dropout)
    before = io.BytesIO()
    ann.serializers.save_npz(before, model, compression=False)
    exporters.caffe.export(model, X)
    after = io.BytesIO()
    ann.serializers.save_npz(after, model, compression=False)
    arrays, unchanged = (np.load(io.BytesIO(file.getvalue())) for file in (after, before))
    for name in unchanged:
        np.testing.assert_array_equal(arrays[name], unchanged[name])
    assert ann.config.train and all(param.grad_var is None for param in model.params())


@pytest.mark.parametrize(('function', 'message'), [
    (lambda x: F.matmul(x, x, transb=True), 'MatMul of arrays of shape .* no layer for this function; export the part'),
    (lambda x: x[:, 1:3], 'GetItem .* only those that add axes'),
    (lambda x: F.average_pooling_nd(x, 3, 2, 1, pad_value=None), 'padding as zeros'),
    (lambda x: F.max_pooling_2d(x[:, :, :, :], 2, 4, pad=(1, 1)), 'begins in the padding'),
    (lambda x: F.average(x, axis=1), 'mean'), (lambda x: 1 / x, 'divide'),
    (lambda x: F.concat([x, np.ones((2, 1, 9, 10), 'f')]), 'does not depend on the input'),
    (lambda x: x + RNG.standard_normal((2, 1, 1, 1)).astype('f'), 'each image of a batch'),
    (lambda x: F.convolution_2d(x, F.reshape(x, (80, 9, 1, 1))[:, :4]), 'only those that add axes'),
    (lambda x: F.convolution_nd(F.reshape(x, (2, 4, 9, 2, 5)), np.ones((1, 4, 1, 1, 1), 'f')), 'only images'),
    (lambda x: F.deconvolution_2d(x, np.ones((4, 1, 3, 3), 'f'), stride=2, outsize=(20, 22)), r'size \(20, 22\),'),
    (lambda x: F.linear(F.reshape(x, (8, 90)), F.reshape(x, (8, 90))), 'depend on the input of the network'),
    (lambda x: F.softplus(x, 2.0), 'beta 1 only'), (lambda x: F.maximum(x, CHANNELS), 'maximum'),
    (lambda x: F.broadcast_to(F.reshape(x, (1, 720)), (2, 720)), 'does not repeat'),
    (lambda x: x + F.reshape(x, (2, 4, 90))[:, :, :, None], 'one shape only|add axes|broadcast'),
    (lambda x: ann.Variable(CHANNELS) * 2, 'does not depend on the inputs'),
    (lambda x: 3, 'expected a model that returns Variables, got int'),
])
def test_what_cannot_be_exported(function, message):
    with pytest.raises(ValueError, match=message):
        exporters.caffe.export(Wrapped(function), X)


@pytest.mark.parametrize('args', [X.astype(int), [X, 'x'], {'x': None}])
def test_arguments_that_are_no_float_arrays(args):
    with pytest.raises(ValueError, match=r'exporters\.caffe\.export: expected float arrays, got'):
        exporters.caffe.export(Sequential(F.relu), args)


def test_a_missing_exporter():
    with pytest.raises(AttributeError, match=r"module 'autograd_nn\.exporters' has no attribute 'nothing'"):
        exporters.nothing  # noqa: B018
