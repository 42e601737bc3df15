"""Functions of single elements, against OpenCV or a formula."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from support.caffe.layer_checks import check_layer, describe, load, random


@pytest.mark.parametrize('kind, settings', [
    ('ReLU', ''), ('ReLU', 'relu_param { negative_slope: 0.1 }'), ('ELU', ''), ('Sigmoid', ''), ('TanH', ''),
    ('AbsVal', ''), ('BNLL', ''), ('Power', ''), ('Power', 'power_param { power: 2 scale: 0.5 shift: -1 }'),
    ('Power', 'power_param { scale: 3 }'), ('Exp', ''), ('Exp', 'exp_param { base: 2 scale: 0.5 shift: 1 }'),
    ('Dropout', ''), ('Split', ''),
])
@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (3, 7)])
def test_function_and_opencv(kind, settings, shape):
    check_layer(kind, settings, [3 * random(*shape)])


def softplus(x):
    return np.log1p(np.exp(x))


@pytest.mark.parametrize('kind, settings, formula', [
    ('ELU', 'elu_param { alpha: 0.3 }', lambda x: np.where(x > 0, x, 0.3 * np.expm1(x))),
    ('BNLL', '', softplus),
    ('Power', 'power_param { power: 0 }', np.ones_like),
    ('Power', 'power_param { power: 3 shift: 1 }', lambda x: (x + 1) ** 3),
    ('Log', 'log_param { shift: 4 }', lambda x: np.log(x + 4)),
    ('Log', 'log_param { base: 10 scale: 0.5 shift: 4 }', lambda x: np.log10(x / 2 + 4)),
    ('Exp', 'exp_param { base: 10 }', lambda x: 10 ** x),
    ('Swish', 'swish_param { beta: 2 }', lambda x: x / (1 + np.exp(-2 * x))),
    ('Clip', 'clip_param { min: -0.5 max: 1 }', lambda x: np.clip(x, -0.5, 1)),
    ('Threshold', 'threshold_param { threshold: 0.5 }', lambda x: x > 0.5),
    ('MVN', 'mvn_param { eps: 0.1 }', lambda x: (x - x.mean((2, 3), keepdims=True))
     / (x.std((2, 3), keepdims=True) + 0.1)),
    ('MVN', 'mvn_param { normalize_variance: false across_channels: true }',
     lambda x: x - x.mean((1, 2, 3), keepdims=True)),
])
def test_function_and_formula(kind, settings, formula):
    check_layer(kind, settings, [3 * random(2, 3, 4, 5)], reference=formula)


@pytest.mark.parametrize('shared', [False, True])
@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (2, 3)])
def test_prelu(shared, shape):
    slopes = random(1 if shared else 3)

    def formula(x, W):
        return np.where(x > 0, x, x * W.reshape(-1, *[1] * (x.ndim - 2)))

    settings = f'prelu_param {{ channel_shared: {str(shared).lower()} }}'
    check_layer('PReLU', settings, [random(*shape)], [slopes], formula)
    if len(shape) == 4:
        check_layer('PReLU', settings, [random(*shape)], [slopes])


def test_prelu_without_weights_starts_with_a_quarter():
    net = load('input: "x" layer { name: "y" type: "PReLU" bottom: "x" top: "y" }')
    np.testing.assert_array_equal(net(-np.ones((1, 2, 1, 1), 'f')).array.ravel(), [-.25, -.25])
    assert net.y.W.shape == (2,)


def test_a_base_that_is_none():
    with pytest.raises(ValueError, match=r"layer 'y' \(Exp\): expected a positive base"):
        load('input: "x" layer { name: "y" type: "Exp" bottom: "x" top: "y" exp_param { base: -2 } }')


@pytest.mark.parametrize('kind, settings, blobs', [('ReLU', 'relu_param { negative_slope: 0.1 }', None),
                                                   ('PReLU', '', [np.full(2, 0.1, 'f')]),
                                                   ('PReLU', 'prelu_param { channel_shared: true }', [np.full(1, .1)])])
@pytest.mark.parametrize('value, slope', [(0, 0.1), (-0., 0.1), (-2, 0.1), (2, 1)])
def test_the_gradient_at_zero_is_the_slope(kind, settings, blobs, value, slope):
    net = load(describe(kind, settings, [(1, 2)]), blobs and {'y': blobs})
    x = ann.Variable(np.full((1, 2), value, 'f'))
    y = net(x)
    np.testing.assert_allclose(y.array, value * np.float32(slope))
    F.sum(y).backward()
    np.testing.assert_allclose(x.grad, np.full((1, 2), slope), rtol=1e-6)
