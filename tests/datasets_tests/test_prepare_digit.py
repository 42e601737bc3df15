"""Pictures of digits as people make them, and how transparent pictures are read."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autograd_nn import datasets


def center_of_mass(digit):
    weights = digit[0] / digit.sum()
    return weights.sum(axis=1) @ np.arange(28), weights.sum(axis=0) @ np.arange(28)


@given(st.integers(12, 200), st.integers(12, 200), st.integers(0, 60), st.integers(0, 60), st.booleans())
def test_any_blot_is_scaled_and_centred(height, width, top, left, inverted):
    """Whatever its size and place, the ink fills 20 pixels in its longer direction, in the middle, bright on dark."""
    image = np.full((1, height + top + 30, width + left + 30), 240.)
    image[0, top + 5:top + 5 + height, left + 5:left + 5 + width] = 20
    digit = datasets.prepare_digit(255 - image if inverted else image)
    assert digit.shape == (1, 28, 28) and digit.dtype == np.float32
    rows, columns = np.nonzero(digit[0])
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    np.testing.assert_allclose(center_of_mass(digit), 13.5, atol=0.51)
    assert digit.max() == 1 and digit.min() == 0


def test_position_and_brightness_do_not_matter():
    train, _ = datasets.get_digits(ndim=3, scale=255.)
    digit = np.asarray(train[0][0])
    big = np.kron(digit, np.ones((1, 8, 8)))
    paper = np.pad(230 - 0.8 * big, ((0, 0), (10, 300), (200, 40)), constant_values=230)
    other = np.pad(200 - 0.6 * big, ((0, 0), (400, 3), (0, 77)), constant_values=200)
    a, b = datasets.prepare_digit(paper), datasets.prepare_digit(other)
    np.testing.assert_allclose(a, b, atol=0.02)
    # The digits of MNIST have been through the same already.
    assert max(np.corrcoef(np.roll(a, shift, axis).ravel(), digit.ravel())[0, 1]
               for axis in (1, 2) for shift in (-1, 0, 1)) > 0.8


def test_mnist_images_and_empty_paper_stay_as_they_are():
    _, test = datasets.get_digits(ndim=3, scale=255.)
    np.testing.assert_allclose(datasets.prepare_digit(test[3][0]), test[3][0] / 255, rtol=1e-6)
    assert not datasets.prepare_digit(np.full((1, 50, 40), 255.)).any()


@pytest.mark.parametrize('shape', [(28, 28), (3, 28, 28), (1, 0, 5)])
def test_other_shapes(shape):
    with pytest.raises(ValueError, match=r'prepare_digit: expected an image of shape \(1, height, width\)'):
        datasets.prepare_digit(np.zeros(shape))


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'P'])
@pytest.mark.parametrize('color', [True, False])
def test_transparent_pictures_lie_on_white(mode, color, tmp_path):
    image = Image.new('RGBA', (4, 4), (0, 0, 0, 0))
    image.putpixel((1, 1), (0, 0, 0, 255))
    image.convert(mode).save(tmp_path / 'digit.png', **({'transparency': 0} if mode == 'P' else {}))
    pixels = datasets.read_image(tmp_path / 'digit.png', color=color)
    assert pixels.shape == (3 if color else 1, 4, 4)
    if mode != 'P':
        assert (pixels[:, 1, 1] == 0).all()
    assert (pixels[:, 0, 0] == 255).all()


def test_names_of_the_classes():
    assert len(datasets.get_cifar10_labels()) == 10 and datasets.get_cifar10_labels()[3] == 'cat'
    assert len(set(datasets.get_cifar100_labels())) == 100
    assert len(datasets.get_fashion_mnist_labels()) == 10


def test_digits_as_bytes():
    """Pixels can be had as integers, too, as the files have them."""
    (floats, _), _ = datasets.get_digits(scale=255.)[0][:2]
    (integers, _), _ = datasets.get_digits(scale=255., dtype='u1')[0][:2]
    assert integers.dtype == np.uint8
    np.testing.assert_array_equal(integers, floats)
