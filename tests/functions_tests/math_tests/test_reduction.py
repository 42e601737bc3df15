"""Sums, products, extrema and the like along axes."""
import itertools

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function, shapes, spread, uniform

REDUCTIONS = [(F.sum, np.sum), (F.mean, np.mean), (F.average, np.mean), (F.prod, np.prod), (F.max, np.max),
              (F.min, np.min), (F.var, np.var), (F.std, np.std)]
NAMES = [f'{f.__name__}{i}' for i, (f, _) in enumerate(REDUCTIONS)]


def every_axis(ndim):
    """All arguments `axis` for an array: None, each axis from both ends, each set of axes."""
    yield None
    yield from range(-ndim, ndim)
    for n in range(2, ndim + 1):
        yield from itertools.combinations(range(ndim), n)


@pytest.mark.parametrize('f, reference', REDUCTIONS, ids=NAMES)
@pytest.mark.parametrize('keepdims', [False, True])
def test_every_axis(f, reference, keepdims):
    x = spread(2, 3, 4, low=-2, high=2)
    for axis in every_axis(3):
        check_function(lambda x: f(x, axis=axis, keepdims=keepdims),
                       lambda x: reference(x, axis=axis, keepdims=keepdims), x, eps=1e-4,
                       tolerance={'float32': 1e-3})
    check_function(lambda x: f(x, axis=(-1, 0), keepdims=keepdims),
                   lambda x: reference(x, axis=(-1, 0), keepdims=keepdims), x, eps=1e-4, tolerance={'float32': 1e-3})


@pytest.mark.parametrize('f, reference', REDUCTIONS, ids=NAMES)
def test_no_axes_and_half_precision(f, reference):
    if f is not F.std:  # whose derivative is infinite where there is no deviation
        check_function(f, reference, uniform())
        check_function(lambda x: f(x, axis=()), lambda x: reference(x, axis=()), uniform(2, 3))
    check_function(lambda x: f(x, axis=0), lambda x: reference(x, axis=0), spread(3, 2, low=1, high=3),
                   dtypes=('float64', 'float32', 'float16'), tolerance={'float16': 5e-2})


@pytest.mark.parametrize('f, reference', [(F.sum, np.sum), (F.prod, np.prod)])
def test_empty(f, reference):
    for axis in None, 0, 1:
        check_function(lambda x: f(x, axis=axis), lambda x: reference(x, axis=axis), uniform(0, 3))
    check_function(lambda x: F.mean(x, axis=1), lambda x: np.mean(x, axis=1), uniform(0, 3))
    check_function(lambda x: F.max(x, axis=1), lambda x: np.max(x, axis=1), uniform(0, 3))


@given(shapes(min_dims=1, min_side=1), st.data())
def test_shapes_and_axes(shape, data):
    axis = data.draw(st.sampled_from(list(every_axis(len(shape)))))
    f, reference = data.draw(st.sampled_from(REDUCTIONS[:7]))
    check_function(lambda x: f(x, axis), lambda x: reference(x, axis=axis), spread(*shape), eps=1e-4)


@given(shapes(min_side=1), st.data())
def test_logsumexp(shape, data):
    axis = data.draw(st.sampled_from(list(every_axis(len(shape)))))
    check_function(lambda x: F.logsumexp(x, axis), lambda x: scipy.special.logsumexp(x, axis=axis),
                   uniform(*shape, low=-3, high=3))


def test_logsumexp_far_out():
    x = np.array([[1000., 1001.], [-1000., -1000.], [-np.inf, 3.], [-np.inf, -np.inf], [np.inf, 0.]])
    np.testing.assert_allclose(F.logsumexp(x, 1).array, scipy.special.logsumexp(x, axis=1))


@pytest.mark.parametrize('ddof', [0, 1])
def test_var_and_std(ddof):
    x = uniform(4, 3)
    for axis in None, 0, (0, 1):
        check_function(lambda x: F.var(x, axis, ddof), lambda x: np.var(x, axis=axis, ddof=ddof), x)
        check_function(lambda x: F.std(x, axis, ddof, True),
                       lambda x: np.std(x, axis=axis, ddof=ddof, keepdims=True), x)


