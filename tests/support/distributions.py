"""Every distribution, in one table, and what SciPy has in its place."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.special
from scipy import stats

import autograd_nn.distributions as D

RANDOM = np.random.RandomState(3)


def real(*shape):
    return RANDOM.uniform(-2, 2, shape)


def positive(*shape):
    return RANDOM.uniform(0.6, 2.5, shape)


def share(*shape):
    return RANDOM.uniform(0.15, 0.85, shape)


def shares(*shape):
    x = RANDOM.uniform(0.2, 1, shape)
    return x / x.sum(-1, keepdims=True)


def triangular(*shape):
    return np.tril(real(*shape)) + 2 * np.eye(shape[-1])


# --- what SciPy has for one set of parameters at a time, for arrays of them

def each(function, signature, *args):
    return np.vectorize(function, signature=signature)(*args)


def categorical(p):
    def logpmf(x):
        return np.log(np.take_along_axis(np.broadcast_to(p, (*x.shape, p.shape[-1])), x[..., None], -1)[..., 0])

    def cdf(x):
        return (p * (np.arange(p.shape[-1]) <= x[..., None])).sum(-1)

    return SimpleNamespace(logpmf=logpmf, entropy=lambda: stats.entropy(p, axis=-1), cdf=cdf, sf=lambda x: 1 - cdf(x),
                           logcdf=lambda x: np.log(cdf(x)), logsf=lambda x: np.log(1 - cdf(x)))


def one_hot(p):
    def of(function, signature):
        return lambda *xs: each(function, signature, *xs, p)

    return SimpleNamespace(logpmf=of(lambda x, p: np.log(x @ p), '(k),(k)->()'), entropy=categorical(p).entropy,
                           mean=lambda: p, var=lambda: p * (1 - p),
                           cov=of(lambda p: stats.multinomial.cov(1, p / p.sum()), '(k)->(k,k)'))


def dirichlet(alpha):
    def of(function, signature):
        return lambda *xs: each(function, signature, *xs, alpha)

    # SciPy takes no shares that are rounded.
    return SimpleNamespace(logpdf=of(lambda x, a: stats.dirichlet.logpdf(x / x.sum(), a), '(k),(k)->()'),
                           entropy=of(stats.dirichlet.entropy, '(k)->()'), mean=of(stats.dirichlet.mean, '(k)->(k)'),
                           var=of(stats.dirichlet.var, '(k)->(k)'),
                           cov=of(lambda a: stats.multinomial.cov(1, a / a.sum()) / (a.sum() + 1), '(k)->(k,k)'))


def multivariate_normal(loc, scale_tril):
    cov = scale_tril @ scale_tril.swapaxes(-1, -2)
    return SimpleNamespace(logpdf=lambda x: each(stats.multivariate_normal.logpdf, '(k),(k),(k,k)->()', x, loc, cov),
                           entropy=lambda: each(lambda c: stats.multivariate_normal.entropy(cov=c), '(k,k)->()', cov),
                           mean=lambda: loc, var=lambda: np.diagonal(cov, axis1=-2, axis2=-1), cov=lambda: cov)


# --- the table

@dataclass
class Case:
    """A distribution and what is known of it.

    Attributes:
        make: The distribution of its parameters.
        reference: SciPy's.
        params: The parameters of a batch of shape (2, 3).
        x: Points of the support, of shape (4, 2, 3); integers are no subject of gradients.
        outside: Numbers out of the support.
        lacks: What it does not have.
        draws: How gradients go through samples: by ``'noise'`` that does not depend on the parameters, or through
            numbers of ``'gamma'`` distributions.
    """

    make: Callable[..., Any]
    reference: Callable[..., Any]
    params: list[np.ndarray]
    x: np.ndarray
    outside: list[float] = field(default_factory=list)
    lacks: str = ''
    draws: str = ''


SUMS = 'cdf', 'log_cdf', 'survival_function', 'log_survival_function'
NO_SUMS = 'icdf ' + ' '.join(SUMS)
CASES = {
    'Bernoulli': Case(D.Bernoulli, stats.bernoulli, [share(2, 3)], RANDOM.randint(0, 2, (4, 2, 3)), lacks='icdf'),
    'Bernoulli of logit': Case(lambda x: D.Bernoulli(logit=x), lambda x: stats.bernoulli(scipy.special.expit(x)),
                               [real(2, 3)], RANDOM.randint(0, 2, (4, 2, 3)), lacks='icdf'),
    'Beta': Case(D.Beta, stats.beta, [positive(2, 3), positive(2, 3)], share(4, 2, 3), [-0.1, 1.1], NO_SUMS, 'gamma'),
    'Categorical': Case(D.Categorical, categorical, [shares(2, 3, 5)], RANDOM.randint(0, 4, (4, 2, 3)),
                        lacks='mean variance stddev icdf'),
    'Categorical of logit': Case(lambda x: D.Categorical(logit=x), lambda x: categorical(scipy.special.softmax(x, -1)),
                                 [real(2, 3, 5)], RANDOM.randint(0, 4, (4, 2, 3)), lacks='mean variance stddev icdf'),
    'Cauchy': Case(D.Cauchy, stats.cauchy, [real(2, 3), positive(2, 3)], real(4, 2, 3), lacks='mean variance stddev',
                   draws='noise'),
    'Chisquare': Case(D.Chisquare, stats.chi2, [positive(2, 3)], positive(4, 2, 3), [-1], NO_SUMS, 'gamma'),
    'Dirichlet': Case(D.Dirichlet, dirichlet, [positive(2, 3, 5)], shares(4, 2, 3, 5), [], NO_SUMS, 'gamma'),
    'Exponential': Case(D.Exponential, lambda lam: stats.expon(scale=1 / lam), [positive(2, 3)], positive(4, 2, 3),
                        [-1], draws='noise'),
    'Gamma': Case(D.Gamma, lambda k, theta: stats.gamma(k, scale=theta), [positive(2, 3), positive(2, 3)],
                  positive(4, 2, 3), [-1], NO_SUMS, 'gamma'),
    'Geometric': Case(D.Geometric, stats.geom, [share(2, 3)], RANDOM.randint(1, 6, (4, 2, 3)), [0, -1], 'icdf'),
    'Gumbel': Case(D.Gumbel, stats.gumbel_r, [real(2, 3), positive(2, 3)], real(4, 2, 3), draws='noise'),
    'Laplace': Case(D.Laplace, stats.laplace, [real(2, 3), positive(2, 3)], real(4, 2, 3), draws='noise'),
    'LogNormal': Case(D.LogNormal, lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu)), [real(2, 3), share(2, 3)],
                      positive(4, 2, 3), [0, -1], draws='noise'),
    'MultivariateNormal': Case(lambda loc, L: D.MultivariateNormal(loc, scale_tril=L), multivariate_normal,
                               [real(2, 3, 4), triangular(2, 3, 4, 4)], real(5, 2, 3, 4), [], NO_SUMS, 'noise'),
    'Normal': Case(D.Normal, stats.norm, [real(2, 3), positive(2, 3)], real(4, 2, 3), draws='noise'),
    'Normal of log_scale': Case(lambda loc, log_scale: D.Normal(loc, log_scale=log_scale),
                                lambda loc, log_scale: stats.norm(loc, np.exp(log_scale)), [real(2, 3), real(2, 3) / 2],
                                real(4, 2, 3), draws='noise'),
    'OneHotCategorical': Case(D.OneHotCategorical, one_hot, [shares(2, 3, 5)],
                              np.eye(5, dtype=int)[RANDOM.randint(0, 5, (4, 2, 3))], [], NO_SUMS),
    'Pareto': Case(D.Pareto, lambda scale, alpha: stats.pareto(alpha, scale=scale),
                   [positive(2, 3), positive(2, 3) + 2.5], 3 + positive(4, 2, 3), [0.5, 0, -1], draws='noise'),
    'Poisson': Case(D.Poisson, stats.poisson, [positive(2, 3)], RANDOM.randint(0, 6, (4, 2, 3)), [-1],
                    'entropy ' + NO_SUMS),
    'Uniform': Case(lambda low, high: D.Uniform(low=low, high=high), lambda low, high: stats.uniform(low, high - low),
                    [-1 - positive(2, 3), 1 + positive(2, 3)], real(4, 2, 3) / 2, [-9, 9], 'mode', 'noise'),
    'Uniform of scale': Case(lambda loc, scale: D.Uniform(loc=loc, scale=scale), stats.uniform,
                             [-1 - positive(2, 3), 2.5 + positive(2, 3)], real(4, 2, 3) / 4, [-9, 9], 'mode', 'noise'),
}
OF_NUMBERS = [name for name, case in CASES.items() if case.x.ndim == 3]
OF_VECTORS = [name for name, case in CASES.items() if case.x.ndim == 4]


def log_density(d, *x):
    return (d.logpdf if hasattr(d, 'logpdf') else d.logpmf)(*x)


REFERENCES = {
    'prob': lambda d, x: np.exp(log_density(d, x)), 'log_prob': log_density,
    'perplexity': lambda d, x: np.exp(-log_density(d, x)),
    'cdf': lambda d, x: d.cdf(x), 'log_cdf': lambda d, x: d.logcdf(x),
    'survival_function': lambda d, x: d.sf(x), 'log_survival_function': lambda d, x: d.logsf(x),
    'mean': lambda d: d.mean(), 'variance': lambda d: d.var(), 'stddev': lambda d: np.sqrt(d.var()),
    'entropy': lambda d: d.entropy(), 'covariance': lambda d: d.cov(), 'icdf': lambda d, p: d.ppf(p),
}


def has(name, quantity):
    return quantity not in CASES[name].lacks.split() and (quantity != 'covariance' or name in OF_VECTORS)


def made(name, dtype='float64'):
    case = CASES[name]
    return case.make(*[p.astype(dtype) for p in case.params])


def is_discrete(name):
    return hasattr(CASES[name].reference(*CASES[name].params), 'logpmf') and CASES[name].x.dtype.kind == 'i'


def other(name):
    """Another distribution of the same kind, whose support contains that of the first."""
    case = CASES[name]
    if name.startswith('Uniform'):
        low, second = case.params
        return [low - 0.5, second + 1]
    if name == 'Pareto':
        scale, alpha = case.params
        return [scale * 0.8, alpha[::-1]]
    return [p[::-1] for p in case.params]
