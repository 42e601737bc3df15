"""NT-Xent and InfoNCE: values as loops compute them, gradients of both orders, mistakes."""
import numpy as np
import pytest

import autograd_nn.functions as F
from support.checking import check_function, uniform


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) + 1e-5) / (np.linalg.norm(b) + 1e-5)


def cross_entropy(own, others):
    return np.log(np.exp(own) + sum(map(np.exp, others))) - own


@pytest.mark.parametrize('temperature', [0.1, 1.])
@pytest.mark.parametrize('shape', [(4, 3), (2, 5), (1, 2)])
def test_nt_xent(shape, temperature):
    def reference(z0, z1):
        z, n = [*z0, *z1], len(z0)
        losses = []
        for i in range(2 * n):
            partner = (i + n) % (2 * n)
            losses.append(cross_entropy(cosine(z[i], z[partner]) / temperature, [
                cosine(z[i], z[j]) / temperature for j in range(2 * n) if j not in (i, partner)]))
        return np.array(np.mean(losses))

    check_function(lambda z0, z1: F.nt_xent(z0, z1, temperature), reference, uniform(*shape), uniform(*shape))


@pytest.mark.parametrize('temperature', [0.2, 1.])
@pytest.mark.parametrize('n, others, size', [(4, 6, 3), (1, 1, 2)])
def test_info_nce(n, others, size, temperature):
    def reference(query, key, others):
        return np.array(np.mean([cross_entropy(cosine(q, k) / temperature, [cosine(q, o) / temperature for o in others])
                                 for q, k in zip(query, key)]))

    check_function(lambda q, k, o: F.info_nce(q, k, o, temperature), reference, uniform(n, size), uniform(n, size),
                   uniform(others, size))


def test_lengths_do_not_count():
    z0, z1 = uniform(5, 4), uniform(5, 4)
    assert F.nt_xent(3 * z0, 0.5 * z1).array == pytest.approx(F.nt_xent(z0, z1).array, rel=1e-4)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r'nt_xent: z0, z1 must have one shape, got z0 \(2, 3\), z1 \(2, 4\)'):
        F.nt_xent(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r'nt_xent: expected z0 of shape \(N, D\) with at least one row, got \(0, 3\)'):
        F.nt_xent(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(ValueError, match='nt_xent: expected a temperature above 0, got 0'):
        F.nt_xent(np.zeros((2, 3)), np.zeros((2, 3)), temperature=0)
    with pytest.raises(ValueError, match=r'info_nce: others must have 3 columns as query has, got \(9, 4\)'):
        F.info_nce(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((9, 4)))
    with pytest.raises(ValueError, match=r'info_nce: query, key must have one shape'):
        F.info_nce(np.zeros((2, 3)), np.zeros((1, 3)), np.zeros((9, 3)))
    with pytest.raises(ValueError, match='info_nce: expected a temperature above 0, got -1'):
        F.info_nce(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((9, 3)), -1)