def test_weighted_average():
    x = uniform(2, 3, 4)
    for axis, shape in [(None, (2, 3, 4)), (1, (3,)), (-1, (4,)), ((0, 2), (2, 4)), (1, (2, 3, 4)), ((2, 0), (4, 2))]:
        w = uniform(*shape, low=0.5, high=2)

        def reference(x, w, axis=axis):
            if isinstance(axis, tuple) and axis[0] > axis[1]:
                axis, w = axis[::-1], w.T
            if isinstance(axis, tuple):
                return (x * w[:, None]).sum(axis) / w.sum()
            return np.average(x, axis, w)

        check_function(lambda x, w, axis=axis: F.average(x, axis, w), reference, x, w)
    check_function(lambda x, w: F.average(x, 1, w, keepdims=True),
                   lambda x, w: np.average(x, 1, w, keepdims=True), x, uniform(3, low=0.5, high=2))
    with pytest.raises(ValueError, match=r'average: expected weights of shape \(3,\).* got \(4,\)'):
        F.average(x, 1, np.ones(4))


@pytest.mark.parametrize('zeros', [0, 1, 2, 4])
def test_products_with_zeros(zeros):
    x = uniform(2, 4, low=0.5, high=2)
    x[0, :zeros] = 0
    for axis in None, 0, 1, (0, 1):
        check_function(lambda x: F.prod(x, axis), lambda x: np.prod(x, axis=axis), x)
    for axis in None, 0, 1:
        check_function(lambda x: F.cumprod(x, axis), lambda x: np.cumprod(x, axis=axis), x)


@given(shapes(min_dims=1), st.data())
def test_running(shape, data):
    axis = data.draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    check_function(lambda x: F.cumsum(x, axis), lambda x: np.cumsum(x, axis=axis), uniform(*shape))
    check_function(lambda x: F.cumprod(x, axis), lambda x: np.cumprod(x, axis=axis), uniform(*shape, low=0.5, high=2))


def test_third_derivative_of_a_product_with_zero():
    """The gradient of the gradient of the gradient: d³(xyz)/dx dy dz = 1."""
    from autograd_nn import grad
    x = Variable(np.array([0., 2., 3.]))
    g, = grad([F.prod(x)], [x], enable_double_backprop=True)
    g, = grad([g[0]], [x], enable_double_backprop=True)
    g, = grad([g[1]], [x])
    assert g.array.tolist() == [0, 0, 1]


@pytest.mark.parametrize('f, reference', [(F.argmax, np.argmax), (F.argmin, np.argmin)])
def test_positions(f, reference):
    for axis in None, 0, 1, -1:
        check_function(lambda x: f(x, axis), lambda x: reference(x, axis=axis), spread(3, 4), differentiable=False)
    assert f(np.array([2, 2, 2])).array == 0


def test_ties_of_max():
    x = Variable(np.array([1., 3., 3.]))
    F.max(x).backward()
    assert x.grad.tolist() == [0, 1, 1]


@pytest.mark.parametrize('shape', [(3, 4), (2, 3, 2), (0, 3), (2, 0)])
def test_batch_l2_norm_squared(shape):
    check_function(F.batch_l2_norm_squared, lambda x: (x ** 2).reshape(len(x), -1).sum(1) if x.size else
                   np.zeros(len(x)), uniform(*shape))


def test_methods():
    x = uniform(2, 3)
    for name in 'sum', 'mean', 'max', 'min':
        for kwargs in {}, {'axis': 0}, {'axis': (0, 1), 'keepdims': True}:
            np.testing.assert_allclose(getattr(Variable(x), name)(**kwargs).array, getattr(x, name)(**kwargs))


def test_integers():
    n = np.array([[1, 2], [3, 4]])
    assert F.sum(n).array == 10
    assert F.max(n, 0).array.tolist() == [3, 4]
    assert F.mean(n).array == 2.5


@pytest.mark.parametrize('call, error, message', [
    (lambda x: F.sum(x, 2), ValueError, r'sum: axis 2 is out of range for x of shape \(2, 3\)'),
    (lambda x: F.sum(x, (0, -2)), ValueError, r'sum: axis \(0, -2\) names an axis of x of shape \(2, 3\) twice'),
    (lambda x: F.mean(x, 1.0), TypeError, r'average: axis must be an integer, got 1.0'),
    (lambda x: F.max(x[:0], 0), ValueError, r'max: x of shape \(0, 3\) has no elements along axis 0'),
    (lambda x: F.argmin(x[:0]), ValueError, r'argmin: x of shape \(0, 3\) has no elements'),
    (lambda x: F.logsumexp(x[:0]), ValueError, r'logsumexp: x of shape \(0, 3\) has no elements'),
    (lambda x: F.batch_l2_norm_squared(x[0]), ValueError, r'expected x of shape \(N, ...\), got \(3,\)'),
    (lambda x: F.cumsum(x, 2), ValueError, r'cumsum: axis 2 is out of range'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((2, 3)))
