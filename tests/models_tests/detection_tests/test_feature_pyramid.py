"""Faster R-CNN on a feature pyramid: parameters, ChainerCV's names, and its parts against plain formulas."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import models
from autograd_nn.evaluation import eval_detection_voc
from autograd_nn.link import Chain
from autograd_nn.models.detection.feature_pyramid import (
    FeaturePyramid,
    PyramidRegionProposalNetwork,
    PyramidRoIHead,
)
from autograd_nn.models.detection.region_targets import ProposalTargetCreator
from support.overfitting import overfit


def shapes_of_chainercv(n_class):
    """The path and shape of each parameter in a file of ChainerCV's FasterRCNNFPNResNet50."""
    convolutions, biased = {'extractor/base/conv1': (64, 3, 7)}, {}
    inputs = 64
    for stage, (depth, channels) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=2):
        for block in ['a', *[f'b{j}' for j in range(1, depth)]]:
            path = f'extractor/base/res{stage}/{block}'
            convolutions |= {f'{path}/conv1': (channels, inputs, 1), f'{path}/conv2': (channels, channels, 3),
                             f'{path}/conv3': (4 * channels, channels, 1)}
            if block == 'a':
                convolutions[f'{path}/residual_conv'] = (4 * channels, inputs, 1)
            inputs = 4 * channels
        biased |= {f'extractor/inner/{stage - 2}': (256, inputs, 1, 1),
                   f'extractor/outer/{stage - 2}': (256, 256, 3, 3)}
    biased |= {'rpn/conv': (256, 256, 3, 3), 'rpn/loc': (12, 256, 1, 1), 'rpn/conf': (3, 256, 1, 1),
               'bbox_head/fc1': (1024, 256 * 49), 'bbox_head/fc2': (1024, 1024), 'bbox_head/loc': (4 * n_class, 1024),
               'bbox_head/conf': (n_class, 1024)}
    shapes = {'extractor/base/conv1/conv/b': (64,)}
    for path, (outputs, channels, size) in convolutions.items():
        shapes |= {f'{path}/conv/W': (outputs, channels, size, size), f'{path}/bn/gamma': (outputs,),
                   f'{path}/bn/beta': (outputs,)}
    for path, shape in biased.items():
        shapes |= {f'{path}/W': shape, f'{path}/b': shape[:1]}
    return shapes


