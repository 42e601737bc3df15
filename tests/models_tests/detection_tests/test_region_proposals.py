"""What Faster R-CNN's first stage proposes, and what both stages are to say, against loops over boxes."""
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import cuda, using_config
from autograd_nn.models.detection.boxes import decode_boxes, encode_boxes
from autograd_nn.models.detection.region_proposals import ProposalCreator, RegionProposalNetwork, join_regions
from autograd_nn.models.detection.region_targets import AnchorTargetCreator, ProposalTargetCreator, location_loss
from autograd_nn.utils import box_iou

ON = [np.array, pytest.param(cuda.to_gpu, marks=pytest.mark.gpu)]
SIZE = 60, 80


def random_boxes(count, rng, least=1):
    corners = rng.uniform(0, 50, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(least, 30, (count, 2))], axis=1).astype('f')


@pytest.mark.parametrize('send', ON)
@pytest.mark.parametrize('train', [False, True])
def test_proposals(send, train):
    rng = np.random.default_rng(0)
    anchors, scores = random_boxes(200, rng), rng.random(200).astype('f')
    locs = rng.normal(0, 0.3, (200, 4)).astype('f')
    create = ProposalCreator(0.5, 150, 40, 100, 20, min_size=4)
    with using_config('train', train):
        actual = cuda.to_cpu(create(*map(send, (locs, scores, anchors)), SIZE, scale=2.))
    boxes = np.clip(decode_boxes(anchors, locs), 0, np.array([*SIZE, *SIZE]))
    looked_at = [i for i in np.argsort(-scores) if min(boxes[i, 2:] - boxes[i, :2]) >= 8][:150 if train else 100]
    kept = []
    for i in looked_at:
        if not kept or box_iou(boxes[[i]], boxes[kept]).max() < 0.5:
            kept.append(i)
    np.testing.assert_allclose(actual, boxes[kept[:40 if train else 20]], 1e-5, 1e-4)
    assert len(actual) == (40 if train else 20)


def test_the_network_looks_at_every_anchor():
    """Offsets, scores and anchors are in the same order."""
    network = RegionProposalNetwork(3, 4, (1, 2), (0.5,), 8)
    network.conv1.W.array[...] = 0
    network.conv1.W.array[0, 0, 1, 1] = 1
    network.loc.W.array[...] = network.score.W.array[...] = 0
    network.score.W.array[3, 0] = 1  # an object, at the second anchor
    network.loc.W.array[4, 0] = 2  # dy of the second anchor
    x = np.zeros((2, 3, 4, 5), 'f')
    x[1, 0, 2, 3] = 1
    with ann.no_backprop_mode():
        locs, scores, rois, indices, anchors = network(x, (32, 40))
    assert locs.shape == (2, 40, 4) and scores.shape == (2, 40, 2) and anchors.shape == (40, 4)
    place = (2 * 5 + 3) * 2 + 1
    assert np.argwhere(scores.array).tolist() == [[1, place, 1]] and np.argwhere(locs.array).tolist() == [[1, place, 0]]
    center = (anchors[place, :2] + anchors[place, 2:]) / 2
    assert center.tolist() == [20, 28] and anchors[place, 2] - anchors[place, 0] == pytest.approx(8 * 2 ** 0.5)
    assert set(indices.tolist()) <= {0, 1} and len(rois) == len(indices)


def test_regions_of_several_pictures():
    rois, indices = join_regions([np.ones((2, 4)), np.zeros((0, 4)), np.zeros((3, 4))])
    assert rois.shape == (5, 4) and indices.tolist() == [0, 0, 2, 2, 2]


