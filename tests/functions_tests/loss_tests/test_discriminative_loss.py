"""The losses of embeddings that gather by object: against loops over objects."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.utils.type_check import ShapeError
from support.checking import check_function, uniform


def by_definition(x, labels, delta_v, delta_d, norm, alpha, beta, gamma):
    n, objects = x.shape[:2]

    def length(v):
        return np.linalg.norm(v.ravel(), norm)

    means = np.zeros((objects, n, objects))
    pull = push = 0.
    for k, i in np.ndindex(objects, n):
        pixels = x[i][:, labels[i] == k + 1]
        if pixels.size:
            means[k, i] = pixels.mean(1)
            beyond = [max(length(pixel - means[k, i]) - delta_v, 0) for pixel in pixels.T]
            pull += np.square(beyond).sum() / (labels == k + 1).sum()
    for a, b in itertools.combinations(means, 2):
        push += sum(max(2 * delta_d - length(u - v), 0) ** 2 for u, v in zip(a, b))
    pairs = max(objects * (objects - 1) // 2 * n, 1)
    return alpha * pull / objects, beta * push / pairs, gamma * sum(map(length, means)) / (n * objects)


@given(st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 2]))
def test_three_losses(n, objects, norm):
    labels = np.random.randint(0, objects + 2, (n, 3, 4))
    x = uniform(n, objects, 3, 4, low=-2, high=2)
    options = 0.3, 1.1, norm, 2., 3., 0.5
    check_function(
        lambda x: F.discriminative_margin_based_clustering_loss(x, labels, 0.3, 1.1, objects, norm, 2., 3., 0.5),
        lambda x: by_definition(x, labels, *options), x, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize('norm', [1, 2])
def test_pixels_at_their_mean_have_finite_gradients(norm):
    x = ann.Variable(np.ones((1, 2, 2, 2)))
    losses = F.discriminative_margin_based_clustering_loss(x, np.array([[[1, 1], [0, 0]]]), 0, 1, 2, norm)
    with np.errstate(all='raise'):
        sum(losses).backward()
    assert losses[0].array == 0
    assert np.isfinite(x.grad).all() and not x.grad[:, :, 1].any()


def test_no_pictures():
    x = ann.Variable(np.zeros((0, 3, 2, 2)))
    losses = F.discriminative_margin_based_clustering_loss(x, np.zeros((0, 2, 2), int), 0.5, 1.5, 3)
    assert [float(loss.array) for loss in losses] == [0, 0, 0]


def test_mistakes_are_named():
    loss, labels = F.discriminative_margin_based_clustering_loss, np.zeros((2, 3, 4), int)
    with pytest.raises(ShapeError, match=r'embeddings of shape \(N, 5, H, W\) .* got \(2, 6, 3, 4\) and \(2, 3, 4\)'):
        loss(np.zeros((2, 6, 3, 4)), labels, 0.5, 1.5, 5)
    with pytest.raises(ShapeError, match=r'got \(2, 5, 3, 4\) and \(2, 4, 3\)'):
        loss(np.zeros((2, 5, 3, 4)), labels.reshape(2, 4, 3), 0.5, 1.5, 5)
    with pytest.raises(ValueError, match='discriminative_margin_based_clustering_loss: norm must be 1 or 2, not 3'):
        loss(np.zeros((2, 5, 3, 4)), labels, 0.5, 1.5, 5, norm=3)
    with pytest.raises(TypeError, match='expected floating-point embeddings, got int64'):
        loss(np.zeros((2, 5, 3, 4), int), labels, 0.5, 1.5, 5)
    with pytest.raises(ValueError, match='max_embedding_dim must be at least 1, not 0'):
        loss(np.zeros((2, 0, 3, 4)), labels, 0.5, 1.5, 0)
