import numpy as np
import pytest

from autograd_nn import cuda
from autograd_nn.utils import box_iou, non_maximum_suppression

ON = [np.array, pytest.param(cuda.to_gpu, marks=pytest.mark.gpu)]


def random_boxes(count, rng, size=20):
    corners = rng.integers(0, size, (count, 2))
    return np.concatenate([corners, corners + rng.integers(1, size, (count, 2))], axis=1).astype('f')


def painted(box, size=40):
    """The pixels of a box at whole pixels."""
    y_min, x_min, y_max, x_max = box.astype(int)
    mask = np.zeros((size, size), bool)
    mask[y_min:y_max, x_min:x_max] = True
    return mask


@pytest.mark.parametrize('send', ON)
def test_overlap_of_random_boxes(send):
    rng = np.random.default_rng(0)
    a, b = random_boxes(8, rng), random_boxes(9, rng)
    expected = [[(painted(x) & painted(y)).sum() / (painted(x) | painted(y)).sum() for y in b] for x in a]
    actual = box_iou(send(a), send(b))
    assert actual.dtype == np.float32
    np.testing.assert_allclose(cuda.to_cpu(actual), expected, 1e-6)


@pytest.mark.parametrize('dtype', ['e', 'B', 'H', 'b', 'i', 'f', 'd'])
def test_overlap_in_every_type(dtype):
    """Areas may be larger than numbers of the type, and differences less than 0."""
    side = 100 if dtype == 'b' else 250
    boxes = np.array([[0, 0, 70, side], [71, 50, 90, side], [0, 0, 35, side]], dtype)
    np.testing.assert_allclose(box_iou(boxes[:1], boxes), [[1, 0, 0.5]], 1e-6)


def test_overlap_of_empty_boxes_and_of_none():
    empty = np.array([[3., 3, 3, 3], [3, 3, 3, 9]])
    assert not box_iou(empty, empty).any()
    assert box_iou(np.zeros((0, 4)), empty).shape == (0, 2)


@pytest.mark.parametrize('send', ON)
@pytest.mark.parametrize('limit', [None, 7])
def test_suppression_by_scores(send, limit):
    """Boxes are taken from the highest score on, of equal ones the first one first."""
    rng = np.random.default_rng(0)
    boxes, scores = random_boxes(100, rng), rng.integers(0, 5, 100).astype('f')
    kept = []
    for i in sorted(range(100), key=lambda i: (-scores[i], i)):
        if not kept or (box_iou(boxes[i:i + 1], boxes[kept]) < 0.5).all():
            kept.append(i)
    actual = non_maximum_suppression(send(boxes), 0.5, send(scores), limit)
    assert actual.dtype == np.int32
    assert actual.tolist() == kept[:limit]


def test_suppression_without_scores():
    boxes = random_boxes(100, np.random.default_rng(0))
    expected = non_maximum_suppression(boxes, 0.5, -np.arange(100.))
    assert non_maximum_suppression(boxes, 0.5).tolist() == expected.tolist()
    assert non_maximum_suppression(boxes[:0], 0.5, np.zeros(0)).shape == (0,)


@pytest.mark.parametrize('boxes, scores, limit, message', [
    (np.zeros((2, 3)), None, None, r'expected boxes of shape \(R, 4\), got \(2, 3\)'),
    (np.zeros((2, 4), 'i'), None, None, 'expected floating-point boxes, got int32'),
    (np.zeros((2, 4)), np.zeros(3), None, r'expected scores of shape \(2,\)'),
    (np.zeros((2, 4)), np.zeros(2, int), None, 'expected floating-point scores'),
    (np.zeros((2, 4)), None, -1, 'limit of at least 0, got -1')])
def test_what_is_refused(boxes, scores, limit, message):
    with pytest.raises((TypeError, ValueError), match=message):
        non_maximum_suppression(boxes, 0.5, scores, limit)
