"""Every elementwise function of one array, in one table."""
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from support.checking import check_function, shapes, spread, uniform

HALF = ('float64', 'float32', 'float16')

# function, NumPy or SciPy reference, the interval where it is smooth
SMOOTH = [
    (F.exp, np.exp, -2, 2),
    (F.expm1, np.expm1, -2, 2),
    (F.log, np.log, 0.2, 3),
    (F.log1p, np.log1p, -0.5, 3),
    (F.log2, np.log2, 0.2, 3),
    (F.log10, np.log10, 0.2, 3),
    (F.sqrt, np.sqrt, 0.2, 3),
    (F.rsqrt, lambda x: 1 / np.sqrt(x), 0.3, 3),
    (F.cbrt, np.cbrt, 0.3, 3),
    (F.square, np.square, -2, 2),
    (F.sin, np.sin, -4, 4),
    (F.cos, np.cos, -4, 4),
    (F.tan, np.tan, -1, 1),
    (F.arcsin, np.arcsin, -0.8, 0.8),
    (F.arccos, np.arccos, -0.8, 0.8),
    (F.arctan, np.arctan, -3, 3),
    (F.sinh, np.sinh, -2, 2),
    (F.cosh, np.cosh, -2, 2),
    (F.arctanh, np.arctanh, -0.7, 0.7),
    (F.erf, scipy.special.erf, -2, 2),
    (F.erfc, scipy.special.erfc, -2, 2),
    (F.erfcx, scipy.special.erfcx, -1, 6),
    (F.erfinv, scipy.special.erfinv, -0.8, 0.8),
    (F.erfcinv, scipy.special.erfcinv, 0.2, 1.8),
    (F.ndtr, scipy.special.ndtr, -3, 3),
    (F.ndtri, scipy.special.ndtri, 0.1, 0.9),
    (F.log_ndtr, scipy.special.log_ndtr, -6, 2),
    (F.lgamma, scipy.special.gammaln, 0.5, 12),
    (F.lgamma, scipy.special.gammaln, -1.8, -1.2),
    (F.digamma, scipy.special.digamma, 0.5, 12),
    (F.digamma, scipy.special.digamma, -1.8, -1.2),
    (F.neg, np.negative, -2, 2),
    (F.identity, lambda x: x, -2, 2),
    (lambda x: F.pow(x, 3), lambda x: x ** 3, -2, 2),
    (lambda x: F.pow(x, -1.5), lambda x: x ** -1.5, 0.4, 2),
    (lambda x: F.pow(2, x), lambda x: 2 ** x, -2, 2),
]
NAMES = [f'{i}-{f.__name__}' for i, (f, *_) in enumerate(SMOOTH)]


@pytest.mark.parametrize('f, reference, low, high', SMOOTH, ids=NAMES)
def test_smooth(f, reference, low, high):
    check_function(f, reference, uniform(3, 1, 4, low=low, high=high), dtypes=HALF, eps=1e-4)
    check_function(f, reference, uniform(low=low, high=high), eps=1e-4)
    check_function(f, reference, uniform(2, 0, low=low, high=high))


@given(st.sampled_from(SMOOTH), shapes())
def test_shapes(row, shape):
    f, reference, low, high = row
    check_function(f, reference, uniform(*shape, low=low, high=high), eps=1e-4)


@pytest.mark.parametrize('f, reference', [(F.floor, np.floor), (F.ceil, np.ceil), (F.fix, np.trunc),
                                          (F.sign, np.sign)])
def test_steps(f, reference):
    for shape in (3, 5), (), (0, 2):
        check_function(f, reference, spread(*shape, low=-3, high=3), dtypes=HALF, differentiable=False)


