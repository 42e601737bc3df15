"""Single shot detectors: parameters, ChainerCV's files, what they learn and what they say."""
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import models, serializers
from autograd_nn.datasets import DigitScenes
from autograd_nn.models.detection.multibox import Multibox
from autograd_nn.models.detection.ssd import SSD, Extractor
from autograd_nn.models.detection.ssd_vgg16 import LAYOUTS, Normalize
from support.overfitting import overfit

# Paths and shapes of ChainerCV 0.13.1: output channels, input channels, filter size of each convolution.
VGG16 = {'conv1_1': (64, 3, 3), 'conv1_2': (64, 64, 3), 'conv2_1': (128, 64, 3), 'conv2_2': (128, 128, 3),
         'conv3_1': (256, 128, 3), 'conv3_2': (256, 256, 3), 'conv3_3': (256, 256, 3), 'conv4_1': (512, 256, 3),
         'conv4_2': (512, 512, 3), 'conv4_3': (512, 512, 3), 'conv5_1': (512, 512, 3), 'conv5_2': (512, 512, 3),
         'conv5_3': (512, 512, 3), 'conv6': (1024, 512, 3), 'conv7': (1024, 1024, 1), 'conv8_1': (256, 1024, 1),
         'conv8_2': (512, 256, 3), 'conv9_1': (128, 512, 1), 'conv9_2': (256, 128, 3), 'conv10_1': (128, 256, 1),
         'conv10_2': (256, 128, 3), 'conv11_1': (128, 256, 1), 'conv11_2': (256, 128, 3)}
EXTRACTORS = {300: VGG16, 512: {**VGG16, 'conv12_1': (128, 256, 1), 'conv12_2': (256, 128, 4)}}
HEADS = {300: [(512, 4), (1024, 6), (512, 6), (256, 6), (256, 4), (256, 4)],
         512: [(512, 4), (1024, 6), (512, 6), (256, 6), (256, 6), (256, 4), (256, 4)]}

PARAMETERS = {300: 26_285_486, 512: 27_188_676}
DOCS = Path(__file__).parents[3] / 'docs'


def shapes_of_chainercv(insize, n_fg_class):
    """The path and shape of each array in a file of ChainerCV's SSD300 or SSD512."""
    shapes = {'extractor/norm4/scale': (512,)}
    for name, (outputs, inputs, size) in EXTRACTORS[insize].items():
        shapes |= {f'extractor/{name}/W': (outputs, inputs, size, size), f'extractor/{name}/b': (outputs,)}
    for i, (channels, boxes) in enumerate(HEADS[insize]):
        for name, numbers in ('loc', 4), ('conf', n_fg_class + 1):
            shapes |= {f'multibox/{name}/{i}/W': (boxes * numbers, channels, 3, 3),
                       f'multibox/{name}/{i}/b': (boxes * numbers,)}
    return shapes


@pytest.mark.parametrize('insize', [300, pytest.param(512, marks=pytest.mark.slow)])
def test_parameters_are_those_of_chainercv(insize, blank_parameters):
    network = models.create(f'ssd{insize}')
    grids = []
    with ann.no_backprop_mode():
        x = np.zeros((1, 3, insize, insize), 'f')
        locs, confs = network(x)
        grids = [y.shape[2:] for y in network.extractor(x)]
    assert grids == [(grid, grid) for grid in LAYOUTS[insize].grids]
    assert locs.shape == (1, len(network.coder.default_boxes), 4)
    assert confs.shape == (1, len(network.coder.default_boxes), 21)
    assert network.count_params() == PARAMETERS[insize]
    assert {path[1:]: param.shape for path, param in network.namedparams()} == shapes_of_chainercv(insize, 20)
    assert models.get(f'ssd{insize}').input_shape == (3, network.insize, network.insize)


def test_a_file_of_chainercv_loads(tmp_path):
    arrays = {path: np.full(shape, i, 'f') for i, (path, shape) in enumerate(shapes_of_chainercv(300, 1).items())}
    np.savez(tmp_path / 'ssd300.npz', **arrays)
    network = models.create('ssd300', num_classes=1)
    serializers.load_npz(tmp_path / 'ssd300.npz', network)
    for path, param in network.namedparams():
        np.testing.assert_array_equal(param.array, arrays[path[1:]])


