import numpy as np
import pytest
from PIL import Image

from autograd_nn.utils import draw_boxes
from autograd_nn.utils.box_pictures import color_of

GREY = np.full((3, 120, 160), 128, 'f')


def marked(picture, color):
    """The smallest box around pixels of a colour."""
    there = (np.asarray(picture) == color).all(axis=2)
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


@pytest.mark.parametrize('scale', [1, 3])
def test_boxes_are_where_they_should_be(scale):
    boxes = np.array([[20, 30, 50, 90], [60, 70, 110, 100]], 'f')
    picture = draw_boxes(GREY, boxes, scale=scale)
    assert picture.size == (160 * scale, 120 * scale)
    # Without labels all have one colour.
    assert marked(picture, color_of(0)) == (20 * scale, 30 * scale, 110 * scale, 100 * scale)
    assert (np.asarray(picture) == 128).mean() > 0.8


def test_each_class_has_a_colour():
    boxes = np.array([[30, 5, 60, 60], [80, 100, 119, 140]], 'f')
    picture = draw_boxes(GREY, boxes, np.array([3, 5]))
    for label, (y_min, x_min, y_max, x_max) in zip((3, 5), boxes):
        found = marked(picture, color_of(label))
        # The number stands above.
        assert found[0] < y_min and found[1] == x_min - 1 and found[2:] == (y_max, x_max)
    assert len({color_of(label) for label in range(80)}) == 80
    close = [np.abs(np.subtract(color_of(a), color_of(b))).sum() for a in range(10) for b in range(a)]
    assert min(close) > 50


def test_words_stay_within_the_picture():
    corner = np.array([[0, 150, 10, 160]], 'f')
    picture = draw_boxes(GREY, corner, np.array([0]), np.array([0.5]), ['motorbike'])
    top, left, bottom, right = marked(picture, color_of(0))
    assert left < 100 and right <= 160 and top == 0 and bottom < 30


def test_the_best_lies_above():
    boxes = np.array([[30, 30, 90, 90]] * 2, 'f')
    for scores, best in ([0.9, 0.8], 0), ([0.8, 0.9], 1):
        picture = draw_boxes(GREY, boxes, np.array([0, 1]), np.array(scores))
        assert picture.getpixel((30, 60)) == color_of(best)


def test_the_picture_itself_is_left_alone():
    original = Image.new('L', (50, 40), 9)
    picture = draw_boxes(original, np.array([[5., 5, 20, 20]]))
    assert original.getextrema() == (9, 9) and picture.mode == 'RGB'
    assert np.asarray(draw_boxes(GREY, np.zeros((0, 4)))).min() == 128


@pytest.mark.parametrize('image, boxes, labels, message', [
    (GREY[0], np.zeros((1, 4)), None, r'expected an image of shape \(3, H, W\), got \(120, 160\)'),
    (GREY, np.zeros(4), None, r'expected boxes of shape \(R, 4\), got \(4,\)'),
    (GREY, np.zeros((1, 4)), np.zeros(2, int), r'expected labels of shape \(1,\)'),
    (GREY, np.full((1, 4), np.nan), None, 'boxes contains numbers that are not finite'),
    (GREY, np.zeros((2, 4)), np.array([1, -1]), 'expected labels from 0 to 1, .* got -1 to 1')])
def test_what_is_refused(image, boxes, labels, message):
    with pytest.raises(ValueError, match=f'draw_boxes: {message}'):
        draw_boxes(image, boxes, labels, classes=['cat', 'dog'])
