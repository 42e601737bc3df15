"""Default boxes, what is learned of them, and the loss, beside loops over single numbers."""
import itertools
import math

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn.gradient_check import check_backward
from autograd_nn.models.detection.multibox import Multibox, MultiboxCoder, default_boxes, multibox_loss
from autograd_nn.models.detection.ssd_vgg16 import LAYOUTS
from autograd_nn.utils.boxes import box_iou


@pytest.fixture
def coder():
    return MultiboxCoder((4, 2), ((2,), (2, 3)), (16, 32), (16, 30, 50))


def random_objects(rng, count, size=64):
    corners = rng.uniform(0, 0.7 * size, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(4, 0.5 * size, (count, 2))], axis=1).astype(np.float32)
    return boxes, rng.integers(0, 5, count).astype(np.int32)


@pytest.mark.parametrize('insize, count', [(300, 8732), (512, 24564)])
def test_default_boxes_of_the_paper(insize, count):
    layout = LAYOUTS[insize]
    boxes = default_boxes(layout.grids, layout.aspect_ratios, layout.steps, layout.sizes)
    expected = []
    for k, grid in enumerate(layout.grids):
        for row, column in itertools.product(range(grid), repeat=2):
            y, x = (row + .5) * layout.steps[k], (column + .5) * layout.steps[k]
            size, larger = layout.sizes[k], math.sqrt(layout.sizes[k] * layout.sizes[k + 1])
            sides = [(size, size), (larger, larger)]
            for ratio in layout.aspect_ratios[k]:
                sides += [(size / math.sqrt(ratio), size * math.sqrt(ratio)),
                          (size * math.sqrt(ratio), size / math.sqrt(ratio))]
            expected += [(y - h / 2, x - w / 2, y + h / 2, x + w / 2) for h, w in sides]
    assert boxes.shape == (count, 4)
    assert boxes.dtype == np.float32
    np.testing.assert_allclose(boxes, expected, atol=1e-3)


def test_numbers_of_grids_and_sizes_must_fit():
    with pytest.raises(ValueError, match='2 grids, 2 aspect_ratios, 2 steps and 2 sizes'):
        MultiboxCoder((4, 2), ((2,), (2,)), (16, 32), (16, 30))


def encode_by_loops(coder, boxes, labels, threshold):
    """The paper's matching: the best default box for each object, then all that overlap one enough."""
    defaults = coder.default_boxes.astype(float)
    iou = box_iou(coder.default_boxes, boxes)
    chosen = {}
    pairs = sorted((-iou[i, j], i, j) for i in range(len(defaults)) for j in range(len(boxes)))
    for negative, i, j in pairs:
        if negative < -1e-6 and i not in chosen and j not in chosen.values():
            chosen[i] = j
    for i in range(len(defaults)):
        if i not in chosen and max(iou[i], default=0) >= threshold:
            chosen[i] = int(iou[i].argmax())
    locs, classes = np.zeros((len(defaults), 4)), np.zeros(len(defaults), int)
    for i, j in chosen.items():
        (top, left, bottom, right), box = defaults[i], boxes[j].astype(float)
        height, width = bottom - top, right - left
        locs[i] = [((box[0] + box[2]) / 2 - (top + bottom) / 2) / height / .1,
                   ((box[1] + box[3]) / 2 - (left + right) / 2) / width / .1,
                   math.log((box[2] - box[0]) / height) / .2, math.log((box[3] - box[1]) / width) / .2]
        classes[i] = labels[j] + 1
    return locs, classes


@pytest.mark.parametrize('count', [0, 1, 4, 12])
def test_encode_beside_loops(coder, count):
    rng = np.random.default_rng(count)
    for _ in range(5):
        boxes, labels = random_objects(rng, count)
        locs, classes = coder.encode(boxes, labels)
        expected_locs, expected_classes = encode_by_loops(coder, boxes, labels, 0.5)
        assert (locs.dtype, classes.dtype) == (np.float32, np.int32)
        assert classes.tolist() == expected_classes.tolist()
        np.testing.assert_allclose(locs, expected_locs, atol=1e-4)
        if 0 < count <= 4:
            assert set(labels + 1) <= set(classes), 'no object goes without a default box'


def test_encode_refuses_nonsense(coder):
    with pytest.raises(ValueError, match='a label for each of 1 boxes'):
        coder.encode(np.array([[0, 0, 5, 5]], 'f'), np.array([1, 2]))
    for end in np.nan, np.inf:
        with pytest.raises(ValueError, match='with an area'):
            coder.encode(np.array([[0, 0, end, 5]], 'f'), np.array([1]))
    with pytest.raises(ValueError, match=r'with an area, got \[5.0, 0.0, 5.0, 5.0\]'):
        coder.encode(np.array([[0, 0, 5, 5], [5, 0, 5, 5]], 'f'), np.array([1, 2]))


def decode_by_loops(coder, locs, confs, nms_threshold, score_threshold):
    found = []
    for label in range(confs.shape[1] - 1):
        candidates = []
        for i, (top, left, bottom, right) in enumerate(coder.default_boxes.astype(float)):
            score = math.exp(confs[i, label + 1]) / sum(math.exp(conf) for conf in confs[i])
            height, width = bottom - top, right - left
            y, x = (top + bottom) / 2 + locs[i, 0] * .1 * height, (left + right) / 2 + locs[i, 1] * .1 * width
            h, w = height * math.exp(.2 * locs[i, 2]), width * math.exp(.2 * locs[i, 3])
            if score >= score_threshold:
                candidates.append((score, np.array([[y - h / 2, x - w / 2, y + h / 2, x + w / 2]])))
        kept = []
        for score, box in sorted(candidates, key=lambda candidate: -candidate[0]):
            if all(box_iou(box, other)[0, 0] < nms_threshold for _, other in kept):
                kept.append((score, box))
        found += [(label, score, *box[0]) for score, box in kept]
    return np.array(found).reshape(-1, 6)


