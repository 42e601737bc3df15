"""Drawing by given probabilities: what the table says, what comes out, and where it is."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
from autograd_nn import cuda, utils
from autograd_nn.utils import WalkerAlias


@given(st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=30).filter(any))
def test_the_table_holds_the_probabilities(weights):
    sampler = WalkerAlias(weights)
    n, threshold = len(weights), sampler.threshold.astype('d')
    assert ((threshold >= 0) & (threshold <= 1 + 1e-6)).all()
    found = np.bincount(sampler.values, np.stack((threshold, 1 - threshold), 1).ravel(), n) / n
    np.testing.assert_allclose(found, np.array(weights) / np.sum(weights), atol=1e-6)
    assert not found[np.array(weights) == 0].any()


@pytest.mark.parametrize('device', ['cpu', *['cuda'] * cuda.available])
def test_frequencies(device):
    sampler = WalkerAlias(np.array([1, 0, 3, 4], 'f'))
    assert sampler.to_device(device) is sampler and sampler.device == ann.get_device(device)
    ann.random.seed(0)
    drawn = sampler.sample((100, 200))
    assert type(drawn) is type(sampler.values) and drawn.shape == (100, 200) and drawn.dtype == 'int32'
    np.testing.assert_allclose(np.bincount(cuda.to_cpu(drawn).ravel(), minlength=4) / 20_000, [0.125, 0, 0.375, 0.5],
                               atol=0.02)
    ann.random.seed(0)
    np.testing.assert_array_equal(cuda.to_cpu(sampler.sample((100, 200))), cuda.to_cpu(drawn))
    assert isinstance(sampler.to_cpu().sample(3), np.ndarray)


def test_names_of_chainer():
    assert utils.walker_alias.WalkerAlias is WalkerAlias


@pytest.mark.parametrize('probs', [[], [0, 0], [1, -1], [1, np.nan], [[1, 2]]])
def test_no_probabilities(probs):
    with pytest.raises(ValueError, match='WalkerAlias: expected probs as a list of numbers'):
        WalkerAlias(probs)
