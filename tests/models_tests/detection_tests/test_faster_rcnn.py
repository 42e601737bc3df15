"""Faster R-CNN: parameters, ChainerCV's files, what it learns and what it says."""
import itertools

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import models, serializers
from autograd_nn.datasets import DigitScenes
from autograd_nn.evaluation import eval_detection_voc
from autograd_nn.models.detection.faster_rcnn_small import AlignedRoIHead
from autograd_nn.models.detection.region_proposals import ProposalCreator, RegionProposalNetwork
from autograd_nn.models.detection.region_targets import AnchorTargetCreator, ProposalTargetCreator
from support.overfitting import overfit

CHANNELS = {1: (3, 64, 64), 2: (64, 128, 128), 3: (128, 256, 256, 256), 4: (256, 512, 512, 512), 5: (512,) * 4}


def shapes_of_chainercv(n_fg_class):
    """The path and shape of each array in a file of ChainerCV's FasterRCNNVGG16."""
    weights = {f'extractor/conv{i}_{j + 1}/conv': (outputs, inputs, 3, 3) for i, channels in CHANNELS.items()
               for j, (inputs, outputs) in enumerate(itertools.pairwise(channels))}
    weights |= {'rpn/conv1': (512, 512, 3, 3), 'rpn/score': (18, 512, 1, 1), 'rpn/loc': (36, 512, 1, 1),
                'head/fc6': (4096, 25088), 'head/fc7': (4096, 4096), 'head/cls_loc': (4 * n_fg_class + 4, 4096),
                'head/score': (n_fg_class + 1, 4096)}
    return {**{f'{path}/W': shape for path, shape in weights.items()},
            **{f'{path}/b': shape[:1] for path, shape in weights.items()}}


def test_parameters_are_those_of_chainercv(blank_parameters):
    network = models.create('faster_rcnn_vgg16')
    x = np.zeros((1, 3, 64, 80), 'f')
    with ann.no_backprop_mode():
        assert network.extractor(x).shape == (1, 512, 4, 5)
        locs, scores, rois, indices = network(x)
    assert locs.shape == (len(rois), 84) and scores.shape == (len(rois), 21) and indices.shape == rois.shape[:1]
    assert network.count_params() == 137_078_239
    assert {path[1:]: param.shape for path, param in network.namedparams()} == shapes_of_chainercv(20)


@pytest.mark.slow
def test_a_file_of_chainercv_loads():
    """What it holds does: 137 million numbers need not be written first."""
    arrays = {path: np.broadcast_to(np.float32(i), shape) for i, (path, shape) in enumerate(
        shapes_of_chainercv(1).items())}
    network = models.create('faster_rcnn_vgg16', num_classes=1)
    serializers.NpzDeserializer(arrays).load(network)
    for path, param in network.namedparams():
        assert param.shape == arrays[path[1:]].shape and (param.array == arrays[path[1:]].flat[0]).all()


def test_prepared_pictures(blank_parameters):
    network = models.create('faster_rcnn_vgg16', num_classes=1)
    assert network.prepare(np.zeros((3, 300, 400))).shape == (3, 600, 800)
    assert network.prepare(np.zeros((3, 300, 200))).shape == (3, 900, 600)
    prepared = network.prepare(np.full((3, 200, 500), 200.))
    assert prepared.shape == (3, 400, 1000) and prepared.dtype == np.float32
    np.testing.assert_allclose(prepared[:, 7, 9], [200 - 122.7717, 200 - 115.9465, 200 - 102.9801], 1e-5)
    boxes = network.prepare_boxes(np.array([[10, 20, 30, 40]]), (200, 500))
    assert boxes.tolist() == [[20, 40, 60, 80]] and boxes.dtype == np.float32
    with pytest.raises(ValueError, match=r'prepare: expected an image of shape \(3, H, W\), got \(9, 9\)'):
        network.prepare(np.zeros((9, 9)))


