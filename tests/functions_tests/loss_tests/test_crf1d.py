"""Conditional random fields: against sums and maxima over all sequences of labels."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.utils.type_check import ShapeError
from support.checking import check_function, uniform


def score(cost, x, path):
    """The score of labels of one sequence, by its definition."""
    return sum(x[i, k] for i, k in enumerate(path)) + sum(cost[j, k] for j, k in itertools.pairwise(path))


def all_scores(cost, x):
    """The scores of all sequences of labels."""
    paths = [*itertools.product(range(len(cost)), repeat=len(x))]
    return paths, np.array([score(cost, x, path) for path in paths])


def sequences(xs):
    """The steps of each sequence, from the sequences of each step."""
    return [np.array([x[b] for x in xs if b < len(x)]) for b in range(len(xs[0]))]


batch_sizes = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(lambda sizes: sorted(sizes, reverse=True))


@given(batch_sizes, st.integers(1, 3), st.sampled_from(['mean', 'no']))
def test_likelihood(sizes, labels, reduce):
    ys = [np.random.randint(0, labels, n) for n in sizes]

    def reference(cost, *xs):
        losses = np.array([np.logaddexp.reduce(all_scores(cost, x)[1]) - score(cost, x, y)
                           for x, y in zip(sequences(xs), sequences(ys))])
        return losses if reduce == 'no' else losses.mean()

    check_function(lambda cost, *xs: F.crf1d(cost, xs, ys, reduce), reference, uniform(labels, labels, low=-2, high=2),
                   *[uniform(n, labels, low=-2, high=2) for n in sizes])


@given(batch_sizes, st.integers(1, 3))
def test_best_labels(sizes, labels):
    def best(cost, x):
        paths, scores = all_scores(cost, x)
        return paths[scores.argmax()]

    cost, xs = uniform(labels, labels), [uniform(n, labels) for n in sizes]
    expected = [best(cost, x) for x in sequences(xs)]
    path = F.argmax_crf1d(cost, xs)[1]
    assert [p.dtype for p in path] == ['int32'] * len(xs)
    assert [tuple(p) for p in sequences(path)] == expected
    check_function(lambda cost, *xs: F.argmax_crf1d(cost, xs)[0],
                   lambda cost, *xs: [np.array([score(cost, x, y) for x, y in zip(sequences(xs), expected)])],
                   cost, *xs, dtypes=('float64',))


def test_of_equal_scores_the_first_wins():
    path = F.argmax_crf1d(np.zeros((3, 3)), [np.zeros((2, 3)), np.zeros((2, 3))])[1]
    assert [p.tolist() for p in path] == [[0, 0], [0, 0]]


def test_what_is_given_stays_as_it_is():
    cost, xs = uniform(1, 1), [uniform(1, 1), uniform(1, 1)]
    before = cost.copy(), *[x.copy() for x in xs]
    F.argmax_crf1d(cost, xs)
    F.crf1d(cost, xs, [np.zeros(1, int)] * 2)
    assert before == (cost, *xs)


@pytest.mark.parametrize('size', [1, 1000])
def test_scores_far_apart_lose_nothing(size):
    """A transition that makes up for a label whose share is zero in single precision."""
    cost, x = np.array([[0, 0], [size, 0]], 'f'), np.array([[size, 0], [0, 0]], 'f')
    loss = F.crf1d(cost, [x[:1], x[1:]], [np.array([1]), np.array([0])])
    expected = np.logaddexp.reduce(all_scores(cost.astype('d'), x.astype('d'))[1]) - size
    np.testing.assert_allclose(loss.array, expected, rtol=1e-4)


def test_forbidden_transitions_and_labels():
    """Minus infinity, which a program writes for what must not be."""
    cost, xs = uniform(3, 3), [uniform(2, 3) for _ in range(3)]
    cost[0, 1] = xs[1][1, 2] = -np.inf
    ys = [np.array([1, 0])] * 3
    parameters = [ann.Variable(x) for x in (cost, *xs)]
    loss = F.crf1d(parameters[0], parameters[1:], ys, reduce='no')
    expected = [np.logaddexp.reduce(all_scores(cost, x)[1]) - score(cost, x, y)
                for x, y in zip(sequences(xs), sequences(ys))]
    np.testing.assert_allclose(loss.array, expected)
    loss.grad = np.ones(2)
    loss.backward()
    assert all(np.isfinite(x.grad).all() for x in parameters)
    assert parameters[0].grad[0, 1] == parameters[2].grad[1, 2] == 0
    assert 1 not in F.argmax_crf1d(cost, [np.array([[9., 0, 0]]), np.array([[0, 5., -99]])])[1][1]


@pytest.mark.parametrize('kind', [np.array, ann.Variable])
def test_steps_in_one_array(kind):
    cost, xs, ys = uniform(3, 3), uniform(4, 2, 3), np.random.randint(0, 3, (4, 2))
    expected = F.crf1d(cost, [*xs], [*ys], 'no').array
    np.testing.assert_array_equal(F.crf1d(cost, kind(xs), kind(ys), 'no').array, expected)
    np.testing.assert_array_equal(F.argmax_crf1d(cost, kind(xs))[1], F.argmax_crf1d(cost, [*xs])[1])


def test_mistakes_are_named():
    cost, xs, ys = np.zeros((3, 3)), [np.zeros((2, 3)), np.zeros((1, 3))], [np.array([0, 1]), np.array([2])]
    with pytest.raises(ShapeError, match=r'crf1d: expected cost of shape \(K, K\), got \(3, 2\)'):
        F.crf1d(cost[:, :2], xs, ys)
    with pytest.raises(ShapeError, match=r'crf1d: .*\(B, 3\), as cost has the shape \(3, 3\); got \(2, 4\)'):
        F.crf1d(cost, [np.zeros((2, 4))], ys)
    with pytest.raises(ShapeError, match=r'argmax_crf1d: .*\(B, 3\)'):
        F.argmax_crf1d(cost, [])
    with pytest.raises(ShapeError, match=r'argmax_crf1d: .* the longest sequences first.* got \(1, 3\), \(2, 3\)'):
        F.argmax_crf1d(cost, xs[::-1])
    with pytest.raises(ShapeError, match=r'crf1d: .* integers y .* the shapes \(2, 3\), \(1, 3\); got \(1,\), \(2,\)'):
        F.crf1d(cost, xs, ys[::-1])
    with pytest.raises(ValueError, match='crf1d: ys contains 3, expected numbers from 0 to 2'):
        F.crf1d(cost, xs, [np.array([0, 3]), ys[1]])
    with pytest.raises(TypeError, match='crf1d: expected floating-point cost, got int64'):
        F.crf1d(cost.astype(int), xs, ys)
    with pytest.raises(TypeError, match='crf1d: expected floating-point xs, got int64'):
        F.crf1d(cost, [x.astype(int) for x in xs], ys)
    with pytest.raises(ValueError, match="crf1d: reduce must be 'mean' or 'no', not 'sum'"):
        F.crf1d(cost, xs, ys, reduce='sum')
