"""AlexNet, VGG, network in network, SqueezeNet, GoogLeNet: the numbers of other statements of them, and training."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import links as L
from autograd_nn import models, optimizers, serializers

# Filters of Chainer's VGG16Layers, by name.
VGG16 = {'conv1_1': (64, 3), 'conv1_2': (64, 64), 'conv2_1': (128, 64), 'conv2_2': (128, 128), 'conv3_1': (256, 128),
         'conv3_2': (256, 256), 'conv3_3': (256, 256), 'conv4_1': (512, 256), 'conv4_2': (512, 512),
         'conv4_3': (512, 512), 'conv5_1': (512, 512), 'conv5_2': (512, 512), 'conv5_3': (512, 512)}
# Input channels and numbers of filters of GoogLeNet's modules, from the table of the paper.
INCEPTION = {'3a': (192, 64, 96, 128, 16, 32, 32), '3b': (256, 128, 128, 192, 32, 96, 64),
             '4a': (480, 192, 96, 208, 16, 48, 64), '4b': (512, 160, 112, 224, 24, 64, 64),
             '4c': (512, 128, 128, 256, 24, 64, 64), '4d': (512, 112, 144, 288, 32, 64, 64),
             '4e': (528, 256, 160, 320, 32, 128, 128), '5a': (832, 256, 160, 320, 32, 128, 128),
             '5b': (832, 384, 192, 384, 48, 128, 128)}
# Of the version with batch normalization: 1 x 1, 3 x 3 reduced, 3 x 3, double 3 x 3 reduced, double 3 x 3, pooled.
INCEPTION_BN = [(64, 64, 64, 64, 96, 32), (64, 64, 96, 64, 96, 64), (0, 128, 160, 64, 96, None),
                (224, 64, 96, 96, 128, 128), (192, 96, 128, 96, 128, 128), (160, 128, 160, 128, 160, 128),
                (96, 128, 192, 160, 192, 128), (0, 128, 192, 192, 256, None), (352, 192, 320, 160, 224, 128),
                (352, 192, 320, 192, 224, 128)]


def chainer_vgg16():
    """What an .npz file of Chainer's VGG16Layers holds: shapes by path."""
    shapes = {}
    for name, (n_out, n_in) in VGG16.items():
        shapes.update({f'{name}/W': (n_out, n_in, 3, 3), f'{name}/b': (n_out,)})
    for name, n_out, n_in in ('fc6', 4096, 512 * 49), ('fc7', 4096, 4096), ('fc8', 1000, 4096):
        shapes.update({f'{name}/W': (n_out, n_in), f'{name}/b': (n_out,)})
    return shapes


def chainer_googlenet():
    """What an .npz file of Chainer's GoogLeNet holds: shapes by path."""
    layers = {'conv1': (64, 3, 7, 7), 'conv2_reduce': (64, 64, 1, 1), 'conv2': (192, 64, 3, 3)}
    for name, (n_in, out1, proj3, out3, proj5, out5, projp) in INCEPTION.items():
        layers.update({f'inc{name}/conv1': (out1, n_in, 1, 1), f'inc{name}/proj3': (proj3, n_in, 1, 1),
                       f'inc{name}/conv3': (out3, proj3, 3, 3), f'inc{name}/proj5': (proj5, n_in, 1, 1),
                       f'inc{name}/conv5': (out5, proj5, 5, 5), f'inc{name}/projp': (projp, n_in, 1, 1)})
    for head, n_in in ('loss1', 512), ('loss2', 528):
        layers.update({f'{head}_conv': (128, n_in, 1, 1), f'{head}_fc1': (1024, 2048), f'{head}_fc2': (1000, 1024)})
    layers['loss3_fc'] = (1000, 1024)
    return {f'{name}/{key}': value for name, shape in layers.items() for key, value in (('W', shape), ('b', shape[:1]))}


@pytest.mark.parametrize('name, shapes', [('vgg16', chainer_vgg16()), ('googlenet', chainer_googlenet())])
def test_paths_and_shapes_are_those_of_chainer(name, shapes, blank_parameters):
    model = models.create(name)
    with ann.no_backprop_mode():
        model(np.zeros((1, 3, 224, 224), 'f'))
    assert {path[1:]: param.shape for path, param in model.namedparams()} == shapes


def test_a_file_of_chainer_loads():
    model = models.GoogLeNet()
    arrays = {path: np.random.normal(0, 0.01, shape).astype('f') for path, shape in chainer_googlenet().items()}
    serializers.NpzDeserializer(arrays).load(model)
    for path, param in model.namedparams():
        np.testing.assert_array_equal(param.array, arrays[path[1:]])


