"""What is drawn, and gradients through it."""
import numpy as np
import pytest
import scipy.special
from scipy import stats

import autograd_nn as ann
import autograd_nn.distributions as D
import autograd_nn.functions as F
from autograd_nn import Variable, cuda
from autograd_nn.distributions.gamma import gamma_slope
from support.checking import check_function
from support.distributions import CASES, OF_NUMBERS, OF_VECTORS, has, is_discrete, made


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('dtype', ['float64', 'float32', 'float16', 'bfloat16'])
def test_shapes_and_types_of_samples(name, dtype):
    d = made(name, ann.dtypes.as_dtype(dtype))
    shape = d.batch_shape + d.event_shape
    for sample_shape, expected in [((), ()), (5, (5,)), ((5, 2), (5, 2)), ([2], (2,)), ((0,), (0,)), ((2, 0), (2, 0))]:
        x = d.sample(sample_shape)
        assert isinstance(x, Variable) and x.shape == expected + shape
        assert x.dtype == (np.int64 if name.startswith(('Bernoulli', 'Categorical')) else dtype)
        assert d.log_prob(x).shape == expected + d.batch_shape and d.log_prob(x).dtype == dtype
    assert d.sample_n(4).shape == (4, *shape)


@pytest.mark.parametrize('name', OF_NUMBERS)
def test_samples_of_numbers_have_the_distribution(name):
    d, reference = made(name), CASES[name].reference(*CASES[name].params)
    x = d.sample(20000).array
    if has(name, 'mean'):
        sigma = reference.std()
        np.testing.assert_array_less(abs(x.mean(0) - reference.mean()), 5 * sigma / np.sqrt(len(x)))
        spread = np.sqrt(((x - reference.mean()) ** 4).mean(0) - sigma ** 4)
        np.testing.assert_array_less(abs(x.var(0) - sigma ** 2), 5 * spread / np.sqrt(len(x)))
    for i in np.ndindex(2, 3):
        one, draws = CASES[name].reference(*[p[i] for p in CASES[name].params]), x[(slice(None), *i)]
        if is_discrete(name):
            values = np.arange(5 if name.startswith('Categorical') else 200)
            expected = np.exp(one.logpmf(values)) * len(x)
            counts = np.bincount(draws.astype(int), minlength=len(values))
            often = expected > 10
            pairs = [np.append(each[often], each[~often].sum()) for each in (counts, expected)]
            statistic = ((pairs[0] - pairs[1]) ** 2 / np.maximum(pairs[1], 1)).sum()
            assert stats.chi2(len(pairs[0]) - 1).sf(statistic) > 1e-4
        else:
            assert stats.kstest(draws, one.cdf).pvalue > 1e-4


@pytest.mark.parametrize('name', OF_VECTORS)
def test_samples_of_vectors_have_the_distribution(name):
    d, reference = made(name), CASES[name].reference(*CASES[name].params)
    x = d.sample(20000).array
    difference = x - reference.mean()
    np.testing.assert_array_less(abs(difference.mean(0)), 5 * np.sqrt(reference.var() / len(x)))
    products = difference[..., None] * difference[..., None, :]
    np.testing.assert_array_less(abs(products.mean(0) - reference.cov()), 5 * products.std(0) / np.sqrt(len(x)))
    # Along a random direction, too.
    if name == 'MultivariateNormal':
        w = np.random.normal(size=x.shape[-1])
        for i in np.ndindex(2, 3):
            draws = (difference @ w)[(slice(None), *i)] / np.sqrt(w @ reference.cov()[i] @ w)
            assert stats.kstest(draws, 'norm').pvalue > 1e-4
    if name == 'Dirichlet':
        alpha = CASES[name].params[0]
        for i in np.ndindex(2, 3, 5):
            beta = stats.beta(alpha[i], alpha[i[:2]].sum() - alpha[i])
            assert stats.kstest(x[(slice(None), *i)], beta.cdf).pvalue > 1e-4
    if name == 'OneHotCategorical':
        assert set(np.unique(x)) == {0, 1} and (x.sum(-1) == 1).all()


