import math

import numpy as np
import pytest

from autograd_nn import cuda
from autograd_nn.models.detection.boxes import base_anchors, clip_boxes, decode_boxes, encode_boxes, grid_anchors

ON = [np.array, pytest.param(cuda.to_gpu, marks=pytest.mark.gpu)]
SCALES = 0.1, 0.1, 0.2, 0.2


def random_boxes(count, rng):
    corners = rng.uniform(0, 300, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(1, 200, (count, 2))], axis=1).astype('f')


def offsets(source, target):
    """The formulas of R-CNN's paper, for one pair of boxes."""
    def center_and_size(box):
        (y_min, x_min, y_max, x_max) = box.tolist()
        return (y_min + y_max) / 2, (x_min + x_max) / 2, y_max - y_min, x_max - x_min
    (py, px, ph, pw), (gy, gx, gh, gw) = center_and_size(source), center_and_size(target)
    return (gy - py) / ph, (gx - px) / pw, math.log(gh / ph), math.log(gw / pw)


@pytest.mark.parametrize('send', ON)
def test_offsets(send):
    rng = np.random.default_rng(0)
    sources, targets = random_boxes(30, rng), random_boxes(30, rng)
    expected = [offsets(*pair) for pair in zip(sources, targets)]
    actual = encode_boxes(send(sources), send(targets))
    assert actual.dtype == np.float32
    np.testing.assert_allclose(cuda.to_cpu(actual), expected, 1e-4, 1e-5)
    scaled = encode_boxes(send(sources), send(targets), SCALES)
    np.testing.assert_allclose(cuda.to_cpu(scaled), np.divide(expected, SCALES), 1e-4, 1e-4)
    back = decode_boxes(send(sources), scaled, SCALES)
    assert back.dtype == np.float32
    np.testing.assert_allclose(cuda.to_cpu(back), targets, 1e-4, 1e-3)


def test_offsets_of_several_axes():
    rng = np.random.default_rng(0)
    sources, shifts = random_boxes(5, rng), rng.normal(size=(3, 5, 4)).astype('f')
    boxes = decode_boxes(sources, shifts)
    assert boxes.shape == (3, 5, 4)
    np.testing.assert_array_equal(boxes[1], decode_boxes(sources, shifts[1]))


def test_a_source_without_area_has_finite_offsets():
    assert np.isfinite(encode_boxes(np.full((1, 4), 3, 'f'), random_boxes(1, np.random.default_rng(0)))).all()


@pytest.mark.parametrize('send', ON)
def test_clipping(send):
    boxes = np.array([[-5., -1, 30, 50], [2, 3, 4, 5], [30, 60, 40, 70]], 'f')
    np.testing.assert_array_equal(cuda.to_cpu(clip_boxes(send(boxes), (20, 40))),
                                  [[0, 0, 20, 40], [2, 3, 4, 5], [20, 40, 20, 40]])


def test_anchors_of_a_cell():
    """Those of Faster R-CNN, whose areas and ratios its paper names."""
    anchors = base_anchors()
    assert anchors.shape == (9, 4)
    heights, widths = (anchors[:, 2:] - anchors[:, :2]).T
    np.testing.assert_allclose(heights * widths, np.tile(np.square([128., 256, 512]), 3), 1e-5)
    np.testing.assert_allclose(heights / widths, np.repeat([0.5, 1, 2], 3), 1e-5)
    np.testing.assert_allclose(anchors[:, :2] + anchors[:, 2:], 16, 0, 1e-4)


@pytest.mark.parametrize('send', ON)
def test_anchors_of_a_grid(send):
    base = base_anchors(8, (1, 2), (2,))
    anchors = cuda.to_cpu(grid_anchors(send(base), 8, (3, 4))).reshape(3, 4, 2, 4)
    assert anchors.dtype == np.float32
    for row, column, anchor in np.ndindex(3, 4, 2):
        np.testing.assert_allclose(anchors[row, column, anchor],
                                   base[anchor] + [8 * row, 8 * column, 8 * row, 8 * column], 1e-6)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r'encode_boxes: expected arrays of shape \(..., 4\), got shapes \(2, 3\)'):
        encode_boxes(np.zeros((2, 3)), np.zeros((2, 3)))
