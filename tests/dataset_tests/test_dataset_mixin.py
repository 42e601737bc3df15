import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.dataset import DatasetMixin, at_epoch, gather
from autograd_nn.datasets import TupleDataset


class Squares(DatasetMixin):

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def get_example(self, i):
        assert 0 <= i < self.size
        return i * i


@given(st.integers(0, 8), st.data())
def test_slices_are_those_of_a_list(size, data):
    index = data.draw(st.slices(size))
    assert Squares(size)[index] == [i * i for i in range(size)][index]


@given(st.integers(1, 8), st.data())
def test_integer_indices_are_those_of_an_array(size, data):
    indices = data.draw(st.lists(st.integers(-size, size - 1), max_size=6))
    expected = [int(value) for value in np.arange(size)[np.array(indices, int)] ** 2]
    assert Squares(size)[indices] == expected
    assert Squares(size)[np.array(indices, np.int32)] == expected
    assert [Squares(size)[i] for i in indices] == expected
    assert [Squares(size)[np.int64(i)] for i in indices] == expected


def test_boolean_mask():
    assert Squares(4)[np.array([True, False, False, True])] == [0, 9]
    assert Squares(4)[[False] * 4] == []
    with pytest.raises(IndexError, match='mask of 3 booleans for 4 examples'):
        Squares(4)[[True, False, True]]


@pytest.mark.parametrize('index', [3, -4, [0, 3], [-4]])
def test_out_of_range(index):
    with pytest.raises(IndexError, match=r'Squares: index -?[34] is out of range for 3 examples'):
        Squares(3)[index]


@pytest.mark.parametrize('index', [1.5, [0.5], 'a', ['a']])
def test_indices_that_are_no_integers(index):
    with pytest.raises(TypeError):
        Squares(3)[index]


def test_iteration_ends():
    assert list(Squares(4)) == [0, 1, 4, 9]


def test_gather_reads_anything():
    indices = np.array([2, 0])
    assert gather([5, 6, 7], indices) == [7, 5]
    assert gather(Squares(3), indices) == [4, 0]
    assert gather(np.array([5, 6, 7]), indices) == [7, 5]
    assert gather('abc', indices) == ['c', 'a']
    assert at_epoch('abc', 3) == 'abc'


def test_a_subclass_that_redefines_an_example_redefines_batches():
    class Negated(TupleDataset):
        def get_example(self, i):
            return tuple([-value for value in super().get_example(i)])

    class Numbered(TupleDataset):
        def __getitem__(self, index):
            return index, super().__getitem__(index)[0]

    x = np.arange(3)
    assert gather(Negated(x), np.array([1, 2])) == [(-1,), (-2,)]
    assert Negated(x)[1:] == [(-1,), (-2,)]
    assert gather(Numbered(x), np.array([1, 2])) == [(1, 1), (2, 2)]


def test_interface():
    with pytest.raises(NotImplementedError):
        len(DatasetMixin())
    with pytest.raises(NotImplementedError):
        DatasetMixin().get_example(0)
