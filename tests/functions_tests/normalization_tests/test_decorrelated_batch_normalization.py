"""Decorrelated batch normalization: against SciPy's root of a matrix, and what is special about it."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, uniform


def columns(x, groups):
    return np.moveaxis(x, 1, 0).reshape(groups, x.shape[1] // groups, -1)


def like(y, x):
    return np.moveaxis(y.reshape(x.shape[1], len(x), *x.shape[2:]), 0, 1)


def statistics(x, groups, eps):
    linalg = pytest.importorskip('scipy.linalg')
    parts = columns(x, groups)
    mean = parts.mean(2)
    covariances = [np.atleast_2d(np.cov(part, bias=True)) + eps * np.eye(len(part)) for part in parts]
    return mean, np.stack([np.linalg.inv(linalg.sqrtm(covariance)).real for covariance in covariances])


def plain(x, groups, eps):
    return plain_fixed(x, *statistics(x, groups, eps))


def plain_fixed(x, mean, projection):
    return like(projection @ (columns(x, len(mean)) - mean[..., None]), x)


SHAPES = [((9, 4), 1), ((9, 4), 2), ((9, 4), 4), ((3, 6, 4), 2), ((2, 4, 3, 2), 2), ((4, 1, 2), 1)]


@pytest.mark.parametrize('shape, groups', SHAPES)
def test_values_and_gradients(shape, groups):
    check_function(lambda x: F.decorrelated_batch_normalization(x, groups=groups, eps=0.1),
                   lambda x: plain(x, groups, 0.1), uniform(*shape))


@pytest.mark.parametrize('shape, groups', SHAPES)
def test_fixed(shape, groups):
    size = shape[1] // groups
    check_function(lambda x, mean, projection: F.fixed_decorrelated_batch_normalization(x, mean, projection, groups),
                   plain_fixed, uniform(*shape), uniform(groups, size), uniform(groups, size, size))


def test_channels_are_not_correlated():
    x = np.random.randn(50, 6, 4) @ np.random.randn(4, 4) + np.random.randn(6, 1)
    y = columns(F.decorrelated_batch_normalization(x, groups=2, eps=0).array, 2)
    np.testing.assert_allclose(y.mean(2), 0, atol=1e-10)
    np.testing.assert_allclose(y @ y.swapaxes(1, 2) / 200, [np.eye(3)] * 2, atol=1e-8)


@pytest.mark.parametrize('x', [uniform(3, 5), np.tile(np.eye(4), (2, 1)), np.ones((6, 4)),
                               uniform(8, 2) @ uniform(2, 4)],
                         ids=['fewer samples than channels', 'equal variances', 'no variance', 'few dimensions'])
def test_gradients_where_eigenvalues_are_equal(x):
    """The differences of eigenvalues are in no denominator."""
    x = x + 0.
    check_function(lambda x: F.decorrelated_batch_normalization(x, groups=1, eps=0.1), lambda x: plain(x, 1, 0.1), x,
                   double=False)
    check_function(lambda x: F.decorrelated_batch_normalization(x, groups=1, eps=0.1), None, x, dtypes=['float64'])


def test_nearly_singular_in_single_precision():
    """Rounding makes no eigenvalue negative."""
    x = ann.Variable((uniform(40, 3) @ uniform(3, 8) * 1000).astype('f'))
    y = F.decorrelated_batch_normalization(x, groups=1)
    F.sum(y ** 3).backward()
    assert abs(y.array).max() < 40 and np.isfinite(x.grad).all()


@pytest.mark.parametrize('channels', [2, 3, 40])
@pytest.mark.filterwarnings('ignore:invalid value')
def test_what_is_not_finite_stays_so(channels):
    for value in np.nan, np.inf:
        y = F.decorrelated_batch_normalization(np.full((5, channels), value), groups=1)
        assert np.isnan(y.array).all()


@pytest.mark.parametrize('dtype', ['d', 'f', 'e'])
def test_running_statistics(dtype):
    x = uniform(5, 4, 3).astype(dtype)
    mean, projection = np.zeros((2, 2), 'f'), np.tile(np.eye(2, dtype='f'), (2, 1, 1))
    y = F.decorrelated_batch_normalization(x, groups=2, eps=0.1, running_mean=mean, running_projection=projection,
                                           decay=0.8)
    assert y.dtype == dtype and mean.dtype == projection.dtype == 'f'
    new_mean, new_projection = statistics(x.astype('d'), 2, 0.1)
    np.testing.assert_allclose(mean, 0.2 * new_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(projection, 0.8 * np.eye(2) + 0.2 * new_projection * 15 / 14, rtol=1e-4, atol=1e-5)
    before = mean.copy()
    with ann.using_config('in_recomputing', True):
        F.decorrelated_batch_normalization(x, groups=2, running_mean=mean)
    np.testing.assert_array_equal(mean, before)


def test_mixed_types():
    x = uniform(5, 4).astype('e')
    y = F.fixed_decorrelated_batch_normalization(x, np.zeros((2, 2), 'f'), np.ones((2, 2, 2), 'f'), 2)
    assert y.dtype == 'e'
    np.testing.assert_allclose(y.array, np.repeat(x.reshape(5, 2, 2).astype('f').sum(2), 2, 1), rtol=1e-3)


def test_no_samples():
    mean = np.full((2, 2), 0.5)
    x = ann.Variable(np.zeros((0, 4, 3)))
    y = F.decorrelated_batch_normalization(x, groups=2, running_mean=mean)
    F.sum(y).backward()
    assert y.shape == x.grad.shape == (0, 4, 3) and (mean == 0.5).all()
    assert F.fixed_decorrelated_batch_normalization(x, mean, np.ones((2, 2, 2)), 2).shape == (0, 4, 3)


def test_not_contiguous():
    x = np.asfortranarray(uniform(4, 6, 5, 3))[::2, 1::2, ::-1]
    np.testing.assert_allclose(F.decorrelated_batch_normalization(x, groups=3).array,
                               F.decorrelated_batch_normalization(x.copy(), groups=3).array, atol=1e-9)


@pytest.mark.parametrize('call, error, message', [
    (lambda x: F.decorrelated_batch_normalization(x), ShapeError,
     r'decorrelated_batch_normalization: .* C a multiple of groups 16, got \(5, 4\)'),
    (lambda x: F.decorrelated_batch_normalization(x, groups=0), ShapeError, 'multiple of groups 0'),
    (lambda x: F.decorrelated_batch_normalization(x[0], groups=1), ShapeError, r'\(N, C, ...\)'),
    (lambda x: F.decorrelated_batch_normalization(x.astype(int), groups=1), DTypeError, 'got int64'),
    (lambda x: F.decorrelated_batch_normalization(x, groups=2, running_mean=np.zeros(4)), ShapeError,
     r'expected running_mean of shape \(2, 2\) for x of shape \(5, 4\) in 2 groups, got \(4,\)'),
    (lambda x: F.decorrelated_batch_normalization(x, groups=2, running_projection=np.zeros((2, 2))), ShapeError,
     r'expected running_projection of shape \(2, 2, 2\)'),
    (lambda x: F.fixed_decorrelated_batch_normalization(x, np.zeros((4, 1)), np.zeros((4, 1, 1)), 2), ShapeError,
     r'fixed_decorrelated_batch_normalization: expected mean of shape \(2, 2\)'),
    (lambda x: F.fixed_decorrelated_batch_normalization(x, np.zeros((2, 2)), np.zeros((2, 2)), 2), ShapeError,
     'expected projection'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((5, 4)))
