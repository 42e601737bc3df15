"""Pooling, its reverse and im2col: values against loops, gradients against numerical ones."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function, gradients, spread, uniform


def windows(size, k, stride, pad, cover_all):
    """The number of windows along each axis and, for each window, the part of the image that it covers."""
    axes = []
    for n, m, s, p in zip(size, k, stride, pad):
        count = (n + 2 * p - m + (s - 1 if cover_all else 0)) // s + 1
        axes.append([slice(max(0, i * s - p), max(0, i * s - p + m)) for i in range(count)])
    return tuple(map(len, axes)), list(itertools.product(*axes))


def plain_pooling(reduce):
    def pool(x, k, stride, pad, cover_all):
        out, slices = windows(x.shape[2:], k, stride, pad, cover_all)
        axes = tuple(range(2, x.ndim))
        ys = [reduce(x[(..., *where)], axes, k) for where in slices]
        return np.stack(ys, -1).reshape(*x.shape[:2], *out)
    return pool


plain_max = plain_pooling(lambda part, axes, k: part.max(axes))
plain_average = plain_pooling(lambda part, axes, k: part.sum(axes) / np.prod(k))
plain_average_without_pad = plain_pooling(lambda part, axes, k: part.mean(axes))


@st.composite
def poolings(draw, max_dims=2):
    """Shape of x, window, stride, pad, cover_all, such that no window lies in the padding altogether."""
    k, s, size, pad = [], [], [], []
    for _ in range(draw(st.integers(1, max_dims))):
        k.append(draw(st.integers(1, 3)))
        s.append(draw(st.integers(1, 3)))
        pad.append(draw(st.integers(0, k[-1] - 1)))
        size.append(draw(st.integers(max(1, k[-1] - 2 * pad[-1]), 6)))
    cover_all = draw(st.booleans())
    if any(size[i] <= where[i].start for where in windows(size, k, s, pad, cover_all)[1] for i in range(len(size))):
        cover_all, pad = False, [0] * len(size)
        size = [max(n, m) for n, m in zip(size, k)]
    return (draw(st.integers(0, 2)), draw(st.integers(1, 2)), *size), tuple(k), tuple(s), tuple(pad), cover_all


@given(pooling=poolings())
def test_max_pooling_nd(pooling):
    shape, *geometry = pooling
    check_function(lambda x: F.max_pooling_nd(x, *geometry), lambda x: plain_max(x, *geometry), spread(*shape))


@given(pooling=poolings(), without_pad=st.booleans())
def test_average_pooling_nd(pooling, without_pad):
    shape, k, stride, pad, _ = pooling
    plain = plain_average_without_pad if without_pad else plain_average
    check_function(lambda x: F.average_pooling_nd(x, k, stride, pad, pad_value=None if without_pad else 0),
                   lambda x: plain(x, k, stride, pad, False), uniform(*shape))


@given(pooling=poolings())
def test_unpooling_nd(pooling):
    """Unpooling is the transpose of a pooling that sums."""
    shape, k, stride, pad, cover_all = pooling
    out, slices = windows(shape[2:], k, stride, pad, cover_all)

    def plain(x):
        y = np.zeros(shape)
        for index, where in zip(np.ndindex(*out), slices):
            y[(..., *where)] += x[(..., *index)].reshape(*shape[:2], *[1] * len(out))
        return y

    check_function(lambda x: F.unpooling_nd(x, k, stride, pad, shape[2:], cover_all), plain, uniform(*shape[:2], *out))


@given(pooling=poolings())
def test_upsampling_nd(pooling):
    shape, k, stride, pad, cover_all = pooling
    image = spread(*shape)
    y, indexes = F.max_pooling_nd(image, k, stride, pad, cover_all, return_indices=True)
    assert indexes.dtype == int

    def plain(x):
        result = np.zeros(shape)
        for index in np.ndindex(*y.shape):
            result[np.where(image == y.array[index])] += x[index]
        return result

    check_function(lambda x: F.upsampling_nd(x, x.device.send(indexes), k, stride, pad, shape[2:], cover_all), plain,
                   uniform(*y.shape))


def test_defaults():
    """The stride is the window's, cover_all is true, and one integer stands for all axes."""
    x = spread(2, 3, 5, 7)
    np.testing.assert_array_equal(F.max_pooling_2d(x, 2).array, plain_max(x, (2, 2), (2, 2), (0, 0), True))
    np.testing.assert_allclose(F.average_pooling_2d(x, (2, 3)).array,
                               plain_average(x, (2, 3), (2, 3), (0, 0), False))
    assert F.unpooling_2d(x, 2).shape == (2, 3, 9, 13)
    assert F.unpooling_2d(x, 2, cover_all=False).shape == (2, 3, 10, 14)


