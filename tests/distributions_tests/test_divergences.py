"""Divergences, against integrals and sums."""
import numpy as np
import pytest
import scipy.integrate

import autograd_nn as ann
import autograd_nn.distributions as D
from support.checking import check_function
from support.distributions import CASES, has, is_discrete, log_density, made, other

WITH_DIVERGENCE = [name for name in CASES if name not in ('Cauchy', 'Chisquare')]


@pytest.mark.parametrize('name', WITH_DIVERGENCE)
def test_divergences(name):
    """Against integrals, sums and, for vectors, averages over samples."""
    case = CASES[name]
    q_params = other(name)
    divergence = ann.kl_divergence(made(name), case.make(*q_params)).array
    assert divergence.shape == (2, 3)
    for i in np.ndindex(2, 3):
        p, q = (case.reference(*[x[i] for x in params]) for params in (case.params, q_params))
        if name in ('Dirichlet', 'MultivariateNormal'):
            one, two = (case.make(*[x[i] for x in params]) for params in (case.params, q_params))
            x = one.sample(100_000)
            ratios = one.log_prob(x).array - two.log_prob(x).array
            assert abs(ratios.mean() - divergence[i]) < 5 * ratios.std() / np.sqrt(len(ratios))
            continue
        if name == 'OneHotCategorical':
            x = np.eye(5)
        elif is_discrete(name):
            x = np.arange(2 if name.startswith('Bernoulli') else 5 if name.startswith('Categorical') else 400)
        else:
            expected = scipy.integrate.quad(lambda x, p=p, q=q: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)),
                                            p.ppf(1e-13), p.ppf(1 - 1e-13), limit=500, points=[p.ppf(0.5)])[0]
            np.testing.assert_allclose(divergence[i], expected, rtol=1e-5, atol=1e-9)
            continue
        x = x[log_density(p, x) > -np.inf]
        expected = (np.exp(log_density(p, x)) * (log_density(p, x) - log_density(q, x))).sum()
        np.testing.assert_allclose(divergence[i], expected, rtol=1e-9)


@pytest.mark.parametrize('name', WITH_DIVERGENCE)
def test_gradients_of_divergences(name):
    case = CASES[name]
    n = len(case.params)
    check_function(lambda *args: ann.kl_divergence(case.make(*args[:n]), case.make(*args[n:])), None, *case.params,
                   *other(name), eps=1e-4, atol=1e-4, tolerance={'bfloat16': 0.15, 'float32': 1e-3})
    np.testing.assert_allclose(ann.kl_divergence(made(name), made(name)).array, 0, atol=1e-12)


@pytest.mark.parametrize('name', [name for name in WITH_DIVERGENCE if has(name, 'entropy')])
def test_cross_entropy(name):
    p, q = made(name), CASES[name].make(*other(name))
    np.testing.assert_allclose(ann.cross_entropy(p, q).array, p.entropy.array + ann.kl_divergence(p, q).array)
    np.testing.assert_allclose(ann.cross_entropy(p, p).array, p.entropy.array, rtol=1e-6)


def test_divergences_from_what_is_impossible():
    def uniform(low, high):
        return D.Uniform(low=np.array([low]), high=np.array([high]))

    def pareto(scale):
        return D.Pareto(np.array([scale]), np.array([2.]))

    def categorical(*p):
        return D.Categorical(np.array([p]))

    for p, q in [(uniform(0., 2.), uniform(0., 1.)), (uniform(-1., 1.), uniform(0., 1.)), (pareto(1.), pareto(2.)),
                 (categorical(0.5, 0.5), categorical(1., 0.)),
                 (D.Bernoulli(np.array([0.5])), D.Bernoulli(np.array([1.]))),
                 (D.Poisson(np.array([1.])), D.Poisson(np.array([0.])))]:
        with np.errstate(divide='ignore'):
            np.testing.assert_array_equal(ann.kl_divergence(p, q).array, [np.inf])
    for p, q in [(categorical(1., 0.), categorical(1., 0.)), (D.Poisson(np.array([0.])), D.Poisson(np.array([0.]))),
                 (D.Bernoulli(np.array([0., 1])), D.Bernoulli(np.array([0., 1]))),
                 (D.Geometric(np.array([1.])), D.Geometric(np.array([1.])))]:
        np.testing.assert_array_equal(ann.kl_divergence(p, q).array, np.zeros(p.batch_shape))


def test_divergences_of_other_kinds_can_be_registered():
    class Shifted(D.Normal):
        pass

    p, q = D.Normal(np.zeros(1), np.ones(1)), D.Laplace(np.zeros(1), np.ones(1))
    with pytest.raises(NotImplementedError, match='kl_divergence: none is registered from Normal to Laplace'):
        ann.kl_divergence(p, q)
    # A subclass is what it is derived from, unless it has its own.
    shifted = Shifted(np.ones(1), np.ones(1))
    np.testing.assert_allclose(ann.kl_divergence(shifted, p).array, [0.5])

    @ann.register_kl(Shifted, D.Normal)
    def divergence(p, q):
        return p.loc * 0 + 7

    np.testing.assert_array_equal(ann.kl_divergence(shifted, p).array, [7])
    np.testing.assert_allclose(ann.kl_divergence(p, shifted).array, [0.5])
    assert callable(divergence)
    del ann.distribution._DIVERGENCES[Shifted, D.Normal]
