"""Parameters, points and mistakes of every distribution."""
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import autograd_nn as ann
import autograd_nn.distributions as D
import autograd_nn.functions as F
from autograd_nn import Variable
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.distributions import (
    CASES,
    OF_NUMBERS,
    REFERENCES,
    has,
    made,
    real,
    share,
)

NAMES_OF_PARAMS = {'Bernoulli': 'logit', 'Beta': 'a b', 'Categorical': 'p', 'Cauchy': 'loc scale', 'Chisquare': 'k',
                   'Dirichlet': 'alpha', 'Exponential': 'lam', 'Gamma': 'k theta', 'Geometric': 'p',
                   'Gumbel': 'loc scale', 'Laplace': 'loc scale', 'LogNormal': 'mu sigma',
                   'MultivariateNormal': 'loc scale_tril', 'Normal': 'loc scale', 'OneHotCategorical': 'p',
                   'Pareto': 'scale alpha', 'Poisson': 'lam', 'Uniform': 'low high', 'Uniform of scale': 'loc scale'}


@pytest.mark.parametrize('name', CASES)
def test_attributes(name):
    d = made(name, 'float32')
    assert d.batch_shape == (2, 3) and d.event_shape == CASES[name].x.shape[3:] and d.xp is np
    assert isinstance(d.support, str)
    assert list(d.params) == NAMES_OF_PARAMS.get(name, NAMES_OF_PARAMS[name.split()[0]]).split()
    for key, value in d.params.items():
        assert isinstance(value, Variable) and value.dtype == np.float32
        np.testing.assert_array_equal(value.array, getattr(d, key).array)


@pytest.mark.parametrize('make, names', [
    (lambda x: D.Normal(x, log_scale=x), {'loc': lambda x: x, 'scale': np.exp, 'log_scale': lambda x: x}),
    (lambda x: D.Normal(x, np.exp(x)), {'log_scale': lambda x: x}),
    (lambda x: D.Bernoulli(logit=x), {'p': scipy.special.expit, 'logit': lambda x: x}),
    (lambda x: D.Bernoulli(scipy.special.expit(x)), {'p': scipy.special.expit, 'logit': lambda x: x}),
    (lambda x: D.Categorical(logit=x), {'p': lambda x: scipy.special.softmax(x, -1),
                                        'log_p': lambda x: scipy.special.log_softmax(x, -1)}),
    (lambda x: D.OneHotCategorical(scipy.special.softmax(x, -1)),
     {'log_p': lambda x: scipy.special.log_softmax(x, -1)}),
    (lambda x: D.Uniform(low=x, high=x + 2), {'loc': lambda x: x, 'scale': lambda x: x * 0 + 2}),
    (lambda x: D.Uniform(loc=x, scale=np.exp(x)), {'low': lambda x: x, 'high': lambda x: x + np.exp(x)}),
    (lambda x: D.Dirichlet(np.exp(x)), {'alpha0': lambda x: np.exp(x).sum(-1)}),
])
def test_other_forms_of_parameters(make, names):
    x = real(2, 3)
    for name, reference in names.items():
        np.testing.assert_allclose(getattr(make(x), name).array, reference(x), atol=1e-12)
    assert D.MultivariateNormal(np.zeros(3), scale_tril=np.eye(3)).d == 3


