import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.iterators import OrderSampler, ShuffleOrderSampler, order_samplers


def test_names():
    assert order_samplers.ShuffleOrderSampler is ShuffleOrderSampler
    with pytest.raises(NotImplementedError):
        OrderSampler()(np.arange(3), 0)


@given(st.integers(1, 20))
def test_orders_are_permutations_from_the_random_state(size):
    sampler = ShuffleOrderSampler(np.random.RandomState(3))
    random = np.random.RandomState(3)
    for _ in range(3):
        np.testing.assert_array_equal(sampler(np.arange(size), 0), random.permutation(size))


def test_default_depends_on_the_global_seed_when_it_is_made():
    orders = []
    for draw_more in (False, True):
        np.random.seed(5)
        sampler = ShuffleOrderSampler()
        if draw_more:
            np.random.rand()
        orders.append(sampler(np.arange(50), 0))
    np.testing.assert_array_equal(*orders)
    assert (ShuffleOrderSampler()(np.arange(50), 0) != orders[0]).any()


@pytest.mark.parametrize('half_of_a_pair', [False, True])
def test_state(half_of_a_pair):
    random = np.random.RandomState(7)
    random.rand(700)
    if half_of_a_pair:  # randn makes two numbers at a time and keeps one
        random.randn()
    sampler = ShuffleOrderSampler(random)
    state = sampler.state
    assert state.dtype == np.uint32 and state.shape == (628,)
    expected = sampler(np.arange(30), 0), random.randn(3)
    other = np.random.RandomState(0)
    sampler = ShuffleOrderSampler(other)
    sampler.state = state
    np.testing.assert_array_equal(sampler(np.arange(30), 0), expected[0])
    np.testing.assert_array_equal(other.randn(3), expected[1])


@pytest.mark.parametrize('random_state', [3, np.random.default_rng(0), np.random])
def test_wrong_random_state(random_state):
    with pytest.raises(TypeError, match=r'random_state must be a numpy\.random\.RandomState'):
        ShuffleOrderSampler(random_state)