def test_padding_that_is_all():
    check_function(lambda x: F.unpooling_2d(x, 1, pad=1), lambda x: np.zeros((3, 4, 0, 0)), uniform(3, 4, 2, 2))
    indexes = np.zeros((3, 4, 2, 3), int)
    check_function(lambda x: F.upsampling_2d(x, indexes, 1, pad=1), lambda x: np.zeros((3, 4, 0, 1)),
                   uniform(3, 4, 2, 3))


def test_known_values_of_upsampling():
    x = np.arange(1., 37).reshape(1, 1, 6, 6)
    y, indexes = F.max_pooling_2d(x, 2, return_indices=True)
    np.testing.assert_array_equal(indexes, np.full((1, 1, 3, 3), 3))
    expected = np.zeros((6, 6))
    expected[1::2, 1::2] = x[0, 0, 1::2, 1::2]
    np.testing.assert_array_equal(F.upsampling_2d(y, indexes, 2, outsize=(6, 6)).array[0, 0], expected)
    check_function(lambda y: F.upsampling_2d(y, y.device.send(indexes), 2, outsize=(6, 6)),
                   lambda y: expected[None, None], y.array)


@pytest.mark.parametrize('dtype', ['e', 'f', 'd', 'g'])
def test_the_gradient_of_upsampling_is_what_lies_at_the_maxima_in_every_type(dtype):
    """Also what is no number or infinite; numbers of 16 bytes go another way."""
    gy = np.array([[[[1, np.nan, 3, 4], [5, -0.5, np.inf, 8]]]], dtype)
    x = Variable(np.zeros((1, 1, 1, 2), dtype))
    y = F.upsampling_2d(x, np.array([[[[3, 2]]]]), 2, outsize=(2, 4))
    y.grad = gy
    y.backward()
    assert x.grad.dtype == gy.dtype
    np.testing.assert_array_equal(x.grad.ravel(), gy[0, 0, 1, [1, 2]])


@pytest.mark.parametrize('n, f, general', [
    (1, F.max_pooling_1d, F.max_pooling_nd), (2, F.max_pooling_2d, F.max_pooling_nd),
    (3, F.max_pooling_3d, F.max_pooling_nd), (1, F.average_pooling_1d, F.average_pooling_nd),
    (2, F.average_pooling_2d, F.average_pooling_nd), (3, F.average_pooling_3d, F.average_pooling_nd),
    (1, F.unpooling_1d, F.unpooling_nd), (2, F.unpooling_2d, F.unpooling_nd), (3, F.unpooling_3d, F.unpooling_nd)])
def test_each_number_of_axes_has_its_function(n, f, general):
    x = spread(2, 3, *[5, 4, 6][:n])
    np.testing.assert_array_equal(f(x, 3, 2, 1).array, general(x, 3, 2, 1).array)
    check_function(lambda x: f(x, 3, 2, 1), None, x)
    with pytest.raises(ValueError, match=rf'^{f.__name__}: expected x with {n + 2} axes'):
        f(x[..., None], 2)


def test_half_precision_of_pooling():
    check_function(lambda x: F.average_pooling_2d(x, 3, 2, 1),
                   lambda x: plain_average(x, (3, 3), (2, 2), (1, 1), False), uniform(2, 3, 5, 6), dtypes=['float16'])
    check_function(lambda x: F.max_pooling_2d(x, 3, 2, 1), lambda x: plain_max(x, (3, 3), (2, 2), (1, 1), True),
                   spread(2, 3, 5, 6), dtypes=['float16'])


@pytest.mark.parametrize('k, stride, pad, dilate, cover_all', [
    (2, 1, 0, 1, False), ((3, 2), (2, 1), (1, 0), 1, False), (2, 3, 1, 2, True), ((1, 3), 2, 0, 1, True)])