def test_absolute_and_clip():
    for shape in (3, 5), (), (0, 2):
        x = spread(*shape)
        check_function(F.absolute, np.abs, x, dtypes=HALF)
        check_function(abs, np.abs, x)
        check_function(lambda x: F.clip(x, -0.55, 0.625), lambda x: np.clip(x, -0.55, 0.625), x, eps=1e-5)
        check_function(lambda x: F.clip(x, None, 0.625), lambda x: np.minimum(x, 0.625), x, eps=1e-5)
        check_function(lambda x: F.clip(x, 0.625, None), lambda x: np.maximum(x, 0.625), x, eps=1e-5)
    with pytest.raises(ValueError, match='clip: expected x_min, x_max or both'):
        F.clip(np.arange(3.), None, None)
    with pytest.raises(ValueError, match='clip: x_min 2 is larger than x_max 1'):
        F.clip(np.arange(3.), 2, 1)


def test_tails():
    """Far from zero and very near to it, to twelve digits; outside of the domain as SciPy."""
    edges = np.array([0, np.inf, -np.inf, np.nan])
    far = np.concatenate([np.linspace(-25, 25, 1001), np.logspace(-300, 1, 101), edges])
    for f, reference in [(F.erf, scipy.special.erf), (F.erfc, scipy.special.erfc), (F.erfcx, scipy.special.erfcx),
                         (F.ndtr, scipy.special.ndtr), (F.log_ndtr, scipy.special.log_ndtr)]:
        with np.errstate(all='ignore'):
            np.testing.assert_allclose(f(far).array, reference(far), rtol=2e-13)
    tails = np.logspace(-300, -1, 300)
    p = np.concatenate([tails, np.linspace(0, 1, 101), 1 - np.logspace(-15, -1, 15)])
    np.testing.assert_allclose(F.ndtri(p).array, scipy.special.ndtri(p), rtol=1e-12, atol=1e-15)
    p = np.concatenate([tails, np.linspace(0, 2, 101), [-0.1, 2.1, np.nan]])
    np.testing.assert_allclose(F.erfcinv(p).array, scipy.special.erfcinv(p), rtol=1e-12, atol=1e-15)
    x = np.concatenate([tails, -tails, np.linspace(-1, 1, 101), [-1.1, 1.1, np.nan]])
    np.testing.assert_allclose(F.erfinv(x).array, scipy.special.erfinv(x), rtol=1e-12)


def test_tails_of_gamma_functions():
    """Right of zero to the last digits but one, to the left to those that a reflection leaves; at their poles."""
    x = np.concatenate([np.logspace(-300, 300, 601), np.linspace(0.01, 20, 2001)])
    np.testing.assert_allclose(F.lgamma(x).array, scipy.special.gammaln(x), rtol=2e-15, atol=1e-15)
    np.testing.assert_allclose(F.digamma(x).array, scipy.special.digamma(x), rtol=2e-15, atol=2e-15)
    x = -np.linspace(0.05, 50.04, 1001)
    np.testing.assert_allclose(F.lgamma(x).array, scipy.special.gammaln(x), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(F.digamma(x).array, scipy.special.digamma(x), rtol=1e-12, atol=1e-13)
    # At the zeros of lgamma, too, where it is as good as linear.
    x = np.logspace(-15, -9, 20)
    for root, slope in (1., -np.euler_gamma), (2., 1 - np.euler_gamma):
        np.testing.assert_allclose(F.lgamma(root + x).array, slope * (root + x - root), rtol=1e-8)
    poles = np.array([0., -1, -7])
    np.testing.assert_array_equal(F.lgamma(np.append(poles, [np.inf, np.nan])).array, [np.inf] * 4 + [np.nan])
    np.testing.assert_array_equal(F.digamma(np.append(poles, [np.inf, np.nan])).array,
                                  [-np.inf, np.nan, np.nan, np.inf, np.nan])


def test_gradient_of_log_ndtr_far_out():
    """Where ndtr itself is zero or one in floating point."""
    x = F.identity(np.array([-50., 50.]))
    x = type(x)(x.array)
    F.sum(F.log_ndtr(x)).backward()
    np.testing.assert_allclose(x.grad, [50.01998, 0], rtol=1e-5, atol=1e-300)
