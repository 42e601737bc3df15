"""Losses of style transfer: the equations of the papers in plain NumPy, and numerical gradients."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import models
from support.checking import check_function, uniform

sizes = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))


def gram(x):
    """Equation 3 of Gatys et al. for each picture."""
    F = x.reshape(*x.shape[:2], -1)
    return np.stack([[[sum(F[n, i] * F[n, j]) for j in range(F.shape[1])] for i in range(F.shape[1])]
                     for n in range(len(F))])


@given(sizes)
def test_gram_matrix(shape):
    check_function(models.gram_matrix, lambda x: gram(x) / np.prod(shape[1:]), uniform(*shape))


@given(sizes)
def test_style_loss(shape):
    """Equation 4 of Gatys et al.: N channels and M positions."""
    N, M = shape[1], shape[2] * shape[3]

    def equation(x, a):
        return ((gram(x) - gram(a)) ** 2).sum() / (4 * N ** 2 * M ** 2) / len(x)

    check_function(lambda x, a: models.style_loss(x, models.gram_matrix(a)), equation, uniform(*shape), uniform(*shape))


def test_style_loss_of_a_batch_and_one_style():
    x, a = uniform(3, 2, 4, 5), uniform(1, 2, 4, 5)
    check_function(lambda x, a: models.style_loss(x, models.gram_matrix(a)),
                   lambda x, a: ((gram(x) - gram(a)) ** 2).sum() / (4 * 2 ** 2 * 20 ** 2) / 3, x, a)


@given(sizes)
def test_content_loss(shape):
    """Equation 1 of Gatys et al."""
    check_function(models.content_loss, lambda x, p: ((x - p) ** 2).sum() / 2 / len(x), uniform(*shape),
                   uniform(*shape))


def test_gradients_of_the_paper():
    """Equations 2 and 6, which are given for one picture."""
    x, other = np.random.rand(1, 3, 4, 5), np.random.rand(1, 3, 4, 5)
    found = {}
    for name, loss, target in (('content', models.content_loss, other),
                               ('style', models.style_loss, models.gram_matrix(other).array)):
        features = ann.Variable(x)
        loss(features, target).backward()
        found[name] = features.grad
    np.testing.assert_allclose(found['content'], x - other)
    rows = x.reshape(3, 20)
    expected = (gram(x) - gram(other))[0] @ rows / (3 ** 2 * 20 ** 2)
    np.testing.assert_allclose(found['style'].reshape(3, 20), expected)


@given(sizes)
def test_total_variation(shape):
    def loops(x):
        _, _, H, W = x.shape
        return sum((x[n, c, i + k, j + 1 - k] - x[n, c, i, j]) ** 2 for n, c, i, j in np.ndindex(*x.shape)
                   for k in (0, 1) if i + k < H and j + 1 - k < W) / len(x) + 0. * x.sum()

    check_function(models.total_variation, loops, uniform(*shape))


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r'gram_matrix: expected x of shape \(N, C, H, W\), got \(3, 4\)'):
        models.gram_matrix(np.zeros((3, 4)))


class Network(models.ImageNetwork):
    """One convolution, of which the tests know what it computes."""

    def __init__(self, preprocessing):
        super().__init__()
        self.preprocessing = preprocessing
        self.add_stage('conv', ann.links.Convolution2D(3, 4, 3), F.relu)
        self.add_stage('dropout', F.dropout)


@pytest.mark.parametrize('preprocessing', [models.CAFFE, models.TORCHVISION, models.Preprocessing()])
def test_features_are_those_of_prepared_pictures(preprocessing):
    network = Network(preprocessing)
    pixels = np.random.randint(0, 256, (2, 3, 9, 8)).astype('f')
    wanted = network.extract(preprocessing.normalize(pixels, brightest=255), ['conv'])['conv']
    x = ann.Variable(pixels)
    found = models.FeatureExtractor(network)(x, ['conv', 'dropout'])
    np.testing.assert_allclose(found['conv'].array, wanted.array, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found['dropout'].array, found['conv'].array)  # test mode
    F.sum(found['conv']).backward()
    assert x.grad.any() and network.conv.W.grad is None
    with pytest.raises(ValueError, match='no layer conv2'):
        models.FeatureExtractor(network)(x, ['conv2'])


W = np.random.RandomState(0).uniform(-1, 1, (4, 3, 2, 2))


def features(x, layers):
    """A small network in double precision."""
    h = F.tanh(F.convolution_2d(x, W))
    found = {'one': h, 'two': F.average_pooling_2d(h, 2)}
    return {name: found[name] for name in layers}


def test_losses_are_relative():
    loss = models.PerceptualLoss(features, ['two'], ['one', 'two'])
    x, photo, painting = uniform(2, 3, 6, 5), uniform(2, 3, 6, 5), uniform(1, 3, 7, 9)
    content, style = loss(x, loss.content_of(photo), loss.style_of(painting))
    y, p, a = ({name: h.array for name, h in features(each, ['one', 'two']).items()} for each in (x, photo, painting))
    flat = p['two'].mean(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(content.array, ((y['two'] - p['two']) ** 2).sum() / ((p['two'] - flat) ** 2).sum())
    expected = []
    for name in y:
        A, G = (gram(h[name]) / np.prod(h[name].shape[1:]) for h in (a, y))
        expected.append(((G - A) ** 2).sum() / 2 / (A ** 2).sum())
    np.testing.assert_allclose(style.array, np.mean(expected))


def test_gradient_of_the_perceptual_loss():
    loss = models.PerceptualLoss(features, ['two'], ['one', 'two'])
    content, style = loss.content_of(uniform(2, 3, 5, 4)), loss.style_of(uniform(1, 3, 5, 4))
    check_function(lambda x: loss(x, content, style), None, uniform(2, 3, 5, 4), dtypes=['float64'])


def test_pictures_without_content_or_layers():
    flat = np.full((1, 3, 5, 5), 7.)
    loss = models.PerceptualLoss(features, ['one'], [])
    content, style = loss(flat + 1, loss.content_of(flat), {})
    assert np.isfinite(content.array) and style.array == 0
    assert loss(flat, loss.content_of(flat), {})[0].array == 0


def test_losses_of_several_styles_have_the_gradient_of_their_mean():
    loss = models.PerceptualLoss(features, [], ['one'])
    x, a, b = (uniform(1, 3, 5, 5) for _ in range(3))
    A, B = (loss.style_of(each)['one'] for each in (a, b))
    gradients = []
    for targets in ([(0.25, A), (0.75, B)], [(1, 0.25 * A + 0.75 * B)]):
        picture = ann.Variable(x)
        y = features(picture, ['one'])['one']
        sum(share * models.style_loss(y, target) for share, target in targets).backward()
        gradients.append(picture.grad)
    np.testing.assert_allclose(*gradients, atol=1e-12)


def test_average_pooling_of_vgg():
    ann.random.seed(0)
    maximum, average = (models.VGG(n_layers=11, average_pooling=flag) for flag in (False, True))
    x = np.random.rand(1, 3, 8, 8).astype('f')
    found = average.extract(x, ['conv1_1', 'pool1'])
    np.testing.assert_allclose(found['pool1'].array, found['conv1_1'].array.reshape(1, 64, 4, 2, 4, 2).mean((3, 5)),
                               rtol=1e-5, atol=1e-6)
    found = maximum.extract(x, ['conv1_1', 'pool1'])
    np.testing.assert_array_equal(found['pool1'].array, found['conv1_1'].array.reshape(1, 64, 4, 2, 4, 2).max((3, 5)))
