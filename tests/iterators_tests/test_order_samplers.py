import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.iterators import (
    LengthOrderSampler,
    OrderSampler,
    SerialIterator,
    ShuffleOrderSampler,
    order_samplers,
)


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


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4))
def test_batches_of_like_lengths(size, batch_size, pool):
    """Each epoch is a permutation; if all is one pool, whole batches are stretches of the sorted lengths."""
    batch_size = min(size, batch_size)
    lengths = np.random.RandomState(size).randint(1, 100, size)
    sampler = LengthOrderSampler(lengths, batch_size, pool, np.random.RandomState(0))
    order = np.arange(size)
    for _ in range(3):
        order = sampler(order, 0)
        np.testing.assert_array_equal(np.sort(order), np.arange(size))
        if pool * batch_size >= size:
            whole = size // batch_size * batch_size
            batches = lengths[order[:whole]].reshape(-1, batch_size)
            expected = np.sort(lengths)[:whole].reshape(-1, batch_size)
            np.testing.assert_array_equal(batches[np.lexsort(batches.T[::-1])], expected[np.lexsort(expected.T[::-1])])


def test_batches_of_like_lengths_where_one_reaches_into_the_next_epoch():
    lengths = np.repeat([1, 5, 9, 13, 17], 9)
    iterator = SerialIterator(lengths, 6, order_sampler=LengthOrderSampler(lengths, 6, 1000))
    spread, crossing = [], []
    for _ in range(150):
        before = iterator.epoch_detail
        batch = next(iterator)
        (crossing if int(before) != int(iterator.epoch_detail) and iterator.epoch_detail % 1 else spread).append(
            max(batch) - min(batch))
    assert len(crossing) == 10
    assert np.mean(spread) < 3 < np.mean(crossing)
    assert max(spread) <= 4


def test_orders_by_length_are_new_each_time_and_their_state_can_be_restored():
    lengths = np.random.RandomState(0).randint(1, 9, 40)
    first, second = LengthOrderSampler(lengths, 4, 2), LengthOrderSampler(lengths, 4, 2)
    orders = [first(np.arange(40), 38)]
    second.state = first.state
    orders += [first(orders[0], 38), second(orders[0], 38)]
    assert (orders[0] != orders[1]).any()
    np.testing.assert_array_equal(orders[1], orders[2])
    with pytest.raises(ValueError, match='positive batch_size and pool, got 0 and 50'):
        LengthOrderSampler(lengths, 0)
