import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dataset import Examples, at_epoch, gather
from autograd_nn.datasets import (
    AugmentedDataset,
    ConcatenatedDataset,
    DictDataset,
    SubDataset,
    TransformDataset,
    TupleDataset,
)

X = np.arange(8.).reshape(4, 2)
T = np.array([3, 2, 1, 0], np.int32)


def test_tuple_dataset():
    dataset = TupleDataset(X, T, list('abcd'))
    assert len(dataset) == 4
    x, t, letter = dataset[-3]
    np.testing.assert_array_equal(x, [2., 3.])
    assert (t, t.dtype, letter) == (2, np.int32, 'b')
    assert [(t, letter) for _, t, letter in dataset[1::2]] == [(2, 'b'), (0, 'd')]
    for index in [3, 0], np.array([-1, 0]), np.array([3, 0], np.uint8):
        x, t, letters = dataset[index]
        assert (x.tolist(), t.tolist(), letters) == ([[6., 7.], [0., 1.]], [0, 3], ['d', 'a'])
    x, t, letters = dataset[[True, False, False, True]]
    assert (x.tolist(), t.tolist(), letters) == ([[0., 1.], [6., 7.]], [3, 0], ['a', 'd'])
    assert [len(column) for column in dataset[[]]] == [0, 0, 0]
    with pytest.raises(IndexError, match='index 4 is out of range for 4'):
        dataset[[0, 4]]
    inner, numbers = TupleDataset(dataset, range(4))[[2]]
    assert (inner[1].tolist(), inner[2], numbers) == ([1], ['c'], [2])
    assert type(dataset[:]) is list and type(TupleDataset(X, T)[:]) is Examples


def test_dict_dataset():
    dataset = DictDataset(x=X, letter=list('abcd'))
    assert len(dataset) == 4
    assert dataset[1]['letter'] == 'b' and dataset[1]['x'].tolist() == [2., 3.]
    assert [example['letter'] for example in dataset[2:]] == ['c', 'd']
    batch = dataset[[2, 0]]
    assert (batch['x'].tolist(), batch['letter']) == ([[4., 5.], [0., 1.]], ['c', 'a'])
    assert type(DictDataset(x=X, t=T)[:2]) is Examples


@pytest.mark.parametrize('base', [TupleDataset, DictDataset])
def test_a_class_that_redefines_examples(base):
    class Doubled(base):
        def get_example(self, i):
            return 2 * i

    dataset = Doubled(X) if base is TupleDataset else Doubled(x=X)
    assert dataset[[3, 0]] == [6, 0] and dataset[1:] == [2, 4, 6]


@pytest.mark.parametrize('make, message', [
    (lambda: TupleDataset(), 'TupleDataset: expected at least one'),
    (lambda: TupleDataset(X, T[:3]), 'TupleDataset: .*different lengths: 4, 3'),
    (lambda: DictDataset(), 'DictDataset: expected at least one'),
    (lambda: DictDataset(x=X, t=T[:3]), "DictDataset: .*different lengths: {'x': 4, 't': 3}")])
def test_wrong_parts(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=4))
def test_concatenated_dataset(parts):
    dataset = ConcatenatedDataset(*parts)
    joined = [value for part in parts for value in part]
    assert len(dataset) == len(joined)
    assert dataset[:] == joined and list(dataset) == joined and dataset[::-1] == joined[::-1]
    with pytest.raises(IndexError):
        dataset[len(joined)]


def test_transform_dataset():
    calls = []
    dataset = TransformDataset(TupleDataset(X, T), lambda example: calls.append(1) or example[1] * 2)
    assert len(dataset) == 4 and not calls
    assert dataset[1] == 4 and len(calls) == 1
    assert dataset[2:] == [2, 0]
    assert gather(dataset, np.array([0, 3])) == [6, 0]


@pytest.mark.parametrize('wrap', [
    lambda base: TupleDataset(base, T), lambda base: DictDataset(a=base, b=T),
    lambda base: SubDataset(base, 1, 3), lambda base: TransformDataset(base, lambda example: example + 1),
    lambda base: ConcatenatedDataset([0], base), lambda base: AugmentedDataset(base, lambda image, rng: image, 0)])
def test_wrappers_read_their_bases_at_the_epoch(wrap):
    base = AugmentedDataset(np.zeros((4, 1)), lambda image, rng: rng.random(), seed=3)
    wrapper = wrap(base)
    later = wrapper.at_epoch(5)
    assert later is not wrapper and type(later) is type(wrapper)
    np.testing.assert_equal(later[:], wrap(base.at_epoch(5))[:])
    assert repr(later[:]) != repr(wrapper[:])
    np.testing.assert_equal(wrapper[:], wrap(base)[:])


def test_wrappers_of_constant_data_are_the_same_in_each_epoch():
    for dataset in (TupleDataset(X, T), DictDataset(x=X), SubDataset(X, 0, 2), ConcatenatedDataset(X, T)):
        assert at_epoch(dataset, 3) is dataset
