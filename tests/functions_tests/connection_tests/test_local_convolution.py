"""Local convolution and shifts: values against loops, gradients against numerical ones."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, uniform

PAIRS = st.tuples(*[st.integers(1, 3)] * 2)


def plain_local(x, W, b, stride):
    y = np.zeros((len(x), *W.shape[:3])) + b
    kh, kw = W.shape[4:]
    for i, j in np.ndindex(*W.shape[1:3]):
        part = x[:, :, i * stride[0]:i * stride[0] + kh, j * stride[1]:j * stride[1] + kw]
        y[:, :, i, j] += np.einsum('nchw,kchw->nk', part, W[:, i, j])
    return y


@given(n=st.integers(0, 2), channels=PAIRS, k=PAIRS, stride=PAIRS, out=PAIRS, rest=st.booleans())
def test_local_convolution(n, channels, k, stride, out, rest):
    size = [s * (m - 1) + a + (s - 1 if rest else 0) for s, m, a in zip(stride, out, k)]
    arrays = uniform(n, channels[0], *size), uniform(channels[1], *out, channels[0], *k), uniform(channels[1], *out)
    check_function(lambda *xs: F.local_convolution_2d(*xs, stride), lambda *xs: plain_local(*xs, stride), *arrays)
    np.testing.assert_allclose(F.local_convolution_2d(*arrays[:2], stride=stride).array,
                               plain_local(*arrays[:2], 0, stride), atol=1e-12)


def test_with_one_filter_for_all_positions_it_is_a_convolution():
    x, W = uniform(2, 3, 5, 6), uniform(4, 3, 3, 2)
    everywhere = np.broadcast_to(W[:, None, None], (4, 3, 5, 3, 3, 2))
    np.testing.assert_allclose(F.local_convolution_2d(x, everywhere).array, F.convolution_2d(x, W).array, atol=1e-12)


@pytest.mark.parametrize('shapes, stride, message', [
    ([(3, 5, 5), (2, 3, 3, 3, 3, 3)], 1, r'x of shape \(N, C, H, W\) .* got \(3, 5, 5\)'),
    ([(2, 3, 5, 5), (2, 3, 3, 3, 3)], 1, r'W of shape \(K, out_h, out_w, C, kh, kw\), got .* \(2, 3, 3, 3, 3\)'),
    ([(2, 3, 5, 5), (2, 3, 3, 4, 3, 3)], 1, r'is for 4 channels and 3 x 3 positions'),
    ([(2, 3, 5, 5), (2, 3, 3, 3, 3, 3)], 2, r'which x of shape \(2, 3, 5, 5\) with stride \(2, 2\) does not'),
    ([(2, 3, 5, 5), (2, 3, 3, 3, 3, 3), (2,)], 1, r'expected b of shape \(2, 3, 3\), got \(2,\)'),
])
def test_errors_of_local_convolution(shapes, stride, message):
    with pytest.raises(ShapeError, match=f'^local_convolution_2d: .*{message}'):
        F.local_convolution_2d(*map(np.ones, shapes), stride=stride)


def plain_shift(x, k, dilate):
    """One group of channels after another; the one in the middle of the window comes last and stays."""
    groups = [(i, j) for i in range(k[0]) for j in range(k[1])]
    middle = groups[len(groups) // 2]
    size = x.shape[1] // len(groups)
    moves = [(dilate[0] * (i - k[0] // 2), dilate[1] * (j - k[1] // 2)) for i, j in groups]
    if len(groups) > 1:
        moves[groups.index(middle)], moves[-1] = moves[-1], (0, 0)
    y = np.zeros(x.shape)
    for c, i, j in np.ndindex(*x.shape[1:]):
        down, right = moves[min(c // size, len(moves) - 1)]
        if 0 <= i - down < x.shape[2] and 0 <= j - right < x.shape[3]:
            y[:, c, i, j] = x[:, c, i - down, j - right]
    return y


@given(k=st.tuples(*[st.sampled_from([1, 3, 5])] * 2), dilate=st.tuples(*[st.integers(-2, 3)] * 2),
       size=st.tuples(*[st.integers(0, 4)] * 2), more=st.integers(0, 20))
def test_shift(k, dilate, size, more):
    check_function(lambda x: F.shift(x, k, dilate), lambda x: plain_shift(x, k, dilate),
                   uniform(2, k[0] * k[1] + more, *size))


def test_defaults_of_shift():
    x = uniform(2, 20, 4, 5)
    np.testing.assert_array_equal(F.shift(x).array, plain_shift(x, (3, 3), (1, 1)))


@pytest.mark.parametrize('call, error, message', [
    (lambda x: F.shift(x, 2), ValueError, 'ksize must be odd, got 2'),
    (lambda x: F.shift(x, (3, 5)), ShapeError, r'a channel for each of the 3 x 5 places, got shape \(2, 10, 4, 4\)'),
    (lambda x: F.shift(x[0]), ShapeError, r'got shape \(10, 4, 4\)'),
    (lambda x: F.shift(x.astype(int)), DTypeError, 'expected floating-point x, got int64'),
    (lambda x: F.shift(x, dilate=0.5), TypeError, 'dilate is 0.5, expected integers'),
])
def test_errors_of_shift(call, error, message):
    with pytest.raises(error, match=f'^shift: .*{message}'):
        call(np.ones((2, 10, 4, 4)))