@pytest.mark.parametrize('name', [name for name, case in CASES.items() if case.draws == 'noise'])
def test_gradients_of_samples_with_noise(name):
    case = CASES[name]

    def function(*params):
        np.random.seed(4)
        return case.make(*params).sample((3,))

    check_function(function, None, *case.params, eps=1e-4, tolerance={'bfloat16': 0.15, 'float32': 1e-3}, on_gpu=False)


@pytest.mark.parametrize('name', [name for name, case in CASES.items() if case.draws == 'gamma'])
def test_gradients_of_samples_of_gamma_distributions(name):
    """The gradient of a mean over samples is that of the mean; here of x², which the variance has part in."""
    params = [Variable(p) for p in CASES[name].params]
    d = CASES[name].make(*params)
    x = d.sample(20000)
    drawn = ann.grad([F.sum(x * x) / len(x)], params)
    for actual, expected in zip(drawn, ann.grad([F.sum(d.variance + d.mean ** 2)], params)):
        np.testing.assert_allclose(actual.array, expected.array, rtol=0.1, atol=0.05 * abs(expected.array).max())


def test_slopes_of_gamma_distributions():
    """Numbers at a fixed value of the cumulative function, against numerical differences of SciPy's inverse of it."""
    k = np.array([1, 1.01, 1.5, 2, 5, 10, 100, 1e3, 1e4])[:, None]
    p = np.array([1e-10, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.6, 0.9, 0.99, 0.9999, 1 - 1e-10])

    def quantile(k):
        return np.where(p < 0.5, scipy.special.gammaincinv(k, p), scipy.special.gammainccinv(k, 1 - p))

    h = k * 1e-4
    expected = (8 * (quantile(k + h) - quantile(k - h)) - quantile(k + 2 * h) + quantile(k - 2 * h)) / (12 * h)
    np.testing.assert_allclose(gamma_slope(quantile(k), np.broadcast_to(k, (9, 11))), expected, rtol=1e-9)


def test_samples_of_gamma_distributions_have_no_second_gradient():
    k = Variable(np.array([2.]))
    x = D.Gamma(k, np.ones(1)).sample()
    gradient, = ann.grad([x], [k], enable_double_backprop=True)
    with pytest.raises(RuntimeError, match='drawn from a gamma distribution cannot be differentiated again'):
        gradient.backward()


def test_samples_of_tiny_shapes_are_shares():
    """Gamma variates of such shapes underflow, all of them."""
    alpha = np.full((1000, 3), 1e-4, 'f')
    x = D.Dirichlet(alpha).sample().array
    np.testing.assert_allclose(x.sum(1), 1, rtol=1e-5)
    assert 250 < (x[:, 0] > 0.5).sum() < 420
    assert np.isfinite(D.Beta(alpha, alpha).sample().array).all()


def test_one_seed_for_all():
    for name in CASES:
        ann.random.seed(5)
        first = made(name).sample(3).array
        ann.random.seed(5)
        np.testing.assert_array_equal(made(name).sample(3).array, first)


@pytest.mark.gpu
@pytest.mark.parametrize('name', CASES)
def test_samples_on_a_gpu(name):
    params = [Variable(cuda.to_gpu(p.astype('f'))) for p in CASES[name].params]
    d, reference = CASES[name].make(*params), CASES[name].reference(*CASES[name].params)
    x = d.sample(1000)
    assert isinstance(x.array, cuda.ndarray) and x.shape == (1000, 2, 3, *d.event_shape)
    assert x.dtype == (np.int64 if name.startswith(('Bernoulli', 'Categorical')) else np.float32)
    log_prob = cuda.to_cpu(d.log_prob(x).array)
    assert log_prob.shape == (1000, 2, 3) and np.isfinite(log_prob).all()
    if has(name, 'entropy'):
        errors = log_prob.mean(0) + reference.entropy()
        np.testing.assert_array_less(abs(errors), 5 * log_prob.std(0) / np.sqrt(1000) + 1e-4)
    if CASES[name].draws:
        gradients = ann.grad([F.sum(x)], params)
        assert all(isinstance(g.array, cuda.ndarray) and bool(cuda.cupy.isfinite(g.array).all()) for g in gradients)
