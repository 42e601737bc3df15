import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.datasets import AugmentedDataset, TupleDataset, standard_augmentation


def draw(image, rng):
    return rng.random()


@given(st.integers(0, 2 ** 40), st.integers(0, 1000), st.integers(1, 50), st.randoms())
def test_results_depend_on_seed_epoch_and_index_alone(seed, epoch, size, random):
    images = np.zeros((size, 1))
    dataset = AugmentedDataset(images, draw, seed).at_epoch(epoch)
    expected = dataset[:]
    order = list(range(size))
    random.shuffle(order)
    again = AugmentedDataset(images, draw, seed).at_epoch(3).at_epoch(epoch)
    assert {i: again[i] for i in order} == dict(enumerate(expected))


@given(st.integers(0, 2 ** 40), st.integers(0, 1000))
def test_batches_and_single_examples_are_the_same(seed, epoch):
    """Transforms of many images at once, too, and where the images differ in shape."""
    images = np.random.rand(6, 3, 8, 7).astype('f')
    dataset = AugmentedDataset(TupleDataset(images, np.arange(6)), standard_augmentation(images[0].shape), seed)
    dataset = dataset.at_epoch(epoch)
    one_by_one = [dataset[i] for i in range(6)]
    for indices in [0, 1, 2, 3, 4, 5], [4, 1]:
        for i, (image, label) in zip(indices, dataset[indices]):
            np.testing.assert_array_equal(image, one_by_one[i][0])
            assert label == i
    uneven = AugmentedDataset([*images, images[0, :, :5]], standard_augmentation((3, 5, 5)), seed).at_epoch(epoch)
    for i, image in enumerate(uneven[:]):
        np.testing.assert_array_equal(image, uneven[i])
    assert uneven[7:] == []


def test_random_numbers_of_an_example():
    dataset = AugmentedDataset(np.zeros((9, 1)), lambda image, rng: rng.random(3), seed=5).at_epoch(4)
    expected = np.random.Generator(np.random.Philox(key=5, counter=[0, 0, 7, 4])).random(3)
    np.testing.assert_array_equal(dataset[7], expected)
    np.testing.assert_array_equal(dataset[:][7], expected)


def test_no_two_examples_share_random_numbers():
    numbers = [AugmentedDataset(np.zeros((20, 1)), lambda image, rng: tuple(rng.random(50)), seed).at_epoch(epoch)[i]
               for seed in range(3) for epoch in range(3) for i in range(20)]
    flat = [number for row in numbers for number in row]
    assert len(set(flat)) == len(flat) and 0.48 < np.mean(flat) < 0.52


def test_only_the_image_of_a_tuple_changes():
    dataset = AugmentedDataset(TupleDataset(np.ones((3, 2, 2)), list('abc')), lambda image, rng: image * 2, seed=0)
    image, label = dataset[1]
    assert label == 'b' and (image == 2).all()
    assert len(dataset) == 3


def test_default_seed_depends_on_the_global_one():
    np.random.seed(1)
    first = AugmentedDataset(np.zeros((2, 1)), draw)
    second = AugmentedDataset(np.zeros((2, 1)), draw)
    np.random.seed(1)
    assert AugmentedDataset(np.zeros((2, 1)), draw)[:] == first[:] != second[:]


def test_at_epoch_leaves_the_dataset_alone():
    dataset = AugmentedDataset(np.zeros((2, 1)), draw, seed=0)
    before = dataset[:]
    assert dataset.at_epoch(0)[:] == before != dataset.at_epoch(1)[:]
    assert dataset.epoch == 0 and dataset[:] == before
    with pytest.raises(IndexError):
        dataset[2]