@pytest.mark.parametrize('page', ['reference/models.md', 'howto/detection.md'])
def test_the_tables_of_the_documentation(page, blank_parameters):
    network = models.create('ssd96')
    network(np.zeros((1, 3, 96, 96), 'f'))
    text = (DOCS / page).read_text(encoding='utf-8')
    for insize, count in {**PARAMETERS, 96: network.count_params()}.items():
        assert f'| `ssd{insize}` | {count:,} |' in text
        boxes = len(models.create(f'ssd{insize}').coder.default_boxes)
        assert 'reference' in page or f'| {count:,} | {insize} | {boxes:,} |' in text


def test_normalize_beside_a_formula():
    x = np.random.randn(2, 5, 3, 4).astype('f')
    normalize = Normalize(5, initial=20)
    normalize.scale.array[2] = 7
    expected = x / (np.sqrt((x ** 2).sum(axis=1, keepdims=True)) + 1e-5) * normalize.scale.array[:, None, None]
    np.testing.assert_allclose(normalize(x).array, expected, 1e-5)


def scenes(count):
    return [DigitScenes(count, seed=3)[i] for i in range(count)]


@pytest.mark.slow
def test_overfits_eight_scenes():
    """Learns them by heart: finds all their objects, and nothing else."""
    network, data = models.create('ssd96'), scenes(8)
    x = np.stack([network.prepare(scene.image) for scene in data])
    truth = [scene.boxes for scene in data], [scene.labels for scene in data]
    assert overfit(network, lambda: network.loss(network(x), *truth), 150, 3e-3, enough=0.1) < 0.2
    boxes, labels, scores = network.predict([scene.image for scene in data])
    for found, named, sure, scene in zip(boxes, labels, scores, data):
        assert sorted(named) == sorted(scene.labels)
        assert sure.min() >= 0.6
        order, expected = np.lexsort((found[:, 0], named)), np.lexsort((scene.boxes[:, 0], scene.labels))
        np.testing.assert_allclose(found[order], scene.boxes[expected], atol=4)


@pytest.fixture(scope='module')
def network():
    network = models.create('ssd96', num_classes=3)
    network.predict([np.zeros((3, 96, 96), 'f')])
    network.cleargrads()
    return network


def test_predictions_are_in_the_pixels_of_each_image(network):
    images = [255 * np.random.rand(3, *size).astype('f') for size in ((96, 96), (40, 200), (301, 33))]
    network.use_preset('evaluate')
    boxes, labels, scores = network.predict(images)
    assert len(boxes) == len(labels) == len(scores) == 3
    with ann.using_config('train', False), ann.no_backprop_mode():
        for image, found, named, sure in zip(images, boxes, labels, scores):
            locs, confs = network(network.prepare(image)[None])
            expected, *others = network.coder.decode(locs.array[0], confs.array[0], 0.45, 0.01)
            limits = np.array(image.shape[1:] * 2)
            np.testing.assert_allclose(found, np.clip(expected * limits / 96, 0, limits), atol=1e-3)
            np.testing.assert_array_equal(named, others[0])
            np.testing.assert_allclose(sure, others[1], 1e-5)
            assert (found.dtype, named.dtype, sure.dtype) == (np.float32, np.int32, np.float32)


def test_presets(network):
    image = [255 * np.random.rand(3, 96, 96).astype('f')]
    network.use_preset('evaluate')
    many = network.predict(image)[2][0]
    network.use_preset('visualize')
    few = network.predict(image)[2][0]
    assert len(few) < len(many)
    assert many.min() >= 0.01
    with pytest.raises(ValueError, match="'visualize' or 'evaluate', got 'eval'"):
        network.use_preset('eval')


def test_no_images(network):
    assert network.predict([]) == ([], [], [])


def test_nonsense_gets_one_line(network):
    with pytest.raises(ValueError, match=r'prepare: expected an image of shape \(3, H, W\), got \(96, 96\)'):
        network.predict([np.zeros((96, 96), 'f')])
    outputs = network(np.zeros((1, 3, 96, 96), 'f'))
    with pytest.raises(ValueError, match='loss: expected labels from 0 to 2, got 1 to 3'):
        network.loss(outputs, [np.array([[0, 0, 5, 5], [0, 0, 9, 9]])], [np.array([1, 3])])


