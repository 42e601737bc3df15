"""Networks of Caffe's first two versions become current ones."""
from __future__ import annotations

import io

import pytest

pytest.importorskip('google.protobuf')

from autograd_nn import caffe


def upgrade(text):
    return caffe.read_prototxt(io.BytesIO(text.encode()))


# Caffe's own names of today's types.
TYPES = {
    'ABSVAL': 'AbsVal', 'ACCURACY': 'Accuracy', 'ARGMAX': 'ArgMax', 'BNLL': 'BNLL', 'CONCAT': 'Concat',
    'CONTRASTIVE_LOSS': 'ContrastiveLoss', 'CONVOLUTION': 'Convolution', 'DATA': 'Data',
    'DECONVOLUTION': 'Deconvolution', 'DROPOUT': 'Dropout', 'DUMMY_DATA': 'DummyData', 'ELTWISE': 'Eltwise',
    'EUCLIDEAN_LOSS': 'EuclideanLoss', 'EXP': 'Exp', 'FLATTEN': 'Flatten', 'HDF5_DATA': 'HDF5Data',
    'HDF5_OUTPUT': 'HDF5Output', 'HINGE_LOSS': 'HingeLoss', 'IM2COL': 'Im2col', 'IMAGE_DATA': 'ImageData',
    'INFOGAIN_LOSS': 'InfogainLoss', 'INNER_PRODUCT': 'InnerProduct', 'LRN': 'LRN', 'MEMORY_DATA': 'MemoryData',
    'MULTINOMIAL_LOGISTIC_LOSS': 'MultinomialLogisticLoss', 'MVN': 'MVN', 'NONE': '', 'POOLING': 'Pooling',
    'POWER': 'Power', 'RELU': 'ReLU', 'SIGMOID': 'Sigmoid',
    'SIGMOID_CROSS_ENTROPY_LOSS': 'SigmoidCrossEntropyLoss', 'SILENCE': 'Silence', 'SLICE': 'Slice',
    'SOFTMAX': 'Softmax', 'SOFTMAX_LOSS': 'SoftmaxWithLoss', 'SPLIT': 'Split', 'TANH': 'TanH',
    'THRESHOLD': 'Threshold', 'WINDOW_DATA': 'WindowData',
}


def test_every_type_of_the_second_version_has_its_name_of_today():
    text = ''.join(f'layers {{ name: "{name}" type: {name} }}' for name in TYPES)
    assert {layer.name: layer.type for layer in upgrade(text).layer} == TYPES
    assert set(caffe.schema.V1LayerParameter.LayerType.keys()) == set(TYPES)


def test_settings_of_the_second_version():
    net = upgrade('''
        name: "n" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 9
        layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2 weight_decay: 0.5
                 param: "shared" include { phase: TRAIN } loss_weight: 3
                 convolution_param { num_output: 4 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
        layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 } }''')
    data, conv, pool = net.layer
    assert not net.layers and not net.input and net.name == 'n'
    assert (data.type, list(data.top), [list(shape.dim) for shape in data.input_param.shape]) == (
        'Input', ['data'], [[1, 3, 8, 9]])
    assert (list(conv.bottom), list(conv.top), conv.include[0].phase) == (['data'], ['c'], 0)
    assert conv.loss_weight == [3]
    assert (conv.convolution_param.kernel_size, conv.convolution_param.stride) == ([3], [2])
    assert conv.convolution_param.weight_filler.type == 'xavier'
    assert [(p.name, p.lr_mult, p.decay_mult) for p in conv.param] == [('shared', 1, 0.5), ('', 2, 1)]
    assert pool.pooling_param.pool == pool.pooling_param.AVE


def test_settings_of_the_first_version():
    net = upgrade('''
        layers { layer { name: "pad1" type: "padding" pad: 2 } bottom: "data" top: "pad1" }
        layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 5 stride: 3 group: 2 biasterm: false
                         bias_filler { value: 0.1 } blobs_lr: 1. weight_decay: 0. }
                 bottom: "pad1" top: "c" }
        layers { layer { name: "p" type: "pool" pool: AVE kernelsize: 3 stride: 2 } bottom: "c" top: "p" }
        layers { layer { name: "n" type: "lrn" local_size: 3 alpha: 0.1 beta: 0.5 } bottom: "p" top: "n" }
        layers { layer { name: "d" type: "dropout" dropout_ratio: 0.25 } bottom: "n" top: "n" }
        layers { layer { name: "f" type: "innerproduct" num_output: 10 } bottom: "n" top: "f" }
        layers { layer { name: "j" type: "concat" concat_dim: 0 } bottom: "f" bottom: "f" top: "j" }
        layers { layer { name: "s" type: "softmax_loss" } bottom: "f" bottom: "label" }''')
    conv, pool, lrn, dropout, full, concat, loss = net.layer
    assert [layer.type for layer in net.layer] == [
        'Convolution', 'Pooling', 'LRN', 'Dropout', 'InnerProduct', 'Concat', 'SoftmaxWithLoss']
    settings = conv.convolution_param
    assert list(conv.bottom) == ['data'] and settings.pad == [2]
    assert (settings.num_output, settings.kernel_size, settings.stride, settings.group, settings.bias_term) == (
        4, [5], [3], 2, False)
    assert settings.bias_filler.value == pytest.approx(0.1)
    assert [(p.lr_mult, p.decay_mult) for p in conv.param] == [(1, 0)]
    settings = pool.pooling_param
    assert (settings.pool, settings.kernel_size, settings.stride, settings.pad) == (settings.AVE, 3, 2, 0)
    assert (lrn.lrn_param.local_size, lrn.lrn_param.beta, lrn.lrn_param.k) == (3, 0.5, 1)
    assert dropout.dropout_param.dropout_ratio == 0.25
    assert full.inner_product_param.num_output == 10 and full.inner_product_param.bias_term
    assert concat.concat_param.HasField('concat_dim') and list(concat.bottom) == ['f', 'f']
    assert list(loss.bottom) == ['f', 'label']


@pytest.mark.parametrize(('text', 'shapes'), [
    ('input: "a" input: "b"', []),
    ('input: "a" input: "b" input_shape { dim: 1 dim: 2 } input_shape { dim: 3 }', [[1, 2], [3]]),
    ('input: "a" input: "b" ' + ''.join(f'input_dim: {n} ' for n in range(8)), [[0, 1, 2, 3], [4, 5, 6, 7]])])
def test_inputs_become_a_layer(text, shapes):
    layer = upgrade(text + ' layer { name: "r" type: "ReLU" }').layer[0]
    assert (layer.type, list(layer.top)) == ('Input', ['a', 'b'])
    assert [list(shape.dim) for shape in layer.input_param.shape] == shapes


def test_what_is_upgraded_is_not_changed():
    net = caffe.NetParameter(input=['x'], layers=[{'name': 'r', 'type': 18}])
    before = net.SerializeToString()
    assert caffe.upgrade(caffe.upgrade(net)) == caffe.upgrade(net)
    assert net.SerializeToString() == before
