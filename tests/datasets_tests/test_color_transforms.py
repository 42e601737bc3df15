import colorsys

import numpy as np
import pytest

from autograd_nn.datasets.color_transforms import RandomColors, saturated, turned_in_hue


def image(seed=0):
    """Colours of every kind, grey ones, black and white, too."""
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 40)).astype('d')
    pixels[:, :5] = [[0, 255, 128, 255, 0]] * 3
    pixels[0, 5:15] = pixels[1, 5:15]
    return pixels.reshape(3, 4, 10)


def by_pixel(function, x):
    """Applies a function of (hue, saturation, value) to each pixel."""
    return np.array([colorsys.hsv_to_rgb(*function(*colorsys.rgb_to_hsv(*pixel)))
                     for pixel in (x / 255).reshape(3, -1).T]).T.reshape(x.shape) * 255


@pytest.mark.parametrize('factor', [0, 0.4, 1, 1.7])
def test_saturation(factor):
    expected = by_pixel(lambda h, s, v: (h, min(1, s * factor), v), image())
    np.testing.assert_allclose(saturated(image(), factor), expected, 0, 1e-9)


@pytest.mark.parametrize('degrees', [0, 35, -35, 120, 300])
def test_hue(degrees):
    expected = by_pixel(lambda h, s, v: ((h + degrees / 360) % 1, s, v), image())
    np.testing.assert_allclose(turned_in_hue(image(), degrees), expected, 0, 1e-9)


@pytest.mark.parametrize('dtype', ['f', 'd', np.uint8])
def test_random_colors(dtype):
    x = image().astype(dtype)
    results = [RandomColors()(x, np.random.default_rng(seed)) for seed in range(100)]
    assert all(y.dtype == x.dtype and y.shape == x.shape and y.min() >= 0 and y.max() <= 255 for y in results)
    # Each of four changes is made half of the time.
    same = sum(np.allclose(y, x, 0, 1e-3) for y in results)
    assert 0 < same < 20 and len({y.tobytes() for y in results}) > 80


def test_each_change_by_itself():
    nothing = dict(brightness=0., contrast=(1., 1.), saturation=(1., 1.), hue=0.)
    x = image(1)
    for seed in range(20):
        np.testing.assert_allclose(RandomColors(**nothing)(x, np.random.default_rng(seed)), x, 0, 1e-3)
    brighter = RandomColors(**{**nothing, 'brightness': 20.})
    assert any(abs(brighter(x, np.random.default_rng(seed)) - x).max() > 10 for seed in range(20))
    contrast = RandomColors(**{**nothing, 'contrast': (0.5, 0.5)})
    for seed in range(20):
        y = contrast(x, np.random.default_rng(seed))
        assert np.allclose(y, x, 0, 1e-3) or np.allclose(y, x / 2, 0, 1e-3)


def test_other_numbers_of_channels_are_refused():
    with pytest.raises(ValueError, match=r'RandomColors: expected an image of shape \(3, height, width\), got \(1, 4'):
        RandomColors()(np.zeros((1, 4, 4)))
