"""Networks that transform pictures: the published architecture, files of the program for Chainer, any size."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers, models, serializers
from autograd_nn.models.style.fast_style import RepeatedPixels
from support.checking import check_function, uniform

SHAPES = {'c1': (32, 3, 9, 9), 'c2': (64, 32, 4, 4), 'c3': (128, 64, 4, 4), 'd1': (128, 64, 4, 4),
          'd2': (64, 32, 4, 4), 'd3': (32, 3, 9, 9)}
NORMALIZED = {'b1': 32, 'b2': 64, 'b3': 128, 'b4': 64, 'b5': 32}


def published():
    """The arrays of a file as the program for Chainer writes it, with random numbers."""
    random = np.random.RandomState(1)
    shapes, norms = dict(SHAPES), dict(NORMALIZED)
    for i in range(1, 6):
        shapes.update({f'r{i}/c{j}': (128, 128, 3, 3) for j in (1, 2)})
        norms.update({f'r{i}/b{j}': 128 for j in (1, 2)})
    arrays = {}
    for name, shape in shapes.items():
        arrays[f'{name}/W'] = random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape)
        arrays[f'{name}/b'] = random.normal(0, .1, shape[1 if name.startswith('d') else 0])
    for name, size in norms.items():
        for key, low, high in (('gamma', .5, 1.5), ('beta', -.5, .5), ('avg_mean', -.5, .5), ('avg_var', .5, 2)):
            arrays[f'{name}/{key}'] = random.uniform(low, high, size)
    return {**{name: array.astype('f') for name, array in arrays.items()}, **{f'{name}/N': 0 for name in norms}}


def run_published(p, x, averages):
    """What the published network computes, with running averages or with the statistics of the batch."""
    def normalize(h, name):
        gamma, beta = p[f'{name}/gamma'], p[f'{name}/beta']
        if averages:
            return F.fixed_batch_normalization(h, gamma, beta, p[f'{name}/avg_mean'], p[f'{name}/avg_var'])
        return F.batch_normalization(h, gamma, beta)

    def convolve(h, name, stride, pad):
        return F.convolution_2d(h, p[f'{name}/W'], p[f'{name}/b'], stride, pad)

    h = x
    for i, (stride, pad) in enumerate([(1, 4), (2, 1), (2, 1)], start=1):
        h = normalize(F.elu(convolve(h, f'c{i}', stride, pad)), f'b{i}')
    for i in range(1, 6):
        g = F.relu(normalize(convolve(h, f'r{i}/c1', 1, 1), f'r{i}/b1'))
        h = normalize(convolve(g, f'r{i}/c2', 1, 1), f'r{i}/b2') + h
    for i in 1, 2:
        h = normalize(F.elu(F.deconvolution_2d(h, p[f'd{i}/W'], p[f'd{i}/b'], 2, 1)), f'b{i + 3}')
    return (F.tanh(F.deconvolution_2d(h, p['d3/W'], p['d3/b'], 1, 4)) + 1) * 127.5


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp('published') / 'style.npz'
    np.savez(path, **published())
    return path.rename(path.with_suffix('.model'))


@pytest.mark.parametrize('normalization', ['batch', 'instance'])
@pytest.mark.parametrize('train', [False, True])
def test_files_of_the_program_for_chainer_load(file, normalization, train):
    model = models.FastStyleNet(normalization)
    serializers.load_npz(file, model)
    x = np.random.uniform(0, 255, (1, 3, 16, 24)).astype('f')
    averages = normalization == 'batch' and not train
    with ann.using_config('train', train), ann.using_config('enable_backprop', train):
        y = model(x)
    np.testing.assert_allclose(y.array, run_published(published(), x, averages).array, rtol=1e-3, atol=0.02)


def test_paths_are_those_of_the_program_for_chainer(tmp_path):
    serializers.save_npz(tmp_path / 'model.npz', models.FastStyleNet(), compression=False)
    with np.load(tmp_path / 'model.npz') as arrays:
        found = {name: np.shape(arrays[name]) for name in arrays}
    assert found == {name: np.shape(x) for name, x in published().items()}


@pytest.mark.parametrize('build, count', [(models.FastStyleNet, 1_822_595), (models.SuperResolutionNet, 459_203),
                                          (lambda: models.SuperResolutionNet(8), 524_931)])
def test_parameters(build, count):
    model = build()
    assert model.count_params() == count and f'{count:,}' in type(model).__doc__
    x = np.random.uniform(0, 255, (2, 3, 8, 12)).astype('f')
    y = model(x)
    assert y.shape == (2, 3, 8 * model.factor, 12 * model.factor)
    F.sum(y * np.random.rand(*y.shape).astype('f')).backward()
    # A bias in front of a normalization has no effect.
    assert [path for path, param in model.namedparams() if param.grad is None] == []


def test_instance_normalization():
    layer = models.InstanceNormalization(3, dtype='float64')
    layer.gamma.array[:], layer.beta.array[:] = [1, 2, 3], [4, 5, 6]
    x = uniform(2, 3, 4, 5)

    def formula(x):
        mean, var = x.mean(axis=(2, 3), keepdims=True), x.var(axis=(2, 3), keepdims=True)
        return (x - mean) / np.sqrt(var + layer.eps) * np.c_[1:4][:, None] + np.c_[4:7][:, None]

    for train in True, False:
        with ann.using_config('train', train):
            np.testing.assert_allclose(layer(x).array, formula(x))
            residual = uniform(*x.shape) - 4
            y = layer(x, residual=residual, activation=F.relu)
            np.testing.assert_allclose(y.array, np.maximum(formula(x) + residual, 0), atol=1e-12)
    assert not layer.avg_mean.any() and (layer.avg_var == 1).all()
    check_function(layer, formula, x, dtypes=['float64'])


class Enlargement(models.PictureTransformer):
    """Repeats each pixel, where its input has a size that it accepts."""

    multiple = 4

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        assert x.shape[2] % 4 == x.shape[3] % 4 == 0 and x.dtype == np.float32
        assert not ann.config.train and not ann.config.enable_backprop
        return ann.as_variable(x.repeat(self.factor, 2).repeat(self.factor, 3))


@pytest.mark.parametrize('factor', [1, 2])
@pytest.mark.parametrize('padding', [0, 3, 10])
@pytest.mark.parametrize('size', [(1, 1), (4, 8), (5, 7), (3, 2)])
def test_any_size_and_margin(factor, padding, size):
    images = np.random.randint(0, 256, (2, 3, *size)).astype('u1')
    y = Enlargement(factor).transform(images, padding)
    assert y.dtype == np.uint8
    np.testing.assert_array_equal(y, images.repeat(factor, 2).repeat(factor, 3))


def test_a_margin_keeps_borders_clean():
    """Behind a layer that pads with zeros, the border of a grey picture is grey, too."""
    class Blur(models.PictureTransformer):
        def __init__(self):
            super().__init__()
            W = np.zeros((3, 3, 3, 3), 'f')
            W[range(3), range(3)] = 1 / 9
            self.add_stage('conv', L.Convolution2D(3, 3, 3, pad=1, initialW=W, nobias=True))

    grey = np.full((1, 3, 6, 6), 90, np.uint8)
    assert Blur().transform(grey).min() == 40
    np.testing.assert_array_equal(Blur().transform(grey, padding=1), grey)


def test_networks_begin_without_checkerboards():
    """A transposed convolution equals, at first, a convolution of repeated pixels."""
    W = initializers.generate_array(RepeatedPixels(rng=np.random.RandomState(2)), (3, 2, 4, 4), dtype='float64')
    filters = np.random.RandomState(2).normal(0, np.sqrt(2 / 27), (2, 3, 3, 3))[..., ::-1, ::-1]
    x = uniform(2, 3, 5, 6)
    expected = F.convolution_2d(F.unpooling_2d(x, 2, cover_all=False), filters, pad=1)
    np.testing.assert_allclose(F.deconvolution_2d(x, W, stride=2, pad=1).array, expected.array, atol=1e-12)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="normalization: expected one of batch, instance; got 'layer'"):
        models.FastStyleNet('layer')
    with pytest.raises(ValueError, match='factor of 4 or 8, got 3'):
        models.SuperResolutionNet(3)
    with pytest.raises(ValueError, match=r'images of shape \(N, 3, H, W\), got \(1, 1, 8, 8\)'):
        models.FastStyleNet().transform(np.zeros((1, 1, 8, 8)))
    with pytest.raises(ValueError, match='padding of 0 or more, got -1'):
        models.FastStyleNet().transform(np.zeros((1, 3, 8, 8)), -1)
