"""Non-maximum suppression against a loop over pairs of boxes."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dtypes import as_dtype

pytestmark = pytest.mark.kernels('non_maximum_suppression')


def overlap(a, b):
    """Intersection over union of two boxes; NaN if both are empty."""
    height, width = (max(min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis]), 0) for axis in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    with np.errstate(invalid='ignore'):
        return np.divide(height * width, areas[0] + areas[1] - height * width)


def expected(boxes, threshold, limit):
    kept = []
    for i, box in enumerate(boxes):
        if limit is not None and len(kept) == limit:
            break
        if not any(overlap(box, boxes[k]) >= threshold for k in kept):
            kept.append(i)
    return kept


def random_boxes(count, size, rng):
    """Boxes with corners at whole pixels, some of them empty."""
    corners = rng.integers(0, size, (count, 2))
    return np.concatenate([corners, corners + rng.integers(0, size, (count, 2))], axis=1).astype('d')


@given(count=st.integers(0, 150), size=st.integers(1, 30), seed=st.integers(0, 99),
       threshold=st.sampled_from([0., 0.25, 0.5, 0.75, 1.]), limit=st.sampled_from([None, 0, 1, 5, 200]))
def test_random_boxes(kernel, count, size, seed, threshold, limit):
    boxes = random_boxes(count, size, np.random.default_rng(seed))
    kept = kernel('non_maximum_suppression', boxes, threshold, limit)
    assert kept.dtype == np.int32
    assert kept.tolist() == expected(boxes, threshold, limit)


@pytest.mark.parametrize('dtype', ['bfloat16', 'e', 'f', 'd'])
def test_types_and_strides(kernel, dtype):
    boxes = random_boxes(90, 12, np.random.default_rng(0)).astype(as_dtype(dtype))
    wanted = expected(boxes.astype('d'), 0.5, None)
    for laid_out in boxes, np.asfortranarray(boxes), boxes[::-1].copy()[::-1], np.tile(boxes, 2)[:, :4]:
        assert kernel('non_maximum_suppression', laid_out, 0.5, None).tolist() == wanted


def test_more_boxes_than_are_compared_at_a_time(kernel):
    """Rows of boxes, each of which overlaps its neighbour by a third: every second one is left."""
    starts = np.arange(700.)
    boxes = np.stack([np.zeros(700), starts, np.ones(700), starts + 2], axis=1).astype('f')
    assert kernel('non_maximum_suppression', boxes, 1 / 3 - 1e-6, None).tolist() == list(range(0, 700, 2))
    assert kernel('non_maximum_suppression', boxes, 1 / 3 + 1e-6, None).tolist() == list(range(700))
    assert kernel('non_maximum_suppression', boxes, 1 / 3 - 1e-6, 300).tolist() == list(range(0, 600, 2))
