"""The vision transformer: shapes, position embeddings, and the same network in PyTorch."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import models, optimizers
from autograd_nn.models.classification.vision_transformer import Embedding, TransformerBlock


def images(n, *size):
    return np.random.uniform(-1, 1, (n, 3, *size)).astype('f')


def test_layers():
    model = models.VisionTransformer(num_classes=7)
    found = model.extract(images(2, 48, 32), model.available_layers)
    assert list(found) == ['embedding', *(f'block{i}' for i in range(1, 13)), 'norm', 'head', 'prob']
    assert [y.shape for y in found.values()] == [(2, 7, 384)] * 13 + [(2, 384), (2, 7), (2, 7)]
    assert model.prepare(np.full((50, 40, 3), 255, np.uint8)).min() == 1


def test_positions_are_used_as_they_are_or_interpolated():
    embedding = Embedding(4, patch=2, grid=3)
    embedding(images(1, 6, 6))
    embedding.patches.W.array[...] = 0
    embedding.token.array[...] = 5
    position = embedding.position.array
    expected = position.copy()
    expected[:, 0] += 5
    np.testing.assert_array_equal(embedding(images(2, 6, 6)).array, np.repeat(expected, 2, axis=0))
    finer = embedding(images(1, 10, 6)).array
    assert finer.shape == (1, 1 + 5 * 3, 4)
    np.testing.assert_array_equal(finer[:, 0], expected[:, 0])
    grid, finer = position[0, 1:].reshape(3, 3, 4), finer[0, 1:].reshape(5, 3, 4)
    np.testing.assert_allclose(finer[::2], grid, rtol=1e-5)
    np.testing.assert_allclose(finer[1::2], (grid[:-1] + grid[1:]) / 2, rtol=1e-4, atol=1e-6)


def test_patches_are_in_the_order_of_reading():
    embedding = Embedding(1, patch=2, grid=2)
    x = images(1, 4, 4)
    embedding(x)
    embedding.patches.W.array[...] = 1
    embedding.position.array[...] = 0
    sums = x.reshape(3, 2, 2, 2, 2).sum(axis=(0, 2, 4)).ravel()
    np.testing.assert_allclose(embedding(x).array.ravel(), [0, *sums], rtol=1e-4, atol=1e-5)


def test_dropout_in_training_only():
    block = TransformerBlock(8, 2, dropout=0.5)
    x = np.random.rand(2, 3, 8).astype('f')
    assert (block(ann.Variable(x)).array != block(ann.Variable(x)).array).any()
    with ann.using_config('train', False):
        np.testing.assert_array_equal(block(ann.Variable(x)).array, block(ann.Variable(x)).array)


class SmallTransformer(models.VisionTransformer):

    insize, patch, size, n_heads, depth = 16, 4, 32, 4, 3


def test_learns_eight_samples_by_heart():
    x, t = images(8, 16, 16), np.arange(8, dtype=np.int32) % 4
    model = L.Classifier(SmallTransformer(4, dropout=0.0))
    optimizer = optimizers.Adam(0.01).setup(model)
    for _ in range(30):
        optimizer.update(model, x, t)
    assert all(param.grad.any() for path, param in model.namedparams() if not path.endswith('key/b'))
    assert model.accuracy.array == 1
    assert model.loss.array < 0.3


def test_computes_what_pytorch_computes():
    torch = pytest.importorskip('torch')
    functional = torch.nn.functional
    x = images(2, 224, 224)
    model = models.VisionTransformer(num_classes=10)
    with ann.using_config('train', False), ann.no_backprop_mode():
        model(x)
        for path, param in model.namedparams():
            if path.split('/')[-1] in ('beta', 'b', 'token') or path == '/head/W':
                param.array[...] = np.random.uniform(-0.3, 0.3, param.shape)
        y = model(x).array
    arrays = {path: torch.tensor(param.array) for path, param in model.namedparams()}

    def norm(x, path):
        return functional.layer_norm(x, (384,), arrays[f'{path}/gamma'], arrays[f'{path}/beta'], 1e-6)

    def dense(x, path):
        return functional.linear(x, arrays[f'{path}/W'], arrays[f'{path}/b'])

    def heads(x):
        return x.reshape(2, 197, 6, 64).transpose(1, 2)

    h = functional.conv2d(torch.tensor(x), arrays['/embedding/patches/W'], arrays['/embedding/patches/b'], stride=16)
    h = torch.cat((arrays['/embedding/token'].expand(2, 1, 384), h.flatten(2).transpose(1, 2)), 1)
    h = h + arrays['/embedding/position']
    for i in range(1, 13):
        path = f'/block{i}'
        n = norm(h, f'{path}/norm1')
        query, key, value = (heads(dense(n, f'{path}/attention/{name}')) for name in ('query', 'key', 'value'))
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(2, 197, 384)
        h = h + dense(attended, f'{path}/attention/out')
        h = h + dense(functional.gelu(dense(norm(h, f'{path}/norm2'), f'{path}/fc1')), f'{path}/fc2')
    expected = dense(norm(h, '/norm')[:, 0], '/head').numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())
    np.testing.assert_allclose(F.softmax(y).array.sum(axis=1), 1, rtol=1e-5)
