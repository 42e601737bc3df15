"""The layer of conditional random fields: steps and sequences in any order."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.utils.type_check import ShapeError


def sequences(lengths, labels):
    """Scores and labels of sequences."""
    return [np.random.randn(n, labels) for n in lengths], [np.random.randint(0, labels, n) for n in lengths]


def test_initial_scores():
    assert not L.CRF1d(3).cost.array.any()
    assert (L.CRF1d(3, 2).cost.array == 2).all()
    cost = np.random.randn(3, 3).astype('f')
    np.testing.assert_array_equal(L.CRF1d(3, cost).cost.array, cost)
    assert [path for path, _ in L.CRF1d(3).namedparams()] == ['/cost']
    assert repr(L.CRF1d(3)) == 'CRF1d(n_label=3)'


def test_steps_are_given_to_the_functions():
    link = L.CRF1d(3, np.random.randn(3, 3))
    xs, ys = [np.random.randn(n, 3) for n in (4, 4, 2)], [np.random.randint(0, 3, n) for n in (4, 4, 2)]
    for reduce in 'mean', 'no':
        np.testing.assert_array_equal(link(xs, ys, reduce).array, F.crf1d(link.cost, xs, ys, reduce).array)
    (score, path), (expected, labels) = link.argmax(xs), F.argmax_crf1d(link.cost, xs)
    np.testing.assert_array_equal(score.array, expected.array)
    assert [p.tolist() for p in path] == [p.tolist() for p in labels]


def test_sequences_in_any_order():
    """Each one has the loss and the labels that it has alone."""
    link = L.CRF1d(3, np.random.randn(3, 3))
    xs, ys = sequences((2, 5, 1, 3, 5), 3)
    alone = [link([*x[:, None]], [*y[:, None]], 'no').array[0] for x, y in zip(xs, ys)]
    np.testing.assert_allclose(link(xs, ys, 'no', transpose=True).array, alone)
    np.testing.assert_allclose(link(xs, [ann.Variable(y) for y in ys], transpose=True).array, np.mean(alone))
    score, paths = link.argmax(xs, transpose=True)
    best = [link.argmax([*x[:, None]]) for x in xs]
    np.testing.assert_allclose(score.array, [s.array[0] for s, _ in best])
    assert [p.tolist() for p in paths] == [[int(k[0]) for k in path] for _, path in best]


def test_it_learns_that_labels_alternate():
    link = L.CRF1d(2)
    optimizer = ann.optimizers.SGD(lr=1).setup(link)
    xs, ys = [np.zeros((1, 2), 'f')] * 6, [np.array([k % 2]) for k in range(6)]
    for _ in range(20):
        optimizer.update(link, xs, ys)
    assert link(xs, ys).array < 0.8
    assert [int(k[0]) for k in link.argmax([np.array([[1, 0]], 'f'), *xs])[1]] == [0, 1, 0, 1, 0, 1, 0]


def test_mistakes_are_named():
    (xs, ys), link = sequences((2, 0), 3), L.CRF1d(3)
    for call in lambda: link(xs, ys, transpose=True), lambda: link.argmax(xs, transpose=True):
        with pytest.raises(ShapeError, match='CRF1d: expected sequences of at least one step, got lengths 2, 0'):
            call()
