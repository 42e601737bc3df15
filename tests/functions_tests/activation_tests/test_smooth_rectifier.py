"""Smooth rectifiers: values and gradients."""
import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, shapes, spread, uniform

DTYPES = ('float64', 'float32', 'float16')


def elu(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@given(shapes(), st.sampled_from([1., 0.5, 3.]))
def test_softplus(shape, beta):
    check_function(lambda x: F.softplus(x, beta), lambda x: np.logaddexp(0, beta * x) / beta,
                   uniform(*shape, low=-4, high=4), dtypes=DTYPES)


def test_softplus_does_not_overflow():
    with np.errstate(all='raise', under='ignore'):
        np.testing.assert_array_equal(F.softplus(np.array([-1e5, 1e5], 'f')).array, np.array([0, 1e5], 'f'))


@pytest.mark.parametrize('x_shape, beta_shape', [((2, 3), ()), ((2, 3), (3,)), ((2, 3, 4), (3,)), ((2, 3, 4), (3, 4)),
                                                 ((0, 3), (3,))])
def test_swish(x_shape, beta_shape):
    def reference(x, beta):
        beta = beta.reshape(beta.shape + (1,) * (x.ndim - 1 - beta.ndim))
        return x * scipy.special.expit(beta * x)

    check_function(F.swish, reference, uniform(*x_shape, low=-3, high=3), uniform(*beta_shape))


@given(shapes(), st.sampled_from([1., 1.5, -0.5, 0.]))
def test_swish_takes_a_number(shape, beta):
    check_function(lambda x: F.swish(x, beta), lambda x: x * scipy.special.expit(beta * x),
                   uniform(*shape, low=-3, high=3), dtypes=DTYPES)


def test_swish_of_large_numbers():
    x = ann.Variable(np.array([-1e30, -1e3, 1e3, 1e30], 'f'))
    y = F.swish(x, 1)
    y.grad = np.ones(4, 'f')
    y.backward()
    np.testing.assert_array_equal(y.array, [0, 0, 1e3, x.array[3]])
    np.testing.assert_array_equal(x.grad, [0, 0, 1, 1])


def test_swish_names_wrong_shapes():
    with pytest.raises(ValueError, match=r'swish: .* beta has shape \(2,\), x \(2, 3\)'):
        F.swish(np.zeros((2, 3)), np.zeros(2))


@given(shapes(), st.sampled_from([1., 0.5, 2., -1.]))
def test_elu(shape, alpha):
    check_function(lambda x: F.elu(x, alpha), lambda x: elu(x, alpha), spread(*shape, low=-3, high=3), dtypes=DTYPES)


@given(shapes())
def test_selu(shape):
    check_function(F.selu, lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772), spread(*shape, low=-3, high=3),
                   dtypes=DTYPES)


def test_selu_keeps_mean_and_variance():
    y = F.selu(np.random.standard_normal(200000)).array
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.02


@given(shapes())
def test_gelu(shape):
    check_function(F.gelu, lambda x: x * scipy.stats.norm.cdf(x), uniform(*shape, low=-4, high=4), dtypes=DTYPES)


@pytest.mark.parametrize('dtype, bound', [('f', 3e-7), ('d', 1e-15)])
def test_gelu_over_its_whole_range(dtype, bound):
    x = np.linspace(-12, 12, 9001).astype(dtype)
    wanted = x.astype('d') * scipy.stats.norm.cdf(x.astype('d'))
    np.testing.assert_allclose(F.gelu(x).array, wanted, rtol=bound, atol=4 * bound)
    np.testing.assert_array_equal(F.gelu(np.array([-1e30, -50, 50, 1e30], dtype)).array,
                                  np.array([0, 0, 50, 1e30], dtype))
    assert np.isnan(F.gelu(np.array([np.nan], dtype)).array)


def test_elu_does_not_overflow():
    x = ann.Variable(np.array([-1e4, 1e4], 'f'))
    with np.errstate(all='raise', under='ignore'):
        y = F.elu(x)
        y.grad = np.ones(2, 'f')
        y.backward()
    np.testing.assert_array_equal(y.array, np.array([-1, 1e4], 'f'))
    np.testing.assert_array_equal(x.grad, [0, 1])
