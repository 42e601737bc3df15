"""Residual networks: shapes, both placements of the stride, weights of Chainer, and the same network in PyTorch."""
import io

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import models, optimizers, serializers
from autograd_nn.models.classification.resnet import ResidualBlock, subsample
from autograd_nn.models.layers.blocks import SqueezeExcitation


def images(n, size):
    return np.random.uniform(-1, 1, (n, 3, size, size)).astype('f')


def randomize(model, x):
    """Gives each normalization averages and parameters that a mistake would show in."""
    with ann.no_backprop_mode():
        model(x)
    for link in model.links():
        if isinstance(link, L.BatchNormalization):
            link.beta.array[...] = np.random.uniform(-0.5, 0.5, link.beta.shape)
            link.gamma.array[...] = np.random.uniform(0.5, 1, link.gamma.shape)
            link.avg_var *= np.random.uniform(0.7, 1.4, link.avg_var.shape).astype('f')
    return model


@pytest.mark.parametrize('n_layers, channels', [(18, 64), (50, 256)])
@pytest.mark.parametrize('fb', [False, True])
def test_layers_of_a_resnet(n_layers, channels, fb):
    model = models.ResNet(7, n_layers, downsample_fb=fb)
    assert model.available_layers == ['conv1', 'pool1', 'res2', 'res3', 'res4', 'res5', 'pool5', 'fc6', 'prob']
    found = model.extract(images(2, 64), model.available_layers)
    assert [y.shape for y in found.values()] == [
        (2, 64, 32, 32), (2, 64, 16, 16), (2, channels, 16, 16), (2, 2 * channels, 8, 8), (2, 4 * channels, 4, 4),
        (2, 8 * channels, 2, 2), (2, 8 * channels), (2, 7), (2, 7)]


def test_layers_of_a_cifar_resnet():
    model = models.CifarResNet(n_layers=8)
    found = model.extract(images(2, 32), model.available_layers)
    assert {name: y.shape for name, y in found.items()} == {
        'conv1': (2, 16, 32, 32), 'res2': (2, 16, 32, 32), 'res3': (2, 32, 16, 16), 'res4': (2, 64, 8, 8),
        'pool4': (2, 64), 'fc5': (2, 10), 'prob': (2, 10)}


@pytest.mark.parametrize('fb, strides', [(False, [(2, 2), (1, 1), (1, 1), (2, 2)]),
                                         (True, [(1, 1), (2, 2), (1, 1), (2, 2)])])
def test_placement_of_the_stride(fb, strides):
    model = models.ResNet(downsample_fb=fb)
    for stage in model.res3, model.res4, model.res5:
        assert [stage.a[f'conv{i}'].stride for i in (1, 2, 3, 4)] == strides
        assert all(conv.stride == (1, 1) for conv in stage.b1.children() if isinstance(conv, L.Convolution2D))
    assert model.res2.a.conv4.stride == (1, 1)


def test_preparation_is_that_of_the_weights():
    red = np.full((300, 400, 3), (255, 0, 0), np.uint8)
    np.testing.assert_allclose(models.ResNet().prepare(red)[:, 5, 5], [-103.063, -115.903, 131.848], rtol=1e-5)
    np.testing.assert_allclose(models.ResNet(downsample_fb=True).prepare(red)[:, 5, 5],
                               [.515 / .229, -.456 / .224, -.406 / .225], rtol=1e-5)
    np.testing.assert_allclose(models.SEResNet().prepare(red)[:, 5, 5], [-104, -117, 132])
    x = models.CifarResNet().prepare(red)
    assert x.shape == (3, 32, 32) and abs(x[:, 0, 0] - [.5086, -.4822, -.4465]).max() < 1e-6


def chainer_keys(depths):
    """The paths in an .npz of Chainer's ``ResNet50Layers`` and its siblings."""
    def normalization(path):
        return [f'{path}/{name}' for name in ('gamma', 'beta', 'avg_mean', 'avg_var', 'N')]

    keys = ['conv1/W', *normalization('bn1'), 'fc6/W', 'fc6/b']
    for stage, depth in zip(('res2', 'res3', 'res4', 'res5'), depths):
        for block in ['a', *(f'b{i}' for i in range(1, depth))]:
            for i in range(1, 5 if block == 'a' else 4):
                keys += [f'{stage}/{block}/conv{i}/W', *normalization(f'{stage}/{block}/bn{i}')]
    return keys


@pytest.mark.parametrize('n_layers, depths', [(50, (3, 4, 6, 3)), (101, (3, 4, 23, 3)), (152, (3, 8, 36, 3))])
def test_paths_are_those_of_chainer(n_layers, depths):
    serializer = serializers.DictionarySerializer()
    serializer.save(models.ResNet(n_layers=n_layers))
    assert sorted(serializer.target) == sorted(chainer_keys(depths))


