"""Networks of depthwise convolutions: shapes, stochastic depth, and the same networks in PyTorch."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import models, optimizers
from autograd_nn.models.classification.mobilenet import InvertedResidual, InvertedResidualNetwork, Row
from autograd_nn.models.layers.blocks import ConvBN, conv_bn

NETWORKS = [models.MobileNet, models.MobileNetV2, models.EfficientNetB0, models.EfficientNetLite0,
            models.EfficientNetV2S]


def images(n, size):
    return np.random.uniform(-1, 1, (n, 3, size, size)).astype('f')


@pytest.mark.parametrize('build, last, stages', [
    (models.MobileNetV2, 'stage7', [(16, 32), (24, 16), (32, 8), (64, 4), (96, 4), (160, 2), (320, 2)]),
    (models.EfficientNetB0, 'stage7', [(16, 32), (24, 16), (40, 8), (80, 4), (112, 4), (192, 2), (320, 2)]),
    (models.EfficientNetLite0, 'stage7', [(16, 32), (24, 16), (40, 8), (80, 4), (112, 4), (192, 2), (320, 2)]),
    (models.EfficientNetV2S, 'stage6', [(24, 32), (48, 16), (64, 8), (128, 4), (160, 4), (256, 2)])])
def test_layers(build, last, stages):
    model = build(num_classes=7)
    assert model.available_layers == ['stem', *(f'stage{i + 1}' for i in range(len(stages))), 'head', 'pool', 'fc',
                                      'prob']
    found = model.extract(images(2, 64), model.available_layers[1:])
    assert [y.shape for y in found.values()] == [*((2, channels, size, size) for channels, size in stages),
                                                 (2, 1280, 2, 2), (2, 1280), (2, 7), (2, 7)]


def test_layers_of_the_first_mobilenet():
    model = models.MobileNet(num_classes=7)
    found = model.extract(images(2, 64), ['conv1', 'conv2', 'conv3', 'conv7', 'conv13', 'conv14', 'pool', 'fc'])
    assert [y.shape[1:] for y in found.values()] == [(32, 32, 32), (64, 32, 32), (128, 16, 16), (512, 4, 4),
                                                     (1024, 2, 2), (1024, 2, 2), (1024,), (7,)]
    assert model.conv2.depthwise.conv.W.shape == (32, 1, 3, 3)


def test_preparation():
    red = np.full((500, 400, 3), (255, 0, 0), np.uint8)
    normalized = [.515 / .229, -.456 / .224, -.406 / .225]
    for build, size, expected in ((models.MobileNet, 224, [1, -1, -1]), (models.MobileNetV2, 224, normalized),
                                  (models.EfficientNetB0, 224, normalized), (models.EfficientNetV2S, 384, normalized),
                                  (models.EfficientNetLite0, 224, [1, -127 / 128, -127 / 128])):
        x = build().prepare(red)
        assert x.shape == (3, size, size)
        np.testing.assert_allclose(x[:, 5, 5], expected, rtol=1e-5)


@pytest.mark.parametrize('build', NETWORKS)
def test_gradients_reach_all_parameters(build):
    model = build(num_classes=3)
    x = images(4, 32)
    with ann.using_config('train', False):
        F.softmax_cross_entropy(model(x), np.array([0, 1, 2, 0])).backward()
    assert [path for path, param in model.namedparams() if param.grad is None or not param.grad.any()] == []


class SmallNetwork(InvertedResidualNetwork):
    """One block of each kind."""

    activation = staticmethod(F.relu6)
    squeeze = 0.25
    depth_ratio = 0.2
    stem_channels = 8
    table = (Row(1, 3, 1, 8, 2), Row(4, 5, 2, 16, 2), Row(1, 3, 1, 16, 1, fused=True), Row(2, 3, 1, 16, 1, fused=True))


@pytest.mark.slow
def test_learns_eight_samples_by_heart():
    x, t = images(8, 16), np.arange(8, dtype=np.int32) % 4
    model = L.Classifier(SmallNetwork(4))
    optimizer = optimizers.Adam(0.01).setup(model)
    for _ in range(40):
        optimizer.update(model, x, t)
    assert model.accuracy.array == 1
    assert model.loss.array < 0.5


@pytest.mark.parametrize('row, links', [
    (Row(1, 3, 1, 8, 1), ['depthwise', 'se', 'project']),
    (Row(2, 3, 1, 8, 1), ['expand', 'depthwise', 'se', 'project']),
    (Row(2, 3, 1, 8, 1, fused=True), ['conv', 'project']), (Row(1, 3, 1, 8, 1, fused=True), ['conv'])])
def test_parts_of_a_block(row, links):
    block = InvertedResidual(8, row, 1, F.relu, squeeze=0.25)
    assert [link.name for link in block.children()] == links
    x = np.random.rand(2, 8, 4, 4).astype('f')
    residual = super(InvertedResidual, block).forward(x).array
    np.testing.assert_allclose(block(x).array, x + residual, rtol=1e-6)
    wider = InvertedResidual(8, row._replace(channels=6), 2, F.relu)
    assert wider(x).shape == (2, 6, 2, 2) and not wider.shortcut
    assert not InvertedResidual(8, row, 2, F.relu).shortcut


def test_initial_filters_keep_the_width_of_gradients():
    for channels, groups, ksize, deviation in ((512, 1, 3, (2 / (512 * 9)) ** .5), (512, 512, 5, (2 / 25) ** .5)):
        conv, _ = conv_bn(channels, ksize, groups=groups)
        conv(np.zeros((1, 512, 1, 1), 'f'))
        assert conv.W.array.std() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize('ksize', [3, 5])
@pytest.mark.parametrize('size', [7, 8])
def test_tensorflows_padding(size, ksize):
    """The formula of its documentation, in loops."""
    block = ConvBN(2, ksize, 2, None, same=True)
    x = images(1, size)
    with ann.using_config('train', False):
        y = block(x).array
    length = -(-size // 2)
    total = (length - 1) * 2 + ksize - size
    padded = np.zeros((3, size + total, size + total))
    padded[:, total // 2:total // 2 + size, total // 2:total // 2 + size] = x[0]
    expected = [[[np.sum(W * padded[:, 2 * i:2 * i + ksize, 2 * j:2 * j + ksize]) for j in range(length)]
                 for i in range(length)] for W in block.conv.W.array]
    np.testing.assert_allclose(y[0], expected, rtol=1e-3, atol=1e-4)


def test_stochastic_depth_grows_with_depth():
    model = models.EfficientNetB0()
    ratios = [link.depth_ratio for link in model.links() if isinstance(link, InvertedResidual)]
    np.testing.assert_allclose(ratios, np.arange(16) * 0.2 / 16)
    block = InvertedResidual(4, Row(1, 3, 1, 4, 1), 1, F.relu, depth_ratio=0.5)
    x = images(200, 4)[:, :1].repeat(4, axis=1)
    skipped = (block(x).array == x).all(axis=(1, 2, 3))
    assert 60 < skipped.sum() < 140
    with ann.using_config('train', False):
        assert not (block(x).array == x).all(axis=(1, 2, 3)).any()


def randomize(model, x):
    """Gives each normalization averages and parameters that a mistake would show in."""
    with ann.no_backprop_mode():
        model(x)
    for link in model.links():
        if isinstance(link, L.BatchNormalization):
            link.beta.array[...] = np.random.uniform(-0.5, 0.5, link.beta.shape)
            link.gamma.array[...] = np.random.uniform(0.5, 1, link.gamma.shape)
    return model


def torch_network(torch, model, x, rows, activation, eps, same=False):
    """A network of inverted residuals in terms of PyTorch's functions, with the weights of `model`."""
    functional = torch.nn.functional
    links = dict(model.namedlinks())

    def conv(x, path, activation, stride=1):
        W, bn = torch.tensor(links[f'{path}/conv'].W.array), links[f'{path}/bn']
        groups, padding = x.shape[1] // W.shape[1], W.shape[2] // 2
        if same and stride == 2:  # of an even size
            x, padding = functional.pad(x, [padding - 1, padding] * 2), 0
        x = functional.conv2d(x, W, stride=stride, padding=padding, groups=groups)
        arrays = (torch.tensor(array) for array in (bn.avg_mean, bn.avg_var, bn.gamma.array, bn.beta.array))
        return activation(functional.batch_norm(x, *arrays, eps=eps))

    def dense(x, path):
        return functional.linear(x, torch.tensor(links[path].W.array), torch.tensor(links[path].b.array))

    h = conv(torch.tensor(x), '/stem', activation, 2)
    for i, (_, ksize, stride, _, depth) in enumerate(rows, start=1):
        for j in range(depth):
            path, shortcut = f'/stage{i}/block{j}', h
            if f'{path}/expand' in links:
                h = conv(h, f'{path}/expand', activation)
            assert links[f'{path}/depthwise/conv'].ksize == (ksize, ksize)
            h = conv(h, f'{path}/depthwise', activation, 1 if j else stride)
            if f'{path}/se' in links:
                gate = activation(dense(h.mean((2, 3)), f'{path}/se/down'))
                h = h * torch.sigmoid(dense(gate, f'{path}/se/up'))[:, :, None, None]
            h = conv(h, f'{path}/project', lambda x: x)
            h = h + shortcut if h.shape == shortcut.shape else h
    return dense(conv(h, '/head', activation).mean((2, 3)), '/fc').numpy()


MOBILENET_V2 = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 3, 2, 32, 3), (6, 3, 2, 64, 4), (6, 3, 1, 96, 3),
                (6, 3, 2, 160, 3), (6, 3, 1, 320, 1)]
EFFICIENTNET_B0 = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
                   (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]


@pytest.mark.parametrize('build, rows, activation, eps, same', [
    (models.MobileNetV2, MOBILENET_V2, 'relu6', 2e-5, False),
    (models.EfficientNetB0, EFFICIENTNET_B0, 'silu', 1e-3, False),
    (models.EfficientNetLite0, EFFICIENTNET_B0, 'relu6', 1e-3, True)])
def test_computes_what_pytorch_computes(build, rows, activation, eps, same):
    torch = pytest.importorskip('torch')
    x = images(2, 64)
    model = randomize(build(num_classes=10), x)
    expected = torch_network(torch, model, x, rows, getattr(torch.nn.functional, activation), eps, same)
    with ann.using_config('train', False):
        y = model(x).array
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())
