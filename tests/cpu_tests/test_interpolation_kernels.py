"""Weighted sums of pixels against loops."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn import using_config
from autograd_nn.dtypes import as_dtype
from support.checking import IN_SOFTWARE, epsilon

pytestmark = pytest.mark.kernels('interpolate', 'interpolate_grad', 'interpolate_weight_grad')


@given(shape=st.tuples(*[st.integers(0, 4)] * 2, st.integers(1, 6)), terms=st.tuples(*[st.integers(0, 4)] * 2),
       seed=st.integers(0, 5), deterministic=st.booleans())
def test_interpolation(kernel, shape, terms, seed, deterministic):
    rng = np.random.default_rng(seed)
    n, channels, size = shape
    k, sums = terms
    x, gy = rng.normal(size=shape).astype(kernel.dtype), rng.normal(size=(n, channels, sums)).astype(kernel.dtype)
    places, weights = rng.integers(-1, size, (k, n, sums)), rng.integers(-1, 3, (k, n, sums)).astype(kernel.dtype)
    if seed % 2:  # channels last
        x, gy = (np.ascontiguousarray(a.swapaxes(1, 2)).swapaxes(1, 2) for a in (x, gy))
    y, gx, gw = np.zeros(gy.shape), np.zeros(shape), np.zeros(weights.shape)
    for i, j, p in np.ndindex(places.shape):
        pixel = places[i, j, p]
        if pixel >= 0:
            y[j, :, p] += weights[i, j, p] * x[j, :, pixel]
            gx[j, :, pixel] += weights[i, j, p] * gy[j, :, p]
            gw[i, j, p] = x[j, :, pixel] @ gy[j, :, p]
    with using_config('cudnn_deterministic', deterministic):
        np.testing.assert_allclose(kernel('interpolate_grad', gy, places, weights, size), gx, atol=kernel.atol)
    np.testing.assert_allclose(kernel('interpolate', x, places, weights), y, atol=kernel.atol)
    np.testing.assert_allclose(kernel('interpolate_weight_grad', x, gy, places), gw, atol=kernel.atol)


def test_pixels_without_weight_do_not_count(kernel):
    x = np.array([[[1., np.nan, 3., np.inf]]], kernel.dtype)
    places = np.array([[[0, 2, 1]], [[1, 3, 2]], [[3, -1, -1]]])
    weights = np.array([[[2, 1, 1]], [[0, 0, 1]], [[0, 5, np.nan]]], kernel.dtype)
    np.testing.assert_array_equal(kernel('interpolate', x, places, weights), [[[2, 3, np.nan]]])


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16', 'float32', 'float64'])
def test_dtypes(kernel, dtype):
    shapes = (2, 3, 5), (2, 3, 5), (4, 2, 5)
    x, gy, weights = (np.random.uniform(-1, 1, shape).astype(as_dtype(dtype)) for shape in shapes)
    places = np.random.randint(0, 5, weights.shape)
    exact = [a.astype('d') for a in (x, gy, weights)]

    def results(x, gy, weights):
        return (kernel('interpolate', x, places, weights), kernel('interpolate_grad', gy, places, weights, 5),
                kernel('interpolate_weight_grad', x, gy, places))

    for actual, expected in zip(results(x, gy, weights), results(*exact)):
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual.astype('d'), expected, atol=4 * epsilon(dtype))


def test_blocks_of_sums_are_joined(kernel):
    """More data than one block: every sum comes out as it does alone."""
    x = np.random.normal(size=(2, 40, 30)).astype(kernel.dtype)
    count, step = (500, 90) if IN_SOFTWARE else (5000, 900)
    shape = 4, 2, count
    places, weights = np.random.randint(-1, 30, shape), np.random.normal(size=shape).astype(kernel.dtype)
    y = kernel('interpolate', x, places, weights)
    gx = kernel('interpolate_grad', y, places, weights, 30)
    gw, total = kernel('interpolate_weight_grad', x, y, places), 0
    for start in range(0, count, step):
        part = slice(start, start + step)
        some = [np.ascontiguousarray(a[:, :, part]) for a in (places, weights)]
        np.testing.assert_allclose(kernel('interpolate', x, *some), y[:, :, part], rtol=1e-5, atol=kernel.atol)
        np.testing.assert_allclose(kernel('interpolate_weight_grad', x, y[:, :, part], some[0]), gw[:, :, part],
                                   rtol=1e-4, atol=1e-4)
        total = total + kernel('interpolate_grad', y[:, :, part], *some, 30)
    np.testing.assert_allclose(gx, total, rtol=1e-3, atol=1e-3)
