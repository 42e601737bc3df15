"""A fully connected layer with weights that are dropped at random: given masks, drawn ones, none."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.utils.type_check import ShapeError
from support.checking import check_function, uniform


@given(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans())
def test_given_mask(n, features, outputs, batchwise, biased):
    mask = np.random.rand(*[n] * batchwise, outputs, 2 * features) < 0.5

    def reference(x, W, b=0):
        return np.einsum('nd,nod->no', x.reshape(n, 2 * features), np.broadcast_to(W * mask / 0.7, (n, *W.shape))) + b

    check_function(lambda *xs: F.simplified_dropconnect(*xs, ratio=0.3, mask=mask), reference, uniform(n, 2, features),
                   uniform(outputs, 2 * features), *[uniform(outputs)] * biased)


@pytest.mark.parametrize('batchwise', [True, False])
def test_drawn_mask(batchwise):
    x, W = np.ones((3, 1), 'f'), np.ones((1000, 1), 'f')
    y = F.simplified_dropconnect(x, W, ratio=0.2, use_batchwise_mask=batchwise).array
    assert set(np.unique(y)) == {0, np.float32(1.25)}
    assert abs((y == 0).mean() - 0.2) < 0.05
    assert (y[0] == y[1]).all() != batchwise
    np.random.seed(1)
    first = F.simplified_dropconnect(x, W).array
    np.random.seed(1)
    np.testing.assert_array_equal(F.simplified_dropconnect(x, W).array, first)


def test_without_training_it_is_a_fully_connected_layer():
    x, W, b = uniform(3, 2, 2), uniform(5, 4), uniform(5)
    expected = F.linear(x, W, b).array
    np.testing.assert_allclose(F.simplified_dropconnect(x, W, b, train=False).array, expected)
    np.testing.assert_allclose(F.simplified_dropconnect(x, W, b, ratio=0).array, expected)
    with ann.using_config('train', False):
        assert (F.simplified_dropconnect(x, W, b).array != expected).any()


def test_mistakes_are_named():
    x, W = np.zeros((2, 3)), np.zeros((4, 3))
    with pytest.raises(ShapeError, match=r'simplified_dropconnect: .* got \(2, 3\), \(4, 2\) and None'):
        F.simplified_dropconnect(x, W[:, :2])
    with pytest.raises(ShapeError, match=r'simplified_dropconnect: .* got \(2, 3\), \(4, 3\) and \(3,\)'):
        F.simplified_dropconnect(x, W, np.zeros(3))
    with pytest.raises(ShapeError, match=r'mask must have the shape \(4, 3\) or \(2, 4, 3\) .*; it has \(3,\)'):
        F.simplified_dropconnect(x, W, mask=np.ones(3))
    with pytest.raises(ValueError, match='simplified_dropconnect: ratio must be from 0 to less than 1, not 1'):
        F.simplified_dropconnect(x, W, ratio=1)
    with pytest.raises(TypeError, match='simplified_dropconnect: expected floating-point x, got int64'):
        F.simplified_dropconnect(x.astype(int), W)
