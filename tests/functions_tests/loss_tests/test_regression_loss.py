"""Losses of regression: values and gradients."""
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from support.checking import check_function, shapes, spread, uniform

DTYPES = ('float64', 'float32', 'float16')


@given(shapes(min_side=1))
def test_mean_squared_error(shape):
    check_function(F.mean_squared_error, lambda x0, x1: ((x0 - x1) ** 2).mean(), uniform(*shape), uniform(*shape),
                   dtypes=DTYPES)


def test_mean_squared_error_of_many_float16():
    x = np.full(70000, 2, 'float16')
    assert F.mean_squared_error(x, np.zeros_like(x)).array == 4


def test_mean_squared_error_of_nothing_is_no_number():
    with np.errstate(invalid='ignore'):
        assert np.isnan(F.mean_squared_error(np.zeros((0, 3)), np.zeros((0, 3))).array)


@given(shapes(min_side=1))
def test_mean_absolute_error(shape):
    x = uniform(*shape)
    check_function(F.mean_absolute_error, lambda x0, x1: abs(x0 - x1).mean(), x + spread(*shape), x, dtypes=DTYPES)


@given(shapes())
def test_squared_error(shape):
    check_function(F.squared_error, lambda x0, x1: (x0 - x1) ** 2, uniform(*shape), uniform(*shape))


@given(shapes())
def test_absolute_error(shape):
    x = uniform(*shape)
    check_function(F.absolute_error, lambda x0, x1: abs(x0 - x1), x + spread(*shape), x)


@given(shapes(min_dims=2), st.sampled_from([0.3, 0.71]), st.sampled_from(['sum_along_second_axis', 'no']))
def test_huber_loss(shape, delta, reduce):
    t = uniform(*shape)
    # No difference is close to delta, where the slope has a kink.
    difference = np.random.choice([-0.9, -0.5, -0.1, 0.1, 0.5, 0.9], shape) + 0.05 * uniform(*shape)

    def reference(x, t):
        loss = scipy.special.huber(delta, x - t)
        return loss if reduce == 'no' else loss.sum(1)

    check_function(lambda x, t: F.huber_loss(x, t, delta, reduce), reference, t + difference, t)


@pytest.mark.parametrize('function', [F.mean_squared_error, F.mean_absolute_error, F.squared_error, F.absolute_error])
def test_shapes_must_agree(function):
    with pytest.raises(ValueError, match=function.__name__ + r': .* x0 \(2, 3\), x1 \(2, 1\)'):
        function(np.zeros((2, 3)), np.zeros((2, 1)))


def test_huber_loss_names_mistakes():
    with pytest.raises(ValueError, match=r'huber_loss: .* x \(2, 3\), t \(3,\)'):
        F.huber_loss(np.zeros((2, 3)), np.zeros(3), 1.0)
    with pytest.raises(ValueError, match=r'huber_loss: x of shape \(3,\) has no second axis'):
        F.huber_loss(np.zeros(3), np.zeros(3), 1.0)
    with pytest.raises(ValueError, match='huber_loss: reduce'):
        F.huber_loss(np.zeros((2, 3)), np.zeros((2, 3)), 1.0, reduce='mean')
