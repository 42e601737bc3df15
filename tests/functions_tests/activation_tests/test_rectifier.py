"""Piecewise linear rectifiers: values, gradients, random slopes, shapes of parameters."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, shapes, spread, uniform

DTYPES = ('float64', 'float32', 'float16')


@given(shapes())
def test_relu(shape):
    check_function(F.relu, lambda x: np.maximum(x, 0), spread(*shape), dtypes=DTYPES)


@given(shapes(), st.sampled_from([0.5, 20.]))
def test_clipped_relu(shape, z):
    check_function(lambda x: F.clipped_relu(x, z), lambda x: np.clip(x, 0, z), spread(*shape) * 1.01, dtypes=DTYPES)


def test_clipped_relu_has_ceiling_20_by_default():
    np.testing.assert_array_equal(F.clipped_relu(np.array([-1., 19., 21.])).array, [0, 19, 20])


@given(shapes())
def test_relu6(shape):
    check_function(F.relu6, lambda x: np.clip(x, 0, 6), spread(*shape, low=-9, high=9.1), dtypes=DTYPES)


@given(shapes(), st.sampled_from([0.2, 0., 1.5, -0.5]))
def test_leaky_relu(shape, slope):
    check_function(lambda x: F.leaky_relu(x, slope), lambda x: np.where(x >= 0, x, slope * x), spread(*shape),
                   dtypes=DTYPES)


@pytest.mark.parametrize('function, x, slopes', [
    (F.relu, [0., -0.], [0, 0]), (F.leaky_relu, [0., -0., -1., 1., np.nan], [0.2, 0.2, 0.2, 1, 1]),
    (lambda x: F.leaky_relu(x, -0.5), [0., -0.], [-0.5, -0.5]), (lambda x: F.leaky_relu(x, 0.), [0.], [0]),
    (lambda x: F.clipped_relu(x, 3.), [0., 3.], [0, 0]), (lambda x: F.prelu(x[None], np.array(0.1)), [0., -0.], [1, 1]),
    (lambda x: F.elu(x, 2.), [0.], [2]), (F.selu, [0.], [1.6732632423543772 * 1.0507009873554805]),
    (F.hard_sigmoid, [-2.5, 2.5], [0, 0]), (lambda x: F.clip(x, -1., 1.), [-1., 1.], [1, 1]), (F.absolute, [0.], [0]),
    (lambda x: F.maximum(x, np.ones(1)), [1.], [1]), (lambda x: F.minimum(np.ones(1), x), [1.], [0]),
    (lambda x: F.max(x), [1., 1.], [1, 1]), (lambda x: F.maxout(x[None], 2), [1., 1.], [1, 1])])
def test_gradients_where_the_slope_changes(function, x, slopes):
    """There Chainer's values count."""
    x = ann.Variable(np.array(x))
    y = function(x)
    y.grad = np.ones_like(y.array)
    y.backward()
    np.testing.assert_allclose(x.grad, slopes, 1e-15)


@pytest.mark.parametrize('x_shape, W_shape', [((2, 3), ()), ((2, 3), (3,)), ((2, 3, 4, 1), (3,)), ((2, 3, 4), (3, 4)),
                                              ((0, 3), (3,)), ((2, 0, 3), (0,)), ((4,), ())])
def test_prelu(x_shape, W_shape):
    def reference(x, W):
        W = W.reshape(W.shape + (1,) * (x.ndim - 1 - W.ndim))
        return np.where(x >= 0, x, W * x)

    check_function(F.prelu, reference, spread(*x_shape), uniform(*W_shape), dtypes=DTYPES,
                   tolerance={'float16': 5e-2})


def test_prelu_names_wrong_shapes():
    with pytest.raises(ValueError, match=r'prelu: .* W has shape \(4,\), x \(2, 3\)'):
        F.prelu(np.zeros((2, 3)), np.zeros(4))


@given(shapes())
def test_rrelu_with_given_slopes(shape):
    r = uniform(*shape, low=0.1, high=0.3)
    check_function(lambda x: F.rrelu(x, r=x.device.send(r.astype(x.dtype))), lambda x: np.where(x >= 0, x, r * x),
                   spread(*shape))


def test_rrelu_draws_slopes_in_training():
    x = np.full((100, 10), -1, 'f')
    y, r = F.rrelu(x, 0.25, 0.5, return_r=True)
    assert r.dtype == np.float32
    assert r.shape == x.shape
    assert 0.25 <= r.min() < 0.27
    assert 0.48 < r.max() <= 0.5
    np.testing.assert_allclose(y.array, -r)


def test_rrelu_takes_the_mean_slope_at_inference():
    with ann.using_config('train', False):
        y, r = F.rrelu(np.array([-1., 2.]), 0.25, 0.5, return_r=True)
    np.testing.assert_array_equal(r, [0.375, 0.375])
    np.testing.assert_allclose(y.array, [-0.375, 2])


def test_rrelu_names_wrong_shape():
    with pytest.raises(ValueError, match=r'rrelu: r must have the shape of x, \(2,\); it has \(3,\)'):
        F.rrelu(np.zeros(2), r=np.zeros(3))


@pytest.mark.parametrize('axis', [0, 1, -1])
def test_crelu(axis):
    check_function(lambda x: F.crelu(x, axis), lambda x: np.concatenate((np.maximum(x, 0), np.maximum(-x, 0)), axis),
                   spread(2, 3, 1))


@pytest.mark.parametrize('shape, pool_size, axis', [((2, 6), 3, 1), ((2, 4, 3), 2, 1), ((6, 2), 2, 0),
                                                    ((2, 3, 4), 4, -1), ((0, 4), 2, 1)])
def test_maxout(shape, pool_size, axis):
    def reference(x):
        parts = [np.take(x, range(i, x.shape[axis], pool_size), axis) for i in range(pool_size)]
        return np.maximum.reduce(parts)

    check_function(lambda x: F.maxout(x, pool_size, axis), reference, spread(*shape))


def test_maxout_names_wrong_sizes():
    with pytest.raises(ValueError, match=r'maxout: .*multiple of pool_size 2.*\(3, 5\)'):
        F.maxout(np.zeros((3, 5)), 2)
    with pytest.raises(ValueError, match='maxout: axis 2'):
        F.maxout(np.zeros((3, 5)), 2, axis=2)
