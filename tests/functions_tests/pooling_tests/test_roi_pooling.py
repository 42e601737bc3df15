"""Regions of interest: values against loops, gradients against numerical ones."""
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable, cuda, using_config
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, spread, uniform

INFINITE = -math.inf


def cut(low, high, out, size):
    """The pixels, as slices, of each of the bins of a region along one axis."""
    length = max(high - low, 1) / out
    return [slice(*(min(max(n + low, 0), size) for n in (math.floor(i * length), math.ceil((i + 1) * length))))
            for i in range(out)]


def plain_pooling(x, regions, out, reduce, nothing):
    """Regions are tuples: image, top, left, bottom and right, whole pixels."""
    y = np.full((len(regions), x.shape[1], *out), float(nothing))
    for r, (image, top, left, bottom, right) in enumerate(regions):
        for i, rows in enumerate(cut(top, bottom, out[0], x.shape[2])):
            for j, columns in enumerate(cut(left, right, out[1], x.shape[3])):
                part = x[image, :, rows, columns]
                if part[0].size:
                    y[r, :, i, j] = reduce(part.reshape(len(part), -1), 1)
    return y


def points(low, high, out, ratio):
    """Where the samples of each bin are along one axis."""
    length = max(high - low, 1) / out
    n = math.ceil(length) if ratio is None else ratio
    return [[low + i * length + (k + 0.5) * length / n for k in range(n)] for i in range(out)]


def value(image, y, x):
    """A sample between four pixels, or None."""
    if not (-1 <= y <= image.shape[1] and -1 <= x <= image.shape[2]):
        return None
    y, x = min(max(y, 0), image.shape[1] - 1), min(max(x, 0), image.shape[2] - 1)
    total = 0
    for i in math.floor(y), math.ceil(y):
        for j in math.floor(x), math.ceil(x):
            share = (1 - abs(y - i) if y % 1 else 0.5) * (1 - abs(x - j) if x % 1 else 0.5)
            total = total + share * image[:, i, j]
    return total


def plain_align(x, regions, out, ratios, reduce):
    y = np.zeros((len(regions), x.shape[1], *out))
    for r, (image, top, left, bottom, right) in enumerate(regions):
        for i, rows in enumerate(points(top, bottom, out[0], ratios[0])):
            for j, columns in enumerate(points(left, right, out[1], ratios[1])):
                y[r, :, i, j] = reduce([value(x[image], v, h) for v in rows for h in columns])
    return y


def mean(values):
    return sum(v for v in values if v is not None) / len(values)


def maximum(values):
    return np.max([v for v in values if v is not None] or [INFINITE], 0)


@st.composite
def cases(draw):
    """The shape of x, regions in pixels of x, some partly outside or without any extent, and the size of the output."""
    shape = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    count = draw(st.integers(0, 3))
    low = rng.uniform(-1.5, np.array(shape[2:]) - 0.6, (count, 2))
    rois = np.concatenate([low, low + rng.uniform(-0.5, 6, (count, 2))], 1)
    return shape, rois, rng.integers(0, shape[0], count), (draw(st.integers(1, 3)), draw(st.integers(1, 3)))


def beside(x, *arrays):
    """Arrays on the device of `x`."""
    return [x.device.send(a) for a in arrays]


SCALES = st.sampled_from([1, 0.5, 2.])


@given(case=cases(), scale=SCALES)
def test_average_pooling(case, scale):
    shape, rois, indices, out = case
    regions = np.column_stack([indices, np.rint(rois)]).astype(int)
    check_function(lambda x: F.roi_average_pooling_2d(x, *beside(x, rois / scale, indices), out, scale),
                   lambda x: plain_pooling(x, regions, out, np.mean, 0), uniform(*shape))


@given(case=cases(), scale=SCALES)
def test_max_pooling(case, scale):
    shape, rois, indices, out = case
    regions = np.column_stack([indices, np.rint(rois)]).astype(int)
    x = spread(*shape)
    expected = plain_pooling(x, regions, out, np.max, INFINITE)
    np.testing.assert_array_equal(F.roi_max_pooling_2d(x, rois / scale, indices, out, scale).array, expected)
    assume(np.isfinite(expected).all())
    check_function(lambda x: F.roi_max_pooling_2d(x, *beside(x, rois / scale, indices), out, scale),
                   lambda x: plain_pooling(x, regions, out, np.max, INFINITE), x)


@given(case=cases(), scale=SCALES)
def test_roi_pooling(case, scale):
    """Regions have their last row and column, and bins outside the image are 0."""
    shape, rois, indices, out = case
    regions = np.column_stack([indices, np.rint(rois)]).astype(int) + [0, 0, 0, 1, 1]
    table = np.column_stack([indices, rois[:, [1, 0, 3, 2]] / scale])
    check_function(lambda x: F.roi_pooling_2d(x, *beside(x, table), *out, scale),
                   lambda x: plain_pooling(x, regions, out, np.max, 0), spread(*shape))