@pytest.mark.parametrize('threshold', [0.01, 0.6, 0.999])
def test_decode_beside_loops(coder, threshold):
    rng = np.random.default_rng(0)
    locs, confs = rng.standard_normal((88, 4)).astype('f'), 2 * rng.standard_normal((88, 5)).astype('f')
    boxes, labels, scores = coder.decode(locs, confs, 0.45, threshold)
    expected = decode_by_loops(coder, locs, confs, 0.45, threshold)
    assert (boxes.dtype, labels.dtype, scores.dtype) == (np.float32, np.int32, np.float32)
    assert boxes.shape == (len(labels), 4)
    assert labels.tolist() == expected[:, 0].tolist()
    np.testing.assert_allclose(scores, expected[:, 1], rtol=1e-4)
    np.testing.assert_allclose(boxes, expected[:, 2:], atol=1e-3)


def test_decode_of_large_scores(coder):
    confs = np.zeros((88, 3), 'f')
    confs[5, 2] = 1000
    boxes, labels, scores = coder.decode(np.zeros((88, 4), 'f'), confs)
    assert (labels.tolist(), scores.tolist()) == ([1], [1])
    np.testing.assert_allclose(boxes, coder.default_boxes[5:6], atol=1e-4)


def loss_by_loops(locs, confs, true_locs, classes, k):
    """Equations 1 to 3 of the paper."""
    count, loc_loss, conf_loss = 0, 0., 0.
    for n, image in enumerate(classes):
        negatives = []
        for i, label in enumerate(image):
            entropy = math.log(sum(math.exp(conf) for conf in confs[n, i])) - confs[n, i, label]
            if label == 0:
                negatives.append(entropy)
                continue
            count += 1
            conf_loss += entropy
            for difference in locs[n, i] - true_locs[n, i]:
                size = abs(difference)
                loc_loss += size ** 2 / 2 if size < 1 else size - 0.5
        conf_loss += sum(sorted(negatives, reverse=True)[:k * sum(image > 0)])
    return (loc_loss / count, conf_loss / count) if count else (0, 0)


@pytest.mark.parametrize('positives', [(3, 1, 5), (0, 2, 0), (20, 19, 4), (0, 0, 0)])
@pytest.mark.parametrize('k', [1, 3])
def test_loss_beside_loops(positives, k):
    rng = np.random.default_rng(k)
    locs, true_locs = 2 * rng.standard_normal((2, 3, 20, 4))
    confs, classes = rng.standard_normal((3, 20, 6)), np.zeros((3, 20), int)
    for row, count in zip(classes, positives):
        row[rng.permutation(20)[:count]] = rng.integers(1, 6, count)
    losses = multibox_loss(locs, confs, true_locs, classes, k)
    np.testing.assert_allclose([loss.item() for loss in losses], loss_by_loops(locs, confs, true_locs, classes, k))
    variables = ann.Variable(locs), ann.Variable(confs)
    sum(multibox_loss(*variables, true_locs, classes, k)).backward()
    for x in variables:
        assert x.grad.any() == any(positives)
        assert np.isfinite(x.grad).all()


def test_gradient_of_the_loss():
    rng = np.random.default_rng(0)
    # What is counted does not change under small changes: losses differ, and differences are not near 1 or -1.
    locs, confs = rng.uniform(-0.4, 0.4, (2, 6, 4)), 3 * rng.standard_normal((2, 6, 4))
    classes = np.array([[1, 0, 0, 3, 0, 0], [0, 0, 2, 0, 0, 0]])
    true_locs = rng.uniform(-0.4, 0.4, (2, 6, 4))
    check_backward(lambda x, y: sum(multibox_loss(x, y, true_locs, classes, 1)), (locs, confs), None, atol=1e-4,
                   rtol=1e-4, dtype=np.float64)


def test_loss_in_half_precision_is_a_sum_in_float32():
    locs = np.full((1, 4000, 4), 60, np.float16)
    loc_loss, _ = multibox_loss(locs, np.zeros((1, 4000, 2), np.float16), np.zeros((1, 4000, 4), 'f'),
                                np.ones((1, 4000), 'i'), 3)
    assert loc_loss.item() == pytest.approx(4 * 59.5)


def test_shapes_of_the_loss_must_fit():
    with pytest.raises(ValueError, match='multibox_loss: expected gt_mb_labels'):
        multibox_loss(np.zeros((1, 5, 4), 'f'), np.zeros((1, 6, 3), 'f'), np.zeros((1, 5, 4), 'f'),
                      np.zeros((1, 5), 'i'), 3)


def test_multibox_says_for_each_box_what_its_filters_say():
    multibox = Multibox(3, ((2,), (2, 3)))
    maps = [np.random.rand(2, 5, size, size).astype('f') for size in (3, 2)]
    locs, confs = multibox(maps)
    assert locs.shape == (2, 9 * 4 + 4 * 6, 4)
    assert confs.shape == (2, 9 * 4 + 4 * 6, 3)
    # Row 1, column 0 of the second map, box 5.
    np.testing.assert_allclose(locs.array[:, 36 + 2 * 6 + 5], multibox.loc[1](maps[1]).array[:, 20:24, 1, 0], 1e-5)
    np.testing.assert_allclose(confs.array[:, 36 + 2 * 6 + 5], multibox.conf[1](maps[1]).array[:, 15:18, 1, 0], 1e-5)