@pytest.mark.slow
def test_overfits_eight_scenes():
    """Finds all their objects, and nothing else."""
    network, scenes = models.create('faster_rcnn96'), DigitScenes(8, seed=3)[:]
    x = np.stack([network.prepare(scene.image) for scene in scenes])
    truth = [scene.boxes for scene in scenes], [scene.labels for scene in scenes]
    assert overfit(network, lambda: network.loss(network(x), *truth), 120, 2e-3) < 0.5
    network.use_preset('evaluate')
    found = network.predict([scene.image for scene in scenes])
    assert eval_detection_voc(*found, *truth, iou_thresh=0.6)['map'] > 0.98
    network.use_preset('visualize')
    _, labels, _ = network.predict([scene.image for scene in scenes])
    assert sum(sorted(a) == sorted(scene.labels) for a, scene in zip(labels, scenes)) >= 6


@pytest.fixture(scope='module')
def network():
    return models.create('faster_rcnn96', num_classes=3)


def test_a_small_step_against_the_gradient_lowers_the_loss_as_it_should(network):
    """By the step times the square of the gradient's length."""
    with ann.using_config('dtype', np.dtype(np.float64)):
        network = models.create('faster_rcnn96', num_classes=3)
        x, truth = np.random.uniform(-1, 1, (2, 3, 96, 96)), ([np.array([[10., 20, 40, 50]])] * 2, [np.array([1])] * 2)

        def loss():
            np.random.seed(0)  # the same anchors and regions
            return network.loss(network(x), *truth)

        loss()  # settles the parameters
        before = loss()
        before.backward()
        square = sum(float(np.vdot(param.grad, param.grad)) for param in network.params())
        expected = 1e-8 * before.item()
        for param in network.params():
            param.array -= expected / square * param.grad
        with ann.no_backprop_mode():
            assert before.item() - loss().item() == pytest.approx(expected, rel=0.02)


def test_predictions_are_in_the_pixels_of_each_image(network):
    images = [255 * np.random.rand(3, *size).astype('f') for size in ((96, 96), (40, 200), (301, 33))]
    network.use_preset('evaluate')
    boxes, labels, scores = network.predict(images)
    assert len(boxes) == len(labels) == len(scores) == 3
    for image, found, named, sure in zip(images, boxes, labels, scores):
        assert (found.dtype, named.dtype, sure.dtype) == (np.float32, np.int32, np.float32)
        assert len(found) == len(named) == len(sure) > 0 and sure.min() > 0.05 and set(named.tolist()) <= {0, 1, 2}
        assert (found >= 0).all() and (found <= np.array([*image.shape[1:]] * 2)).all()
        with ann.using_config('train', False), ann.no_backprop_mode():
            x = network.prepare(image)[None]
            _, y, _, _ = network(x, [x.shape[3] / image.shape[2]])
        assert sure.max() == pytest.approx(np.max(ann.functions.softmax(y).array[:, 1:]), rel=1e-5)
    assert network.predict([]) == ([], [], [])


def test_decoding_beside_a_loop(network):
    """Offsets of each class, softmax and non-maximum suppression, by hand."""
    network.use_preset('visualize')
    rois = np.array([[10., 10, 30, 30], [11, 10, 31, 30], [40, 40, 60, 60]], 'f')
    locs = np.zeros((3, 16), 'f')
    locs[0, 8:12] = 1, 0, 0, 0  # class 1: 0.1 of the height down
    locs[2, 12:16] = 0, 0, 0, 5 * np.log(2)  # class 2: twice as wide
    probabilities = np.array([[0, 0.1, 0.9, 0], [0.05, 0.15, 0.8, 0], [0.2, 0, 0, 0.8]], 'f')
    boxes, labels, scores = network.decode(rois, locs, probabilities, (50, 65))
    np.testing.assert_allclose(boxes, [[12, 10, 32, 30], [40, 30, 50, 65]], 1e-5)
    assert labels.tolist() == [1, 2] and scores.tolist() == pytest.approx([0.9, 0.8])