RATIOS = st.sampled_from([None, 1, 2, (2, 3), (None, 2)])


@given(case=cases(), scale=SCALES, ratio=RATIOS)
def test_average_align(case, scale, ratio):
    shape, rois, indices, out = case
    ratios = ratio if isinstance(ratio, tuple) else (ratio, ratio)
    regions = [(int(image), *roi) for image, roi in zip(indices, rois)]
    check_function(lambda x: F.roi_average_align_2d(x, *beside(x, rois / scale, indices), out, scale, ratio),
                   lambda x: plain_align(x, regions, out, ratios, mean), uniform(*shape))


@given(case=cases(), scale=SCALES, ratio=RATIOS)
def test_max_align(case, scale, ratio):
    shape, rois, indices, out = case
    ratios = ratio if isinstance(ratio, tuple) else (ratio, ratio)
    regions = [(int(image), *roi) for image, roi in zip(indices, rois)]
    x = uniform(*shape)
    expected = plain_align(x, regions, out, ratios, maximum)
    np.testing.assert_allclose(F.roi_max_align_2d(x, rois / scale, indices, out, scale, ratio).array, expected, 1e-9)
    assume(np.isfinite(expected).all())
    check_function(lambda x: F.roi_max_align_2d(x, *beside(x, rois / scale, indices), out, scale, ratio),
                   lambda x: plain_align(x, regions, out, ratios, maximum), x, eps=1e-6)


X = np.arange(60.).reshape(1, 2, 5, 6)
FUNCTIONS = [F.roi_max_pooling_2d, F.roi_average_pooling_2d, F.roi_max_align_2d, F.roi_average_align_2d]


KNOWN = {
    F.roi_max_pooling_2d: [[[8, 9], [14, 15]], [[24, 25], [24, 25]]],
    F.roi_average_pooling_2d: [[[7.5, 8.5], [13.5, 14.5]], [[18, 18.5], [24, 24.5]]],
    F.roi_max_align_2d: [[[12.1875, 13.6375], [20.5875, 22.0375]], [[24.125, 25.625], [INFINITE, INFINITE]]],
    F.roi_average_align_2d: [[[9.725, 11.175], [18.125, 19.575]], [[21.0625, 22.25], [0, 0]]],
}


@pytest.mark.parametrize('f', FUNCTIONS)
def test_known_values(f):
    """As Chainer computes them: coordinates in the middle between pixels are rounded to even ones."""
    rois = np.array([[0.6, 1.2, 3.4, 4.1], [2.5, -1, 7, 2]])
    np.testing.assert_allclose(f(X, rois, np.array([0, 0]), 2, 1.).array[:, 0], KNOWN[f])


def test_known_values_of_roi_pooling():
    y = F.roi_pooling_2d(X, np.array([[0, 1.2, 0.6, 4.1, 3.4], [0, -1, 2.5, 2, 7]]), 2, 2, 1.)
    np.testing.assert_array_equal(y.array[:, 0], [[[14, 16], [20, 22]], [[24, 26], [0, 0]]])


@pytest.mark.parametrize('f', FUNCTIONS)
def test_regions_outside_of_the_image(f):
    x = Variable(X)
    y = f(x, np.array([[20., 20, 30, 30], [-30, -30, -20, -20], [0, 20, 4, 30]]), np.zeros(3, int), (2, 3), 1)
    np.testing.assert_array_equal(y.array, np.full(y.shape, 0 if 'average' in f.__name__ else INFINITE))
    y.grad = np.ones(y.shape)
    y.backward()
    np.testing.assert_array_equal(x.grad, np.zeros(X.shape))


def test_the_maximum_of_a_region_far_larger_than_the_image():
    """Of its billions of samples those within the image count, which lie at whole pixels here."""
    roi = np.array([[-1e9 - 0.5, -1e9 - 0.5, 1e9 + 6.5, 1e9 + 6.5]])
    assert F.roi_max_align_2d(X, roi, np.array([0]), 1, 1).array.ravel().tolist() == [29, 59]
    assert F.roi_max_align_2d(X, roi, np.array([0]), (1, 1), 1, (3, None)).array.tolist() == [[[[23]], [[53]]]]


def test_whole_numbers_of_images():
    with pytest.raises(ValueError, match='roi_pooling_2d: expected whole numbers of images'):
        F.roi_pooling_2d(X, np.array([[0.7, 0, 0, 3, 3]]), 1, 1, 1)


