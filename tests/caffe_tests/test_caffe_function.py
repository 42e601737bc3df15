"""Chainer's interface to networks of Caffe."""
import io
import subprocess
import sys

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import caffe, serializers
from autograd_nn.links.caffe import CaffeFunction
from support.caffe.layer_checks import random, write

NET = '''
layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { use_global_stats: false } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "split" type: "Split" bottom: "conv1" top: "conv1_a" top: "conv1_b" }
layer { name: "relu1" type: "ReLU" bottom: "conv1_a" top: "relu1" }
layer { name: "sum" type: "Eltwise" bottom: "relu1" bottom: "conv1_b" top: "sum" }
layer { name: "drop" type: "Dropout" bottom: "sum" top: "sum" }
layer { name: "fc2" type: "InnerProduct" bottom: "sum" top: "fc2" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }'''


@pytest.fixture
def blobs():
    return {'conv1': [random(4, 3, 3, 3), random(4)], 'bn1': [random(4), random(4, low=0.5), np.array([2], 'f')],
            'scale1': [random(4), random(4)], 'fc2': [random(5, 144), random(5)]}


@pytest.fixture
def func(blobs):
    return CaffeFunction(io.BytesIO(write(NET, blobs)[1]))


@pytest.fixture
def x():
    return random(2, 3, 8, 8)


def plain(x, blobs, train=False):
    h = F.convolution_2d(x, *blobs['conv1']).array
    mean, var, count = blobs['bn1']
    mean, var = (h.mean((0, 2, 3)), h.var((0, 2, 3))) if train else (mean / count, var / count)
    wide = (4, 1, 1)
    h = (h - mean.reshape(wide)) / np.sqrt(var.reshape(wide) + 1e-5)
    h = h * blobs['scale1'][0].reshape(wide) + blobs['scale1'][1].reshape(wide)
    return h, np.maximum(h, 0) + h


def test_where_it_is_found():
    assert CaffeFunction is L.caffe.CaffeFunction is F.caffe.CaffeFunction is caffe.CaffeFunction
    assert sys.modules['autograd_nn.functions.caffe'].CaffeFunction is CaffeFunction


def test_paths_of_parameters_are_those_of_chainer(func):
    file = io.BytesIO()
    serializers.save_npz(file, func)
    file.seek(0)
    assert set(np.load(file).files) == {
        'conv1/W', 'conv1/b', 'bn1/avg_mean', 'bn1/avg_var', 'bn1/N', 'scale1/W', 'scale1/bias/b', 'fc2/W', 'fc2/b'}
    assert [name for name, *_ in func.layers][:3] == ['conv1', 'bn1', 'scale1']
    assert ('sum', ['relu1', 'conv1_b'], ['sum']) in func.layers
    assert func.forwards['conv1'] is func.conv1 and func.forwards['relu1'] is F.relu


def test_forward(func, blobs, x):
    h, total = plain(x, blobs)
    with ann.using_config('train', False):
        conv1, relu1, fc2 = func(inputs={'data': x}, outputs=['conv1', 'relu1', 'fc2'])
        loss, = func({'data': ann.Variable(x), 'label': np.array([0, 4])}, ['loss'])
    for y, expected in (conv1, h), (relu1, np.maximum(h, 0)), (fc2, total.reshape(2, -1) @ blobs['fc2'][0].T
                                                                + blobs['fc2'][1]):
        np.testing.assert_allclose(y.array, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(loss.array, F.softmax_cross_entropy(fc2, np.array([0, 4])).array, rtol=1e-5)


def test_train(func, blobs, x):
    """The configuration decides, or the argument of Chainer's first version."""
    h, _ = plain(x, blobs, train=True)
    np.testing.assert_allclose(func({'data': x}, ['conv1'])[0].array, h, rtol=1e-3, atol=1e-3)
    test, = func({'data': x}, ['sum'], train=False)
    with ann.using_config('train', False):
        np.testing.assert_array_equal(func({'data': x}, ['sum'])[0].array, test.array)
        assert (func({'data': x}, ['sum'], train=True)[0].array == 0).any()


def test_disable(func, blobs, x):
    with ann.using_config('train', False):
        y, = func({'data': x}, ['conv1'], disable=['bn1', 'scale1'])
    np.testing.assert_allclose(y.array, F.convolution_2d(x, *blobs['conv1']).array, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="CaffeFunction: expected the inputs 'conv1', too, to compute 'fc2'"):
        func({'data': x}, ['fc2'], disable=['conv1'])


def test_outputs_that_do_not_exist(func, x):
    with pytest.raises(ValueError, match="CaffeFunction: there is no blob or layer 'fc9'"):
        func({'data': x}, ['fc9'])
    with pytest.raises(ValueError, match="CaffeFunction: expected the inputs 'label', too, to compute 'loss'"):
        func({'data': x}, ['loss'])


def test_copies_and_gradients(func, x):
    with ann.using_config('train', False):
        expected, = func({'data': x}, ['fc2'])
        for other in func.copy(), func.copy('copy'):
            y, = other({'data': ann.Variable(x)}, ['fc2'])
            np.testing.assert_array_equal(y.array, expected.array)
            F.sum(y).backward()
            assert all(param.grad is not None for param in other.params())
    assert all(param.grad is None for param in func.params())


def test_unknown_layers_are_passed_over(blobs, x):
    text = NET + 'layer { name: "odd" type: "Wavelet" bottom: "fc2" top: "odd" }'
    with pytest.warns(UserWarning, match=r"layer 'odd' \(Wavelet\) is passed over"):
        func = CaffeFunction(io.BytesIO(write(text, blobs)[1]))
    assert func({'data': x}, ['fc2'])[0].shape == (2, 5)


def test_weights_that_are_missing(blobs):
    del blobs['fc2']
    with pytest.raises(ValueError, match=r"layer 'fc2' \(InnerProduct\): expected weights"):
        CaffeFunction(io.BytesIO(write(NET, blobs)[1]))


def test_without_protobuf():
    """It is missed only by those who use it, and they learn what to do."""
    program = '''
import sys
sys.modules['google.protobuf'] = None
import autograd_nn.links as L
try:
    L.caffe.CaffeFunction
except ImportError as error:
    print(error)
'''
    out = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True).stdout
    assert "pip install 'autograd_nn[caffe]'" in out


def test_importing_the_package_leaves_caffe_alone():
    program = "import sys, autograd_nn.links.caffe; print('autograd_nn.caffe' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True
                          ).stdout.strip() == 'False'
