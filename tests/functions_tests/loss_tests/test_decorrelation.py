"""Cross covariance and DeCov: against NumPy's covariances."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, uniform

widths, reductions = st.integers(1, 3), st.sampled_from(['half_squared_sum', 'no'])


def reduced(covariances, reduce):
    return covariances if reduce == 'no' else (covariances ** 2).sum() / 2


@given(st.integers(1, 5), widths, widths, reductions)
def test_cross_covariance(n, left, right, reduce):
    def reference(y, z):
        return reduced(np.cov(np.hstack((y, z)), rowvar=False, ddof=0)[:left, left:], reduce)

    check_function(lambda y, z: F.cross_covariance(y, z, reduce), reference, uniform(n, left), uniform(n, right))


@given(st.integers(1, 5), widths, reductions)
def test_decov(n, width, reduce):
    def reference(h):
        covariances = np.cov(h, rowvar=False, ddof=0).reshape(width, width)
        return reduced(covariances - np.diag(covariances.diagonal()), reduce)

    check_function(lambda h: F.decov(h, reduce), reference, uniform(n, width))


def test_no_samples_have_no_covariance():
    nothing = np.zeros((0, 2))
    assert F.cross_covariance(nothing, nothing).array == F.decov(nothing).array == 0


def test_mistakes_are_named():
    with pytest.raises(ShapeError, match=r'cross_covariance: .* got \(2, 3\) and \(3, 3\)'):
        F.cross_covariance(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ShapeError, match=r'decov: expected h of shape \(N, K\), got \(2, 3, 4\)'):
        F.decov(np.zeros((2, 3, 4)))
    with pytest.raises(DTypeError, match='cross_covariance: expected floating-point z, got int64'):
        F.cross_covariance(np.zeros((2, 3)), np.zeros((2, 3), int))
    with pytest.raises(DTypeError, match='decov: expected floating-point h, got int64'):
        F.decov(np.zeros((2, 3), int))
    with pytest.raises(ValueError, match="decov: reduce must be 'half_squared_sum' or 'no', not 'mean'"):
        F.decov(np.zeros((2, 3)), 'mean')
    with pytest.raises(ValueError, match="cross_covariance: reduce must be 'half_squared_sum' or 'no', not 'mean'"):
        F.cross_covariance(np.zeros((2, 3)), np.zeros((2, 3)), 'mean')