@pytest.mark.parametrize('name', [name for name, case in CASES.items() if len(case.params) == 2])
def test_parameters_broadcast(name):
    case = CASES[name]
    first, second = case.params
    if name == 'MultivariateNormal':
        given, whole = [first[:1], second[0]], [np.broadcast_to(first[:1], (1, 3, 4)), second[:1]]
    else:
        given = [Variable(first[:, :1]), Variable(second[0])]
        whole = np.broadcast_arrays(first[:, :1], second[0])
    d, expected = case.make(*given), case.make(*whole)
    assert d.batch_shape == expected.batch_shape and d.event_shape == expected.event_shape
    assert d.sample(5).shape == (5, *expected.batch_shape, *expected.event_shape)
    for quantity in REFERENCES:
        if has(name, quantity):
            actual, wanted = (getattr(one, quantity) for one in (d, expected))
            if not isinstance(wanted, Variable):
                x = share(4, 2, 3) if quantity == 'icdf' else case.x[:, :len(whole[0])]
                actual, wanted = actual(x), wanted(x)
            assert actual.shape == wanted.shape
            np.testing.assert_array_equal(actual.array, wanted.array)
    if isinstance(given[0], Variable):
        F.sum(d.log_prob(case.x)).backward()
        assert all(x.grad is None or x.grad.shape == x.shape for x in given) and given[1].grad is not None


@pytest.mark.parametrize('name', CASES)
def test_empty_batches(name):
    case = CASES[name]
    d = case.make(*[p[:0] for p in case.params])
    assert d.batch_shape == (0, 3) and d.sample((4,)).shape == (4, 0, 3, *d.event_shape)
    for quantity in REFERENCES:
        if has(name, quantity):
            y = getattr(d, quantity)
            y = y if isinstance(y, Variable) else y(share(4, 0, 3) if quantity == 'icdf' else case.x[:, :0])
            assert 0 in y.shape


@pytest.mark.parametrize('name', CASES)
def test_what_points_may_be(name):
    """Variables, arrays of any type, and numbers; arrays are constants of the type of the parameters."""
    case = CASES[name]
    d = made(name, 'float32')
    y = d.log_prob(case.x.astype('f'))
    assert y.dtype == np.float32
    for x in case.x, Variable(case.x.astype('f')), case.x.astype('f').copy('F'):
        assert d.log_prob(x).dtype == np.float32
        np.testing.assert_allclose(d.log_prob(x).array, y.array, rtol=1e-5)
    if case.x.dtype.kind == 'i':
        for x in Variable(case.x), case.x.astype(bool if case.x.max() == 1 else np.uint8):
            assert d.log_prob(x).dtype == np.float32
            np.testing.assert_allclose(d.log_prob(x).array, y.array, rtol=1e-6)
    if name in OF_NUMBERS:
        np.testing.assert_array_equal(d.log_prob(1).array, d.log_prob(np.ones((2, 3), 'f')).array)


@pytest.mark.parametrize('name', [name for name in CASES if has(name, 'mode')])
def test_modes(name):
    case = CASES[name]
    d = made(name)
    mode = d.mode
    assert mode.shape == d.batch_shape + d.event_shape
    if name in ('Beta', 'Dirichlet'):
        mode = case.make(*[p + 1 for p in case.params]).mode
        d = case.make(*[p + 1 for p in case.params])
    highest = d.log_prob(mode).array
    assert (highest >= d.log_prob(case.x).array).all()
    assert (highest >= d.log_prob(d.sample(1000)).array).all()


