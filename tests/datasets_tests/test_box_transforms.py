"""Transforms of pictures with boxes: masks that are painted from the boxes have to stay what the boxes say."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.datasets import AugmentedDataset, DigitScenes, Scene
from autograd_nn.datasets.box_transforms import (
    INTERPOLATIONS,
    RandomSceneCrop,
    RandomSceneExpansion,
    RandomSceneFlip,
    ResizeScene,
    resize,
)
from autograd_nn.datasets.color_transforms import RandomColors
from autograd_nn.datasets.transforms import Compose, Normalize

seeds = st.integers(0, 10000)


def painted(boxes, size):
    """Masks of boxes at whole pixels."""
    masks = np.zeros((len(boxes), *size), bool)
    for mask, (y_min, x_min, y_max, x_max) in zip(masks, boxes.astype(int)):
        mask[y_min:y_max, x_min:x_max] = True
    return masks


def scene(seed, count=4):
    """A scene whose image holds the numbers of its pixels."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(12, 40, 2)
    corners = np.sort(np.stack([rng.permuted(np.tile(np.arange(n + 1), (count, 1)), axis=1)[:, :2]
                                for n in (height, width)], axis=2), axis=1)
    boxes = corners.reshape(count, 4).astype('f')
    image = np.tile(np.arange(height * width, dtype='f').reshape(height, width), (3, 1, 1))
    return Scene(image, boxes, np.arange(count, dtype='i'), painted(boxes, (height, width)))


def check(result, original):
    """The masks are those of the boxes, of the size of the image; what is not in the picture is gone."""
    assert isinstance(result, Scene)
    image, boxes, labels, masks = result
    assert [x.dtype for x in result] == [x.dtype for x in original]
    assert len(boxes) == len(labels) == len(masks) and masks.shape[1:] == image.shape[1:]
    assert (boxes >= 0).all() and (boxes[:, 2:] <= image.shape[1:]).all() and (boxes[:, :2] < boxes[:, 2:]).all()
    np.testing.assert_array_equal(masks, painted(boxes, image.shape[1:]))
    for label, mask in zip(labels, masks):
        # An object has the pixels that it had.
        assert np.isin(image[0][mask], original.image[0][original.masks[label]]).all()


@given(seeds)
def test_flip(seed):
    original = scene(seed)
    flipped = RandomSceneFlip(1.)(original)
    check(flipped, original)
    np.testing.assert_array_equal(flipped.image, original.image[..., ::-1])
    np.testing.assert_array_equal(RandomSceneFlip(1.)(flipped).boxes, original.boxes)
    assert RandomSceneFlip(0.)(original).boxes is original.boxes


@given(seeds)
def test_expansion(seed):
    original = scene(seed)
    larger = RandomSceneExpansion(3., (-1, -2, -3), 1.)(original, np.random.default_rng(seed))
    check(larger, original)
    image, boxes = larger[:2]
    assert all(a <= b <= 3 * a for a, b in zip(original.image.shape[1:], image.shape[1:]))
    added = image[0].size - original.image[0].size
    assert [(channel == -k - 1).sum() for k, channel in enumerate(image)] == [added] * 3
    np.testing.assert_array_equal(boxes[:, 2:] - boxes[:, :2], original.boxes[:, 2:] - original.boxes[:, :2])
    assert RandomSceneExpansion(probability=0.)(original).image is original.image


@given(seeds)
def test_crop(seed):
    original = scene(seed)
    part = RandomSceneCrop()(original, np.random.default_rng(seed))
    check(part, original)
    assert len(part.boxes)
    top, left = divmod(int(part.image[0, 0, 0]), original.image.shape[2])
    bottom, right = top + part.image.shape[1], left + part.image.shape[2]
    for label, (y_min, x_min, y_max, x_max) in enumerate(original.boxes):
        inside = top <= (y_min + y_max) / 2 < bottom and left <= (x_min + x_max) / 2 < right
        assert inside == (label in part.labels)


def test_crop_is_as_large_as_asked():
    """As far as whole pixels go; and parts of every shape are taken."""
    image, boxes = np.zeros((1, 200, 300)), np.array([[50., 50., 150., 250.]])
    parts = [RandomSceneCrop([0.], (0.4, 0.8))((image, boxes), np.random.default_rng(seed))[0] for seed in range(200)]
    sides = np.array([part.shape[1:] for part in parts]) / (200, 300)
    sides = sides[sides.min(axis=1) < 1]
    scale, ratio = np.sqrt(sides.prod(axis=1)), sides[:, 0] / sides[:, 1]
    assert 0.38 < scale.min() < 0.5 and 0.7 < scale.max() < 0.81
    assert 0.48 < ratio.min() < 0.7 and 1.4 < ratio.max() < 2.1
    assert 60 < len(sides) < 140  # the whole picture is as likely