def test_presets_and_labels(network):
    with pytest.raises(ValueError, match="'visualize' or 'evaluate', got 'eval'"):
        network.use_preset('eval')
    for boxes, labels, message in (
            ([[[0, 0, 5, 5]] * 2], [[1, 3]], 'expected labels from 0 to 2, got 1 to 3'),
            ([[[0, 0, 5, 5]]], [[1.5]], 'expected labels from 0 to 2, got 1.5'),
            ([[[0, 0, 5, 5]]], [[1, 2]], r'got boxes of shape \(1, 4\) and labels of shape \(2,\)'),
            ([[]] * 2, [[]] * 2, 'of 1 pictures, got boxes of 2 and labels of 2'),
            ([[[0, 0, np.nan, 5]]], [[1]], 'with an area'), ([[[0, 0, np.inf, 5]]], [[1]], 'with an area'),
            ([[[9, 0, 5, 5]]], [[1]], 'with an area'), ([[[200, 0, 250, 5]]], [[1]], 'pictures of 96 x 96 pixels')):
        with pytest.raises(ValueError, match=f'loss: .*{message}'):
            network.loss(network(np.zeros((1, 3, 96, 96), 'f')), boxes, labels)
    with pytest.raises(ValueError, match='FasterRCNN96: expected a num_classes of at least 1, got 0'):
        models.create('faster_rcnn96', num_classes=0)


def test_pictures_without_regions_and_objects(network):
    """Of a picture one pixel high no region is left: what the second stage says of none is no loss."""
    loss = network.loss(network(np.zeros((1, 3, 1, 96), 'f')), [np.zeros((0, 4), 'f')], [np.zeros(0, 'i')])
    assert np.isfinite(loss.item())
    loss.backward()
    assert all(np.isfinite(param.grad).all() for param in network.params() if param.grad is not None)


@pytest.mark.parametrize('shape', [(96, 96), (3, 0, 5), (1, 8, 8)])
@pytest.mark.parametrize('name', ['faster_rcnn96', 'ssd96', 'yolov3_digits'])
def test_pictures_of_other_shapes(name, shape):
    with pytest.raises(ValueError, match=r'expected an? \w+ of shape \(3, H, W\), got \('):
        models.create(name, num_classes=2).predict([np.zeros(shape, 'f')])


def test_a_picture_without_objects(network):
    outputs = network(np.random.rand(1, 3, 96, 96).astype('f'))
    losses = network.losses(outputs, [np.zeros((0, 4), 'f')], [np.zeros(0, 'i')])
    assert losses['rpn_loc_loss'].item() == losses['roi_loc_loss'].item() == 0
    assert losses['rpn_cls_loss'].item() > 0 and losses['roi_cls_loss'].item() > 0


@pytest.mark.gpu
def test_a_gpu_says_the_same():
    """What is proposed, learned and predicted."""
    extractor = models.StagedChain()
    extractor.add_stage('conv', L.Convolution2D(3, 8, 8, 8), ann.functions.relu)
    network = models.FasterRCNN(extractor, RegionProposalNetwork(8, 8, (1,), (0.5, 1), 8),
                                AlignedRoIHead(4, 8, 1 / 8, 16, 2), 0., 32, 48)
    network.anchor_target_creator = AnchorTargetCreator(10000)  # all, so that none are drawn
    network.proposal_target_creator = ProposalTargetCreator(10000)
    network.rpn.proposal_layer = ProposalCreator(0.7, 30, 10, 30, 10, min_size=2)
    network.rpn.score.W.array[...] *= 100
    network.use_preset('evaluate')
    image, truth = np.random.rand(3, 32, 40).astype('f'), ([np.array([[4., 6, 20, 30]], 'f')], [np.array([2], 'i')])
    on_host = {name: loss.item() for name, loss in network.losses(network(image[None]), *truth).items()}
    found = network.predict([image])
    network.to_device('@cupy:0')
    losses = network.losses(network(network.device.send(image[None])), *truth)
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(on_host, rel=1e-4)
    sum(losses.values()).backward()
    assert all(param.grad is not None for param in network.params())
    for actual, expected in zip(network.predict([image]), found):
        np.testing.assert_allclose(actual[0], expected[0], 1e-4, 1e-3)
