"""Networks that segment: parameter counts, paths, shapes, gradients, and that they can learn eight samples by heart."""
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import datasets, models, serializers
from autograd_nn import links as L
from autograd_nn.models.segmentation.unet import DEPTH
from support.overfitting import overfit
from support.segmentation import chainercv_deeplab_shapes, chainercv_segnet_shapes

DOCS = Path(__file__).parents[3] / 'docs' / 'reference' / 'models.md'
# For the number of classes that each class has by default.
PARAMETERS = {
    'fcn32s': 136_152_917, 'fcn16s': 134_815_994, 'fcn8s': 134_489_759, 'fcn_small': 1_786_830,
    'segnet_basic': 1_416_075, 'segnet_basic_small': 541_067, 'segnet': 29_449_355, 'segnet_small': 492_635,
    'unet': 31_031_810, 'unet_small': 1_942_834, 'deeplab_v3_plus': 41_055_413, 'deeplab_small': 211_317,
}
NARROW = {
    'fcn32s': {'width': 4, 'hidden': 16}, 'fcn16s': {'width': 4, 'hidden': 16}, 'fcn8s': {'width': 4, 'hidden': 16},
    'fcn_small': {'width': 4, 'hidden': 16}, 'segnet_basic': {'width': 4}, 'segnet': {'width': 4},
    'unet': {'width': 4}, 'unet_small': {'width': 4}, 'deeplab_v3_plus': {'width': 1 / 16, 'middle_blocks': 1},
}
LARGE = 'fcn32s', 'fcn16s'


def test_every_network_has_an_expected_parameter_count():
    assert sorted(PARAMETERS) == models.names('segmentation')


@pytest.mark.parametrize('name', [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE))
                                  for name in PARAMETERS])
def test_parameters_and_shapes(name, blank_parameters):
    entry = models.get(name)
    network = entry.build()
    with ann.no_backprop_mode():
        y = network(np.zeros((1, 3, 33, 40), np.float32))
    assert y.shape == (1, network.num_classes, 33, 40)
    assert network.count_params() == PARAMETERS[name]
    assert f'{PARAMETERS[name]:,}' in type(network).__doc__ or name.endswith('small')
    assert entry.description.endswith('.')


def test_the_table_of_the_documentation():
    rows = dict(re.findall(r'^\| `(\w+)` \| ([\d,]+) \| \d+ \| ', DOCS.read_text(), re.MULTILINE))
    assert {name: int(rows[name].replace(',', '')) for name in PARAMETERS} == PARAMETERS


def shapes_of(network):
    serializer = serializers.DictionarySerializer()
    serializer.save(network)
    return {path: np.shape(array) for path, array in serializer.target.items()}


@pytest.mark.parametrize(('name', 'expected'), [
    ('segnet_basic', chainercv_segnet_shapes()), ('deeplab_v3_plus', chainercv_deeplab_shapes())])
def test_paths_and_shapes_of_chainercv(name, expected, blank_parameters):
    network = models.create(name)
    with ann.no_backprop_mode():
        network(np.zeros((1, 3, 32, 32), 'f'))
    assert shapes_of(network) == expected


