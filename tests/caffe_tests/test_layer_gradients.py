"""Every layer but those of detectors and measures can be differentiated, twice."""
import io

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import gradient_check
from autograd_nn.caffe import read_prototxt
from autograd_nn.caffe.layers import BUILDERS, Specification, build
from autograd_nn.link import Link
from support.caffe.layer_checks import describe, load, random
from support.checking import check_function, spread

IMAGE, ROW = (2, 3, 4, 4), (3, 4)
CASES = {
    'Convolution': ('convolution_param { num_output: 2 kernel_size: 3 pad: 1 stride: 2 }', [IMAGE],
                    [(2, 3, 3, 3), (2,)]),
    'DepthwiseConvolution': ('convolution_param { num_output: 3 kernel_size: 2 }', [IMAGE], [(3, 1, 2, 2), (3,)]),
    'Deconvolution': ('convolution_param { num_output: 2 kernel_size: 2 stride: 2 }', [IMAGE], [(3, 2, 2, 2), (2,)]),
    'InnerProduct': ('inner_product_param { num_output: 2 }', [IMAGE], [(2, 48), (2,)]),
    'Pooling MAX': ('pooling_param { kernel_size: 3 stride: 2 pad: 1 }', [IMAGE], []),
    'Pooling AVE': ('pooling_param { pool: AVE kernel_size: 3 stride: 2 }', [IMAGE], []),
    'Pooling STOCHASTIC': ('pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }', [IMAGE], []),
    'ReLU': ('relu_param { negative_slope: 0.1 }', [IMAGE], []),
    'PReLU': ('', [IMAGE], [(3,)]),
    'ELU': ('', [ROW], []),
    'Sigmoid': ('', [ROW], []),
    'TanH': ('', [ROW], []),
    'AbsVal': ('', [ROW], []),
    'BNLL': ('', [ROW], []),
    'Swish': ('', [ROW], []),
    'Clip': ('clip_param { min: -1.9 max: 1.9 }', [ROW], []),
    'Power': ('power_param { power: 3 scale: 0.5 shift: 1 }', [ROW], []),
    'Exp': ('exp_param { base: 2 }', [ROW], []),
    'Log': ('log_param { base: 2 shift: 3 }', [ROW], []),
    'Dropout': ('dropout_param { dropout_ratio: 0 }', [ROW], []),
    'LRN across': ('lrn_param { local_size: 3 alpha: 0.7 }', [IMAGE], []),
    'LRN within': ('lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.7 }', [IMAGE], []),
    'MVN': ('mvn_param { eps: 0.1 }', [IMAGE], []),
    'BatchNorm': ('batch_norm_param { use_global_stats: true }', [IMAGE], [(3,), (3,), (1,)]),
    'Scale': ('scale_param { bias_term: true }', [IMAGE], [(3,), (3,)]),
    'Scale by another': ('scale_param { axis: 0 }', [IMAGE, (2, 3)], []),
    'Bias': ('', [IMAGE], [(3,)]),
    'Normalize': ('norm_param { across_spatial: false channel_shared: false }', [IMAGE], [(3,)]),
    'Eltwise SUM': ('eltwise_param { coeff: 2 coeff: -1 }', [ROW, ROW], []),
    'Eltwise PROD': ('eltwise_param { operation: PROD }', [ROW, ROW], []),
    'Eltwise MAX': ('eltwise_param { operation: MAX }', [ROW, ROW], []),
    'Concat': ('', [ROW, ROW], []),
    'Slice': ('slice_param { slice_point: 1 }', [ROW], []),
    'Split': ('', [ROW], []),
    'Flatten': ('', [IMAGE], []),
    'Reshape': ('reshape_param { shape { dim: 0 dim: -1 } }', [IMAGE], []),
    'Permute': ('permute_param { order: 0 order: 2 order: 1 order: 3 }', [IMAGE], []),
    'Crop': ('crop_param { offset: 1 }', [IMAGE, (2, 3, 2, 2)], []),
    'Reduction': ('reduction_param { operation: SUMSQ axis: 1 }', [ROW], []),
    'Tile': ('tile_param { tiles: 2 }', [ROW], []),
    'Softmax': ('', [ROW], []),
    'SoftmaxWithLoss': ('', [ROW, 'labels'], []),
    'EuclideanLoss': ('', [ROW, ROW], []),
    'SigmoidCrossEntropyLoss': ('', [ROW], []),
    'ContrastiveLoss': ('contrastive_loss_param { margin: 9 }', [ROW, ROW, 'flags'], []),
    'ContrastiveLoss legacy': ('contrastive_loss_param { margin: 99 legacy_version: true }', [ROW, ROW, 'flags'], []),
    'InfogainLoss': ('', [ROW, 'labels', 'matrix'], []),
    'MultinomialLogisticLoss': ('', ['probabilities', 'labels'], []),
    'SmoothL1Loss': ('smooth_l1_loss_param { sigma: 2 }', [ROW, ROW, ROW, ROW], []),
    'Filter': ('', [ROW, (3, 2, 2), 'flags'], []),
    'BatchReindex': ('', [(4, 3), 'labels'], []),
    'Im2col': ('convolution_param { kernel_size: 2 stride: 2 pad: 1 }', [IMAGE], []),
    'SPP': ('spp_param { pyramid_height: 2 }', [IMAGE], []),
    'Parameter': ('parameter_param { shape { dim: 2 dim: 3 } }', [], [(2, 3)]),
    'LSTM': ('recurrent_param { num_output: 2 expose_hidden: true }',
             [(3, 2, 4), 'goes on', (2, 3), (1, 2, 2), (1, 2, 2)], [(8, 4), (8,), (8, 3), (8, 2)]),
    'LSTMUnit': ('', [(1, 3, 2), (1, 3, 8), 'cont'], []),
    'RNN': ('recurrent_param { num_output: 2 }', [(3, 2, 4), 'goes on'], [(2, 4), (2,), (2, 2), (2, 2), (2,)]),
    'HingeLoss': ('hinge_loss_param { norm: L2 }', [ROW, 'labels'], []),
    'Interp': ('interp_param { zoom_factor: 2 }', [IMAGE], []),
    'Upsample': ('', [IMAGE], []),
}
WITHOUT_GRADIENT = {'Threshold', 'Accuracy', 'ArgMax', 'PriorBox', 'DetectionOutput', 'Silence', 'Embed',
                    'ConvolutionDepthwise', 'DummyData'}