def test_modes_at_an_end_or_nowhere():
    d = D.Beta(np.array([0.5, 3, 1, 0.5, 1]), np.array([3, 0.5, 2, 0.5, 1]))
    np.testing.assert_array_equal(d.mode.array, [0, 1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(D.Dirichlet(np.array([[3, 0.5, 2], [1, 1, 1]])).mode.array,
                                  [[2 / 3, 0, 1 / 3], [np.nan] * 3])
    np.testing.assert_array_equal(D.Gamma(np.array([0.5, 3]), np.array([2., 2])).mode.array, [0, 4])


def test_moments_that_are_infinite_or_undefined():
    alpha = Variable(np.array([0.5, 1, 1.5, 2, 2.5]))
    d = D.Pareto(np.ones(5), alpha)
    np.testing.assert_allclose(d.mean.array, [np.inf, np.inf, 3, 2, 5 / 3])
    np.testing.assert_allclose(d.variance.array, [np.inf] * 4 + [2.5 / 1.5 ** 2 / 0.5])
    F.sum(d.mean[2:]).backward()
    assert np.isfinite(alpha.grad).all()
    d = D.Cauchy(np.zeros(2), np.ones(2))
    for name in 'mean', 'variance':
        with pytest.warns(RuntimeWarning, match=f'Cauchy: the {name} .* undefined'):
            assert np.isnan(getattr(d, name).array).all()


def test_points_at_the_ends_of_the_support():
    """What is 0 log 0 counts as zero, in gradients, too."""
    a = Variable(np.array([1., 1, 2]))
    d = D.Beta(a, np.array([1., 1, 2]))
    y = d.log_prob(np.array([0., 1, 0.5]))
    np.testing.assert_allclose(y.array, [0, 0, np.log(1.5)])
    np.testing.assert_allclose(D.Gamma(np.ones(1), np.array([2.])).log_prob(0.).array, [-np.log(2)])
    p = Variable(np.array([0., 1]))
    y = D.Bernoulli(p).log_prob(np.array([0, 1]))
    F.sum(y).backward()
    np.testing.assert_array_equal(y.array, [0, 0])
    np.testing.assert_array_equal(p.grad, [-1, 1])
    p = Variable(np.array([0., 0.4, 0.6]))
    F.sum(D.Categorical(p).entropy).backward()
    np.testing.assert_allclose(p.grad, [0, -1 - np.log(0.4), -1 - np.log(0.6)])
    lam = Variable(np.array([0.]))
    y = D.Poisson(lam).log_prob(np.array([0]))
    y.backward()
    assert y.array == 0 and lam.grad == -1
    np.testing.assert_array_equal(D.Geometric(np.array([1.])).prob(np.array([1, 2])).array, [1, 0])


def test_bernoulli_of_numbers_between():
    x = np.array([0., 0.25, 1])
    p, logit = np.array([0.2]), np.log([0.25])
    for d in D.Bernoulli(p), D.Bernoulli(logit=logit):
        np.testing.assert_allclose(d.log_prob(x).array, x * np.log(0.2) + (1 - x) * np.log(0.8))
        np.testing.assert_allclose(d.prob(x).array, x * 0.2 + (1 - x) * 0.8)
    for d in D.Bernoulli(p, binary_check=True), D.Bernoulli(logit=logit, binary_check=True):
        np.testing.assert_allclose(d.log_prob(x).array, [np.log(0.8), -np.inf, np.log(0.2)])
        np.testing.assert_allclose(d.prob(x).array, [0.8, 0, 0.2])


def test_extreme_logits():
    logit = Variable(np.array([-np.inf, -1000, 1000, np.inf]))
    d = D.Bernoulli(logit=logit)
    for x, expected in (0, [0, 0, -1000, -np.inf]), (1, [-np.inf, -1000, 0, 0]):
        np.testing.assert_array_equal(d.log_prob(x).array, expected)
    np.testing.assert_array_equal(d.entropy.array, np.zeros(4))
    F.sum(d.log_prob(np.array([0, 0, 1, 1]))).backward()
    np.testing.assert_array_equal(logit.grad, np.zeros(4))
    d = D.Categorical(logit=np.array([0., -np.inf, -1000]))
    np.testing.assert_array_equal(d.log_prob(np.arange(3)).array, [0, -np.inf, -1000])
    assert d.entropy.array == 0


def test_a_distribution_made_without_a_graph():
    """Its parameters have gradients where those are wanted later."""
    loc = Variable(np.zeros((2, 1)))
    with ann.no_backprop_mode():
        d = D.Normal(loc, np.ones(3))
        assert not d.log_prob(0.).requires_grad
    F.sum(d.log_prob(1.)).backward()
    np.testing.assert_allclose(loc.grad, [[3], [3]])


def test_above_the_diagonal_there_is_nothing():
    L = np.array([[2., 9], [1, 3]])
    loc, x = np.ones(2), np.zeros((5, 2))
    d, expected = D.MultivariateNormal(loc, scale_tril=L), D.MultivariateNormal(loc, scale_tril=np.tril(L))
    np.testing.assert_array_equal(d.log_prob(x).array, expected.log_prob(x).array)
    np.testing.assert_array_equal(d.covariance.array, expected.covariance.array)
    with pytest.raises(ValueError, match=r'MultivariateNormal: a of shape .* has no inverse'):
        D.MultivariateNormal(loc, scale_tril=np.zeros((2, 2))).log_prob(x)


@pytest.mark.parametrize('call, error, message', [
    (lambda: D.Normal(np.zeros(2)), ValueError, 'Normal: expected either scale or log_scale, got neither'),
    (lambda: D.Normal(np.zeros(2), np.ones(2), log_scale=np.ones(2)), ValueError, 'got scale and log_scale'),
    (lambda: D.Bernoulli(), ValueError, 'Bernoulli: expected either p or logit, got neither'),
    (lambda: D.Bernoulli(np.ones(2), np.ones(2)), ValueError, 'got p and logit'),
    (lambda: D.Categorical(np.ones(2), logit=np.ones(2)), ValueError, 'Categorical: .* got p and logit'),
    (lambda: D.Uniform(low=np.zeros(2)), ValueError, 'Uniform: expected either low and high or loc and scale, got low'),
    (lambda: D.Uniform(low=np.zeros(2), scale=np.ones(2)), ValueError, 'got low and scale'),
    (lambda: D.Normal(np.zeros(2, int), np.ones(2)), DTypeError, r'Normal: expected floating-point loc, got int64'),
    (lambda: D.Normal(np.zeros(2), np.ones(3)), ShapeError, r'Normal: .* do not broadcast: loc \(2,\), scale \(3,\)'),
    (lambda: D.Gamma(np.ones(2), np.ones(3)), ShapeError, r'Gamma: .* do not broadcast: k \(2,\), theta \(3,\)'),
    (lambda: D.Dirichlet(np.ones(())), ShapeError, r'Dirichlet: expected alpha of shape \(..., K\), got \(\)'),
    (lambda: D.Categorical(logit=np.ones(())), ShapeError, r'Categorical: expected logit of shape'),
    (lambda: D.MultivariateNormal(np.zeros(2), scale_tril=np.eye(3)), ShapeError,
     r'MultivariateNormal: expected .* got \(2,\) and \(3, 3\)'),
    (lambda: D.MultivariateNormal(np.zeros((2, 3)), scale_tril=np.ones((4, 3, 3))), ShapeError, r'got \(2, 3\) and'),
    (lambda: D.MultivariateNormal(np.zeros(()), scale_tril=np.eye(3)), ShapeError, r'got \(\) and \(3, 3\)'),
    (lambda: D.MultivariateNormal(np.zeros(3), scale_tril=np.eye(3, dtype=int)), DTypeError, 'floating-point scale_'),
    (lambda: D.Categorical(np.ones(3) / 3).log_prob(np.array([3])), ValueError,
     r'Categorical.log_prob: x contains 3, expected numbers from 0 to 2, as p has the shape \(3,\)'),
    (lambda: D.Categorical(np.ones((2, 3)) / 3).log_prob(np.zeros(4, int)), ShapeError, r'x \(4,\), batch \(2,\)'),
    (lambda: D.Normal(np.zeros(2), np.ones(2)).log_prob(np.ones(3)), ShapeError, 'do not broadcast together'),
    (lambda: D.Gamma(np.ones(2), np.ones(2)).cdf(1), NotImplementedError, 'Gamma has no cdf'),
    (lambda: D.Gamma(np.ones(2), np.ones(2)).log_survival_function(1), NotImplementedError, 'Gamma has no cdf'),
    (lambda: D.Categorical(np.ones(2) / 2).stddev, NotImplementedError, 'Categorical has no variance'),
    (lambda: D.Independent(D.Normal(np.zeros(2), np.ones(2)), 2), ValueError,
     r'Independent: reinterpreted_batch_ndims 2 is out of range for the batch_shape \(2,\)'),
    (lambda: D.Independent(D.Normal(np.zeros(2), np.ones(2)), -1), ValueError, 'ndims -1 is out of range'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_distribution_of_ones_own():
    """It defines what it can; the rest follows, or is missing by name."""
    class Triangle(ann.Distribution):
        """With the density 1 - |x - peak|."""

        batch_shape, event_shape = (2,), ()

        def __init__(self, peak):
            self.peak = peak

        def log_prob(self, x):
            return F.log(1 - abs(x - self.peak))

        def cdf(self, x):
            return x * 0 + 0.25

        @property
        def variance(self):
            return ann.as_variable(np.array([4., 9]))

        def sample_n(self, n):
            return ann.as_variable(np.random.uniform(size=(n, 2)) + np.random.uniform(size=(n, 2)) - 1 + self.peak)

    d = Triangle(np.array([0., 1]))
    x = np.array([0.5, 0.75])
    np.testing.assert_allclose(d.prob(x).array, [0.5, 0.75])
    np.testing.assert_allclose(d.perplexity(x).array, [2, 4 / 3])
    np.testing.assert_allclose(d.survival_function(Variable(x)).array, [0.75, 0.75])
    np.testing.assert_allclose(d.log_cdf(Variable(x)).array, np.log([0.25, 0.25]))
    np.testing.assert_allclose(d.log_survival_function(Variable(x)).array, np.log([0.75, 0.75]))
    np.testing.assert_allclose(d.stddev.array, [2, 3])
    assert d.sample((3, 4)).shape == (3, 4, 2)
    for name in 'params', 'support', 'mean', 'mode', 'entropy', 'covariance':
        with pytest.raises(NotImplementedError, match=f'Triangle has no {name}'):
            getattr(d, name)
    with pytest.raises(NotImplementedError, match='Triangle has no icdf'):
        d.icdf(x)
    nothing = ann.Distribution()
    for name in 'batch_shape', 'event_shape', 'variance', 'stddev':
        with pytest.raises(NotImplementedError, match='Distribution has no'):
            getattr(nothing, name)
    for name in 'log_prob', 'prob', 'cdf', 'sample_n':
        with pytest.raises(NotImplementedError, match='Distribution has no'):
            getattr(nothing, name)(1)




def test_the_table_of_the_reference_is_true():
    page = Path(__file__).parents[2] / 'docs' / 'reference' / 'distributions.md'
    rows = [[cell.strip() for cell in re.split(r'\|', line.strip()[1:-1])]
            for line in page.read_text(encoding='utf-8').splitlines() if line.startswith('|')]
    head, _, *rows = rows
    assert [row[0].strip('`') for row in rows] == [name for name in D.__all__ if name != 'Independent']
    for row in rows:
        name = row[0].strip('`')
        for title, mark in zip(head[1:], row[1:]):
            if title == '`kl_divergence`':
                there = (getattr(D, name), getattr(D, name)) in ann.distribution._DIVERGENCES
            elif title == 'gradients through samples':
                there = bool(CASES[name].draws)
            else:
                there = has(name, title.split()[0].strip('`')) or mark == 'NaN'
            assert there == (mark != ''), (name, title)


def test_packages_start_without_it(tmp_path):
    program = ("import sys, autograd_nn as chainer; assert not [m for m in sys.modules if 'autograd_nn.distr' in m];"
               'chainer.distributions.Normal, chainer.Distribution, chainer.kl_divergence, chainer.register_kl;'
               'chainer.cross_entropy, chainer.distribution.Distribution')
    subprocess.run([sys.executable, '-c', program], check=True, cwd=tmp_path)
