"""Normalization functions: values against plain formulas, gradients against numerical ones."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, gradients, uniform


def wide(a, x, axis):
    return a.reshape([1 if i in axis else n for i, n in enumerate(x.shape)])


def plain(x, gamma, beta, eps, axis, mean=None, var=None):
    mean, var = (x.mean(axis), x.var(axis)) if mean is None else (mean, var)
    return (x - wide(mean, x, axis)) / np.sqrt(wide(var, x, axis) + eps) * wide(gamma, x, axis) + wide(beta, x, axis)


@st.composite
def shapes_with_axis(draw):
    shape = draw(array_shapes(min_dims=2, max_dims=4, min_side=2, max_side=4))
    axis = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1).map(sorted).map(tuple))
    return shape, axis, tuple(n for i, n in enumerate(shape) if i not in axis)


@given(case=shapes_with_axis())
def test_batch_normalization(case):
    shape, axis, kept = case
    check_function(lambda x, gamma, beta: F.batch_normalization(x, gamma, beta, eps=0.1, axis=axis),
                   lambda x, gamma, beta: plain(x, gamma, beta, 0.1, axis),
                   uniform(*shape), uniform(*kept, low=0.5, high=2), uniform(*kept))


@given(case=shapes_with_axis())
def test_fixed_batch_normalization(case):
    shape, axis, kept = case
    check_function(lambda x, gamma, beta, mean, var: F.fixed_batch_normalization(x, gamma, beta, mean, var, 0.1, axis),
                   lambda x, gamma, beta, mean, var: plain(x, gamma, beta, 0.1, axis, mean, var),
                   uniform(*shape), *(uniform(*kept, low=0.5, high=2) for _ in range(4)))


def away_from_the_kink(plain, x, *others):
    """`x`, moved a little until no result of the formula is close to zero."""
    while (abs(plain(x, *others)) < 0.01).any():
        x = x + 0.01 * uniform(*x.shape)
    return x


@pytest.mark.parametrize('shape, axis', [((6, 4), None), ((3, 8, 2, 2), None), ((3, 4, 2), (0, 1)), ((5, 2, 3), (0,))])
def test_batch_normalization_with_a_rectifier(shape, axis):
    axes = axis or (0, *range(2, len(shape)))
    kept = tuple(n for i, n in enumerate(shape) if i not in axes)
    parameters = [uniform(*kept, low=0.5, high=2) for _ in range(4)]

    def formula(*arrays):
        return plain(*arrays[:3], 0.1, axes, *arrays[3:])

    for f, count in (F.batch_normalization, 2), (F.fixed_batch_normalization, 4):
        x = away_from_the_kink(formula, uniform(*shape), *parameters[:count])
        check_function(lambda *args, f=f: f(*args, eps=0.1, axis=axis, activation=F.relu),
                       lambda *args: np.maximum(formula(*args), 0), x, *parameters[:count])
        with ann.using_config('use_onednn', 'never'):
            check_function(lambda *args, f=f: f(*args, eps=0.1, axis=axis, activation=F.relu), None, x,
                           *parameters[:count])


@pytest.mark.parametrize('activation', [None, F.relu])
@pytest.mark.parametrize('shape, axis', [((6, 4), None), ((3, 8, 2, 2), None), ((3, 4, 2), (0, 1))])
def test_batch_normalization_with_a_residual(shape, axis, activation):
    axes = axis or (0, *range(2, len(shape)))
    kept = tuple(n for i, n in enumerate(shape) if i not in axes)
    parameters = [uniform(*kept, low=0.5, high=2) for _ in range(4)]

    def formula(residual, *arrays):
        return plain(*arrays[:3], 0.1, axes, *arrays[3:]) + residual

    for f, count in (F.batch_normalization, 2), (F.fixed_batch_normalization, 4):
        x = uniform(*shape)
        residual = away_from_the_kink(formula, uniform(*shape), x, *parameters[:count])
        check_function(lambda residual, *args, f=f: f(*args, eps=0.1, axis=axis, residual=residual,
                                                      activation=activation),
                       lambda *args: np.maximum(formula(*args), 0) if activation else formula(*args),
                       residual, x, *parameters[:count])
        with pytest.raises(ValueError, match=rf'^{f.__name__}: expected residual of the shape of x'):
            f(x, *parameters[:count], axis=axis, residual=residual[1:])


@pytest.mark.parametrize('f', [F.batch_normalization, F.fixed_batch_normalization])
def test_activations_of_batch_normalization(f):
    statistics = [np.ones(2)] * (4 if f is F.fixed_batch_normalization else 2)
    for wrong in F.sigmoid, 'relu', True:
        with pytest.raises(ValueError, match=rf'^{f.__name__}: expected activation None or functions.relu'):
            f(np.ones((3, 2)), *statistics, activation=wrong)


def test_a_gradient_survives_the_change_of_kernels():
    """What a back end kept for itself is given to no other."""
    x = ann.Variable(uniform(4, 8, 3, 3).astype('f'))
    one, zero = np.ones(8, 'f'), np.zeros(8, 'f')
    gradients = []
    for use in 'auto', 'never':
        y = F.batch_normalization(x, one, zero, activation=F.relu)
        with ann.using_config('use_onednn', use):
            gradients.append(ann.grad([y], [x], [ann.Variable(np.arange(x.size, dtype='f').reshape(x.shape))])[0].array)
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize('shape, kept, axis', [((6, 4), (4,), (0,)), ((6, 4, 3), (4,), (0, 2)),
                                               ((5, 3, 2, 4), (3,), (0, 2, 3)), ((5, 3, 2, 4), (3, 2), (0, 3))])
def test_default_axes(shape, kept, axis):
    x, gamma, beta, mean, var = uniform(*shape), *(uniform(*kept, low=0.5, high=2) for _ in range(4))
    np.testing.assert_allclose(F.batch_normalization(x, gamma, beta).array, plain(x, gamma, beta, 2e-5, axis))
    np.testing.assert_allclose(F.fixed_batch_normalization(x, gamma, beta, mean, var).array,
                               plain(x, gamma, beta, 2e-5, axis, mean, var))


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_running_statistics(dtype):
    x = uniform(7, 3, 5).astype(dtype)
    one, zero = np.ones(3, dtype), np.zeros(3, dtype)
    mean, var = uniform(3).astype(dtype), uniform(3, low=0.5, high=1).astype(dtype)
    expected_mean = 0.8 * mean + 0.2 * x.mean((0, 2))
    expected_var = 0.8 * var + 0.2 * x.var((0, 2), ddof=1)
    F.batch_normalization(x, one, zero, running_mean=mean, running_var=var, decay=0.8)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-5)
    np.testing.assert_allclose(var, expected_var, rtol=1e-5)
    assert mean.dtype == var.dtype == dtype


def test_running_statistics_of_odd_batches():
    """One value has no unbiased variance, and none has no mean: what is there stays finite."""
    one, zero = np.ones(2), np.zeros(2)
    mean, var = np.full(2, 0.5), np.full(2, 0.25)
    assert F.batch_normalization(np.zeros((0, 2)), one, zero, running_mean=mean, running_var=var).shape == (0, 2)
    np.testing.assert_array_equal([mean, var], [[0.5] * 2, [0.25] * 2])
    F.batch_normalization(np.ones((1, 2)), one, zero, running_mean=mean, running_var=var)
    np.testing.assert_allclose([mean, var], [[0.55] * 2, [0.225] * 2])


def test_half_precision_of_batch_normalization():
    x, gamma, beta = uniform(8, 3, 4), uniform(3, low=0.5, high=2), uniform(3)
    check_function(lambda x, gamma, beta: F.batch_normalization(x, gamma, beta, 1e-3),
                   lambda x, gamma, beta: plain(x, gamma, beta, 1e-3, (0, 2)), x, gamma, beta, dtypes=['float16'],
                   double=False)
    y = F.batch_normalization(x.astype('e'), gamma.astype('f'), beta.astype('f'))
    assert y.dtype == 'float16'


def test_gradient_of_an_input_that_is_its_own_gradient():
    """One Variable in two roles: the gradients of gradients are not counted twice."""
    x = ann.Variable(uniform(5, 2))
    gamma, beta = ann.Variable(np.ones(2)), ann.Variable(np.zeros(2))

    def second(x, gy):
        gx, = ann.grad([F.batch_normalization(x, gamma, beta, 0.1)], [x], [gy], enable_double_backprop=True)
        return F.sum(gx * gx)

    apart = ann.grad([second(x, ann.Variable(x.array.copy()))], [x])[0].array
    other = ann.Variable(x.array.copy())
    apart = apart + ann.grad([second(ann.Variable(x.array), other)], [other])[0].array
    np.testing.assert_allclose(ann.grad([second(x, x)], [x])[0].array, apart)


@given(n=st.integers(0, 3), d=st.integers(2, 5))
def test_layer_normalization(n, d):
    check_function(lambda x, gamma, beta: F.layer_normalization(x, gamma, beta, 0.1),
                   lambda x, gamma, beta: ((x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 0.1)
                                           * gamma + beta),
                   uniform(n, d), uniform(d), uniform(d))


@pytest.mark.parametrize('shape, groups', [((3, 4), 2), ((2, 6, 3), 3), ((2, 4, 3, 2), 1), ((2, 4, 3, 2), 4),
                                           ((0, 4, 2), 2)])
def test_group_normalization(shape, groups):
    def reference(x, gamma, beta):
        parts = x.reshape(shape[0], groups, shape[1] // groups, *shape[2:])
        axes = tuple(range(2, parts.ndim))
        parts = (parts - parts.mean(axes, keepdims=True)) / np.sqrt(parts.var(axes, keepdims=True) + 0.1)
        column = (-1, *[1] * (len(shape) - 2))
        return parts.reshape(shape) * gamma.reshape(column) + beta.reshape(column)

    check_function(lambda x, gamma, beta: F.group_normalization(x, groups, gamma, beta, 0.1), reference,
                   uniform(*shape), uniform(shape[1]), uniform(shape[1]))


@given(case=shapes_with_axis())
def test_normalize(case):
    shape, axis, _ = case
    check_function(lambda x: F.normalize(x, 0.1, axis),
                   lambda x: x / (np.sqrt((x * x).sum(axis, keepdims=True)) + 0.1), uniform(*shape))


def test_normalize_at_zero():
    """The norm has no derivative there; the limit of the quotient has one."""
    x = ann.Variable(np.zeros((2, 3), 'f'))
    y = F.normalize(x, eps=0.5)
    gx, = ann.grad([y], [x], [np.ones((2, 3), 'f')])
    np.testing.assert_array_equal(y.array, 0)
    np.testing.assert_allclose(gx.array, 2)


def test_normalization_is_the_same_as_in_torch():
    torch = pytest.importorskip('torch')
    functional = torch.nn.functional
    x, gamma, beta = uniform(4, 6, 3, 2), uniform(6), uniform(6)
    row, row_gamma, row_beta = uniform(4, 5), uniform(5), uniform(5)
    for ours, theirs, arrays in (
            (lambda x, g, b: F.batch_normalization(x, g, b, 1e-3),
             lambda x, g, b: functional.batch_norm(x, None, None, g, b, True, eps=1e-3), (x, gamma, beta)),
            (lambda x, g, b: F.layer_normalization(x, g, b, 1e-3),
             lambda x, g, b: functional.layer_norm(x, (5,), g, b, 1e-3), (row, row_gamma, row_beta)),
            (lambda x, g, b: F.group_normalization(x, 3, g, b, 1e-3),
             lambda x, g, b: functional.group_norm(x, 3, g, b, 1e-3), (x, gamma, beta)),
            (lambda x: F.local_response_normalization(x, 5, 2, 0.1),
             lambda x: functional.local_response_norm(x, 5, 0.5, 0.75, 2), (x,))):
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        expected = theirs(*tensors)
        gy = np.random.normal(size=expected.shape)
        expected.backward(torch.tensor(gy))
        np.testing.assert_allclose(ours(*arrays).array, expected.detach().numpy(), atol=1e-10)
        for g, tensor in zip(gradients(lambda *xs, f=ours: (f(*xs),), arrays, [gy], None), tensors):
            np.testing.assert_allclose(g, tensor.grad.numpy(), atol=1e-10)


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.batch_normalization(np.ones((5, 3)), np.ones(4), np.ones(4)), ValueError,
     r'batch_normalization: expected gamma of shape \(3,\), that of x \(5, 3\) without the axes \(0,\), got \(4,\)'),
    (lambda: F.batch_normalization(np.ones((5, 3)), np.ones(3), np.ones(4)), ValueError, 'expected beta'),
    (lambda: F.batch_normalization(np.ones((5, 3)), np.ones(3), np.ones(3), running_var=np.ones(2)), ValueError,
     'expected running_var'),
    (lambda: F.batch_normalization(np.ones((5, 3), int), np.ones(3), np.ones(3)), TypeError, 'got int64'),
    (lambda: F.batch_normalization(np.ones((5, 3)), np.ones(3), np.ones(3), axis=2), ValueError, 'axis 2'),
    (lambda: F.fixed_batch_normalization(np.ones((5, 3)), *[np.ones(3)] * 3, np.ones(2)), ValueError, 'expected var'),
    (lambda: F.layer_normalization(np.ones((2, 3, 4)), np.ones(4), np.ones(4)), ValueError, 'x with 2 axes'),
    (lambda: F.layer_normalization(np.ones((2, 3)), np.ones(3), np.ones(4)), ValueError, 'expected beta'),
    (lambda: F.group_normalization(np.ones((2, 6)), 4, np.ones(6), np.ones(6)), ValueError, 'multiple of groups 4'),
    (lambda: F.group_normalization(np.ones((2, 6)), 2, np.ones(5), np.ones(6)), ValueError, r'of shape \(6,\)'),
])
def test_errors_of_normalization(call, error, message):
    with pytest.raises(error, match=message):
        call()
