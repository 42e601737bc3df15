"""Scenes of digits: what is said of them is what is on them."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_nn import datasets
from autograd_nn.datasets import DigitScenes


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(['train', 'test']), st.integers(32, 70), st.integers(32, 70), st.integers(0, 9),
       st.integers(1, 4), st.integers(0, 9))
def test_boxes_masks_and_labels_agree(split, height, width, seed, least, i):
    scenes = DigitScenes(10, split, (height, width), seed, (least, 6))
    image, boxes, labels, masks = scenes[i]
    assert image.shape == (3, height, width) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() <= 255
    assert 1 <= len(labels) <= 6 and labels.dtype == np.int32 and set(labels.tolist()) <= set(range(10))
    assert boxes.shape == (len(labels), 4) and boxes.dtype == np.float32
    assert masks.shape == (len(labels), height, width) and masks.dtype == bool and masks.sum(axis=0).max() == 1
    for mask, box in zip(masks, boxes):
        rows, columns = np.nonzero(mask)
        assert box.tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    for one, other in zip(scenes[i], DigitScenes(99, split, (height, width), seed, (least, 6))[i]):
        np.testing.assert_array_equal(one, other)


def test_digits_stand_out_and_are_the_labelled_ones():
    """A mask, scaled as MNIST's digits are, looks more like digits of its class than like those of others."""
    images, labels = (np.array(column) for column in zip(*datasets.get_digits(ndim=2)[0][:2000]))
    right = total = 0
    for image, boxes, classes, masks in DigitScenes(30, 'train', (96, 96), seed=1, sides=(24, 48)):
        for box, label, mask in zip(boxes.astype(int), classes, masks):
            ground = ~masks.any(axis=0)
            ground[:box[0]] = ground[box[2]:] = ground[:, :box[1]] = ground[:, box[3]:] = False
            assert abs(image[:, mask].mean() - image[:, ground].mean()) > 10
            drawn = datasets.prepare_digit(255. * mask[None, box[0]:box[2], box[1]:box[3]])
            nearest = np.argsort(np.square(images - drawn).sum(axis=(1, 2)))[:5]
            right += np.bincount(labels[nearest]).argmax() == label
            total += 1
    assert right > 0.75 * total


def test_scenes_differ():
    first = DigitScenes(2)[0].image
    for others in DigitScenes(2, seed=1), DigitScenes(2, 'test'), DigitScenes(2)[1:]:
        assert not np.array_equal(first, others[0].image)


def test_each_epoch_has_other_scenes_if_they_are_fresh():
    fresh, fixed = DigitScenes(2, fresh=True), DigitScenes(2)
    for scene, expected in zip(fresh.at_epoch(2)[:], DigitScenes(6)[4:], strict=True):
        np.testing.assert_array_equal(scene.image, expected.image)
        np.testing.assert_array_equal(scene.masks, expected.masks)
    np.testing.assert_array_equal(fresh.at_epoch(0)[1].image, fixed[1].image)
    assert fixed.at_epoch(2) is fixed


@pytest.mark.parametrize('arguments, message', [
    ({'split': 'val'}, "split: expected 'train' or 'test', got 'val'"),
    ({'size': (20, 50)}, r'size: expected at least 32 x 32 pixels, got \(20, 50\)'),
    ({'count': (3, 2)}, r'got \(3, 2\) and'), ({'sides': (10, 200)}, r'\(10, 200\)'),
    ({'seed': -1}, 'at least 0, got 2 and -1')])
def test_mistakes(arguments, message):
    with pytest.raises(ValueError, match=f'^DigitScenes: .*{message}'):
        DigitScenes(2, **arguments)
