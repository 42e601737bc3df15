"""Weights under the names of the networks that were published for Caffe, in the networks of the zoo."""
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import caffe, models
from autograd_nn.models import Preprocessing
from autograd_nn.models.classification import caffe_names, caffe_weights
from support.caffe import networks as caffe_networks

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 96, 96)).astype(np.float32)


def logits(network, pixels):
    stage = network.available_layers[-2]
    with ann.using_config('train', False), ann.no_backprop_mode():
        x = network.preprocessing.normalize(pixels, brightest=255)
        return network.extract(x, [stage])[stage].array


@pytest.mark.parametrize('name', caffe_networks.PUBLISHED)
def test_converted_network_computes_what_opencv_computes(name, tmp_path):
    cv2 = pytest.importorskip('cv2')
    prototxt, caffemodel = caffe_networks.write(tmp_path, caffe_networks.PUBLISHED[name]())
    network = caffe_weights.create_from_caffemodel(caffemodel, name)
    reference = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    size = caffe.read_prototxt(prototxt).layer[0].input_param.shape[0].dim[2]
    pixels = PIXELS[:1, :, :size, :size]
    published = caffe_names.PUBLISHED_PREPROCESSING.get(name, network.preprocessing)
    reference.setInput(published.normalize(pixels, brightest=255))
    output = 'loss3/classifier' if name == 'googlenet' else reference.getLayerNames()[-2]
    y = logits(network, pixels)
    assert y.shape == (1, 7) and y.std() > 0.1
    np.testing.assert_allclose(y, reference.forward(output).reshape(1, 7), rtol=1e-3, atol=1e-4)


def test_every_link_of_the_network_has_a_name():
    for name, names in caffe_names.CAFFE_NAMES.items():
        network = models.create(name)
        links = {path.strip('/') for path, link in network.namedlinks() if list(link.params()) and not list(
            link.children())}
        assert set(names) == links, name
        layers = [layer for pair in names.values() for layer in pair]
        assert len(set(layers)) == len(layers)


def test_heads_of_training_may_be_missing(tmp_path):
    """Deploy files of GoogLeNet have none."""
    with_heads, without = (
        caffe_weights.create_from_caffemodel(caffe_networks.write(tmp_path, caffe_networks.googlenet(heads=heads),
                                                                  f'heads{heads}')[1], 'googlenet')
        for heads in (True, False))
    assert with_heads['loss1_fc1'].W.is_initialized and not without['loss1_fc1'].W.is_initialized
    for network in with_heads, without:
        assert np.isfinite(logits(network, PIXELS)).all()


def edited(tmp_path, edit, network=caffe_networks.squeezenet, name='squeezenet1_1'):
    """What comes of a file that has been changed."""
    text, blobs = network()
    edit(blobs)
    _, caffemodel = caffe_networks.write(tmp_path, (text, blobs))
    return caffe_weights.create_from_caffemodel(caffemodel, name)


@pytest.mark.parametrize('edit, message', [
    (lambda blobs: blobs.pop('fire3/expand1x1'),
     r'net\.caffemodel has the weights of another network than squeezenet1_1: it has no layers fire3/expand1x1$'),
    (lambda blobs: blobs.update({'pool10': [np.ones(3)]}), 'it has further layers pool10$'),
    (lambda blobs: blobs.update({'fire3/expand1x1': [np.ones((64, 16, 3, 3)), np.ones(64)]}),
     r'fire3/expand1x1 has the shape \(64, 16, 3, 3\), expected \(64, 16, 1, 1\)'),
    (lambda blobs: blobs.update({'fire3/expand1x1': [np.ones((64, 16, 1, 1)), np.ones(63)]}),
     r'fire3/expand1x1 has the shape \(63,\), expected \(64,\)'),
    (lambda blobs: blobs.update({'conv10': [np.ones(7)]}), r'conv10: expected weights of two axes or more'),
])
def test_files_that_do_not_fit(edit, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        edited(tmp_path, edit)


def test_normalization_that_does_not_fit(tmp_path):
    with pytest.raises(ValueError, match='bn_conv1: expected a mean, a variance and a factor, found 2 blobs'):
        edited(tmp_path, lambda blobs: blobs['bn_conv1'].pop(), caffe_networks.resnet, 'resnet50')
    with pytest.raises(ValueError, match=r'does not fit resnet50, which has no res2/b1/conv1/b'):
        edited(tmp_path, lambda blobs: blobs['res2b_branch2a'].append(np.ones(64)), caffe_networks.resnet, 'resnet50')


def test_network_of_vgg_is_told_from_the_deeper_one(tmp_path):
    _, caffemodel = caffe_networks.write(tmp_path, caffe_networks.vgg((2, 2, 4, 4, 4)))
    with pytest.raises(ValueError, match='it has further layers conv3_4, conv4_4, conv5_4'):
        caffe_weights.create_from_caffemodel(caffemodel, 'vgg16')
    with pytest.raises(ValueError, match=r'expected one of alexnet, .*vgg19; got .mlp'):
        caffe_weights.create_from_caffemodel(caffemodel, 'mlp')


def test_averages_are_divided_by_their_factor(tmp_path):
    """By nothing where that is 0, as in Caffe: such averages are 0."""
    text, blobs = caffe_networks.resnet(bias=False)
    for factor in 4, 0:
        blobs['bn_conv1'][2][...] = factor
        _, caffemodel = caffe_networks.write(tmp_path, (text, blobs))
        bn = caffe_weights.create_from_caffemodel(caffemodel, 'resnet50').bn1
        mean, variance, _ = blobs['bn_conv1']
        np.testing.assert_allclose(bn.avg_mean, mean / 4 if factor else 0 * mean, rtol=1e-6)
        np.testing.assert_allclose(bn.avg_var + bn.eps, (variance / 4 if factor else 0 * variance) + 1e-5, rtol=1e-5)


def test_fully_connected_layers_of_other_layouts(tmp_path):
    """Transposed weights, and the four axes of the first version of the format."""
    text, blobs = caffe_networks.alexnet()
    expected = caffe_weights.create_from_caffemodel(caffe_networks.write(tmp_path, (text, blobs))[1], 'alexnet')
    blobs['fc7'][0], blobs['fc8'][0] = blobs['fc7'][0].T, blobs['fc8'][0][None, None]
    lines = [line.replace('num_output', 'transpose: true num_output') if '"fc7" type' in line else line
             for line in text.splitlines()]
    network = caffe_weights.create_from_caffemodel(
        caffe_networks.write(tmp_path, ('\n'.join(lines), blobs))[1], 'alexnet')
    for name in 'fc7', 'fc8':
        np.testing.assert_array_equal(network[name].W.array, expected[name].W.array)


@pytest.mark.parametrize('own', [models.TORCHVISION, models.CAFFE, Preprocessing(brightest=1, mean=(.1,), std=(.5,))])
def test_filters_for_another_preprocessing(own):
    W, b = np.random.randn(4, 3, 3, 3), np.random.randn(4)
    published = Preprocessing(mean=(104, 117, 123), order='BGR')
    new_W, new_b = caffe_weights.change_preprocessing(W, b, published, own)
    pixels = np.random.rand(2, 3, 8, 8).astype('f')
    expected = ann.functions.convolution_2d(published.normalize(pixels).astype('d'), W, b)
    y = ann.functions.convolution_2d(own.normalize(pixels).astype('d'), new_W, new_b)
    np.testing.assert_allclose(y.array, expected.array, rtol=1e-3, atol=1e-2)