INTEGERS = {'labels': np.array([1, 0, 3]), 'flags': np.array([1, 0, 1]), 'goes on': np.array([[0, 0], [1, 1], [0, 1]]),
            'cont': np.array([[0, 1, 1]]), 'matrix': np.arange(16).reshape(4, 4)}
TOPS = {'Slice': 2, 'Split': 2, 'Filter': 2, 'LSTM': 3, 'LSTMUnit': 2}


def test_no_type_is_forgotten():
    assert {name.split()[0] for name in CASES} | WITHOUT_GRADIENT == set(BUILDERS)


@pytest.mark.parametrize('name', CASES)
def test_gradient(name):
    settings, shapes, blob_shapes = CASES[name]
    kind = name.split()[0]
    inputs = [spread(*ROW, low=0.1) if shape == 'probabilities' else
              INTEGERS[shape] if isinstance(shape, str) else spread(*shape, low=-2 + i / 50, high=2)
              for i, shape in enumerate(shapes)]
    if kind == 'SigmoidCrossEntropyLoss':
        inputs.append((inputs[0] > 0).astype(int))
    if 'STOCHASTIC' in name:
        inputs = [abs(inputs[0])]
    text = describe(kind, settings, [x.shape for x in inputs], TOPS.get(kind, 1))
    message = next(layer for layer in read_prototxt(io.BytesIO(text.encode())).layer if layer.name == 'y')
    layer = build(Specification(message, [random(*shape, low=0.5, high=1.5) for shape in blob_shapes]))
    params = list(layer.params()) if isinstance(layer, Link) else []
    for param in params:
        param.array = param.array.astype('f8')
    if kind == 'BatchNorm':
        layer.avg_mean, layer.avg_var = layer.avg_mean.astype('f8'), layer.avg_var.astype('f8')
    with ann.using_config('train', 'STOCHASTIC' not in name):
        check_function(lambda *xs: layer(*xs), None, *inputs, dtypes=['float64'], eps=1e-4, rtol=1e-3, atol=1e-4,
                       on_gpu=not isinstance(layer, Link))


@pytest.mark.parametrize('kind', ['Convolution', 'InnerProduct', 'PReLU', 'Scale', 'Bias', 'Normalize', 'Parameter',
                                  'LSTM', 'RNN'])
def test_parameters_get_gradients(kind):
    """Numerically, each with the others as they are."""
    settings, shapes, blob_shapes = CASES[kind]
    inputs = [INTEGERS[shape].astype('f') if isinstance(shape, str) else random(*shape) for shape in shapes]
    net = load(describe(kind, settings, [x.shape for x in inputs], TOPS.get(kind, 1)),
               {'y': [random(*shape) for shape in blob_shapes]})
    params = list(net.params())
    assert len(params) == len(blob_shapes)
    for param in params:
        param.array = param.array.astype('f8')
    values = {f'x{i}': x.astype('f8') for i, x in enumerate(inputs)}

    def forward(*arrays):
        net.y.reset_state() if kind in ('LSTM', 'RNN') else None
        return net(values, 'y')

    y = forward()
    gradient_check.check_backward(forward, (), np.random.uniform(0.5, 1.5, y.shape), params, eps=1e-4, rtol=1e-3,
                                  atol=1e-4)


def test_vectors_get_gradients():
    net = load(describe('Embed', 'embed_param { num_output: 2 input_dim: 3 }', [(2,)]),
               {'y': [random(3, 2), random(2)]})
    y = net(np.array([2, 2], 'f'), 'y')
    y.grad = np.ones_like(y.array)
    y.backward()
    np.testing.assert_array_equal(net.y.W.grad, [[0, 0], [0, 0], [2, 2]])
    np.testing.assert_array_equal(net.y.b.grad, [2, 2])
