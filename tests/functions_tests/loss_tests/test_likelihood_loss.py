"""Likelihoods and divergences of variational autoencoders: values and gradients."""
import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from support.checking import check_function, shapes, uniform

REDUCTIONS = {'sum': np.sum, 'mean': np.mean, 'no': lambda loss: loss}


@given(shapes(min_side=1), st.sampled_from(list(REDUCTIONS)))
def test_gaussian_kl_divergence(shape, reduce):
    def reference(mean, ln_var):
        return REDUCTIONS[reduce](0.5 * (mean ** 2 + np.exp(ln_var) - ln_var - 1))

    check_function(lambda mean, ln_var: F.gaussian_kl_divergence(mean, ln_var, reduce), reference,
                   uniform(*shape), uniform(*shape))


def test_gaussian_kl_divergence_by_integration():
    mean, ln_var = 0.4, -0.8
    x = np.linspace(-12, 12, 20001)
    p, q = scipy.stats.norm(mean, np.exp(ln_var / 2)), scipy.stats.norm()
    integral = np.sum(p.pdf(x) * (p.logpdf(x) - q.logpdf(x))) * (x[1] - x[0])
    np.testing.assert_allclose(F.gaussian_kl_divergence(np.array([mean]), np.array([ln_var])).array, integral)


@given(shapes(min_side=1), st.sampled_from(list(REDUCTIONS)))
def test_bernoulli_nll(shape, reduce):
    def reference(x, y):
        return REDUCTIONS[reduce](-(x * scipy.special.log_expit(y) + (1 - x) * scipy.special.log_expit(-y)))

    check_function(lambda x, y: F.bernoulli_nll(x, y, reduce), reference, uniform(*shape, low=0),
                   uniform(*shape, low=-3, high=3))


@given(shapes(min_side=1), st.sampled_from(list(REDUCTIONS)))
def test_gaussian_nll(shape, reduce):
    def reference(x, mean, ln_var):
        return REDUCTIONS[reduce](-scipy.stats.norm.logpdf(x, mean, np.exp(ln_var / 2)))

    check_function(lambda x, mean, ln_var: F.gaussian_nll(x, mean, ln_var, reduce), reference,
                   uniform(*shape), uniform(*shape), uniform(*shape))


@pytest.mark.parametrize('function, count', [(F.gaussian_kl_divergence, 2), (F.bernoulli_nll, 2), (F.gaussian_nll, 3)])
def test_common_rules(function, count):
    empty = [np.zeros((0, 2))] * count
    assert function(*empty).array == 0
    assert function(*empty, reduce='no').shape == (0, 2)
    with pytest.raises(ValueError, match=function.__name__ + ": reduce must be 'sum' or 'mean' or 'no', not 'max'"):
        function(*empty, reduce='max')
    with pytest.raises(ValueError, match=function.__name__ + r': .*\(0, 2\).*\(3,\)'):
        function(*empty[1:], np.zeros(3))
