"""Hinge, contrastive and triplet losses: values and gradients."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, spread, uniform


@pytest.mark.parametrize('reduce', ['mean', 'no'])
@pytest.mark.parametrize('norm', ['L1', 'L2'])
@pytest.mark.parametrize('shape', [(4, 3), (1, 1), (0, 3)])
def test_hinge(shape, norm, reduce):
    def reference(x, t):
        missing = np.maximum(1 + x, 0)
        for i, label in enumerate(t):
            missing[i, label] = max(1 - x[i, label], 0)
        loss = missing if norm == 'L1' else missing ** 2
        return loss if reduce == 'no' else loss.sum() / max(len(x), 1)

    check_function(lambda x, t: F.hinge(x, t, norm, reduce), reference, spread(*shape, low=-2.9, high=3),
                   np.random.randint(0, shape[1], shape[0]))


def test_hinge_names_mistakes():
    with pytest.raises(ValueError, match=r'hinge: .*\(2, 3\) and \(3,\)'):
        F.hinge(np.zeros((2, 3)), np.zeros(3, 'i'))
    with pytest.raises(ValueError, match='hinge: t must be from 0 to 2, got 0 to 3'):
        F.hinge(np.zeros((2, 3)), np.array([0, 3]))
    with pytest.raises(ValueError, match="hinge: norm must be 'L1' or 'L2'"):
        F.hinge(np.zeros((2, 3)), np.array([0, 1]), norm='L3')


@pytest.mark.parametrize('reduce', ['mean', 'no'])
@pytest.mark.parametrize('margin', [0.3, 1])
@pytest.mark.parametrize('shape', [(6, 3), (1, 1)])
def test_contrastive(shape, margin, reduce):
    def reference(x0, x1, y):
        distance = np.sqrt(((x0 - x1) ** 2).sum(1))
        loss = np.where(y == 1, distance ** 2, np.maximum(margin - distance, 0) ** 2) / 2
        return loss if reduce == 'no' else loss.mean()

    check_function(lambda x0, x1, y: F.contrastive(x0, x1, y, margin, reduce), reference,
                   uniform(*shape), uniform(*shape), np.arange(shape[0]) % 2)


def test_contrastive_of_equal_vectors_has_finite_gradients():
    x = ann.Variable(np.ones((2, 3)))
    with np.errstate(all='raise'):
        loss = F.contrastive(x, np.ones((2, 3)), np.array([0, 1]), margin=2)
        loss.backward()
    assert loss.array == 1
    np.testing.assert_array_equal(x.grad, np.zeros((2, 3)))


@pytest.mark.parametrize('reduce', ['mean', 'no'])
@pytest.mark.parametrize('shape', [(6, 3), (1, 1)])
def test_triplet(shape, reduce):
    def reference(a, p, n):
        loss = np.maximum(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 0.5, 0)
        return loss if reduce == 'no' else loss.mean()

    check_function(lambda a, p, n: F.triplet(a, p, n, 0.5, reduce), reference, uniform(*shape), uniform(*shape),
                   uniform(*shape))


@pytest.mark.parametrize('function, arguments', [
    (F.contrastive, (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2, 'i'))),
    (F.triplet, (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)))),
])
def test_mistakes_are_named(function, arguments):
    name = function.__name__
    with pytest.raises(ValueError, match=f'{name}: margin must be positive, not 0'):
        function(*arguments, margin=0)
    with pytest.raises(ValueError, match=f"{name}: reduce must be 'mean' or 'no', not 'sum'"):
        function(*arguments, reduce='sum')
    with pytest.raises(ValueError, match=rf'{name}: .*\(2, 4\)'):
        function(np.zeros((2, 4)), *arguments[1:])
    with pytest.raises(ValueError, match=rf'{name}: .*shape \(N, K\).*\(3,\)'):
        function(np.zeros(3), np.zeros(3), *arguments[2:-1], np.zeros(3))