def test_parameters_are_those_of_chainercv(blank_parameters):
    network = models.create('faster_rcnn_fpn_resnet50')
    x = np.zeros((1, 3, 64, 96), 'f')
    with ann.no_backprop_mode():
        outputs = network(x)
        assert [h.shape for h in outputs.features] == [(1, 256, 64 // s, 96 // s) for s in (4, 8, 16, 32)] + [
            (1, 256, 1, 2)]
        locs, scores, rois, _ = outputs
    assert locs.shape == (len(rois), 324) and scores.shape == (len(rois), 81)
    assert network.count_params() == 41_757_220
    assert {path[1:]: param.shape for path, param in network.namedparams()} == shapes_of_chainercv(81)


def test_the_first_layers_can_be_frozen(blank_parameters):
    network = models.create('faster_rcnn_fpn_resnet50', num_classes=1)
    network.freeze_until('res3')
    frozen = {path.split('/')[3] for path, param in network.namedparams() if not param.requires_grad}
    assert frozen == {'conv1', 'res2', 'res3'}
    assert network.class_outputs == 2


def test_prepared_pictures(blank_parameters):
    network = models.create('faster_rcnn_fpn_resnet50', num_classes=1)
    x = network.prepare(np.full((3, 120, 100), 200.))  # 960 x 800
    assert x.shape == (3, 960, 800)
    x = network.prepare(np.full((3, 100, 101), 200.))  # 800 x 808
    assert x.shape == (3, 800, 832) and x[:, :, :808].min() > 70 and not x[:, :, 808:].any()
    assert network.prepare_boxes(np.array([[0, 0, 100, 101]]), (100, 101)).tolist() == [[0, 0, 800, 808]]


class Base(Chain):
    """Means of squares of 1, 2 and 4 pixels."""

    def forward(self, x):
        return [F.average_pooling_2d(x, size, size) for size in (1, 2, 4)]


def test_what_a_map_of_a_pyramid_knows():
    pyramid = FeaturePyramid(Base(), 3, extra=2)
    x = np.random.randn(1, 2, 8, 8).astype('f')
    with ann.no_backprop_mode():
        maps = pyramid(x)
        means = Base()(x)
    assert [h.shape[2:] for h in maps] == [(8, 8), (4, 4), (2, 2), (1, 1), (1, 1)]
    W, V = ([layer.W.array for layer in layers] for layers in (pyramid.inner, pyramid.outer))
    expected = np.einsum('kc,nchw->nkhw', W[2][..., 0, 0], means[2].array)
    top = expected
    for h, w in zip(means[1::-1], W[1::-1]):
        expected = np.einsum('kc,nchw->nkhw', w[..., 0, 0], h.array) + expected.repeat(2, 2).repeat(2, 3)
    framed = np.pad(expected, ((0, 0), (0, 0), (1, 1), (1, 1)))
    value = (framed[0, :, 3:6, 4:7] * V[0][7]).sum()
    np.testing.assert_allclose(maps[0].array[0, 7, 3, 4], value, 1e-3, 1e-4)
    np.testing.assert_allclose(maps[2].array[0, 7, 0, 0], (np.pad(top, ((0, 0), (0, 0), (1, 1), (1, 1)))[
        0, :, :3, :3] * V[2][7]).sum(), 1e-3, 1e-4)
    np.testing.assert_array_equal(maps[3].array, maps[2].array[:, :, ::2, ::2])


def test_anchors_and_regions_of_all_maps():
    network = PyramidRegionProposalNetwork((4, 8), (32, 64), (0.5, 1, 2))
    maps = [ann.as_variable(np.random.randn(2, 256, *size).astype('f')) for size in ((8, 12), (4, 6))]
    with ann.no_backprop_mode(), ann.using_config('train', False):
        locs, scores, rois, indices, anchors = network(maps, (32, 48))
    assert locs.shape == (2, 360, 4) and scores.shape == (2, 360) and anchors.shape == (360, 4)
    sides, centers = anchors[:, 2:] - anchors[:, :2], (anchors[:, 2:] + anchors[:, :2]) / 2
    # 4 / sqrt(0.5) is rounded to 6, and so on: sides are multiples of 8.
    assert sides[:3].tolist() == [[24, 48], [32, 32], [48, 24]] and sides[288:291, 0].tolist() == [48, 64, 96]
    assert centers[3 * (12 * 5 + 7) + 1].tolist() == [22, 30] and centers[-1].tolist() == [28, 44]
    assert set(indices.tolist()) == {0, 1}
    assert (rois >= 0).all() and (rois <= np.array([32, 48, 32, 48])).all()


def test_scores_of_proposals_fall():
    network = PyramidRegionProposalNetwork((4, 8), (8, 16))
    said = [(np.zeros((20, 4), 'f'), np.random.randn(20).astype('f')) for _ in range(2)]
    corners = np.random.uniform(0, 300, (2, 20, 2))
    anchors = [np.concatenate([c, c + 10], axis=1).astype('f') for c in corners]
    rois = network._propose(said, anchors, (400, 400), 1.)
    order = np.argsort(-np.concatenate([score for _, score in said]))
    best = np.concatenate(anchors)[order]
    np.testing.assert_allclose(rois[0], best[0], 1e-5)
    assert len(rois) > 30
    places = [np.abs(best - roi).max(axis=1).argmin() for roi in rois]
    assert places == sorted(places)


def test_each_region_gets_its_features_from_the_map_of_its_size():
    head = PyramidRoIHead(3, (4, 8, 16, 32, 64))
    sides = np.array([10, 111, 112, 223, 224, 447, 448, 900, 2000])
    rois = np.stack([sides * 0, sides * 0, sides, sides], axis=1).astype('f')
    assert head.levels(rois).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3]
    order = [4, 0, 8, 2, 6]
    maps = [ann.as_variable(np.random.randn(2, 256, 640 // s, 640 // s).astype('f')) for s in (4, 8, 16, 32, 64)]
    indices = np.array([0, 1, 0, 1, 1], 'i')
    with ann.no_backprop_mode():
        locs, scores = head(maps, rois[order], indices)
        for i, (roi, level) in enumerate(zip(rois[order], (2, 0, 3, 1, 3))):
            h = F.roi_average_align_2d(maps[level], roi[None], indices[i:i + 1], 7, 1 / (4 << level), 2)
            h = F.relu(head.fc2(F.relu(head.fc1(h))))
            np.testing.assert_allclose(scores.array[i], head.conf(h).array[0], 1e-3, 1e-4)
            np.testing.assert_allclose(locs.array[i], head.loc(h).array[0], 1e-3, 1e-5)
        locs, scores = head(maps, rois[:0], indices[:0])
    assert locs.shape == (0, 12) and scores.shape == (0, 3)


@pytest.mark.slow
def test_overfits_eight_scenes():
    """Finds their objects, with an eighth of the channels; gradients reach every parameter."""
    scenes = ann.datasets.DigitScenes(8, size=(64, 64), count=(1, 3), sides=(20, 40), seed=3)[:]
    network = models.create('faster_rcnn_fpn_resnet50', num_classes=10, min_size=64, max_size=64, width=1 / 8)
    network.proposal_target_creator = ProposalTargetCreator(32)
    x = np.stack([network.prepare(scene.image) for scene in scenes])
    boxes = [network.prepare_boxes(scene.boxes, scene.image.shape[1:]) for scene in scenes]
    labels = [scene.labels for scene in scenes]
    overfit(network, lambda: network.loss(network(x), boxes, labels), 100, 3e-3)
    assert all(param.grad is not None and np.isfinite(param.grad).all() for param in network.params())
    network.use_preset('evaluate')
    found = network.predict([scene.image for scene in scenes])
    assert eval_detection_voc(*found, [scene.boxes for scene in scenes], labels)['map'] > 0.95
