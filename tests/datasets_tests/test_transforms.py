import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from autograd_nn.datasets import standard_augmentation
from autograd_nn.datasets.transforms import (
    Compose,
    Normalize,
    RandomBrightness,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
    Resize,
)

images = hnp.arrays(st.sampled_from([np.float32, np.float64, np.uint8]),
                    hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7), elements=st.integers(0, 200))
seeds = st.integers(0, 1000)
RANDOM = [RandomCrop(2, padding=1), RandomHorizontalFlip(), RandomRotation(30), RandomShift(2), RandomBrightness(0.3)]


def rng(seed=0):
    return np.random.default_rng(seed)


def shifted(image, down, right):
    """The image moved, by looking up each pixel."""
    result = np.zeros_like(image)
    for row, column in np.ndindex(image.shape[-2:]):
        if 0 <= row - down < image.shape[-2] and 0 <= column - right < image.shape[-1]:
            result[..., row, column] = image[..., row - down, column - right]
    return result


@given(images, seeds, st.integers(0, 9))
def test_shift(image, seed, pixels):
    down, right = (rng(seed).random(2) * (2 * pixels + 1)).astype(int) - pixels
    np.testing.assert_array_equal(RandomShift(pixels)(image, rng(seed)), shifted(image, down, right))


def test_shift_reaches_every_place():
    image = np.zeros((1, 3, 3))
    image[0, 1, 1] = 1
    places = {tuple(np.argwhere(RandomShift(1)(image, rng(seed)))[0][1:]) for seed in range(100)}
    assert len(places) == 9


@given(images, seeds, st.integers(0, 2), st.data())
def test_crop(image, seed, padding, data):
    padded = np.zeros((*image.shape[:-2], image.shape[-2] + 2 * padding, image.shape[-1] + 2 * padding), image.dtype)
    padded[..., padding:padding + image.shape[-2], padding:padding + image.shape[-1]] = image
    height = data.draw(st.integers(1, padded.shape[-2]))
    width = data.draw(st.integers(1, padded.shape[-1]))
    part = RandomCrop((height, width), padding)(image, rng(seed))
    assert part.dtype == image.dtype and not np.shares_memory(part, image)
    assert any(np.array_equal(part, padded[..., top:top + height, left:left + width])
               for top in range(padded.shape[-2] - height + 1) for left in range(padded.shape[-1] - width + 1))


def test_crop_reaches_every_place_and_says_when_it_cannot():
    image = np.arange(9.).reshape(1, 3, 3)
    corners = {RandomCrop(2)(image, rng(seed))[0, 0, 0] for seed in range(60)}
    assert corners == {0., 1., 3., 4.}
    with pytest.raises(ValueError, match=r'cannot cut 4 x 4 out of an image of shape \(1, 3, 3\)$'):
        RandomCrop(4)(image, rng())
    with pytest.raises(ValueError, match=r'cannot cut 6 x 2 out of an image of shape \(1, 5, 5\) \(padded\)'):
        RandomCrop((6, 2), 1)(image, rng())


@given(images)
def test_flip(image):
    np.testing.assert_array_equal(RandomHorizontalFlip(1.)(image, rng()), np.flip(image, -1))
    np.testing.assert_array_equal(RandomHorizontalFlip(0.)(image, rng()), image)


def test_flip_is_as_frequent_as_asked():
    image = np.array([[0, 1]])
    assert 50 < sum(RandomHorizontalFlip(0.3)(image, rng(seed))[0, 0] for seed in range(300)) < 130


def test_rotation_moves_a_point_along_a_circle():
    y, x = np.mgrid[-20:21, -20:21]
    for seed in range(10):
        angle = np.deg2rad(rng(seed).uniform(-90, 90))
        image = np.stack([np.exp(-((x - 10) ** 2 + y ** 2) / 4), np.exp(-(x ** 2 + (y + 8) ** 2) / 4)])
        turned = RandomRotation(90)(image, rng(seed))
        for channel, (column, row) in zip(turned, [(10, 0), (0, -8)]):
            # counter-clockwise on the screen, where rows go down
            expected = (column * np.cos(angle) + row * np.sin(angle), row * np.cos(angle) - column * np.sin(angle))
            centre = [(channel * axis).sum() / channel.sum() for axis in (x, y)]
            np.testing.assert_allclose(centre, expected, atol=0.2)


def test_rotation_is_bilinear_as_pillow_has_it():
    image = np.random.rand(2, 12, 15).astype('f')
    for seed in range(10):
        angle = rng(seed).uniform(-40, 40)
        expected = np.stack([Image.fromarray(channel).rotate(angle, Image.Resampling.BILINEAR) for channel in image])
        turned = RandomRotation(40)(image, rng(seed))
        # Pillow repeats the outermost pixels where this fades to 0.
        inside = RandomRotation(40)(np.pad(np.ones((8, 11)), 2), rng(seed)) > 0
        np.testing.assert_allclose(turned[:, inside], expected[:, inside], atol=1e-5)
        assert inside.sum() > 50


@given(images, st.floats(0, 360))
def test_rotation_by_nothing(image, degrees):
    np.testing.assert_array_equal(RandomRotation(0)(image, rng()), image)
    turned = RandomRotation(degrees)(image, rng())
    assert turned.shape == image.shape and turned.dtype == image.dtype and turned.max() <= image.max()