@pytest.mark.parametrize('f', FUNCTIONS)
def test_no_regions_and_no_channels(f):
    x = Variable(np.zeros((2, 3, 4, 4), 'f'))
    y = f(x, np.zeros((0, 4), 'f'), np.zeros(0, 'i'), 2, 1)
    assert y.shape == (0, 3, 2, 2) and y.dtype == np.float32
    y.grad = np.zeros_like(y.array)
    y.backward()
    assert x.grad.shape == x.shape and not x.grad.any()
    assert f(x[:, :0], np.zeros((1, 4), 'f'), np.zeros(1, 'i'), 2, 1).shape == (1, 0, 2, 2)


@pytest.mark.parametrize('f', FUNCTIONS)
def test_kinds_of_arguments(f):
    rois, indices = np.array([[0, 1, 3, 4]]), np.array([0])
    expected = f(X, rois, indices, (2, 2), 1).array
    for others in (Variable(rois.astype('f')), indices, 2, 1.), (rois.astype('e'), indices.astype('B'), [2, 2], 1):
        np.testing.assert_array_equal(f(X, *others).array, expected)
    np.testing.assert_array_equal(f(X[..., ::-1].copy()[..., ::-1], rois, indices, 2, 1).array, expected)


def test_without_a_graph_no_places_are_kept():
    with using_config('enable_backprop', False):
        y = F.roi_max_pooling_2d(X, np.array([[0, 0, 5, 6]]), np.array([0]), 1, 1)
    assert y.array.ravel().tolist() == [29, 59] and y.creator is None


@pytest.mark.parametrize('changes, error, message', [
    ({'x': X[0]}, ShapeError, r'expected x of shape \(N, C, H, W\), got \(2, 5, 6\)'),
    ({'x': X[:, :, :0]}, ShapeError, r'images must have elements, got x of shape \(1, 2, 0, 6\)'),
    ({'x': X.astype(int)}, DTypeError, 'expected floating-point x, got int64'),
    ({'rois': np.zeros((1, 5))}, ShapeError, r'expected rois of shape \(R, 4\) .* got shapes \(1, 5\) and \(1,\)'),
    ({'rois': np.zeros((2, 4))}, ShapeError, r'roi_indices of shape \(R,\), got shapes \(2, 4\) and \(1,\) of int64'),
    ({'roi_indices': np.zeros(1)}, ShapeError, r'integers roi_indices .* of float64'),
    ({'roi_indices': np.array([1])}, ValueError, r'roi_indices contains 1, expected numbers from 0 to 0'),
    ({'rois': np.array([[0, 0, np.nan, 1]])}, ValueError, 'rois contains numbers that are not finite'),
    ({'rois': np.array([[0, 0, np.inf, 1]])}, ValueError, 'rois contains numbers that are not finite'),
    ({'outsize': 0}, ValueError, 'outsize is 0, expected at least 1'),
    ({'outsize': 1.5}, TypeError, 'outsize is 1.5, expected integers'),
    ({'outsize': (1, 2, 3)}, ValueError, 'expected one integer or 2 of them'),
    ({'spatial_scale': 0}, ValueError, 'expected a positive spatial_scale, got 0'),
    ({'sampling_ratio': 0}, ValueError, 'sampling_ratio is 0, expected at least 1'),
    ({'sampling_ratio': (None, 1.5)}, TypeError, 'sampling_ratio is 1.5, expected integers'),
    ({'sampling_ratio': (1, 2, 3)}, ValueError, r'expected one sampling_ratio or two, got \(1, 2, 3\)'),
])
def test_errors(changes, error, message):
    arguments = {'x': X, 'rois': np.zeros((1, 4)), 'roi_indices': np.zeros(1, int), 'outsize': 2, 'spatial_scale': 1}
    for f in FUNCTIONS[2:] if 'sampling_ratio' in changes else FUNCTIONS:
        with pytest.raises(error, match=f'^{f.__name__}: .*{message}'):
            f(**arguments | changes)


def test_errors_of_roi_pooling():
    with pytest.raises(ShapeError, match=r'roi_pooling_2d: expected rois of shape \(R, 5\), got \(1, 4\)'):
        F.roi_pooling_2d(X, np.zeros((1, 4)), 2, 2, 1)
    with pytest.raises(ValueError, match=r'roi_pooling_2d: outsize is .* expected at least 1'):
        F.roi_pooling_2d(X, np.zeros((1, 5)), 2, 0, 1)
    with pytest.raises(ValueError, match='roi_pooling_2d: roi_indices contains 3'):
        F.roi_pooling_2d(X, np.array([[3., 0, 0, 1, 1]]), 2, 2, 1)


@pytest.mark.gpu
@pytest.mark.parametrize('f', FUNCTIONS)
def test_arrays_on_different_devices(f):
    with pytest.raises(TypeError, match='device'):
        f(cuda.to_gpu(X), np.zeros((1, 4)), np.zeros(1, int), 2, 1)
