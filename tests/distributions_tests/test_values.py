"""Densities, sums, quantiles and moments of every distribution, against SciPy."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function
from support.distributions import CASES, OF_NUMBERS, REFERENCES, has, made, share


@pytest.mark.parametrize('name, quantity', [(name, q) for name in CASES for q in REFERENCES if has(name, q)])
def test_values_and_gradients(name, quantity):
    """With respect to parameters and points, of first and second order."""
    case = CASES[name]
    n = len(case.params)
    points = [] if quantity in ('mean', 'variance', 'stddev', 'entropy', 'covariance') else [
        share(4, 2, 3) if quantity == 'icdf' else case.x]
    if quantity == 'log_survival_function' and name.startswith('Bernoulli'):
        points = [case.x * 0]  # beyond 1 there is nothing

    def function(*args):
        y = getattr(case.make(*args[:n]), quantity)
        return y(*args[n:]) if points else y

    def reference(*args):
        return REFERENCES[quantity](case.reference(*args[:n]), *args[n:])

    check_function(function, reference, *case.params, *points, eps=1e-4, atol=1e-4, rtol=1e-4,
                   tolerance={'bfloat16': 0.15, 'float32': 1e-3})


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision(name, dtype):
    """One rounding is all that lies between a result and that in single precision of the same parameters."""
    def results(compute_dtype):
        """Those of parameters that both types represent."""
        d = case.make(*[p.astype(dtype).astype(compute_dtype) for p in case.params])
        points = case.x if case.x.dtype.kind == 'i' else case.x.astype(dtype).astype(compute_dtype)
        other = case.make(*[p[::-1].astype(dtype).astype(compute_dtype) for p in case.params])
        for quantity in REFERENCES:
            if has(name, quantity):
                y = getattr(d, quantity)
                y = y if isinstance(y, Variable) else y(share if quantity == 'icdf' else points)
                assert y.dtype == compute_dtype
                yield y.array.astype('f')
        if (type(d), type(d)) in ann.distribution._DIVERGENCES:
            yield ann.kl_divergence(d, other).array.astype('f')

    case = CASES[name]
    dtype = ann.dtypes.as_dtype(dtype)
    share = 0.25
    epsilon = float(np.finfo('f').eps) * 2 ** (13 if dtype == np.float16 else 16)
    with np.errstate(over='ignore'):
        for actual, expected in zip(results(dtype), results(np.dtype('f')), strict=True):
            np.testing.assert_allclose(actual, expected.astype(dtype).astype('f'), rtol=epsilon, atol=1e-6)


@pytest.mark.parametrize('name', [name for name in OF_NUMBERS if CASES[name].outside])
def test_out_of_the_support(name):
    case = CASES[name]
    parameters = [Variable(p) for p in case.params]
    d, reference = case.make(*parameters), case.reference(*case.params)
    for x in case.outside:
        np.testing.assert_array_equal(d.log_prob(x).array, np.full((2, 3), -np.inf))
        np.testing.assert_array_equal(d.prob(x).array, np.zeros((2, 3)))
        if has(name, 'cdf'):
            np.testing.assert_allclose(d.cdf(x).array, reference.cdf(np.full((2, 3), x)))
            np.testing.assert_allclose(d.survival_function(x).array, reference.sf(np.full((2, 3), x)))
    # What is out of it has no gradient, not even one that is NaN.
    x = Variable(np.stack([np.full((2, 3), case.outside[0], float), case.x[0]]))
    F.sum(F.where(d.log_prob(x) > -np.inf, d.log_prob(x), 0)).backward()
    assert all(p.grad is None or np.isfinite(p.grad).all() for p in parameters)
    assert x.grad is None or (np.isfinite(x.grad).all() and not x.grad[0].any())


TAILS = [(name, x) for name, x in [
    ('Normal', [-30, 30]), ('Laplace', [-500, 500]), ('Cauchy', [-1e8, 1e8]), ('Gumbel', [-3, 30]),
    ('Exponential', [1e-10, 50]), ('LogNormal', [1e-8, 1e8]), ('Pareto', [3.1, 1e6]), ('Geometric', [1, 60])]]


@pytest.mark.parametrize('name, points', TAILS)
def test_tails(name, points):
    """Small probabilities are not differences of large ones."""
    d, reference = made(name), CASES[name].reference(*CASES[name].params)
    low, high = (np.full((2, 3), x) for x in points)
    np.testing.assert_allclose(d.log_cdf(low).array, reference.logcdf(low), rtol=1e-9)
    np.testing.assert_allclose(d.cdf(low).array, reference.cdf(low), rtol=1e-9)
    np.testing.assert_allclose(d.log_survival_function(high).array, reference.logsf(high), rtol=1e-9)
    np.testing.assert_allclose(d.survival_function(high).array, reference.sf(high), rtol=1e-9)


@pytest.mark.parametrize('name', [name for name in OF_NUMBERS if has(name, 'icdf')])
def test_quantiles_are_the_inverse(name):
    p = np.append(np.logspace(-12, -1, 12), [0.3, 0.5, 0.7, 0.99])[:, None, None]
    d = made(name)
    np.testing.assert_allclose(d.cdf(d.icdf(p)).array, np.broadcast_to(p, (16, 2, 3)), rtol=1e-9, atol=1e-15)
    parameter = Variable(np.array([0.5]))
    d.icdf(parameter)[0, 0].backward()
    np.testing.assert_allclose(parameter.grad, 1 / d.prob(d.icdf(0.5)).array[0, 0])
