"""The Fréchet distance, against SciPy's matrix square root."""
import numpy as np
import pytest

from autograd_nn.evaluation import Gaussian, fid, fit_gaussian, frechet_distance


def random_gaussian(rng, size, rank=None):
    factor = rng.standard_normal((size, rank or size))
    return Gaussian(rng.standard_normal(size), factor @ factor.T)


@pytest.mark.parametrize('size, rank', [(1, 1), (5, 5), (40, 40), (12, 4)])
def test_formula(size, rank):
    """Also of features that depend on each other, whose covariance has no inverse."""
    scipy = pytest.importorskip('scipy.linalg')
    rng = np.random.default_rng(size)
    for _ in range(5):
        one, other = (random_gaussian(rng, size, rank) for _ in range(2))
        root = scipy.sqrtm(one.covariance @ other.covariance)
        expected = (np.sum((one.mean - other.mean) ** 2) + np.trace(one.covariance) + np.trace(other.covariance)
                    - 2 * np.trace(root).real)
        assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-5)
        assert frechet_distance(other, one) == pytest.approx(frechet_distance(one, other), rel=1e-6)
        assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6 * np.trace(one.covariance))


def test_fitting():
    x = np.random.default_rng(0).standard_normal((50, 4)).astype('f')
    found = fit_gaussian(x)
    np.testing.assert_allclose(found.mean, x.astype(float).mean(axis=0))
    np.testing.assert_allclose(found.covariance, np.cov(x.astype(float), rowvar=False))
    assert found.mean.dtype == found.covariance.dtype == np.float64


def test_what_differs_is_far():
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((500, 8)) for _ in range(2))
    near = fid(x, y)
    assert 0 < near < 0.5
    assert fid(x, y + 1) == pytest.approx(near + 8, rel=0.2), 'the square of the distance of the means'
    assert fid(x, 3 * y) == pytest.approx(8 * (3 - 1) ** 2, rel=0.2), 'of standard deviations'
    assert fid(np.repeat(x[:1], 500, axis=0), y) > 5, 'one sample over and over'


def test_mistakes_name_shapes():
    with pytest.raises(ValueError, match=r'got \(1, 3\)'):
        fit_gaussian(np.zeros((1, 3)))
    with pytest.raises(ValueError, match='got 2 and 3'):
        fid(np.eye(2), np.eye(3))