@pytest.mark.parametrize('send', ON)
@pytest.mark.parametrize('seed', range(3))
def test_anchor_targets(send, seed):
    """All that may count does, where so many are wanted."""
    rng = np.random.default_rng(seed)
    anchors, boxes = random_boxes(300, rng, 8), random_boxes(6, rng, 8)
    locs, labels = map(cuda.to_cpu, AnchorTargetCreator(10000)(send(boxes), send(anchors), SIZE))
    assert (locs.dtype, labels.dtype) == (np.float32, np.int32)
    overlaps = box_iou(anchors, boxes)
    inside = (anchors[:, 2] <= SIZE[0]) & (anchors[:, 3] <= SIZE[1])
    best = [max(overlaps[inside, j]) for j in range(6)]
    for i in range(300):
        if not inside[i]:
            expected = -1
        elif max(overlaps[i]) >= 0.7 or any(overlaps[i, j] == best[j] for j in range(6)):
            expected = 1
            np.testing.assert_allclose(locs[i], encode_boxes(anchors[[i]], boxes[[overlaps[i].argmax()]])[0], 1e-5)
        else:
            expected = 0 if max(overlaps[i]) < 0.3 else -1
        assert labels[i] == expected
    assert (labels == 1).sum() >= 5


def test_anchors_are_drawn():
    rng = np.random.default_rng(0)
    anchors = np.concatenate([random_boxes(300, rng, 8)] + [random_boxes(1, rng, 8)] * 30)
    boxes = anchors[-1:]
    _, labels = AnchorTargetCreator(40, pos_ratio=0.25)(boxes, anchors, (200, 200))
    assert (labels == 1).sum() == 10 and (labels == 0).sum() == 30
    _, others = AnchorTargetCreator(40, pos_ratio=0.25)(boxes, anchors, (200, 200))
    assert (labels != others).any()
    _, labels = AnchorTargetCreator(40)(boxes[:0], anchors, (200, 200))
    assert (labels == 1).sum() == 0 and (labels == 0).sum() == 40
    outside = np.array([[-5., 0, 20, 20]])
    assert AnchorTargetCreator()(boxes[:0], outside, SIZE)[1].tolist() == [-1]
    assert AnchorTargetCreator(border=5)(boxes[:0], outside, SIZE)[1].tolist() == [0]


@pytest.mark.parametrize('send', ON)
def test_proposal_targets(send):
    rng = np.random.default_rng(0)
    rois, boxes, labels = random_boxes(200, rng, 8), random_boxes(5, rng, 8), rng.integers(0, 4, 5)
    arrays = ProposalTargetCreator(10000, pos_ratio=1.)(*map(send, (rois, boxes, labels)))
    chosen, locs, classes = map(cuda.to_cpu, arrays)
    assert len(chosen) == 205  # objects themselves are among them
    for roi, loc, number in zip(chosen, locs, classes):
        overlaps = box_iou(roi[None], boxes)[0]
        if overlaps.max() >= 0.5:
            assert number == labels[overlaps.argmax()] + 1
            expected = encode_boxes(roi[None], boxes[[overlaps.argmax()]], (0.1, 0.1, 0.2, 0.2))
            np.testing.assert_allclose(loc, expected[0], 1e-4, 1e-4)
        else:
            assert number == 0


def test_proposals_are_drawn():
    rng = np.random.default_rng(0)
    rois, boxes = random_boxes(200, rng, 8), random_boxes(5, rng, 8)
    create = ProposalTargetCreator(20, pos_ratio=0.25)
    chosen, _, classes = create(np.concatenate([rois, boxes, boxes]), boxes, np.arange(5))
    assert len(chosen) == 20 and (classes > 0).sum() == 5
    chosen, locs, classes = create(rois, boxes[:0], np.zeros(0, int))
    assert len(chosen) == 20 and not classes.any() and not locs.any()


@pytest.mark.parametrize('sigma', [1., 3.])
def test_location_loss(sigma):
    rng = np.random.default_rng(0)
    locs, truth, labels = rng.normal(size=(50, 4)), rng.normal(size=(50, 4)), rng.integers(-1, 3, 50)
    total = 0
    for x, t, label in zip(locs, truth, labels):
        for difference in abs(x - t) * (label > 0):
            total += (sigma * difference) ** 2 / 2 if difference < sigma ** -2 else difference - sigma ** -2 / 2
    loss = location_loss(ann.as_variable(locs), truth, labels, sigma)
    assert loss.item() == pytest.approx(total / (labels >= 0).sum())
    assert location_loss(ann.as_variable(locs), truth, labels * 0 - 1, sigma).item() == 0
