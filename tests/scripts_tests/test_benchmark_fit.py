"""The benchmark of `fit` over a loop: both do the same work."""
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann

sys.path.append(str(Path(__file__).parents[2] / 'scripts'))

from benchmarks import fit


@pytest.mark.parametrize('name', fit.NETWORKS)
def test_both_sides_learn_the_same(name):
    # One minibatch, in which the order does not matter.
    x, t = np.random.rand(100, 784).astype('f'), np.random.randint(10, size=100).astype('i')
    weights = []
    for side in fit.bare_loop, fit.by_fit:
        networks = []

        def make(networks=networks):
            networks.append(fit.NETWORKS[name]())
            return networks[0]

        ann.random.seed(0)
        epoch = side(make, x, t)
        epoch()
        epoch()
        weights.append([param.array for param in networks[0].params()])
    for one, other in zip(*weights):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_table():
    rows = fit.measure(2, samples=200)
    assert [row['network'] for row in rows] == list(fit.NETWORKS)
    assert all(row['loop_ms'] > 0 and row['quartiles'][0] <= row['ratio'] <= row['quartiles'][1] for row in rows)
    head, first, second = fit.show(rows).splitlines()
    assert head.split()[0] == 'network' and first.startswith('784-100-10') and f'{rows[1]["ratio"]:.3f}' in second
