"""Batch renormalization: the correction against plain formulas, what it does to gradients and running statistics."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, uniform


def plain(x, gamma, beta, rmax, dmax, eps, mean, var):
    axis = (0, *range(gamma.ndim + 1, x.ndim))

    def wide(a):
        return a.reshape([1 if i in axis else n for i, n in enumerate(x.shape)])

    std, running_std = np.sqrt(x.var(axis) + eps), np.sqrt(var + eps)
    r = np.clip(std / running_std, 1 / rmax, rmax)
    d = np.clip((x.mean(axis) - mean) / running_std, -dmax, dmax)
    return ((x - wide(x.mean(axis))) / wide(std) * wide(r) + wide(d)) * wide(gamma) + wide(beta)


# The inputs are from -1 to 1. Some statistics are so far off that the corrections are at their limits, where small
# changes of the input leave them; a correction that follows the input cannot be seen in numerical gradients.
CASES = {
    'no correction': ((7, 3), (3,), 1, 0, 0, 1), 'scale up': ((7, 3), (3,), 2, 0, 0, 1e-4),
    'scale down': ((7, 3, 4), (3,), 1.5, 0, 0, 100), 'shift': ((5, 3, 2, 2), (3,), 1, 0.3, -9, 1),
    'both': ((5, 3, 4), (3, 4), 3, 0.5, 9, 1e-4),
}


@pytest.mark.parametrize('shape, kept, rmax, dmax, mean, var', CASES.values(), ids=CASES)
def test_values_and_gradients(shape, kept, rmax, dmax, mean, var):
    mean, var = np.full(kept, float(mean)), np.full(kept, float(var))

    def call(x, gamma, beta):
        running = [ann.get_array_module(x.array).asarray(a, x.dtype) for a in (mean, var)]
        return F.batch_renormalization(x, gamma, beta, rmax, dmax, 1e-3, *running)

    check_function(call, lambda *xs: plain(*xs, rmax, dmax, 1e-3, mean, var), uniform(*shape),
                   uniform(*kept, low=0.5, high=2), uniform(*kept))


def test_corrections_between_their_limits():
    """They are constants for the gradient: that of batch normalization with another scale and shift."""
    x, gamma, beta, gy = uniform(6, 3, 4), uniform(3), uniform(3), uniform(6, 3, 4)
    mean, var = x.mean((0, 2)) + 0.1, x.var((0, 2)) * 1.5
    std, running_std = np.sqrt(x.var((0, 2)) + 2e-5), np.sqrt(var + 2e-5)
    r, d = std / running_std, (x.mean((0, 2)) - mean) / running_std
    variables = [ann.Variable(a) for a in (x, gamma, beta)]
    y = F.batch_renormalization(*variables, 3, 5, running_mean=mean, running_var=var)
    fixed = F.fixed_batch_normalization(x, gamma, beta, mean, var)
    np.testing.assert_allclose(y.array, fixed.array, err_msg='what inference computes')
    others = [ann.Variable(a) for a in (x, gamma, beta)]
    expected = F.batch_normalization(others[0], others[1] * r, others[2] + others[1] * d)
    for actual, wanted in zip(ann.grad([y], variables, [gy]), ann.grad([expected], others, [gy])):
        np.testing.assert_allclose(actual.array, wanted.array, atol=1e-12)


def test_fused_with_what_follows():
    x, gamma, beta, other = uniform(6, 3, 4), uniform(3), uniform(3), uniform(6, 3, 4)
    arguments = x, gamma, beta, 2, 1, 2e-5, np.full(3, 0.2), np.full(3, 0.1)
    y = F.batch_renormalization(*arguments)
    np.testing.assert_allclose(F.batch_renormalization(*arguments, residual=other, activation=F.relu).array,
                               F.relu(y + other).array, atol=1e-12)


@pytest.mark.parametrize('dtype', ['d', 'f', 'e'])
def test_running_statistics(dtype):
    x, one, zero = uniform(5, 3, 4).astype(dtype), np.ones(3, dtype), np.zeros(3, dtype)
    before = uniform(3).astype('f'), uniform(3, low=0.5, high=1).astype('f')
    mean, var = (a.copy() for a in before)
    y = F.batch_renormalization(x, one, zero, 2, 1, running_mean=mean, running_var=var)
    assert y.dtype == dtype
    np.testing.assert_array_equal([mean, var], before)
    again = F.batch_renormalization(x, one, zero, 2, 1, 2e-5, mean, var, 0.8, update_statistics=True)
    np.testing.assert_array_equal(again.array, y.array, 'they move after they were used')
    wide = x.astype('d')
    np.testing.assert_allclose(mean, 0.8 * before[0] + 0.2 * wide.mean((0, 2)), rtol=1e-3)
    np.testing.assert_allclose(var, 0.8 * before[1] + 0.2 * wide.var((0, 2), ddof=1), rtol=1e-3)


def test_computed_a_second_time():
    """As if it had been kept: with the statistics of the first time, though they have moved since."""
    x, mean, var = uniform(5, 3), np.full(3, 0.1), np.full(3, 0.5)
    results = []
    for forget in False, True:
        statistics = mean.copy(), var.copy()

        def call(x, statistics=statistics):
            y = F.batch_renormalization(x, np.ones(3), np.zeros(3), 2, 1, 2e-5, *statistics, 0.1, True)
            return F.batch_renormalization(y * 2, np.ones(3), np.zeros(3), 2, 1, 2e-5, *statistics, 0.1, True)

        v = ann.Variable(x)
        y = F.forget(call, v) if forget else call(v)
        F.sum(y ** 3).backward()
        results.append([y.array, v.grad, *statistics])
    for expected, actual in zip(*results):
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def test_no_samples():
    mean, var = np.full(2, 0.5), np.full(2, 0.25)
    x, gamma = ann.Variable(np.zeros((0, 2))), ann.Variable(np.ones(2))
    y = F.batch_renormalization(x, gamma, np.zeros(2), 2, 1, 2e-5, mean, var, 0.9, True)
    F.sum(y).backward()
    assert y.shape == x.grad.shape == (0, 2)
    np.testing.assert_array_equal([gamma.grad, mean, var], [[0, 0], [0.5, 0.5], [0.25, 0.25]])


def test_fixed():
    arrays = [uniform(5, 3), *(uniform(3, low=0.5, high=2) for _ in range(4))]
    with pytest.warns(DeprecationWarning, match='use fixed_batch_normalization'):
        check_function(lambda *xs: F.fixed_batch_renormalization(*xs, 0.1),
                       lambda x, gamma, beta, mean, var: (x - mean) / np.sqrt(var + 0.1) * gamma + beta, *arrays)


@pytest.mark.parametrize('change, error, message', [
    ({'running_mean': None}, TypeError, 'running_mean and running_var are required'),
    ({'running_var': None}, TypeError, 'running_mean and running_var are required'),
    ({'running_var': np.ones(2)}, ValueError, r'expected running_var of shape \(3,\), .* got \(2,\)'),
    ({'gamma': np.ones(4)}, ValueError, r'expected gamma of shape \(3,\)'),
    ({'rmax': 0.5}, ValueError, 'rmax of at least 1 and dmax of at least 0, got 0.5 and 1'),
    ({'dmax': -1}, ValueError, 'got 2 and -1'),
    ({'x': np.ones((5, 3), int)}, TypeError, 'got int64'),
])
def test_errors(change, error, message):
    arguments = {'x': np.ones((5, 3)), 'gamma': np.ones(3), 'beta': np.zeros(3), 'rmax': 2, 'dmax': 1,
                 'running_mean': np.zeros(3), 'running_var': np.ones(3)}
    with pytest.raises(error, match=f'batch_renormalization: .*{message}'):
        F.batch_renormalization(**{**arguments, **change})
