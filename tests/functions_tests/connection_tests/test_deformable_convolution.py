"""Deformable convolution: values against loops, gradients against numerical ones."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn.utils.type_check import DTypeError, ShapeError
from functions_tests.array_tests.test_spatial_transformer import plain_sampler
from support.checking import check_function, uniform


def plain(x, offset, W, b, stride, pad):
    """One place of the window at a time."""
    n, _, h, w = x.shape
    k, _, kh, kw = W.shape
    y = np.zeros((n, k, *offset.shape[2:])) + b[:, None, None]
    for i, j in np.ndindex(*y.shape[2:]):
        for number, (u, v) in enumerate(np.ndindex(kh, kw)):
            column = j * stride[1] - pad[1] + v + offset[:, number, i, j]
            row = i * stride[0] - pad[0] + u + offset[:, kh * kw + number, i, j]
            # A pixel more on either side, so that there is more than one: coordinates are relative to the ends.
            point = np.stack([2 * (column + 1) / (w + 1) - 1, 2 * (row + 1) / (h + 1) - 1], 1)[:, :, None, None]
            values = plain_sampler(np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), point)[:, :, 0, 0]
            y[:, :, i, j] += values @ W[:, :, u, v].T
    return y


@given(n=st.integers(0, 2), size=st.tuples(*[st.integers(2, 4)] * 2), k=st.tuples(*[st.integers(1, 2)] * 2),
       stride=st.tuples(*[st.integers(1, 2)] * 2), pad=st.tuples(*[st.integers(0, 1)] * 2))
def test_values_and_gradients(n, size, k, stride, pad):
    out = [(m + 2 * p - a) // s + 1 for m, p, a, s in zip(size, pad, k, stride)]
    # None of the samples is near a line between pixels.
    offset = np.random.randint(-2, 2, (n, 2 * k[0] * k[1], *out)) + uniform(n, 2 * k[0] * k[1], *out, low=0.1, high=0.9)
    check_function(lambda *xs: F.deformable_convolution_2d_sampler(*xs, stride, pad),
                   lambda *xs: plain(*xs, stride, pad), uniform(n, 2, *size), offset, uniform(3, 2, *k), uniform(3),
                   eps=1e-5)


def test_without_offsets_it_is_a_convolution():
    x, W, b = uniform(2, 3, 5, 6), uniform(4, 3, 3, 2), uniform(4)
    for options in {}, {'stride': 2, 'pad': 1}, {'stride': (1, 2), 'pad': (2, 0)}:
        expected = F.convolution_2d(x, W, b, **options)
        offset = np.zeros((2, 12, *expected.shape[2:]))
        np.testing.assert_allclose(F.deformable_convolution_2d_sampler(x, offset, W, b, **options).array,
                                   expected.array, atol=1e-12)
        np.testing.assert_allclose(F.deformable_convolution_2d_sampler(x, offset, W, **options).array,
                                   F.convolution_2d(x, W, **options).array, atol=1e-12)
    moved = np.concatenate([np.ones((2, 6, 3, 5)), np.zeros((2, 6, 3, 5))], 1)  # one to the right
    np.testing.assert_allclose(F.deformable_convolution_2d_sampler(x, moved, W).array[..., :-1],
                               F.convolution_2d(x, W).array[..., 1:], atol=1e-12)


X, OFFSET, W = np.ones((2, 3, 4, 4)), np.zeros((2, 8, 3, 3)), np.ones((5, 3, 2, 2))


@pytest.mark.parametrize('call, error, message', [
    (lambda f: f(X[0], OFFSET, W), ShapeError, r'x of shape \(N, C, H, W\) .* got \(3, 4, 4\)'),
    (lambda f: f(X, OFFSET, W[:, :2]), ShapeError, r'got \(2, 3, 4, 4\) and \(5, 2, 2, 2\)'),
    (lambda f: f(X, OFFSET[:, :4], W), ShapeError, r'offset of shape \(2, 8, 3, 3\) .* got \(2, 4, 3, 3\)'),
    (lambda f: f(X, OFFSET, W, pad=1), ShapeError, r'offset of shape \(2, 8, 5, 5\) .* pad \(1, 1\), got'),
    (lambda f: f(X, OFFSET.astype('f'), W), DTypeError, 'the type of x, float64, got float32'),
    (lambda f: f(X.astype(int), OFFSET, W), DTypeError, 'expected floating-point x, got int64'),
    (lambda f: f(X, OFFSET, W.astype(int)), DTypeError, 'expected floating-point W, got int64'),
    (lambda f: f(X, OFFSET, W, stride=0), ValueError, 'stride is 0, expected at least 1'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=f'^deformable_convolution_2d_sampler: .*{message}'):
        call(F.deformable_convolution_2d_sampler)
