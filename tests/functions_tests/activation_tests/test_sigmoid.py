"""Activations with bounded values: values and gradients."""
import numpy as np
import pytest
import scipy.special
from hypothesis import given

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, shapes, spread, uniform

DTYPES = ('float64', 'float32', 'float16')


@given(shapes())
def test_sigmoid(shape):
    check_function(F.sigmoid, scipy.special.expit, uniform(*shape, low=-5, high=5), dtypes=DTYPES)


@given(shapes())
def test_tanh(shape):
    check_function(F.tanh, np.tanh, uniform(*shape, low=-3, high=3), dtypes=DTYPES)


@given(shapes())
def test_hard_sigmoid(shape):
    check_function(F.hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1), spread(*shape, low=-4, high=4.123),
                   dtypes=DTYPES)


@given(shapes())
def test_step(shape):
    check_function(F.step, lambda x: np.where(x > 0, 1., 0.), spread(*shape), differentiable=False, dtypes=DTYPES)


def test_step_at_zero():
    np.testing.assert_array_equal(F.step(np.array([-1., 0., 1.])).array, [0, 0, 1])


@pytest.mark.parametrize('function, low, high', [(F.sigmoid, 0, 1), (F.tanh, -1, 1), (F.hard_sigmoid, 0, 1)])
def test_large_values_saturate_without_warning(function, low, high):
    x = ann.Variable(np.array([-1e30, -1000, 1000, 1e30], 'f'))
    with np.errstate(all='raise', under='ignore'):
        y = function(x)
        y.grad = np.ones(4, 'f')
        y.backward()
    np.testing.assert_array_equal(y.array, [low, low, high, high])
    np.testing.assert_array_equal(x.grad, np.zeros(4))


def test_not_a_number_stays_one():
    for function in F.sigmoid, F.tanh, F.hard_sigmoid:
        assert np.isnan(function(np.array([np.nan], 'f')).array[0])


@pytest.mark.parametrize('function', [F.sigmoid, F.tanh])
def test_third_derivative(function):
    x = ann.Variable(np.array([0.3, -0.7]))
    y = function(x)
    for _ in range(3):
        y, = ann.grad([y], [x], enable_double_backprop=True)
    eps = 1e-2
    f = {F.sigmoid: scipy.special.expit, F.tanh: np.tanh}[function]
    third = (f(x.array + 2 * eps) - 2 * f(x.array + eps) + 2 * f(x.array - eps) - f(x.array - 2 * eps)) / (2 * eps ** 3)
    np.testing.assert_allclose(y.array, third, rtol=1e-2)
