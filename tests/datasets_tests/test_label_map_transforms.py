"""Transforms of pictures with label maps: an image that holds its own labels has to stay what the labels say."""
import numpy as np
import pytest

from autograd_nn.datasets import AugmentedDataset
from autograd_nn.datasets.label_map_transforms import (
    RandomLabelMapCrop,
    RandomLabelMapFlip,
    RandomLabelMapScale,
    ResizeLabelMap,
)
from autograd_nn.datasets.transforms import Compose, RandomBrightness


def example(seed, size=(20, 30)):
    """Blocks of 5 x 5 pixels; the image holds the labels, in three channels."""
    blocks = np.random.default_rng(seed).integers(0, 4, (size[0] // 5, size[1] // 5))
    labels = blocks.repeat(5, axis=0).repeat(5, axis=1).astype('i')
    return np.tile(labels.astype('f'), (3, 1, 1)), labels


@pytest.mark.parametrize('seed', range(8))
def test_flip_and_crop_move_both(seed):
    rng = np.random.default_rng(seed)
    transform = Compose([RandomLabelMapFlip(), RandomLabelMapCrop((16, 36), fill=9)])
    image, labels = transform(example(seed), rng)
    assert image.shape == (3, 16, 36) and labels.shape == (16, 36)
    inside = labels >= 0
    np.testing.assert_array_equal(inside, np.arange(36)[None] < np.full((16, 1), 30))
    np.testing.assert_array_equal(image[0], np.where(inside, labels, 9))
    assert image.dtype == np.float32 and labels.dtype == np.int32


def test_flip_both_ways():
    image, labels = example(0)
    for probability, expected in (1., labels[:, ::-1]), (0., labels):
        found = RandomLabelMapFlip(probability)((image, labels))
        np.testing.assert_array_equal(found[1], expected)
        np.testing.assert_array_equal(found[0][2], expected)


@pytest.mark.parametrize('factor', [0.4, 1., 2., 3.])
def test_scale_keeps_labels_whole(factor):
    image, labels = example(1)
    scaled, kept = RandomLabelMapScale(factor, factor)((image, labels))
    assert kept.shape == (round(20 * factor), round(30 * factor)) == scaled.shape[1:]
    assert set(np.unique(kept)) <= set(np.unique(labels))
    if factor >= 1:
        inner = slice(int(factor), int(4 * factor))  # of the first block, away from its edges
        assert (kept[inner, inner] == labels[0, 0]).all()
        np.testing.assert_allclose(scaled[0, inner, inner], labels[0, 0])


def test_scales_are_drawn():
    sizes = {RandomLabelMapScale(0.5, 2.)(example(0), np.random.default_rng(seed))[1].shape for seed in range(20)}
    assert len(sizes) > 10
    assert all(10 <= height <= 40 and 15 <= width <= 60 for height, width in sizes)
    with pytest.raises(ValueError, match='expected 0 < least <= most, got 2 and 1'):
        RandomLabelMapScale(2, 1)


def test_resize_keeps_the_ratio():
    image, labels = ResizeLabelMap((40, 40), fill=(1., 2., 3.))(example(2))
    assert image.shape == (3, 40, 40)
    assert (labels[:27] >= 0).all() and (labels[27:] == -1).all()
    assert (image[:, 27:] == np.array([1, 2, 3])[:, None, None]).all()


@pytest.mark.parametrize('dtype', ['u1', 'u2', 'u4', '?'])
def test_unsigned_labels(dtype):
    image, labels = example(0)
    _, larger = RandomLabelMapCrop((20, 32))((image, (labels > 1).astype(dtype)))
    assert larger.dtype == np.int32
    assert (larger[:, :30] == (labels > 1)).all() and (larger[:, 30:] == -1).all()


def test_in_a_data_set_with_transforms_of_the_image_alone():
    transform = Compose([RandomBrightness(0.5), RandomLabelMapScale(0.5, 2.), RandomLabelMapCrop((24, 24)),
                         RandomLabelMapFlip()])
    data = AugmentedDataset([(*example(i), i) for i in range(4)], transform, seed=0)
    for i, (image, labels, number) in enumerate(data[:]):
        assert number == i and image.shape == (3, 24, 24) and labels.shape == (24, 24)
        np.testing.assert_array_equal(data[i][1], labels)
    assert len({data.at_epoch(epoch)[1][1].tobytes() for epoch in range(5)}) > 1


def test_what_does_not_go_together():
    with pytest.raises(ValueError, match=r'RandomLabelMapFlip: expected an image .* got \(3, 20, 30\) and \(4, 4\)'):
        RandomLabelMapFlip()((np.zeros((3, 20, 30)), np.zeros((4, 4))))
    with pytest.raises(ValueError, match='expected a fill of one number or of one for each of 3 channels'):
        RandomLabelMapCrop((50, 50), fill=(1., 2.))(example(0))