def test_im2col(k, stride, pad, dilate, cover_all):
    k, stride, pad, dilate = (np.broadcast_to(v, 2) for v in (k, stride, pad, dilate))

    def plain(x):
        n, c, *size = x.shape
        out = [(m + 2 * p - d * (a - 1) - 1 + (s - 1 if cover_all else 0)) // s + 1
               for m, p, d, a, s in zip(size, pad, dilate, k, stride)]
        x = np.pad(x, [(0, 0), (0, 0)] + [(p, p + s) for p, s in zip(pad, stride)])
        col = np.zeros((n, c, *k, *out))
        for i, j, u, v in np.ndindex(*k, *out):
            col[:, :, i, j, u, v] = x[:, :, u * stride[0] + i * dilate[0], v * stride[1] + j * dilate[1]]
        return col.reshape(n, -1, *out)

    as_pairs = [tuple(v.tolist()) for v in (k, stride, pad)]
    check_function(lambda x: F.im2col(x, *as_pairs, cover_all, tuple(dilate.tolist())), plain, uniform(2, 3, 5, 6))


@pytest.mark.parametrize('k, stride, pad', [(2, 2, 0), (3, 2, 1), ((2, 3), (1, 2), (1, 0))])
def test_pooling_is_the_same_as_in_torch(k, stride, pad):
    torch = pytest.importorskip('torch')
    x = spread(2, 3, 9, 8)
    for ours, theirs in (
            (lambda x: F.max_pooling_2d(x, k, stride, pad, cover_all=False), torch.nn.functional.max_pool2d),
            (lambda x: F.average_pooling_2d(x, k, stride, pad), torch.nn.functional.avg_pool2d),
            (lambda x: F.average_pooling_nd(x, k, stride, pad, pad_value=None),
             lambda x, *args: torch.nn.functional.avg_pool2d(x, *args, count_include_pad=False))):
        tensor = torch.tensor(x, requires_grad=True)
        expected = theirs(tensor, k, stride, pad)
        gy = np.random.normal(size=expected.shape)
        expected.backward(torch.tensor(gy))
        np.testing.assert_allclose(ours(x).array, expected.detach().numpy(), atol=1e-12)
        gx, = gradients(lambda x, f=ours: (f(x),), [x], [gy], None)
        np.testing.assert_allclose(gx, tensor.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.max_pooling_2d(np.ones((3, 8, 8)), 2), ValueError, r'max_pooling_2d: expected x with 4 axes'),
    (lambda: F.max_pooling_nd(np.ones((3, 8)), 2), ValueError, r'at least 3 axes, got shape \(3, 8\)'),
    (lambda: F.max_pooling_2d(np.ones((1, 1, 2, 2)), 3, cover_all=False), ValueError, r'no window of size \(3, 3\)'),
    (lambda: F.max_pooling_2d(np.ones((1, 1, 4, 4), int), 2), TypeError, 'got int64'),
    (lambda: F.average_pooling_1d(np.ones((1, 1, 4)), 2, pad_value=1), ValueError, 'pad_value 0 or None, got 1'),
    (lambda: F.average_pooling_2d(np.ones((1, 1, 4, 4)), (1, 2, 3)), ValueError, r'ksize is \(1, 2, 3\)'),
    (lambda: F.unpooling_2d(np.ones((1, 1, 2, 2)), 2, outsize=(9, 9)), ValueError, 'outsize .* does not fit'),
    (lambda: F.unpooling_2d(np.ones((1, 1, 2, 2)), 2, pad=2), ValueError, r'pad \(2, 2\) cuts off more than there is'),
    (lambda: F.upsampling_2d(np.ones((1, 1, 2, 2)), np.zeros((1, 1, 2, 3), int), 2), ValueError,
     'indexes of the shape of x'),
    (lambda: F.im2col(np.ones((1, 8, 8)), 2), ValueError, 'im2col: expected x with 4 axes'),
    (lambda: F.im2col(np.ones((1, 1, 2, 2)), 3), ValueError, 'no window of size'),
])
def test_errors_of_pooling(call, error, message):
    with pytest.raises(error, match=message):
        call()