def test_count_of_googlenet_bn():
    """From the table of the paper: filters, and a scale and a shift for each of them; two heads; the classifier."""
    def conv(n_in, n_out, ksize):
        return n_in * n_out * ksize ** 2 + 2 * n_out

    count, n = conv(3, 64, 7) + conv(64, 192, 3), 192
    for i, (out1, proj3, out3, proj33, out33, pooled) in enumerate(INCEPTION_BN):
        count += conv(n, out1, 1) + conv(n, proj3, 1) + conv(proj3, out3, 3) + conv(n, proj33, 1)
        count += conv(proj33, out33, 3) + conv(out33, out33, 3) + conv(n, pooled or 0, 1)
        n = out1 + out3 + out33 + (n if pooled is None else pooled)
        if i in (3, 6):  # modules 4a and 4d
            count += conv(n, 128, 1) + 128 * 4 * 4 * 1024 + 2 * 1024 + 1024 * 1000 + 1000
    assert n == 1024
    assert count + 1024 * 1000 + 1000 == 17_681_464


@pytest.mark.parametrize('name, heads, last', [('googlenet', ['loss1_fc2', 'loss2_fc2'], 'loss3_fc'),
                                               ('googlenet_bn', ['outa', 'outb'], 'out')])
def test_auxiliary_heads(name, heads, last):
    """Their losses count 0.3 each, in training; otherwise they are not computed."""
    network = models.create(name, num_classes=5)
    x, t = np.random.rand(3, 3, 80, 80).astype('f'), np.array([0, 4, 2], 'i')
    model = L.Classifier(network, network.lossfun)
    np.random.seed(0)
    loss = model(x, t)
    first, second = network.auxiliary
    assert first.shape == second.shape == model.y.shape == (3, 5)
    expected = sum(weight * F.softmax_cross_entropy(y, t).array
                   for weight, y in ((1, model.y), (.3, first), (.3, second)))
    np.testing.assert_allclose(loss.array, expected, rtol=1e-6)
    loss.backward()
    assert all(param.grad is not None for param in model.params())
    called = []

    class Watch(ann.LinkHook):
        def forward_preprocess(self, args):
            called.append(args.link.name)

    with ann.using_config('train', False):
        with Watch():
            loss = model(x, t)
        assert network.auxiliary == [] and called[-1] == last
        assert not {*heads, 'loss1_conv', 'conva'} & set(called)
        np.testing.assert_allclose(loss.array, F.softmax_cross_entropy(model.y, t).array)
        assert [y.shape for y in network.extract(x, heads).values()] == [(3, 5), (3, 5)]


def test_googlenet_learns_with_its_heads():
    """To tell bright pictures from dark ones."""
    network = models.create('googlenet', num_classes=2)
    model = L.Classifier(network, network.lossfun)
    optimizer = optimizers.Adam(5e-4).setup(model)
    t = np.arange(4, dtype='i') % 2
    x = network.preprocessing.normalize((np.random.rand(4, 3, 79, 79) + 2 * t[:, None, None, None]) / 3)
    first = model(x, t).item()
    for _ in range(25):
        optimizer.update(model, x, t)
        if model.loss.item() < 0.5 * first:
            break
    assert model.loss.item() < 0.5 * first


def test_options_that_make_no_sense_are_named():
    with pytest.raises(ValueError, match='n_layers of 11, 13, 16, 19; got 12'):
        models.VGG(n_layers=12)
    with pytest.raises(ValueError, match=r"expected version '1.0' or '1.1', got '1.2'"):
        models.SqueezeNet(version='1.2')
    with pytest.raises(ValueError, match="pooltype 'max' or 'avg', got 'min'"):
        L.InceptionBN(3, 1, 1, 1, 1, 1, 'min')
    with pytest.raises(ValueError, match='out1 to be 0 where the stride is not 1, got 4'):
        L.InceptionBN(3, 4, 1, 1, 1, 1, 'max', stride=2)


def groups_apart(conv, x):
    """A convolution in two groups as two convolutions."""
    halves = zip(np.split(x, 2, axis=1), np.split(conv.W.array, 2), np.split(conv.b.array, 2))
    return np.concatenate([F.convolution_2d(*half, 1, conv.pad).array for half in halves], axis=1)


def test_alexnet_has_two_groups_and_response_normalization():
    """Division by (1 + 0.0001 / 5 * the sum of 5 squares) ** 0.75; half of the filters for half of the channels."""
    model = models.AlexNet(num_classes=4)
    x = np.random.uniform(-100, 100, (1, 3, 67, 67)).astype('f')
    with ann.using_config('train', False), ann.no_backprop_mode():
        found = {name: y.array for name, y in model.extract(x, ['conv1', 'norm1', 'pool1', 'conv2']).items()}
        squares = np.pad(found['conv1'] ** 2, [(0, 0), (2, 2), (0, 0), (0, 0)])
        total = sum(squares[:, i:i + 96] for i in range(5))
        np.testing.assert_allclose(found['norm1'], found['conv1'] / (1 + 1e-4 / 5 * total) ** 0.75, rtol=1e-4)
        np.testing.assert_allclose(found['conv2'], np.maximum(groups_apart(model.conv2, found['pool1']), 0), atol=1e-3)