def test_layers_are_frozen_in_their_order():
    network = models.create('ssd300', num_classes=1)
    network.freeze_until('conv2_1')
    frozen = {path.split('/')[2] for path, param in network.namedparams() if not param.requires_grad}
    assert frozen == {'conv1_1', 'conv1_2', 'conv2_1'}
    assert list(network._layers_in_order())[-1] == 'multibox'


def test_a_minibatch_without_an_object_teaches_nothing(network):
    network.cleargrads()
    x = np.random.rand(2, 3, 96, 96).astype('f')
    loss = network.loss(network(x), [np.zeros((0, 4))] * 2, [np.zeros(0, 'i')] * 2)
    loss.backward()
    assert loss.item() == 0
    assert not any(param.grad.any() for param in network.params())


def test_the_mean_is_subtracted_from_each_channel():
    network = models.create('ssd300', num_classes=1)
    assert network.prepare(np.full((3, 10, 20), 123.))[:, 7, 7].tolist() == [0, 6, 19]


def tiny_ssd():
    extractor = Extractor(32, (8, 4), ('conv2', 'conv3'))
    for i, channels in enumerate((4, 8, 8), start=1):
        extractor.add_stage(f'conv{i}', L.Convolution2D(None, channels, 3, stride=2, pad=1), F.relu)
    return SSD(extractor, Multibox(4, ((2,), (2,))), (4, 8), (8, 14, 24), mean=(123., 117., 104.))


def test_parts_of_a_minibatch_make_up_the_loss_of_all():
    """Though the first of two processes has one picture of four, and less of what losses are divided by."""
    network, x = tiny_ssd(), np.random.uniform(-50, 50, (4, 3, 32, 32)).astype('f')
    boxes = [np.array([[2, 2, 10, 10]]), np.array([[0, 0, 20, 14], [9, 15, 30, 31]]), np.zeros((0, 4)),
             np.array([[4, 4, 30, 30]])]
    labels = [np.arange(len(each)) for each in boxes]
    parts, counts = [slice(0, 1), slice(1, 4)], []

    def loss(part):
        return network.loss(network(x[part]), boxes[part], labels[part]).item()

    network.whole = lambda number: counts.append(number) or number
    expected = loss(slice(4))
    for part in parts:
        loss(part)
    assert counts[1] + counts[2] == counts[0] and 0 < counts[1] < counts[2]
    found = 0
    for part in parts:
        share = (part.stop - part.start) / 4
        network.whole = lambda number, share=share: share * counts[0]
        found += share * loss(part)  # as `distributed.Job` weights losses, whose mean over processes is taken
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.gpu
def test_on_a_gpu():
    """Loss, gradients and predictions are those of the CPU."""
    network = tiny_ssd()
    rng = np.random.default_rng(0)
    # Not so bright that scores are all 1, and in any order.
    images = [rng.uniform(90, 140, (3, 30, 40)).astype('f') for _ in range(2)]
    x = np.stack([network.prepare(image) for image in images])
    truth = [np.array([[2, 2, 20, 14]], 'f'), np.zeros((0, 4), 'f')], [np.array([2]), np.zeros(0, int)]
    network.score_thresh = 0.28
    results = []
    for device in '@numpy', '@cupy:0':
        network.to_device(device)
        network.cleargrads()
        loss = network.loss(network(network.device.send(x)), *truth)
        loss.backward()
        results.append((loss.item(), [ann.backend.to_cpu(param.grad) for param in network.params()],
                        network.predict(images)))
    (loss, grads, found), (loss_there, grads_there, found_there) = results
    assert loss_there == pytest.approx(loss, rel=1e-4)
    for grad, there in zip(grads, grads_there):
        np.testing.assert_allclose(there, grad, rtol=1e-2, atol=1e-4)
    assert sum(map(len, found[0])) > 2
    for arrays, there in zip(found, found_there):
        for array, other in zip(arrays, there):
            assert isinstance(other, np.ndarray)
            np.testing.assert_allclose(other, array, atol=1e-2)