@pytest.mark.parametrize('strict', [False, True])
def test_weights_with_a_bias_in_the_first_convolution(strict):
    x = images(2, 32)
    source = randomize(models.ResNet(3, 18), x)
    serializer = serializers.DictionarySerializer()
    serializer.save(source)
    b = np.random.rand(64).astype('f')
    weights = {**serializer.target, 'conv1/b': b}
    file = io.BytesIO()
    np.savez(file, **weights)
    model = models.ResNet(3, 18)
    serializers.load_npz(file, model, strict=strict)
    with ann.using_config('train', False):
        y = model.extract(x, ['conv1'])['conv1'].array
        h = F.convolution_2d(x, weights['conv1/W'], b, stride=2, pad=3)
        bn = [weights[f'bn1/{name}'] for name in ('gamma', 'beta', 'avg_mean', 'avg_var')]
        np.testing.assert_allclose(y, F.relu(F.fixed_batch_normalization(h, *bn)).array, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_weights_come_back_as_they_were():
    x = images(2, 32)
    source = randomize(models.SEResNet(3, 18), x)
    file = io.BytesIO()
    serializers.save_npz(file, source)
    model = models.SEResNet(3, 18)
    serializers.load_npz(file, model)
    with ann.using_config('train', False):
        np.testing.assert_array_equal(model(x).array, source(x).array)


@pytest.mark.parametrize('build', [lambda: models.ResNet(n_layers=20), lambda: models.SEResNet(n_layers=1),
                                   lambda: models.CifarResNet(n_layers=18), lambda: models.CifarResNet(n_layers=2)])
def test_numbers_of_layers_that_there_are_not(build):
    with pytest.raises(ValueError, match=r'ResNet: expected n_layers out of .*, got \d+'):
        build()


def test_shortcut_without_parameters():
    x = np.random.rand(2, 3, 5, 4).astype('f')
    y = subsample(ann.Variable(x), 2, 5).array
    assert y.shape == (2, 5, 3, 2) and not y[:, 3:].any()
    np.testing.assert_array_equal(y[:, :3], x[:, :, ::2, ::2])


def test_block_adds_to_its_input():
    x = np.random.rand(2, 4, 3, 3).astype('f')
    block = ResidualBlock(4, 4, 1)
    block(x)
    block.bn2.gamma.array[...] = 0
    np.testing.assert_array_equal(block(x).array, x)
    block.bn2.beta.array[...] = -0.5
    np.testing.assert_allclose(block(x).array, np.maximum(x - 0.5, 0), rtol=1e-6)


def test_squeeze_and_excitation():
    x = np.random.rand(2, 6, 3, 4).astype('f')
    link = SqueezeExcitation(6, 2)
    hidden = np.maximum(x.mean(axis=(2, 3)) @ link.down.W.array.T + link.down.b.array, 0)
    gate = 1 / (1 + np.exp(-(hidden @ link.up.W.array.T + link.up.b.array)))
    np.testing.assert_allclose(link(x).array, x * gate[:, :, None, None], rtol=1e-5)


@pytest.mark.parametrize('build, size, steps', [(lambda: models.CifarResNet(4, 8), 16, 15),
                                                (lambda: models.SEResNet(4, 18), 32, 5)], ids=['cifar', 'se_resnet18'])
def test_learns_eight_samples_by_heart(build, size, steps):
    x, t = images(8, size), np.arange(8, dtype=np.int32) % 4
    model = L.Classifier(build())
    optimizer = optimizers.MomentumSGD(0.02).setup(model)
    for _ in range(steps):
        optimizer.update(model, x, t)
    assert model.accuracy.array == 1
    assert model.loss.array < 0.3


@pytest.mark.slow
def test_1202_layers_deep():
    model = models.CifarResNet(n_layers=1202)
    loss = F.sum(model(images(1, 4)))
    assert model.count_params() == 19_421_274
    loss.backward()
    assert all(param.grad is not None for param in model.params())
    assert len(repr(model)) > 1202
    del loss
    model.copy('copy')


def torch_resnet(torch, model, x, depths, bottleneck, fb, train=False):
    """The network in terms of PyTorch's functions, with the weights of `model`; also its first filters."""
    functional = torch.nn.functional
    arrays = {path: torch.tensor(param.array) for path, param in model.namedparams()}
    averages = {path: (torch.tensor(link.avg_mean), torch.tensor(link.avg_var)) for path, link in model.namedlinks()
                if isinstance(link, L.BatchNormalization)}
    arrays['/conv1/W'].requires_grad_()

    def conv_bn(x, path, number, stride):
        W = arrays[f'{path}/conv{number}/W']
        x = functional.conv2d(x, W, stride=stride, padding=W.shape[2] // 2)
        bn = f'{path}/bn{number}'
        return functional.batch_norm(x, *averages[bn], arrays[f'{bn}/gamma'], arrays[f'{bn}/beta'], train, eps=2e-5)

    h = torch.relu(conv_bn(torch.tensor(x), '', 1, 2))
    h = functional.max_pool2d(h, 3, 2, padding=1) if fb else functional.max_pool2d(h, 3, 2, ceil_mode=True)
    n = 3 if bottleneck else 2
    for stage, depth in enumerate(depths):
        for block in range(depth):
            path = f'/res{stage + 2}/{f"b{block}" if block else "a"}'
            stride = 2 if stage and not block else 1
            shortcut = conv_bn(h, path, n + 1, stride) if f'{path}/conv{n + 1}/W' in arrays else h
            for i in range(1, n + 1):
                h = conv_bn(h, path, i, stride if i == (2 if bottleneck and fb else 1) else 1)
                h = torch.relu(h) if i < n else torch.relu(h + shortcut)
    return functional.linear(h.mean((2, 3)), arrays['/fc6/W'], arrays['/fc6/b']), arrays['/conv1/W']


@pytest.mark.parametrize('n_layers, depths, fb', [(18, (2, 2, 2, 2), True), (18, (2, 2, 2, 2), False),
                                                  (50, (3, 4, 6, 3), True), (50, (3, 4, 6, 3), False)])
def test_computes_what_pytorch_computes(n_layers, depths, fb):
    torch = pytest.importorskip('torch')
    x = images(2, 64)
    model = randomize(models.ResNet(10, n_layers, downsample_fb=fb), x)
    expected, _ = torch_resnet(torch, model, x, depths, n_layers == 50, fb)
    with ann.using_config('train', False):
        y = model(x).array
    expected = expected.detach().numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())


def test_gradient_is_that_of_pytorch():
    torch = pytest.importorskip('torch')
    x, t = images(4, 64), np.arange(4, dtype=np.int32)
    model = randomize(models.ResNet(10, 18, downsample_fb=True), x)
    y, W = torch_resnet(torch, model, x, (2, 2, 2, 2), False, True, train=True)
    torch.nn.functional.cross_entropy(y, torch.tensor(t).long()).backward()
    F.softmax_cross_entropy(model(x), t).backward()
    np.testing.assert_allclose(model.conv1.W.grad, W.grad.numpy(), rtol=1e-2, atol=1e-3 * abs(W.grad.numpy()).max())


class TestStochasticDepth:
    def test_probabilities_rise_along_a_line(self):
        """Equation 4 of the paper: from the first block, which is skipped least, to one half."""
        model = models.create('resnet110_sd')
        blocks = [link for link in model.links() if isinstance(link, ResidualBlock)]
        assert [1 - block.drop for block in blocks] == pytest.approx([1 - i / 54 * (1 - 0.5) for i in range(1, 55)])
        assert all(block.drop == 0 for block in models.create('resnet20').links() if isinstance(block, ResidualBlock))

    def test_samples_skip_a_block_on_their_own(self):
        """Each either goes through the shortcut alone, or has the residual scaled up; the mean is what inference
        computes, before the rectifier."""
        block = ResidualBlock(4, 4, 1, drop=0.4)
        x = np.random.uniform(1, 2, (1, 4, 5, 5)).astype('f')
        randomize(block, x)
        for link in block.links():
            if isinstance(link, L.BatchNormalization):
                link.gamma.array *= 0.2  # so that the rectifier behind the sum does nothing
                link.freeze()
        many = np.repeat(x, 4000, axis=0)
        with ann.no_backprop_mode():
            with ann.using_config('train', False):
                y = block(x).array
            assert y.min() > 0
            ann.random.seed(0)
            ys = block(many).array
        skipped = (ys == x).all(axis=(1, 2, 3))
        assert skipped.mean() == pytest.approx(0.4, abs=0.03)
        np.testing.assert_allclose(ys[~skipped], np.repeat(x + (y - x) / 0.6, (~skipped).sum(), axis=0), rtol=1e-4)
        np.testing.assert_allclose(ys.mean(axis=0), y[0], atol=0.06 * abs(y - x).max())

    def test_inference_is_that_of_the_network_without(self):
        plain, deep = models.CifarResNet(n_layers=14), models.CifarResNet(n_layers=14, drop=0.5)
        x = images(2, 32)
        randomize(plain, x)
        with ann.no_backprop_mode():
            deep(x)
            deep.copyparams(plain)
            assert not np.array_equal(deep(x).array, plain(x).array)
            deep.copyparams(plain)
            with ann.using_config('train', False):
                np.testing.assert_array_equal(deep(x).array, plain(x).array)

    def test_gradients_are_zero_where_all_skip(self, monkeypatch):
        block = ResidualBlock(4, 4, 1, drop=0.9)
        x = ann.Variable(np.random.rand(2, 4, 5, 5).astype('f'))
        monkeypatch.setattr(F, 'stochastic_depth', lambda h, ratio: h * 0)
        F.sum(block(x)).backward()
        np.testing.assert_array_equal(x.grad, np.ones_like(x.array))
        assert all(not param.grad.any() for param in block.params())

    @pytest.mark.parametrize('drop', [1, -0.1])
    def test_impossible(self, drop):
        with pytest.raises(ValueError, match=f'CifarResNet: expected drop from 0 to less than 1, got {drop}'):
            models.CifarResNet(drop=drop)