@pytest.mark.parametrize('overlap', [0.1, 0.5, 0.75])
def test_crop_overlaps_some_box(overlap):
    image, boxes = np.zeros((1, 100, 100)), np.array([[20., 20., 80., 80.], [0., 0., 9., 9.]])
    smaller = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        part, kept = RandomSceneCrop([overlap], attempts=1000)((image, boxes), rng)
        if part.shape != image.shape:
            smaller += 1
            # The least that is left of a box is the area that the part has in common with it.
            common = (kept[:, 2:] - kept[:, :2]).prod(axis=1)
            area = np.where(common > 81, 3600, 81)
            assert (common / (area + part[0].size - common)).max() >= overlap
    assert smaller > 5


def test_crop_without_boxes_changes_nothing():
    image = np.zeros((3, 9, 9))
    assert RandomSceneCrop()((image, np.zeros((0, 4)), np.zeros(0)))[0] is image


@given(seeds, st.integers(1, 3), st.integers(1, 3))
def test_resize_by_whole_factors(seed, down, right):
    original = scene(seed)
    height, width = original.image.shape[1:]
    larger = ResizeScene((down * height, right * width), interpolations=['nearest'])(original)
    check(larger, original)
    np.testing.assert_array_equal(larger.image, original.image.repeat(down, axis=1).repeat(right, axis=2))
    np.testing.assert_array_equal(larger.boxes, original.boxes * [down, right, down, right])


def test_resize_that_keeps_the_ratio():
    image, boxes, masks = np.ones((3, 10, 20), 'f'), np.array([[0., 0., 10., 20.]], 'f'), np.ones((1, 10, 20), bool)
    transform = ResizeScene((60, 40), keep_ratio=True, fill=(7, 8, 9))
    larger, boxes, masks = transform((image, boxes, masks))
    assert larger.shape == (3, 60, 40) and boxes.tolist() == [[20, 0, 40, 40]]
    np.testing.assert_array_equal(masks, painted(boxes, (60, 40)))
    assert (larger[:, 20:40] == 1).all()
    for channel, value in zip(larger, (7, 8, 9)):
        assert (channel[:20] == value).all() and (channel[40:] == value).all()


def test_methods_of_interpolation_are_drawn():
    image = np.random.default_rng(0).uniform(0, 255, (3, 20, 20)).astype('f')
    transform = ResizeScene((15, 15), interpolations=list(INTERPOLATIONS))
    results = {transform((image, np.zeros((0, 4))), np.random.default_rng(seed))[0].tobytes() for seed in range(60)}
    assert results == {resize(image, (15, 15), name).tobytes() for name in INTERPOLATIONS}
    for name in INTERPOLATIONS:
        assert resize(image, (50, 50), name).max() <= image.max()
    with pytest.raises(ValueError, match=r"interpolations: expected some of nearest, box.*, got 'cubic'"):
        ResizeScene((15, 15), interpolations=['cubic'])


@pytest.mark.parametrize('seed', [0, 1])
def test_a_row_of_transforms_in_a_data_set(seed):
    """Each example depends on the seed, the epoch and its number alone; transforms of images get the image."""
    transform = Compose([RandomColors(), RandomSceneExpansion(2.), RandomSceneCrop(), RandomSceneFlip(),
                         ResizeScene((32, 32)), Normalize(128., 64.)])
    scenes = DigitScenes(4, size=(40, 50))
    dataset = AugmentedDataset(scenes, transform, seed)
    epoch = dataset.at_epoch(2)
    for i, example in enumerate(epoch[:]):
        assert isinstance(example, Scene) and example.image.shape == (3, 32, 32) and example.masks.shape[1:] == (32, 32)
        assert abs(example.image).max() <= 2
        for a, b in zip(example, AugmentedDataset(scenes, transform, seed).at_epoch(2)[i]):
            np.testing.assert_array_equal(a, b)
    assert any((a.image != b.image).any() for a, b in zip(epoch[:], dataset[:]))


@pytest.mark.parametrize('example, message', [
    ((np.zeros((5, 5)), np.zeros((1, 4))), r'got \(5, 5\) and \(1, 4\)'),
    ((np.zeros((3, 5, 5)), np.zeros((4, 1))), r'got \(3, 5, 5\) and \(4, 1\)'),
    ((np.zeros((3, 5, 5)), np.zeros((2, 4)), np.zeros(3)), r'element 2 of the example has shape \(3,\)'),
    ((np.zeros((3, 5, 5)), np.zeros((2, 4)), np.zeros(2), np.zeros((2, 5, 6))), r'element 3 .* \(2, 5, 6\), which')])
def test_examples_that_do_not_fit(example, message):
    with pytest.raises(ValueError, match=message):
        RandomSceneFlip()(example)
