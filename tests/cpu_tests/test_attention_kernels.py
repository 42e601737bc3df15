"""Attention kernels against the formula, and their gradients against differences."""
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dtypes import as_dtype


def formula(query, key, value):
    scores = np.einsum('...qd,...kd->...qk', query, key) / np.sqrt(query.shape[-1])
    return np.einsum('...qk,...kv->...qv', scipy.special.softmax(scores, axis=-1), value)


shapes = st.tuples(st.lists(st.integers(1, 3), max_size=3), st.integers(1, 5), st.integers(1, 4),
                   st.sampled_from([1, 3, 8, 16]), st.sampled_from([2, 8]))

TOLERANCES = {'bfloat16': 4e-2, 'e': 5e-3, 'f': 1e-5, 'd': 1e-12}


def draw(shape, dtype, transposed=False):
    batch, Q, K, D, V = shape
    arrays = [np.random.uniform(-2, 2, (*batch, n, m)).astype(as_dtype(dtype))
              for n, m in ((Q, D), (K, D), (K, V), (Q, V))]
    if transposed and len(batch) > 1:
        # As the heads of one layer lie beside each other.
        arrays = [np.ascontiguousarray(a.swapaxes(-3, -2)).swapaxes(-3, -2) for a in arrays]
    return arrays


@given(shape=shapes, training=st.booleans(), transposed=st.booleans(), dtype=st.sampled_from(list(TOLERANCES)))
def test_values(kernel, shape, training, transposed, dtype):
    query, key, value, _ = draw(shape, dtype, transposed)
    y = kernel.kernels.attention(*map(kernel.send, (query, key, value)), training)[0]
    assert y.dtype == dtype
    np.testing.assert_allclose(kernel.fetch(y).astype('d'), formula(*(x.astype('d') for x in (query, key, value))),
                               atol=TOLERANCES[dtype])


@given(shape=shapes, transposed=st.booleans(), dtype=st.sampled_from(list(TOLERANCES)))
def test_gradients(kernel, shape, transposed, dtype):
    """Central differences of ``sum(gy * y)`` in a random direction."""
    xs = draw(shape, dtype, transposed)
    sent = list(map(kernel.send, xs))
    y, workspace = kernel.kernels.attention(*sent[:3], True)
    gradients = kernel.kernels.attention_grad(*sent[:3], y, workspace, sent[3])
    exact = [x.astype('d') for x in xs]
    for i, g in enumerate(gradients):
        assert g.shape == xs[i].shape and g.dtype == dtype
        direction = np.random.uniform(-1, 1, xs[i].shape)
        ends = [[x + sign * 1e-5 * direction if j == i else x for j, x in enumerate(exact[:3])] for sign in (1, -1)]
        difference = (exact[3] * (formula(*ends[0]) - formula(*ends[1]))).sum() / 2e-5
        np.testing.assert_allclose((kernel.fetch(g).astype('d') * direction).sum(), difference,
                                   atol={'bfloat16': 0.8, 'e': 0.1, 'f': 2e-4, 'd': 1e-6}[dtype])


@pytest.mark.parametrize('shape', [(0, 2, 3, 4), (2, 0, 3, 4)])
def test_nothing(kernel, shape):
    batch, Q, K, D = shape
    y, _ = kernel('attention', np.ones((batch, Q, D), kernel.dtype), np.ones((batch, K, D), kernel.dtype),
                  np.ones((batch, K, 5), kernel.dtype), False)
    assert y.shape == (batch, Q, 5)
