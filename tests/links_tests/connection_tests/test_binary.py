"""Layers with binary weights: what they compute, their gradients, and that updates keep within bounds."""
import copy
import io
import pickle

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import optimizers, serializers
from autograd_nn.sequential import run_layers


def signs(W, scaled):
    """Loops over the outputs, each with a number of its own."""
    rows = []
    for row in W.astype('d'):
        alpha = np.abs(row).mean() if scaled else 1.
        rows.append(np.where(row < 0, -alpha, alpha))
    return np.array(rows)


def make(kind, scaled, **options):
    ann.random.seed(1)
    if kind == 'linear':
        return L.BinaryLinear(12, 5, scaled=scaled, **options), np.random.randn(4, 12).astype('f')
    return (L.BinaryConvolution2D(3, 4, 2, stride=2, pad=1, scaled=scaled, **options),
            np.random.randn(2, 3, 5, 5).astype('f'))


def apply(layer, x, W):
    """The layer by NumPy alone, with other weights."""
    if x.ndim == 2:
        return x @ W.T + layer.b.array
    x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    y = np.zeros((len(x), len(W), 3, 3))
    for i in range(3):
        for j in range(3):
            y[:, :, i, j] = np.tensordot(x[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2], W, ([1, 2, 3], [1, 2, 3]))
    return y + layer.b.array[:, None, None]


KINDS = pytest.mark.parametrize('kind', ['linear', 'convolution'])
SCALED = pytest.mark.parametrize('scaled', [False, True])


@KINDS
@SCALED
def test_forward(kind, scaled):
    layer, x = make(kind, scaled, initial_bias=np.random.randn({'linear': 5, 'convolution': 4}[kind]))
    W = signs(layer.W.array, scaled)
    np.testing.assert_allclose(layer.binary_weights.array, W, rtol=1e-6)
    np.testing.assert_allclose(layer(x).array, apply(layer, x, W), rtol=1e-4, atol=1e-4)
    with ann.using_config('train', False), ann.no_backprop_mode():
        np.testing.assert_allclose(layer(x).array, apply(layer, x, W), rtol=1e-4, atol=1e-4)
        layer.W.array[0] *= -1  # no copy of old weights is kept
        np.testing.assert_allclose(layer(x).array, apply(layer, x, signs(layer.W.array, scaled)), rtol=1e-4, atol=1e-4)


@KINDS
@SCALED
def test_gradient_is_the_formula(kind, scaled):
    """With gV the gradient of what is computed with, V = alpha sign(W): alpha gV where abs(W) <= 1, and for the mean of
    absolute values sign(W) / n times the sum of gV sign(W)."""
    layer, x = make(kind, scaled)
    layer.W.array[0].flat[:2] = 1.5, -1.25
    plain = copy.deepcopy(layer)
    W = layer.W.array.astype('d')
    V = ann.Variable(signs(W, scaled).astype('f'))
    y = layer(x)
    gy = np.random.randn(*y.shape).astype('f')
    y.grad = gy
    y.backward()
    if kind == 'linear':
        z = ann.functions.linear(x, V, plain.b)
    else:
        z = ann.functions.convolution_2d(x, V, plain.b, 2, 1)
    z.grad = gy
    z.backward()
    expected = np.where(abs(W) <= 1, V.grad, 0.)
    if scaled:
        for k in range(len(W)):
            sign = np.where(W[k] < 0, -1., 1.)
            expected[k] = np.abs(W[k]).mean() * expected[k] + sign / W[k].size * (V.grad[k] * sign).sum()
    np.testing.assert_allclose(layer.W.grad, expected, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(layer.b.grad, plain.b.grad, rtol=1e-5)


@KINDS
def test_any_optimizer_keeps_weights_within_bounds(kind):
    """Also of a copy; biases go where they like. A second `setup` does not clip twice."""
    layer, _ = make(kind, False)
    model = pickle.loads(pickle.dumps(copy.deepcopy(layer)))
    optimizer = optimizers.SGD(0.5)
    W = layer.W.array
    for _ in range(2):
        optimizer.setup(model)
        for _ in range(3):
            model.W.grad, model.b.grad = (np.random.randn(*param.shape).astype('f') for param in (model.W, model.b))
            W = np.clip(W - np.float32(0.5) * model.W.grad, -1, 1)
            optimizer.update()
            np.testing.assert_allclose(model.W.array, W, rtol=1e-6)
    assert abs(W).max() == 1 and len(np.unique(W)) > 2
    adam = optimizers.Adam(0.7).setup(model)
    model.b.array[...] = 0
    for _ in range(4):
        model.W.grad, model.b.grad = np.ones_like(W), np.ones_like(model.b.array)
        adam.update()
    assert (model.W.array == -1).all() and (model.b.array < -1.5).all()


def test_in_mixed_precision_the_precise_copy_is_clipped():
    with ann.using_config('dtype', ann.mixed16):
        layer = L.BinaryLinear(3, 2)
        optimizer = optimizers.SGD(10.).setup(layer)
        optimizer.update(lambda x: layer(x).sum(), np.ones((1, 3), np.float16))
        assert layer.W.dtype == np.float16 and abs(layer.W.array).max() == 1
        assert abs(layer.W.update_rule._fp32_param.array).max() == 1


@KINDS
@SCALED
def test_rounded_weights_are_the_same_layer_to_the_last_bit(kind, scaled):
    """Also of rows whose length is no power of two; and once more."""
    layer, x = make(kind, scaled)
    before = layer(x).array
    for _ in range(2):
        layer.round_weights()
        assert all(len(np.unique(abs(row))) == 1 for row in layer.W.array)
        np.testing.assert_array_equal(layer(x).array, before)


def test_shapes_that_settle_later():
    for layer, shape in (L.BinaryLinear(3), (2, 5, 2)), (L.BinaryConvolution2D(4, 3), (2, 5, 6, 6)):
        x = np.ones(shape, 'f')
        layer.round_weights()  # nothing to round yet
        optimizer = optimizers.SGD(100.).setup(layer)
        optimizer.update(lambda x, layer=layer: layer(x).sum(), x)
        assert abs(layer.W.array).max() == 1
        file = io.BytesIO()
        serializers.save_npz(file, layer)
        other = L.BinaryLinear(3) if x.ndim == 3 else L.BinaryConvolution2D(4, 3)
        serializers.load_npz(file, other)
        np.testing.assert_array_equal(other(x).array, layer(x).array)


def test_neighbours_do_not_take_over_the_real_weights():
    """Layers that stand side by side are computed in one step, which must see binary weights."""
    convolution, normalization = L.BinaryConvolution2D(3, 4, 3, nobias=True), L.BatchNormalization(4)
    x = np.random.randn(2, 3, 6, 6).astype('f')
    with ann.using_config('train', False), ann.no_backprop_mode():
        normalization(convolution(x))
        y = run_layers([convolution, normalization, ann.functions.relu], x)
        np.testing.assert_array_equal(y.array, ann.functions.relu(normalization(convolution(x))).array)


def test_printing():
    assert repr(L.BinaryLinear(3, 2, scaled=True)) == 'BinaryLinear(in_size=3, out_size=2, nobias=False, scaled=True)'
    assert repr(L.BinaryConvolution2D(3, 2, 5)).endswith('nobias=False, scaled=False)')
