"""Attention against NumPy."""
import numpy as np
import pytest
import scipy.special

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, uniform


def attention(query, key, value, mask=True):
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    return scipy.special.softmax(np.where(mask, scores, -np.inf), axis=-1) @ value


@pytest.mark.parametrize('batch, Q, K, D, V', [((), 1, 1, 1, 1), ((), 2, 3, 4, 5), ((2,), 3, 1, 2, 4),
                                               ((2, 3), 4, 2, 3, 1), ((0, 2), 1, 2, 3, 4)])
def test_values_and_gradients(batch, Q, K, D, V):
    check_function(F.scaled_dot_product_attention, attention, uniform(*batch, Q, D), uniform(*batch, K, D),
                   uniform(*batch, K, V))


@pytest.mark.parametrize('shape', [(3, 4), (2, 1, 4), (2, 3, 1)])
def test_mask(shape):
    mask = np.random.randint(0, 2, shape).astype(bool)
    mask[..., 0] = True
    check_function(lambda *xs: F.scaled_dot_product_attention(*xs, xs[0].device.send(mask)),
                   lambda *xs: attention(*xs, mask), uniform(2, 3, 5), uniform(2, 4, 5), uniform(2, 4, 2))


def test_no_gradient_reaches_what_is_hidden():
    query, key, value = (ann.Variable(uniform(3, 2)) for _ in range(3))
    past = np.tri(3, dtype=bool)
    F.sum(F.scaled_dot_product_attention(query, key, value, past)[:2]).backward()
    assert not value.grad[2].any() and not key.grad[2].any()
    assert value.grad[:2].all()


def test_dropout_of_weights():
    query, value = np.zeros((1000, 1, 2), 'f'), np.ones((1000, 4, 1), 'f')
    key = np.zeros((1000, 4, 2), 'f')
    y = F.scaled_dot_product_attention(query, key, value, ratio=0.5).array
    np.testing.assert_allclose(np.unique(y), [0, 0.5, 1, 1.5, 2], rtol=1e-6)
    with ann.using_config('train', False):
        y = F.scaled_dot_product_attention(query, key, value, ratio=0.5).array
    np.testing.assert_allclose(y, 1, rtol=1e-6)


@pytest.mark.parametrize('shapes', [((2, 3), (4, 2), (4, 5)), ((2, 3), (4, 3), (5, 5)), ((3,), (4, 3), (4, 5))])
def test_shapes_that_do_not_fit(shapes):
    with pytest.raises(ValueError, match=r'scaled_dot_product_attention: expected query \(..., Q, D\), .* got shapes'):
        F.scaled_dot_product_attention(*map(np.zeros, shapes))


def test_integers():
    x = np.ones((2, 2), int)
    with pytest.raises(TypeError, match='scaled_dot_product_attention: expected floating-point query'):
        F.scaled_dot_product_attention(x, x, x)
