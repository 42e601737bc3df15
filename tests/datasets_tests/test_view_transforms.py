"""Transforms that make views: against SciPy, and what they leave as it is."""
import numpy as np
import pytest

from autograd_nn.datasets import view_transforms as V


def images(n, channels, height=9, width=12):
    return np.random.default_rng(0).random((n, channels, height, width)).astype(np.float32)


def test_sampling_is_what_scipy_does():
    ndimage = pytest.importorskip('scipy.ndimage')
    x = images(3, 2)
    random = np.random.default_rng(1)
    matrices, shifts = random.normal(0, 0.7, (3, 2, 2)) + np.eye(2), random.normal(0, 2, (3, 2))
    center = np.array([4, 5.5])
    expected = [[ndimage.affine_transform(channel, M, center + s - M @ center, order=1, mode='grid-constant')
                 for channel in image] for image, M, s in zip(x, matrices, shifts)]
    np.testing.assert_allclose(V.sample_affine(x, matrices, shifts), expected, atol=1e-5)


def test_nothing_asked_nothing_done():
    x = images(4, 1)
    numbers = np.random.default_rng(0).random((4, 6))
    np.testing.assert_allclose(V.RandomAffine().apply(x, numbers), x, atol=1e-6)
    np.testing.assert_allclose(V.RandomResizedCrop((1., 1.), 1.).apply(x, numbers[:, :4]), x, atol=1e-6)
    np.testing.assert_allclose(V.RandomElastic(0.).apply(x, np.random.default_rng(0).random((4, 50))), x, atol=1e-6)
    np.testing.assert_allclose(V.RandomThickness(0.).apply(x, numbers[:, :1]), x, atol=1e-6)
    colours = images(4, 3)
    np.testing.assert_allclose(V.RandomColorStrength(0., 0.).apply(colours, numbers[:, :4]), colours, atol=1e-6)


@pytest.mark.parametrize('transform, expected', [
    (V.RandomAffine(degrees=90), lambda x: np.rot90(x, axes=(1, 2))), (V.RandomAffine(shift=1 / 8), lambda x: np.pad(
        x, ((0, 0), (0, 1), (0, 1)))[:, 1:, 1:])])
def test_the_extremes(transform, expected):
    """The greatest numbers are the options."""
    x = images(1, 2, 8, 8)
    np.testing.assert_allclose(transform.apply(x, np.ones((1, 6)))[0], expected(x[0]), atol=1e-5)


def test_scale_and_shear():
    """A line of bright pixels: twice as large, twice as far apart; sheared, it leans."""
    x = np.zeros((1, 1, 17, 17), np.float32)
    x[0, 0, [4, 12], 8] = 1
    numbers = np.array([[0.5, 1, 0.5, 0.5, 0.5, 0.5]])
    y = V.RandomAffine(scale=np.log(2)).apply(x, numbers)[0, 0]
    assert np.flatnonzero(y[:, 8] == 1).tolist() == [0, 16]
    numbers = np.array([[0.5, 0.5, 0.5, 1, 0.5, 0.5]])
    y = V.RandomAffine(shear=0.5).apply(x, numbers)[0, 0]
    assert np.argwhere(y > 0.99).tolist() == [[4, 10], [12, 6]]


def test_rubber_moves_as_its_knots():
    """All knots alike: a shift; one knot: nothing far from it moves."""
    x = images(1, 2, 9, 9)
    transform = V.RandomElastic(1 / 9, knots=5)
    y = transform.apply(x, np.ones((1, 50)))
    np.testing.assert_allclose(y[0, :, :-1, :-1], x[0, :, 1:, 1:], atol=1e-5)
    numbers = np.full((1, 2, 5, 5), 0.5)
    numbers[0, 0, 2, 2] = 1
    y = transform.apply(x, numbers.reshape(1, -1))
    assert y[0, 0, 4, 4] == pytest.approx(x[0, 0, 5, 4], abs=1e-5)
    same = np.isclose(y, x, atol=1e-5)[0, 0]
    assert same[:3].all() and same[:, :3].all() and same[6:].all() and not same[4, 4]


def test_strokes_get_thicker_and_thinner():
    x = np.zeros((1, 1, 7, 7), np.float32)
    x[..., 3, :] = 1
    rows = {number: V.RandomThickness(0.5).apply(x, np.array([[number]]))[0, 0, :, 3].tolist()
            for number in (0, 0.5, 1)}
    assert rows == {0: [0, 0, 0, 0.5, 0, 0, 0], 0.5: x[0, 0, :, 3].tolist(), 1: [0, 0, 0.5, 1, 0.5, 0, 0]}


def test_parts_are_as_large_as_asked():
    """A ramp tells where a part begins and how large it is."""
    rows, columns = np.meshgrid(np.arange(32.), np.arange(32.), indexing='ij')
    x = np.stack([rows, columns]).astype(np.float32)[None].repeat(50, axis=0)
    y = V.RandomResizedCrop((0.25, 0.5), 4 / 3).apply(x, np.random.default_rng(0).random((50, 4)))
    height, width = (y[:, i].max((1, 2)) - y[:, i].min((1, 2)) for i in (0, 1))
    area = height * width / 31 ** 2
    assert 0.24 < area.min() < 0.28 and 0.47 < area.max() < 0.51
    assert 0.74 < (height / width).min() < 0.8 and 1.25 < (height / width).max() < 1.34
    assert y[:, 0].min() < 1 and y[:, 0].max() > 30


def test_colours():
    x = images(1, 3)

    def change(brightness, contrast, saturation, grey):
        return V.RandomColorStrength(0.5).apply(x, np.array([[brightness, contrast, saturation, grey]]))

    np.testing.assert_allclose(change(1, 0.5, 0.5, 0.9), 1.5 * x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(change(0.5, 0, 0.5, 0.9), x.mean() + (x - x.mean()) / 2, rtol=1e-4)
    luminance = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    np.testing.assert_allclose(change(0.5, 0.5, 1, 0.9), luminance + (x - luminance) * 1.5, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(change(0.5, 0.5, 1, 0.1), luminance.repeat(3, axis=1), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r'RandomColorStrength: expected images of shape \(3, height, width\)'):
        V.RandomColorStrength()(np.zeros((1, 4, 4)), np.random.default_rng(0))


@pytest.mark.parametrize('shape', [(1, 28, 28), (3, 32, 32), (1, 96, 96)])
def test_views_of_a_shape(shape):
    transform = V.view_augmentation(shape)
    x = np.random.default_rng(0).random(shape).astype(np.float32)
    views = [transform(x, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert views[0].shape == shape and views[0].dtype == np.float32
    np.testing.assert_array_equal(views[0], views[1])
    assert not np.array_equal(views[0], views[2])
    with pytest.raises(ValueError, match='view_augmentation: expected a shape'):
        V.view_augmentation((28, 28))


def test_the_image_and_its_views():
    x = images(5, 1)
    views = V.Views(V.RandomThickness(), 3)
    assert views.random_numbers == 3
    numbers = np.random.default_rng(0).random((5, 3))
    y = views.apply(x, numbers)
    assert y.shape == (5, 4, *x.shape[1:])
    np.testing.assert_array_equal(y[:, 0], x)
    for i in range(3):
        np.testing.assert_array_equal(y[:, i + 1], V.RandomThickness().apply(x, numbers[:, i:i + 1]))
    with pytest.raises(ValueError, match='Views: expected a transform that takes many images at once'):
        V.Views(V.Compose([lambda image, rng: image]))