def test_a_file_of_chainercv_loads(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {path: np.array(7) if path.endswith('/N') else rng.random(shape, np.float32)
              for path, shape in chainercv_segnet_shapes().items()}
    np.savez(tmp_path / 'published.npz', **arrays)
    network = models.create('segnet_basic')
    serializers.load_npz(tmp_path / 'published.npz', network)
    for path, param in network.namedparams():
        np.testing.assert_array_equal(param.array, arrays[path[1:]])


@pytest.mark.parametrize('name', NARROW)
def test_a_small_step_against_the_gradient_lowers_the_loss_as_it_should(name):
    """By the step times the square of the gradient's length: a gradient check of the whole network, in training."""
    rng = np.random.default_rng(0)
    t = rng.integers(-1, 3, (2, 37, 45)).astype('i')

    def loss():
        np.random.seed(0)  # the same dropout
        return network.lossfun(network(x), t)

    with ann.using_config('dtype', np.dtype(np.float64)):
        np.random.seed(1)
        network = models.get(name).build(num_classes=3, **NARROW[name])
        x = network.preprocessing.normalize(rng.uniform(0, 255, (2, 3, 37, 45)), 255).astype(np.float64)
        network.class_weight = np.array([0.5, 1., 2.])
        loss()  # settles the parameters
        for path, param in network.namedparams():
            if 'score' in path and 'up' not in path:  # zeros would keep gradients from what is below
                param.array[...] = rng.normal(0, 0.1, param.shape)
        before = loss()
        before.backward()
        assert not [path for path, param in network.namedparams() if param.grad is None]
        square = sum(float(np.vdot(param.grad, param.grad)) for param in network.params())
        expected = 1e-6 * before.item()
        for param in network.params():
            param.array -= expected / square * param.grad
        with ann.no_backprop_mode():
            assert before.item() - loss().item() == pytest.approx(expected, rel=0.01)


def eight_scenes(step):
    """Eight pictures and their labels, of every `step`-th pixel of 32 x 32."""
    scenes = datasets.DigitScenes(8, size=(32, 32), count=(1, 1), sides=(20, 30))[:]
    pictures = [scene.image for scene in scenes], [datasets.label_map_of_scene(scene) for scene in scenes]
    return [np.stack(each)[..., ::step, ::step].copy() for each in pictures]


def test_only_the_small_segnet_basic_centers_pictures():
    """Files of ChainerCV expect them as they are."""
    white = np.full((3, 2, 2), 255, 'f')
    assert (models.create('segnet_basic').prepare(white) == 255).all()
    small = models.create('segnet_basic_small')
    np.testing.assert_allclose(small.prepare(white), models.TORCHVISION.normalize(white, 255))


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'step', 'rate', 'options'), [
    ('segnet_basic_small', 1, 1e-2, {'width': 16}), ('unet', 2, 3e-3, {'width': 8}),
    ('unet_small', 2, 1e-2, {'width': 8}), ('fcn8s', 1, 3e-3, {'width': 16, 'hidden': 32, 'same': True}),
    ('fcn_small', 1, 1e-2, {'width': 16}), ('segnet', 1, 1e-2, {'width': 16}), ('deeplab_small', 2, 1e-2, {})])
def test_overfits_eight_samples(name, step, rate, options):
    images, labels = eight_scenes(step)
    if name == 'fcn8s':  # sees no finer than this
        labels = labels[:, 3::8, 3::8].repeat(8, axis=1).repeat(8, axis=2)
    np.random.seed(0)
    network = models.get(name).build(num_classes=11, **options)
    x = network.preprocessing.normalize(images, 255)
    overfit(network, lambda: network.lossfun(network(x), labels), 300, rate, enough=0.01)
    found = np.stack(network.predict(images))
    assert (found == labels).mean() > 0.99


