import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dataset import Examples, join_examples

X = np.arange(24.).reshape(6, 2, 2)
T = np.arange(6, dtype=np.int32)
COLUMNS = {'array': X, 'labels': T, 'tuple': (X, T), 'dict': {'x': X, 't': T}}


def rows(columns, indices):
    if isinstance(columns, tuple):
        return [tuple(column[i] for column in columns) for i in indices]
    if isinstance(columns, dict):
        return [{key: column[i] for key, column in columns.items()} for i in indices]
    return [columns[i] for i in indices]


def assert_same(actual, expected):
    if isinstance(expected, (tuple, list)):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected):
            assert_same(one, other)
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key in expected:
            assert_same(actual[key], expected[key])
    else:
        assert type(actual) is type(expected) and actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize('columns', COLUMNS.values(), ids=COLUMNS)
def test_is_a_list_of_rows_and_remembers_columns(columns):
    batch = Examples(columns, np.array([3, 0, 3]))
    assert isinstance(batch, list)
    assert_same(list(batch), rows(columns, [3, 0, 3]))
    gathered = batch.gather()
    if isinstance(columns, dict):
        assert_same(gathered, {key: column[[3, 0, 3]] for key, column in columns.items()})
    elif isinstance(columns, tuple):
        assert_same(gathered, tuple(column[[3, 0, 3]] for column in columns))
    else:
        assert_same(gathered, columns[[3, 0, 3]])


@pytest.mark.parametrize('columns', COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize('duplicate', [copy.copy, lambda batch: pickle.loads(pickle.dumps(batch))])
def test_copies(columns, duplicate):
    batch = duplicate(Examples(columns, np.array([5, 1])))
    assert type(batch) is Examples
    assert_same(list(batch), rows(columns, [5, 1]))


@pytest.mark.parametrize('change', [
    lambda batch: batch.append(batch[0]), lambda batch: batch.pop(), lambda batch: batch.reverse(),
    lambda batch: batch.__setitem__(0, batch[1]), lambda batch: batch.clear()])
def test_a_changed_list_is_only_a_list(change):
    batch = Examples((X, T), np.array([4, 2]))
    change(batch)
    assert batch.gather() is None
    duplicate = pickle.loads(pickle.dumps(batch))
    assert type(duplicate) is list and len(duplicate) == len(batch)


def test_gathered_arrays_are_new():
    x = X.copy()
    batch = Examples(x, np.array([1]))
    batch.gather()[...] = -1
    assert x[1, 0, 0] == X[1, 0, 0] and batch[0][0, 0] == X[1, 0, 0]


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=4), st.sampled_from(sorted(COLUMNS)),
       st.booleans())
def test_join(parts, kind, plain):
    columns = COLUMNS[kind]
    batches = [Examples(columns, np.array(part, int)) for part in parts]
    if plain:
        batches[-1] = list(batches[-1])
    joined = join_examples(batches)
    assert_same(list(joined), rows(columns, [i for part in parts for i in part]))
    if not plain:
        assert isinstance(joined, Examples)
