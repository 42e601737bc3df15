"""Kernels of regions of interest against loops over their samples."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dtypes import as_dtype
from support.checking import epsilon

pytestmark = pytest.mark.kernels('roi_average', 'roi_average_grad', 'roi_max', 'roi_max_gather', 'roi_max_grad')


@st.composite
def regions(draw):
    """The shape of images, the image of each region, and its bins along both axes, some of them empty or outside."""
    shape = (draw(st.integers(1, 3)), draw(st.sampled_from([0, 1, 2, 9])), *draw(st.tuples(*[st.integers(1, 6)] * 2)))
    count = draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    out = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    bins = [np.array([ascending(rng, n, size) for _ in range(count)]).reshape(count, n, 3)
            for n, size in zip(out, shape[2:])]
    return shape, rng.integers(0, shape[0], count), *bins


def ascending(rng, n, size):
    """Bins (start, step, count), some between pixels, one after the other; numbers that float32 represents."""
    step = rng.choice([0.25, 0.5, 1, 1.5])
    bins, end = [], -np.inf
    for start in np.sort(rng.integers(-8, 4 * size + 4, n) / 4):
        count = max(rng.integers(0, 4), np.ceil((end - start) / step) + 1)
        end = start + (count - 1) * step
        bins.append((start, step, count))
    return bins


def positions(bin_, size):
    """For each sample of a bin where it is, or None for one that is too far outside."""
    start, step, count = bin_
    found = [start + i * step for i in range(int(count))]
    return [min(max(p, 0), size - 1) if -1 <= p <= size else None for p in found]


def value(image, y, x):
    """A sample of (C, H, W), by a sum over all pixels."""
    result = np.zeros(len(image))
    for i, j in np.ndindex(image.shape[1:]):
        weight = max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j))
        if weight:
            result += weight * image[:, i, j]
    return result


def samples(x, image, row_bin, column_bin):
    """The samples of a bin with their places; None for those too far outside."""
    rows, columns = positions(row_bin, x.shape[2]), positions(column_bin, x.shape[3])
    return {(i, j): None if y is None or z is None else value(x[image], y, z)
            for (i, y), (j, z) in itertools.product(enumerate(rows), enumerate(columns))}


def bins_of(indices, rows, columns):
    return np.ndindex(len(indices), rows.shape[1], columns.shape[1])


def layouts(x):
    """The same numbers in other orders of memory."""
    yield x
    yield np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    yield np.ascontiguousarray(x[:, ::-1, ..., ::-1])[:, ::-1, ..., ::-1]


@given(case=regions(), seed=st.integers(0, 5))
def test_average(kernel, case, seed):
    shape, indices, rows, columns = case
    rng = np.random.default_rng(seed)
    x = list(layouts(rng.normal(size=shape).astype(kernel.dtype)))[seed % 3]
    y = kernel('roi_average', x, indices, rows, columns)
    assert y.shape == (len(indices), shape[1], rows.shape[1], columns.shape[1])
    for r, i, j in bins_of(indices, rows, columns):
        found = samples(x, indices[r], rows[r, i], columns[r, j])
        expected = sum(v for v in found.values() if v is not None) / max(len(found), 1)
        np.testing.assert_allclose(y[r, :, i, j], expected, atol=kernel.atol)
    gy = list(layouts(rng.normal(size=y.shape).astype(kernel.dtype)))[seed % 3]
    gx = kernel('roi_average_grad', gy, indices, rows, columns, shape)
    assert gx.shape == shape
    np.testing.assert_allclose((gx * x).sum(), (gy * y).sum(), atol=100 * kernel.atol)


@given(case=regions(), seed=st.integers(0, 5), empty=st.sampled_from([0, -np.inf]))
def test_maximum(kernel, case, seed, empty):
    shape, indices, rows, columns = case
    rng = np.random.default_rng(seed)
    x = list(layouts(rng.normal(size=shape).astype(kernel.dtype)))[seed % 3]
    y, places = kernel('roi_max', x, indices, rows, columns, empty, True)
    assert y.shape == (len(indices), shape[1], rows.shape[1], columns.shape[1])
    assert places.shape == (2, *y.shape) and places.dtype.kind in 'iu'
    nothing = np.zeros(y.shape, bool)
    for r, i, j in bins_of(indices, rows, columns):
        found = samples(x, indices[r], rows[r, i], columns[r, j])
        inside = [v for v in found.values() if v is not None]
        if not inside:
            nothing[r, :, i, j] = True
            continue
        np.testing.assert_allclose(y[r, :, i, j], np.max(inside, 0), atol=kernel.atol)
        for c in range(shape[1]):
            np.testing.assert_allclose(y[r, c, i, j], found[tuple(places[:, r, c, i, j])][c], atol=kernel.atol)
    np.testing.assert_array_equal(y[nothing], empty)
    np.testing.assert_array_equal(kernel('roi_max', x, indices, rows, columns, empty, False)[0], y)
    taken = kernel('roi_max_gather', x, places, indices, rows, columns)
    np.testing.assert_allclose(taken, np.where(nothing, 0, y), atol=kernel.atol)
    gy = list(layouts(rng.normal(size=y.shape).astype(kernel.dtype)))[seed % 3]
    gx = kernel('roi_max_grad', gy, places, indices, rows, columns, shape)
    assert gx.shape == shape
    other = rng.normal(size=shape).astype(kernel.dtype)
    taken = kernel('roi_max_gather', other, places, indices, rows, columns)
    np.testing.assert_allclose((gx * other).sum(), (gy * taken).sum(), atol=100 * kernel.atol)


def whole_pixels(*bins):
    """One region, of the first image, with bins of whole pixels: ``(first, count)`` each, for rows and columns."""
    return np.zeros(1, int), *[np.array([[(start, 1, count) for start, count in each]], float) for each in bins]


def test_of_equal_samples_the_first_is_the_maximum(kernel):
    x = np.zeros((1, 2, 4, 4), kernel.dtype)
    x[0, 0, 1, 2] = x[0, 0, 2, 1] = x[0, 0, 3, 3] = x[0, 1, 3, 2] = x[0, 1, 3, 1] = 1
    y, places = kernel('roi_max', x, *whole_pixels([(1, 3)], [(1, 3), (3, 1)]), -np.inf, True)
    np.testing.assert_array_equal(y[0, :, 0], [[1, 1], [1, 0]])
    np.testing.assert_array_equal(places[:, 0, :, 0], [[[0, 2], [2, 0]], [[1, 0], [0, 0]]])


@pytest.mark.parametrize('odd', [np.nan, np.inf, -np.inf])
def test_an_odd_pixel_changes_only_the_bins_that_see_it(kernel, odd):
    x = np.random.uniform(1, 2, (1, 3, 6, 6)).astype(kernel.dtype)
    x[0, 1, 3, 3] = odd
    region = whole_pixels([(0, 2), (2, 2), (4, 2)], [(0, 2), (2, 2), (4, 2)])
    seen = np.zeros((1, 3, 3, 3), bool)
    seen[0, 1, 1, 1] = True
    average, (y, places) = kernel('roi_average', x, *region), kernel('roi_max', x, *region, -np.inf, True)
    plain = x[0].reshape(3, 3, 2, 3, 2)
    np.testing.assert_allclose(average[0], plain.mean((2, 4)), rtol=1e-6)
    np.testing.assert_array_equal(y[0], plain.max((2, 4)))
    np.testing.assert_array_equal(~np.isfinite(average), seen)
    gy = np.where(seen, odd, 1).astype(kernel.dtype)
    np.testing.assert_array_equal(~np.isfinite(kernel('roi_average_grad', gy, *region, x.shape)[0]),
                                  np.kron(seen[0], np.ones((2, 2), bool)))
    gx = kernel('roi_max_grad', gy, places, *region, x.shape)
    assert (~np.isfinite(gx)).sum() == 1 and (gx == 1).sum() == 26
    # What is not quite next to it does not see it either.
    between = np.zeros(1, int), np.array([[[2., 1, 1], [2.5, 1, 1]]]), np.array([[[3., 1, 1], [2., 1, 1]]])
    for y in kernel('roi_average', x, *between), kernel('roi_max', x, *between, 0., True)[0]:
        np.testing.assert_array_equal(~np.isfinite(y[0, 1]), [[False, False], [True, False]])


def test_a_bin_of_the_lowest_numbers(kernel):
    x = np.full((1, 1, 2, 2), -np.inf, kernel.dtype)
    y, places = kernel('roi_max', x, *whole_pixels([(0, 2), (2, 0)], [(0, 2)]), 0., True)
    np.testing.assert_array_equal(y, [[[[-np.inf], [0]]]])
    np.testing.assert_array_equal(places[:, 0, 0, 0, 0], [0, 0])


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16', 'float32', 'float64'])
def test_dtypes(kernel, dtype):
    x = np.random.uniform(-1, 1, (2, 3, 5, 6)).astype(as_dtype(dtype))
    region = np.array([1, 0]), np.tile([[0.3, 0.7, 2], [1.7, 0.7, 3]], (2, 1, 1)), np.tile([[0.1, 1.1, 4]], (2, 1, 1))
    average, (y, places) = kernel('roi_average', x, *region), kernel('roi_max', x, *region, 0., True)
    gradients = (kernel('roi_average_grad', average, *region, x.shape),
                 kernel('roi_max_grad', y, places, *region, x.shape))
    taken = kernel('roi_max_gather', x, places, *region)
    assert {a.dtype for a in (average, y, *gradients, taken)} == {x.dtype}
    exact = kernel('roi_average', x.astype('d'), *region), kernel('roi_max', x.astype('d'), *region, 0., True)[0]
    for actual, expected in zip((average, y), exact):
        np.testing.assert_allclose(actual.astype('d'), expected, atol=epsilon(dtype))
    np.testing.assert_allclose(taken.astype('d'), exact[1], atol=epsilon(dtype))


def test_blocks_of_regions_are_joined(kernel):
    """More data than one block: every region comes out as it does alone."""
    x = np.random.normal(size=(2, 40, 12, 12)).astype(kernel.dtype)
    n = 150
    indices = np.random.randint(0, 2, n)
    rows, columns = [np.stack([np.random.uniform(0, 6, (n, 7)).cumsum(1) / 2, np.full((n, 7), 0.5),
                               np.full((n, 7), 2.)], 2) for _ in range(2)]
    y, places = kernel('roi_max', x, indices, rows, columns, -np.inf, True)
    gx, total = kernel('roi_max_grad', y, places, indices, rows, columns, x.shape), np.zeros(x.shape)
    for r in range(0, n, 30):
        part = [a[r:r + 30] for a in (indices, rows, columns)]
        some, where = kernel('roi_max', x, *part, -np.inf, True)
        np.testing.assert_array_equal(some, y[r:r + 30])
        np.testing.assert_array_equal(where, places[:, r:r + 30])
        total += kernel('roi_max_grad', some, where, *part, x.shape)
    assert np.isinf(y).any() and np.isfinite(gx).all()
    np.testing.assert_allclose(gx, total, rtol=1e-4, atol=1e-4)