class TestFCN:
    @pytest.mark.parametrize('stride', [32, 16, 8, 4, 1])
    def test_scores_have_their_place_with_a_margin_of_100_pixels_as_without(self, stride):
        """Far from the borders; 99 pixels before the first are 3 more than a multiple of 32."""
        rng = np.random.default_rng(0)
        networks = [models.FCN(2, stride, n_layers=11, width=2, hidden=3, same=same) for same in (False, True)]
        x = rng.normal(0, 50, (1, 3, 560, 544)).astype('f')
        inputs = [x, np.pad(x, [(0, 0), (0, 0), (3, 0), (3, 0)])]
        with ann.using_config('train', False), ann.no_backprop_mode():
            for network, image in zip(networks, inputs):
                network(image[:, :, :64, :64])
            for path, param in networks[0].namedparams():
                if 'upscore' not in path:
                    scale = (2 / max(1, np.prod(param.shape[1:]))) ** 0.5
                    param.array[...] = rng.normal(0, scale, param.shape)
            for source, target in zip(networks[0].params(), networks[1].params()):
                target.array[...] = source.array
            cropped, shifted = (network(image).array for network, image in zip(networks, inputs))
        inner = slice(240, 300)
        expected = shifted[:, :, 3:, 3:][:, :, inner, inner]
        assert expected.std() > 1
        np.testing.assert_allclose(cropped[:, :, inner, inner], expected, rtol=1e-3, atol=1e-3)

    def test_takes_over_a_vgg(self):
        """Where the filters cover all of the features, the convolutions are the fully connected layers."""
        vgg = ann.Chain()
        network = models.FCN(2, n_layers=11, width=2, hidden=5, same=True)
        x = np.random.rand(1, 3, 224, 224).astype('f')
        with ann.using_config('train', False), ann.no_backprop_mode():
            network(x)
            for name in ('conv1_1', 'conv2_1', 'conv3_1', 'conv3_2', 'conv4_1', 'conv4_2', 'conv5_1', 'conv5_2'):
                vgg.add_link(name, L.Convolution2D(*network[name].W.shape[1::-1], 3, pad=1))
            vgg.add_link('fc6', L.Linear(16 * 49, 5))
            vgg.add_link('fc7', L.Linear(5, 5))
            network.load_classifier(vgg)
            h = x
            for i in range(1, 6):
                h = F.max_pooling_2d(network.run_stage(f'conv{i}', h), 2)
            expected = F.relu(vgg.fc7(F.relu(vgg.fc6(h))))
            found = network.run_stage('fc7', h)[:, :, 3, 3]
        np.testing.assert_allclose(found.array, expected.array, rtol=1e-4, atol=1e-5)
        vgg.fc6.W.array = None
        with pytest.raises(ValueError, match=r'load_classifier: expected a VGG .* it has no /fc6/W \(or'):
            network.load_classifier(vgg)

    def test_there_is_no_such_network(self):
        with pytest.raises(ValueError, match='FCN: expected a stride of 32, 16, 8, 4, 2, 1 and n_layers'):
            models.FCN(stride=3)


class TestUNet:
    def test_a_margin_is_mirrored_without_padding(self):
        """The paper's tile: 388 x 388 pixels are segmented from 572 x 572."""
        network = models.UNet(width=1, same=False, dropout=0.)
        x = np.random.rand(1, 1, 388, 388).astype('f')
        assert network.pad(ann.Variable(x)).shape == (1, 1, 572, 572)
        with ann.no_backprop_mode():
            assert network(x).shape == (1, 2, 388, 388)
            assert network(x[:, :, :30, :45]).shape == (1, 2, 30, 45)

    def test_one_channel_as_in_the_paper(self, blank_parameters):
        network = models.UNet(2)
        with ann.no_backprop_mode():
            network(np.zeros((1, 1, 1 << DEPTH, 1 << DEPTH), 'f'))
        assert network.count_params() == 31_030_658


