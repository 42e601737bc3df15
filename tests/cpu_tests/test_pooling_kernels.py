"""Pooling kernels against loops over the windows."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dtypes import as_dtype
from support.checking import epsilon

pytestmark = pytest.mark.kernels('average_pooling', 'average_pooling_grad', 'max_pooling', 'max_pooling_gather',
                                 'max_pooling_grad')


def window_slices(size, k, stride, pad, cover_all):
    """For each output position, the part of the input that its window covers."""
    axes = []
    for n, m, s, p in zip(size, k, stride, pad):
        count = (n + 2 * p - m + (s - 1 if cover_all else 0)) // s + 1
        axes.append([slice(max(0, i * s - p), max(0, i * s - p + m)) for i in range(count)])
    return tuple(map(len, axes)), itertools.product(*axes)


@st.composite
def poolings(draw):
    """Shape of x, window, stride, pad, cover_all, such that no window lies in the padding altogether."""
    ndim = draw(st.integers(1, 3))
    k, s, size, pad = [], [], [], []
    cover_all = draw(st.booleans())
    for _ in range(ndim):
        k.append(draw(st.integers(1, 4)))
        s.append(draw(st.integers(1, 3)))
        pad.append(draw(st.integers(0, k[-1] - 1)))
        # The only window along an axis may reach over the end, too.
        least = k[-1] - 2 * pad[-1] - (s[-1] - 1 if cover_all else 0)
        size.append(draw(st.integers(max(1, least), 7)))
    slices = window_slices(size, k, s, pad, cover_all)[1]
    if any(size[i] <= w[i].start for w in slices for i in range(ndim)):
        cover_all, pad = False, [0] * ndim
        size = [max(n, m) for n, m in zip(size, k)]
    shape = (draw(st.integers(0, 3)), draw(st.sampled_from([1, 2, 3, 8, 9, 17])), *size)
    return shape, tuple(k), tuple(s), tuple(pad), cover_all


def layouts(x):
    """The same numbers in other orders of memory: channels last, backwards, with gaps, and a view that repeats."""
    yield x
    yield np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    yield np.ascontiguousarray(x[:, ::-1, ..., ::-1])[:, ::-1, ..., ::-1]
    yield np.repeat(x, 2, axis=1)[:, ::2]


@given(pooling=poolings(), seed=st.integers(0, 7))
def test_max_pooling(kernel, pooling, seed):
    shape, k, stride, pad, cover_all = pooling
    # Small integers: many ties.
    x = np.random.default_rng(seed).integers(0, 4, shape).astype(kernel.dtype)
    x = list(layouts(x))[seed % 4]
    y, indexes = kernel('max_pooling', x, k, stride, pad, cover_all)
    out, slices = window_slices(shape[2:], k, stride, pad, cover_all)
    assert y.shape == indexes.shape == (*shape[:2], *out)
    assert indexes.dtype.kind in 'iu'
    expected = np.array([x[(..., *where)].max(tuple(range(2, x.ndim))) for where in slices])
    np.testing.assert_array_equal(y, np.moveaxis(expected, 0, -1).reshape(y.shape))
    padded = np.pad(x, [(0, 0), (0, 0)] + [(p, p + 4) for p in pad], constant_values=-np.inf)
    for index in np.ndindex(*y.shape):
        start = [i * s for i, s in zip(index[2:], stride)]
        patch = padded[(*index[:2], *(slice(a, a + b) for a, b in zip(start, k)))]
        assert indexes[index] == patch.argmax()
    np.testing.assert_array_equal(kernel('max_pooling_gather', x, indexes, k, stride, pad), y)
    np.testing.assert_array_equal(kernel('max_pooling', x, k, stride, pad, cover_all, False)[0], y)
    gy = np.random.default_rng(seed + 1).normal(size=y.shape).astype(kernel.dtype)
    gy = list(layouts(gy))[seed % 4]
    gx = kernel('max_pooling_grad', gy, indexes, shape[2:], k, stride, pad)
    assert gx.shape == shape
    other = np.random.default_rng(seed + 2).normal(size=shape).astype(kernel.dtype)
    taken = kernel('max_pooling_gather', other, indexes, k, stride, pad)
    np.testing.assert_allclose((gx * other).sum(), (gy * taken).sum(), atol=20 * kernel.atol)


@given(pooling=poolings(), seed=st.integers(0, 5), pad_value=st.sampled_from([0, None]))
def test_average_pooling(kernel, pooling, seed, pad_value):
    shape, k, stride, pad, cover_all = pooling
    x = list(layouts(np.random.default_rng(seed).normal(size=shape).astype(kernel.dtype)))[seed % 4]
    y = kernel('average_pooling', x, k, stride, pad, cover_all, pad_value)
    out, slices = window_slices(shape[2:], k, stride, pad, cover_all)
    assert y.shape == (*shape[:2], *out)
    axes = tuple(range(2, x.ndim))
    expected = np.array([x[(..., *where)].mean(axes) if pad_value is None
                         else x[(..., *where)].sum(axes) / np.prod(k) for where in slices])
    np.testing.assert_allclose(y, np.moveaxis(expected, 0, -1).reshape(y.shape), atol=kernel.atol)
    gy = np.random.default_rng(seed + 1).normal(size=y.shape).astype(kernel.dtype)
    gx = kernel('average_pooling_grad', gy, shape[2:], k, stride, pad, pad_value)
    assert gx.shape == shape
    np.testing.assert_allclose((gx * x).sum(), (gy * y).sum(), atol=20 * kernel.atol)


@pytest.mark.parametrize('training', [True, False])
def test_max_pooling_of_nan_is_nan(kernel, training):
    x = np.random.normal(size=(2, 8, 5, 5)).astype(kernel.dtype)
    x[1, 3, 2, 2] = np.nan
    y, indexes = kernel('max_pooling', x, (2, 2), (1, 1), (0, 0), True, training)
    expected = np.zeros(y.shape, bool)
    expected[1, 3, 1:3, 1:3] = True
    np.testing.assert_array_equal(np.isnan(y), expected)
    if training:
        gy = np.zeros(y.shape, y.dtype)
        gy[1, 3, 1:3, 1:3] = 1
        gx = kernel('max_pooling_grad', gy, indexes, (5, 5), (2, 2), (1, 1), (0, 0))
        assert gx[1, 3, 2, 2] == gx.sum() == 4


@pytest.mark.parametrize('lowest', [-np.inf, np.finfo('f').min])
def test_max_pooling_of_the_lowest_numbers(kernel, lowest):
    y, indexes = kernel('max_pooling', np.full((1, 8, 2, 4), lowest, kernel.dtype), (2, 2), (2, 2), (0, 0), True)
    np.testing.assert_array_equal(y, np.full((1, 8, 1, 2), lowest))
    np.testing.assert_array_equal(indexes, np.zeros((1, 8, 1, 2)))


def test_max_pooling_of_negative_values_ignores_padding(kernel):
    y, indexes = kernel('max_pooling', -np.ones((1, 1, 2, 4), kernel.dtype), (2, 2), (2, 2), (1, 1), True)
    np.testing.assert_array_equal(y, -np.ones((1, 1, 2, 3)))
    np.testing.assert_array_equal(indexes, [[[[3, 2, 2], [1, 0, 0]]]])


def test_windows_of_padding_alone(kernel):
    x = np.ones((1, 1, 3), kernel.dtype)
    y, indexes = kernel('max_pooling', x, (2,), (2,), (1,), True)
    np.testing.assert_array_equal(y, [[[1, 1, -np.inf]]])
    np.testing.assert_array_equal(kernel('max_pooling_grad', x, indexes, (3,), (2,), (2,), (1,)), [[[1, 1, 0]]])
    for pad_value in 0, None:
        y = kernel('average_pooling', x, (2,), (2,), (1,), True, pad_value)
        np.testing.assert_array_equal(y, [[[1 if pad_value is None else 0.5, 1, 0]]])
        gx = kernel('average_pooling_grad', x, (3,), (2,), (2,), (1,), pad_value)
        np.testing.assert_array_equal(gx, [[[1 if pad_value is None else 0.5, 0.5, 0.5]]])


@pytest.mark.parametrize('dtype', [np.uint8, np.int32, np.int64])
def test_places_that_do_not_exist_receive_nothing(kernel, dtype):
    """Users can give the places of maxima themselves (`upsampling_2d`)."""
    gy = np.ones((2, 8, 3, 3), kernel.dtype)
    for k in (2, 2), (17, 17):
        size = tuple(2 + n for n in k)
        indexes = np.random.randint(-1000 if np.iinfo(dtype).min else 0, np.iinfo(dtype).max, gy.shape).astype(dtype)
        gx = kernel('max_pooling_grad', gy, indexes, size, k, (1, 1), (0, 0))
        assert gx.shape == (2, 8, *size) and gx.sum() == ((indexes >= 0) & (indexes < k[0] * k[1])).sum()


def test_many_places_in_a_window(kernel):
    x = np.zeros((1, 1, 20, 20), kernel.dtype)
    x[0, 0, 19, 18] = 1
    y, indexes = kernel('max_pooling', x, (20, 20), (1, 1), (0, 0), True)
    assert y.item() == 1 and indexes.item() == 19 * 20 + 18
    assert kernel('max_pooling_grad', y, indexes, (20, 20), (20, 20), (1, 1), (0, 0))[0, 0, 19, 18] == 1


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16', 'float32', 'float64'])
def test_pooling_dtypes(kernel, dtype):
    x = np.random.uniform(-1, 1, (2, 3, 5, 6)).astype(as_dtype(dtype))
    geometry = (3, 3), (2, 2), (1, 1)
    y, indexes = kernel('max_pooling', x, *geometry, True)
    assert y.dtype == dtype
    assert kernel('max_pooling_grad', y, indexes, (5, 6), *geometry).dtype == dtype
    mean = kernel('average_pooling', x, *geometry, False, None)
    assert mean.dtype == dtype
    exact = kernel('average_pooling', x.astype('d'), *geometry, False, None)
    np.testing.assert_allclose(mean.astype('d'), exact, atol=epsilon(dtype))
    assert kernel('average_pooling_grad', mean, (5, 6), *geometry, 0).dtype == dtype


def test_blocks_of_pooling_are_joined(kernel):
    """More data than one block: every sample comes out as it does alone."""
    x = np.random.normal(size=(9, 16, 40, 40)).astype(kernel.dtype)
    geometry = (3, 3), (2, 2), (1, 1)
    y, indexes = kernel('max_pooling', x, *geometry, True)
    mean = kernel('average_pooling', x, *geometry, True, 0)
    gx = kernel('max_pooling_grad', y, indexes, (40, 40), *geometry)
    for i in range(len(x)):
        one, where = kernel('max_pooling', x[i:i + 1], *geometry, True)
        np.testing.assert_array_equal(one[0], y[i])
        np.testing.assert_array_equal(kernel('max_pooling_grad', one, where, (40, 40), *geometry)[0], gx[i])
        np.testing.assert_array_equal(kernel('average_pooling', x[i:i + 1], *geometry, True, 0)[0], mean[i])