class TestAgainstPyTorch:
    """The networks written down in PyTorch's own words, with the same weights."""

    @pytest.fixture
    def nn(self):
        return pytest.importorskip('torch').nn

    def check(self, name, size, layers):
        import torch
        model = models.create(name, num_classes=6)
        x = np.random.uniform(-1, 1, (2, 3, size, size)).astype('f')
        with ann.using_config('train', False), ann.no_backprop_mode():
            model(x)
            peer = torch.nn.Sequential(*layers).eval()
            kinds = L.Convolution2D, L.Linear, L.BatchNormalization
            ours = [link for link in model.links() if isinstance(link, kinds)]
            theirs = [m for m in peer.modules() if list(m.parameters(recurse=False))]
            assert len(ours) == len(theirs)
            for link, module in zip(ours, theirs):
                if isinstance(link, L.BatchNormalization):
                    link.avg_mean[...] = np.random.uniform(-1, 1, link.avg_mean.shape)
                    link.avg_var[...] = np.random.uniform(.5, 2, link.avg_var.shape)
                    module.running_mean.data = torch.tensor(link.avg_mean)
                    module.running_var.data = torch.tensor(link.avg_var)
                    module.eps = link.eps
                    pairs = (module.weight, link.gamma), (module.bias, link.beta)
                else:
                    pairs = (module.weight, link.W), (module.bias, link.b)
                for theirs_one, param in pairs:
                    param.array[...] += np.random.uniform(-.01, .01, param.shape)
                    assert theirs_one.shape == param.shape
                    theirs_one.data = torch.tensor(param.array)
            y = model(x).array
            expected = peer(torch.tensor(x)).detach().numpy()
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())
        assert np.ptp(expected) > 0

    def test_one_tower(self, nn):
        self.check('alexnet_one_tower', 95, [
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
            nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
            nn.Linear(1024, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 6)])

    def test_vgg13_bn(self, nn):
        layers, n = [], 3
        for channels in 64, 64, 'M', 128, 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M':
            if channels == 'M':
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(n, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
                n = channels
        self.check('vgg13_bn', 32, [*layers, nn.Flatten(), nn.Linear(512, 4096), nn.ReLU(), nn.Linear(4096, 4096),
                                    nn.ReLU(), nn.Linear(4096, 6)])

    @pytest.mark.parametrize('version', ['1_0', '1_1'])
    def test_squeezenet(self, nn, version):
        import torch

        class Fire(nn.Module):
            def __init__(self, n, squeeze):
                super().__init__()
                self.squeeze = nn.Conv2d(n, squeeze, 1)
                self.left = nn.Conv2d(squeeze, 4 * squeeze, 1)
                self.right = nn.Conv2d(squeeze, 4 * squeeze, 3, padding=1)

            def forward(self, x):
                h = self.squeeze(x).relu()
                return torch.cat([self.left(h), self.right(h)], 1).relu()

        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        n = 96 if version == '1_0' else 64
        fire = [Fire(*sizes) for sizes in ((n, 16), (128, 16), (128, 32), (256, 32), (256, 48), (384, 48), (384, 64),
                                           (512, 64))]
        if version == '1_0':
            body = [nn.Conv2d(3, 96, 7, 2), nn.ReLU(), pool, *fire[:3], pool, *fire[3:7], pool, fire[7]]
        else:
            body = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool, *fire[:2], pool, *fire[2:4], pool, *fire[4:]]
        self.check(f'squeezenet{version}', 70, [*body, nn.Conv2d(512, 6, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                                                nn.Flatten()])

    def test_nin(self, nn):
        layers = []
        for n, m, ksize, stride, pad in (3, 96, 11, 4, 0), (96, 256, 5, 1, 2), (256, 384, 3, 1, 1):
            layers += [nn.Conv2d(n, m, ksize, stride, pad), nn.ReLU(), nn.Conv2d(m, m, 1), nn.ReLU(),
                       nn.Conv2d(m, m, 1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)]
        self.check('nin', 99, [*layers, nn.Conv2d(384, 1024, 3, padding=1), nn.ReLU(), nn.Conv2d(1024, 1024, 1),
                               nn.ReLU(), nn.Conv2d(1024, 6, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()])