@given(images, seeds, st.floats(0, 1))
def test_brightness(image, seed, delta):
    factor = rng(seed).uniform(1 - delta, 1 + delta)
    expected = image * factor
    actual = RandomBrightness(delta)(image, rng(seed))
    assert actual.dtype == image.dtype
    if image.dtype == np.uint8:
        expected = np.clip(np.rint(expected), 0, 255)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@given(images, st.integers(1, 9), st.integers(1, 9))
def test_resize(image, height, width):
    resized = Resize((height, width))(image)
    assert resized.shape == (*image.shape[:-2], height, width) and resized.dtype == image.dtype
    np.testing.assert_array_equal(Resize(image.shape[-2:])(image), image)


def test_resize_averages():
    image = np.arange(32.).reshape(2, 4, 4)
    ramp = Resize(2)(image)
    # A triangle of twice the width reaches over the neighbours, and is cut off at the border.
    weights = np.array([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7
    np.testing.assert_allclose(ramp, weights @ image @ weights.T, rtol=1e-5)
    np.testing.assert_allclose(Resize(9)(np.full((1, 3, 3), 0.7)), 0.7)


def test_normalize():
    image = np.random.rand(3, 2, 2).astype('f')
    mean, std = [0.1, 0.2, 0.3], [1., 2., 4.]
    actual = Normalize(mean, std)(image)
    assert actual.dtype == np.float32
    for c in range(3):
        np.testing.assert_allclose(actual[c], (image[c] - mean[c]) / std[c], rtol=1e-5)
    np.testing.assert_allclose(Normalize(0.5)(image), image - 0.5)
    with pytest.raises(ValueError, match='std must not be 0'):
        Normalize(0., [1., 0.])


@pytest.mark.parametrize('transform', RANDOM, ids=repr)
def test_random_transforms(transform):
    image = np.random.rand(3, 8, 8)
    original = image.copy()
    results = [transform(image, rng(seed)) for seed in range(10)]
    np.testing.assert_array_equal(image, original)
    for seed, result in enumerate(results):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(transform))(image, rng(seed)), result)
    assert len({result.tobytes() for result in results}) > 1


@pytest.mark.parametrize('transform', [*RANDOM, Resize(5), Normalize([.1, .2, .3]), Compose(RANDOM)], ids=repr)
@pytest.mark.parametrize('dtype', ['f4', 'f8', 'u1'])
def test_a_batch_is_transformed_as_its_images_one_by_one(transform, dtype):
    batch = (200 * np.random.rand(5, 3, 9, 7)).astype(dtype)
    numbers = rng(1).random((5, transform.random_numbers))
    sources, together = rng(1), transform.apply(batch, numbers)
    np.testing.assert_array_equal(together, [transform(image, sources) for image in batch])
    assert together.dtype == dtype or isinstance(transform, Normalize)


def test_only_transforms_of_many_images_make_one():
    assert Compose([Resize(2), RandomCrop(2), RandomBrightness(1)]).random_numbers == 3
    assert Compose([Resize(2), lambda image, rng: image]).random_numbers is None
    assert Compose([RandomCrop(2), Compose([abs])]).random_numbers is None


def test_normalize_needs_a_number_for_each_channel():
    with pytest.raises(ValueError, match=r'Normalize: \(1, 2\) has 2 numbers for 3 channels .* shape \(3, 4, 4\)'):
        Normalize((1, 2))(np.zeros((3, 4, 4)))


@pytest.mark.parametrize('transform', [*RANDOM, Resize(2), Normalize(0.)], ids=repr)
def test_flat_images_are_refused(transform):
    with pytest.raises(ValueError, match=rf'{type(transform).__name__}: expected an image .* shape \(784,\)'):
        transform(np.zeros(784), rng())


def test_compose_passes_the_random_numbers_on():
    image = np.zeros((1, 2))
    both = Compose([lambda image, rng: image + rng.random(), lambda image, rng: image + 10 * rng.random()])
    numbers = rng(3).random(2)
    np.testing.assert_allclose(both(image, rng(3)), numbers[0] + 10 * numbers[1])
    assert repr(Compose([Resize(3), RandomShift(1)])) == 'Compose(Resize(size=3), RandomShift(pixels=1))'


@pytest.mark.parametrize('shape', [(1, 28, 28), (3, 32, 32), (1, 100, 80), (3, 5, 7), (1, 3, 3)])
def test_standard_augmentation(shape):
    image = np.random.rand(*shape).astype('f')
    results = [standard_augmentation(shape)(image, rng(seed)) for seed in range(4)]
    assert all(result.shape == shape and result.dtype == np.float32 for result in results)
    assert len({result.tobytes() for result in results}) > 1


def test_characters_are_not_mirrored():
    image = np.tile(np.arange(28.), (1, 28, 1))
    for seed in range(20):
        result = standard_augmentation(image.shape)(image, rng(seed))
        assert result[0, 14, 20] > result[0, 14, 8]
    with pytest.raises(ValueError, match=r'expected a shape \(channels, height, width\), got \(784,\)'):
        standard_augmentation((784,))
