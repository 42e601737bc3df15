"""Batches of distributions taken together."""
import numpy as np
import pytest
import scipy.linalg

import autograd_nn as ann
import autograd_nn.distributions as D
import autograd_nn.functions as F
import autograd_nn.links as L
from support.distributions import CASES, SUMS, has, made, other, real, triangular


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('ndims', [None, 0, 1, 2])
def test_independent(name, ndims):
    base = made(name)
    d = D.Independent(base, ndims)
    n = 1 if ndims is None else ndims
    axes = tuple(range(-n, 0))
    assert d.reinterpreted_batch_ndims == n and d.distribution is base
    assert d.batch_shape == (2, 3)[:2 - n] and d.event_shape == (2, 3)[2 - n:] + base.event_shape
    assert d.params.keys() == base.params.keys() and d.support == base.support and d.xp is np
    assert d.sample((5,)).shape == (5, 2, 3, *base.event_shape)
    x = CASES[name].x
    np.testing.assert_allclose(d.log_prob(x).array, base.log_prob(x).array.sum(axes))
    np.testing.assert_allclose(d.prob(x).array, base.prob(x).array.prod(axes))
    np.testing.assert_allclose(d.perplexity(x).array, base.perplexity(x).array.prod(axes))
    for quantity in SUMS:
        if has(name, quantity):
            expected = getattr(base, quantity)(x).array
            expected = expected.sum(axes) if quantity.startswith('log') else expected.prod(axes)
            np.testing.assert_allclose(getattr(d, quantity)(x).array, expected)
    for quantity in 'mean', 'variance', 'stddev', 'mode':
        if has(name, quantity):
            np.testing.assert_array_equal(getattr(d, quantity).array, getattr(base, quantity).array)
    if has(name, 'entropy'):
        np.testing.assert_allclose(d.entropy.array, base.entropy.array.sum(axes))
    if has(name, 'variance'):
        size = int(np.prod(d.event_shape))
        assert d.covariance.shape == (*d.batch_shape, size, size)
        np.testing.assert_allclose(np.diagonal(d.covariance.array, axis1=-2, axis2=-1),
                                   base.variance.array.reshape(*d.batch_shape, size))
    with pytest.raises(RuntimeError, match=r'Independent: .* has no inverse'):
        d.icdf(0.5)


WITH_BLOCKS = D.MultivariateNormal(real(2, 3, 2), scale_tril=triangular(2, 3, 2, 2))


def test_independent_blocks_have_no_covariance():
    covariance = D.Independent(WITH_BLOCKS).covariance.array
    for i in range(2):
        np.testing.assert_array_equal(covariance[i], scipy.linalg.block_diag(*WITH_BLOCKS.covariance.array[i]))


def test_a_variational_autoencoder_learns():
    """As programs for Chainer write it: a posterior of several samples, a prior with no batch, pictures of grey."""
    x = np.random.RandomState(0).rand(3, 12).astype('f')[np.arange(30) % 3]
    encoder, decoder = L.Linear(12, 4), L.Linear(2, 12)
    prior = D.Independent(D.Normal(np.zeros(2, 'f'), np.ones(2, 'f')), 1)
    optimizer = ann.optimizers.Adam(0.05).setup(ann.ChainList(encoder, decoder))
    losses = []
    for _ in range(60):
        loc, log_scale = F.split_axis(encoder(x), 2, axis=1)
        posterior = D.Independent(D.Normal(loc=loc, log_scale=log_scale))
        z = posterior.sample(5)
        pictures = D.Independent(D.Bernoulli(logit=decoder(z, n_batch_axes=2)), reinterpreted_batch_ndims=1)
        likelihood = F.mean(pictures.log_prob(F.broadcast_to(x[None], (5, 30, 12))))
        loss = F.mean(ann.kl_divergence(posterior, prior)) - likelihood
        optimizer.target.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.array))
    assert z.shape == (5, 30, 2) and pictures.batch_shape == (5, 30)
    assert np.mean(losses[-5:]) < 0.9 * losses[0]


def test_divergence_of_independent():
    p, q = made('Normal'), CASES['Normal'].make(*other('Normal'))
    expected = ann.kl_divergence(p, q).array
    for n in 0, 1, 2:
        actual = ann.kl_divergence(D.Independent(p, n), D.Independent(q, n))
        np.testing.assert_allclose(actual.array, expected.sum(tuple(range(-n, 0))))
    with pytest.raises(ValueError, match=r'kl_divergence: the event_shapes \(3,\) and \(2, 3\) differ'):
        ann.kl_divergence(D.Independent(p, 1), D.Independent(q, 2))
    vectors = D.MultivariateNormal(np.zeros((2, 3)), scale_tril=np.eye(3))
    with pytest.raises(NotImplementedError, match=r'one event_shape, got \(\) and \(3,\)'):
        ann.kl_divergence(D.Independent(p, 1), D.Independent(vectors, 0))
