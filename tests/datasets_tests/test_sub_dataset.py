import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dataset import Examples
from autograd_nn.datasets import (
    SubDataset,
    TupleDataset,
    get_cross_validation_datasets,
    get_cross_validation_datasets_random,
    split_dataset,
    split_dataset_n,
    split_dataset_n_random,
    split_dataset_random,
)

LETTERS = 'abcdefg'
ORDER = [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize('order, text', [(None, LETTERS), (ORDER, LETTERS[::-1]), (np.array(ORDER), LETTERS[::-1])])
def test_sub_dataset(order, text):
    part = SubDataset(LETTERS, 2, 6, order)
    assert len(part) == 4
    assert part[:] == list(text[2:6]) and [part[i] for i in (0, 3, -1, -4)] == [text[i] for i in (2, 5, 5, 2)]
    with pytest.raises(IndexError):
        part[4]
    with pytest.raises(IndexError):
        part[-5]
    assert len(SubDataset(LETTERS, 3, 3, order)) == 0


def test_batches_of_parts_are_gathered_from_the_whole():
    part = SubDataset(SubDataset(TupleDataset(np.arange(7), np.arange(7)), 1, 7), 0, 4, [5, 4, 3, 2, 1, 0])
    batch = part[[0, 2]]
    assert type(batch) is Examples
    np.testing.assert_array_equal(batch.gather()[0], [6, 4])


@pytest.mark.parametrize('arguments, message', [
    ((LETTERS, -1, 3), 'got start -1 and finish 3'), ((LETTERS, 0, 8), 'finish <= 7'), ((LETTERS, 3, 2), 'start 3'),
    ((LETTERS, 0, 3, [1, 0]), 'order has 2 indices for 7 examples')])
def test_wrong_intervals(arguments, message):
    with pytest.raises(ValueError, match=message):
        SubDataset(*arguments)


def test_split_dataset():
    first, second = split_dataset(LETTERS, 3, ORDER)
    assert first[:] == list('gfe') and second[:] == list('dcba')
    assert len(split_dataset(LETTERS, 0)[0]) == 0
    assert split_dataset(LETTERS, np.int64(2))[0][:] == ['a', 'b']
    with pytest.raises(TypeError, match='split_at must be an integer, got float'):
        split_dataset(LETTERS, 3.)
    for split_at in (-1, 7):
        with pytest.raises(ValueError, match=f'got {split_at}'):
            split_dataset(LETTERS, split_at)


@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 3))
def test_split_dataset_n(size, n, seed):
    parts = split_dataset_n(range(size), n)
    assert [part[:] for part in parts] == [list(range(i * (size // n), (i + 1) * (size // n))) for i in range(n)]
    parts = split_dataset_n_random(range(size), n, seed)
    assert [len(part) for part in parts] == [size // n] * n
    examples = [example for part in parts for example in part]
    assert len(set(examples)) == len(examples) and set(examples) <= set(range(size))


@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 3), st.booleans())
def test_cross_validation(size, n_folds, seed, shuffled):
    folds = (get_cross_validation_datasets_random(range(size), n_folds, seed) if shuffled
             else get_cross_validation_datasets(range(size), n_folds))
    assert len(folds) == n_folds
    for train, test in folds:
        assert sorted(train[:] + test[:]) == list(range(size))
        assert size // n_folds <= len(test) <= -(-size // n_folds)
    tests = [example for _, test in reversed(folds) for example in test]
    assert (sorted(tests) if shuffled else tests) == list(range(size))


def test_cross_validation_with_order():
    folds = get_cross_validation_datasets(LETTERS, 2, ORDER)
    assert [(''.join(train), ''.join(test)) for train, test in folds] == [('gfe', 'dcba'), ('dcba', 'gfe')]
    # The folds of Chainer.
    folds = get_cross_validation_datasets(LETTERS, 3)
    assert [(''.join(train), ''.join(test)) for train, test in folds] == [
        ('abcd', 'efg'), ('efgab', 'cd'), ('cdefg', 'ab')]


@pytest.mark.parametrize('split', [
    lambda seed: split_dataset_random(range(30), 10, seed), lambda seed: split_dataset_n_random(range(30), 3, seed),
    lambda seed: [part for pair in get_cross_validation_datasets_random(range(30), 3, seed) for part in pair]])
def test_random_splits_depend_on_the_seed(split):
    def parts(seed):
        return [part[:] for part in split(seed)]

    assert parts(1) == parts(1) != parts(2)
    np.random.seed(4)
    first = parts(None)
    assert parts(None) != first
    np.random.seed(4)
    assert parts(None) == first
    state = np.random.get_state()[1].copy()
    parts(1)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_wrong_numbers_of_parts():
    with pytest.raises(ValueError, match='n must be positive, got 0'):
        split_dataset_n(LETTERS, 0)
    with pytest.raises(ValueError, match='n_folds must be positive, got 0'):
        get_cross_validation_datasets(LETTERS, 0)
