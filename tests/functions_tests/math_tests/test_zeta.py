"""Hurwitz's zeta function and the derivatives of the digamma function."""
import numpy as np
import pytest
import scipy.special

import autograd_nn.functions as F
from autograd_nn import Variable
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, uniform

HALF = ('float64', 'float32', 'float16')


@pytest.mark.parametrize('s', [1.2, 2, 3.5, 7., np.float32(2), np.array([[2.], [3.5]])])
def test_zeta(s):
    for shape in (2, 3), (1,), (), (2, 0):
        check_function(lambda q: F.zeta(q.xp.asarray(s) if isinstance(s, np.ndarray) else s, q),
                       lambda q: scipy.special.zeta(s, q), uniform(*shape, low=0.5, high=3), dtypes=HALF, eps=1e-4)
    left = uniform(3, low=-1.8, high=-1.2)
    check_function(lambda q: F.zeta(2, q), lambda q: scipy.special.zeta(2, q), left, eps=1e-4, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('n', [0, 1, 2, 5, np.array([[0], [1], [4]])])
def test_polygamma(n):
    for shape in (3, 4), (1,), (), (0,):
        check_function(lambda x: F.polygamma(x.xp.asarray(n), x), lambda x: scipy.special.polygamma(n, x),
                       uniform(*shape, low=1, high=4), eps=1e-4, atol=1e-4)
    check_function(lambda x: F.polygamma(x.xp.asarray(n), x), lambda x: scipy.special.polygamma(n, x),
                   uniform(low=-1.7, high=-1.3), eps=1e-5, atol=1e-3, rtol=1e-3, dtypes=['float64'])


def test_zeta_far_out_and_out_of_its_domain():
    q, s = np.logspace(-3, 6, 200), np.array([[1.0001], [1.1], [1.5], [2], [3.3], [7], [30]])
    np.testing.assert_allclose(F.zeta(s, q).array, scipy.special.zeta(s, q), rtol=5e-14)
    # It is an ordinary sum where s is an integer and q negative.
    q = -np.linspace(0.05, 30.04, 201)
    for s in 2, 3, 8:
        expected = ((q + np.arange(31)[:, None]) ** -s).sum(0) + scipy.special.zeta(s, q + 31)
        np.testing.assert_allclose(F.zeta(s, q).array, expected, rtol=1e-12, atol=1e-12)
    s, q = np.array([[2, 0], [2, -3.], [2.5, -0.5], [1, 1], [0.5, 2], [2, np.inf], [2, np.nan]]).T
    np.testing.assert_array_equal(F.zeta(s, q).array, [np.inf, np.inf, np.nan, np.inf, np.nan, 0, np.nan])


def test_polygamma_of_high_orders():
    x = np.logspace(-1, 2, 100)
    for n in 10, 50, 100:
        np.testing.assert_allclose(F.polygamma(n, x).array, scipy.special.polygamma(n, x), rtol=1e-12)
    # What single precision can hold is not lost where factorials are out of its range.
    x = np.array([10.], 'f')
    np.testing.assert_allclose(F.polygamma(40, x).array, scipy.special.polygamma(40, 10.), rtol=1e-6)


def test_n_and_s_are_variables_too():
    x = Variable(np.array([1.5, 2.]))
    np.testing.assert_array_equal(F.polygamma(Variable(np.array([1, 2])), x).array,
                                  F.polygamma(np.array([1, 2]), x).array)
    np.testing.assert_array_equal(F.zeta(Variable(np.array([3., 2.])), x).array, F.zeta(np.array([3., 2.]), x).array)


@pytest.mark.parametrize('dtype', ['int8', 'uint8', 'int64', 'uint64'])
def test_gradient_where_the_exponents_are_integers(dtype):
    q = Variable(np.array([1., 2.]))
    F.sum(F.zeta(np.array([2, 127], dtype), q)).backward()
    np.testing.assert_allclose(q.grad, [-2 * scipy.special.zeta(3, 1), -127 * scipy.special.zeta(128, 2)])


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.zeta(2, np.arange(3)), DTypeError, r'zeta: expected floating-point q, got int64 \(shape \(3,\)\)'),
    (lambda: F.polygamma(1, np.arange(3)), DTypeError, r'polygamma: expected floating-point x, got int64'),
    (lambda: F.polygamma(np.ones(3), np.ones(3)), DTypeError, r'polygamma: expected integers n, got float64'),
    (lambda: F.zeta(np.ones(3), np.ones(2)), ShapeError, r'zeta: .* do not broadcast: x \(3,\), q \(2,\)'),
    (lambda: F.polygamma(np.ones(3, int), np.ones(2)), ShapeError, r'polygamma: .* broadcast: n \(3,\), x \(2,\)'),
    (lambda: F.polygamma(np.array([1, -2]), np.ones(2)), ValueError, r'polygamma: .* not negative, got -2'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