class TestPredict:
    def make(self):
        network = models.UNet(3, width=4)
        network(np.zeros((1, 3, 16, 16), 'f'))
        return network

    def test_pictures_of_several_sizes_and_kinds(self, tmp_path):
        from PIL import Image
        network = self.make()
        rgb = np.random.randint(0, 256, (21, 35, 3), np.uint8)
        Image.fromarray(rgb).save(tmp_path / 'photo.png')
        kinds = [tmp_path / 'photo.png', Image.fromarray(rgb), rgb, rgb.transpose(2, 0, 1).astype('f')]
        labels = network.predict([*kinds, np.zeros((3, 40, 17), 'f')])
        for label in labels[:4]:
            assert label.dtype == np.int32 and label.shape == (21, 35)
            np.testing.assert_array_equal(label, labels[0])
        assert labels[4].shape == (40, 17)
        with ann.using_config('train', False):
            expected = F.softmax(network(network.prepare(rgb)[None])).array[0]
        np.testing.assert_allclose(network.predict_probabilities(rgb), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(labels[0], expected.argmax(axis=0))

    def test_scaled_and_back(self):
        network = self.make()
        label, = network.predict([np.random.uniform(0, 255, (3, 50, 100)).astype('f')], size=32)
        assert label.shape == (50, 100)
        probabilities = network.predict_probabilities(np.zeros((3, 50, 100), 'f'), 32)
        np.testing.assert_allclose(probabilities.sum(axis=0), 1, rtol=1e-5)

    def test_small_pictures_get_a_margin(self, monkeypatch):
        network = models.DeepLabV3plusXception65(3, 1 / 16, 1, min_input_size=(40, 50))
        sizes = []
        monkeypatch.setattr(type(network), 'compute_scores', lambda self, x: (
            sizes.append(x.shape), ann.Variable(np.zeros((1, 3, *x.shape[2:]), 'f')))[1])
        assert [label.shape for label in network.predict([np.zeros((3, 30, 60), 'f')])] == [(30, 60)]
        assert sizes == [(1, 3, 40, 60)]

    def test_nonsense(self):
        network = models.UNet(3, width=4)
        for images, options, error, message in [
                ('photo.jpg', {}, TypeError, r'expected a list of pictures, such as \[picture\]; got one, a str'),
                ([np.zeros((3, 4, 4), 'f')], {'size': 0}, ValueError, 'expected a size of at least 1, got 0'),
                ([np.zeros((4, 4), 'f')], {}, ValueError, r'shape \(3, H, W\), got \(4, 4\)')]:
            with pytest.raises(error, match=message):
                network.predict(images, **options)
        with pytest.raises(ValueError, match='SegNetBasic: ksize must be odd, got 4'):
            models.SegNetBasic(ksize=4)
        with pytest.raises(ValueError, match='UNet: expected a num_classes of at least 1, got 0'):
            models.UNet(0)


class TestLoss:
    def test_class_weights_and_ignored_pixels(self):
        rng = np.random.default_rng(0)
        y, t = rng.normal(size=(2, 3, 4, 5)), rng.integers(-1, 3, (2, 4, 5))
        network = models.UNet(3, width=1)
        network.class_weight = np.array([0.2, 1., 3.])
        total = count = 0
        for n, i, j in np.ndindex(t.shape):
            if t[n, i, j] >= 0:
                scores = y[n, :, i, j]
                total += network.class_weight[t[n, i, j]] * (np.log(np.exp(scores).sum()) - scores[t[n, i, j]])
                count += 1
        assert network.lossfun(ann.Variable(y), t).item() == pytest.approx(total / count)

    def test_median_frequency_weights(self):
        np.testing.assert_allclose(models.median_frequency_weights(np.array([6, 3, 0, 1])), [0.5, 1, 0, 3])
        with pytest.raises(ValueError, match='expected a class with pixels'):
            models.median_frequency_weights(np.zeros(3))



@pytest.mark.parametrize(('name', 'layer', 'free'), [
    ('unet_small', 'enc5', 'up4'), ('fcn_small', 'fc7', 'score_fr'), ('segnet_basic_small', 'conv3', 'conv_decode3'),
    ('segnet_small', 'pool3', 'conv3_3_D'), ('deeplab_small', 'feature_extractor', 'aspp')])
def test_layers_up_to_one_are_frozen(name, layer, free):
    network = models.create(name)
    network.freeze_until(layer)
    trained = {path.split('/')[1] for path, param in network.namedparams() if param.requires_grad}
    assert free in trained
    assert not trained & {'enc1', 'enc5', 'conv1_1', 'fc7', 'conv1', 'conv5_3', 'feature_extractor'}
