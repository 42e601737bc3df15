import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograd_nn.backend import Device, get_device
from autograd_nn.dataset import (
    ConcatWithAsyncTransfer,
    Converter,
    Examples,
    call_converter,
    concat_examples,
    converter,
    to_device,
)
from autograd_nn.dataset.convert import Conveyor

arrays = hnp.arrays(st.sampled_from([np.float32, np.float64, np.int32, np.uint8]),
                    hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4).filter(lambda shape: shape[0]),
                    elements=st.integers(0, 100))


class Recorder:
    """A device that notes what it is sent."""

    def __init__(self):
        self.sent = []

    def send(self, array):
        self.sent.append(array)
        return array


def assert_equal(actual, expected):
    assert isinstance(actual, np.ndarray) and actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


@given(arrays)
def test_arrays(x):
    assert_equal(concat_examples(list(x)), x)
    assert_equal(concat_examples(x), x)
    assert_equal(concat_examples(Examples(x, np.arange(len(x)))), x)


@given(arrays)
def test_tuples_and_dicts(x):
    t = np.arange(len(x), dtype=np.int16)
    for batch in ([(row, label) for row, label in zip(x, t)], Examples((x, t), np.arange(len(x)))):
        actual = concat_examples(batch)
        assert isinstance(actual, tuple)
        assert_equal(actual[0], x)
        assert_equal(actual[1], t)
    for batch in ([{'x': row, 't': label} for row, label in zip(x, t)],
                  Examples({'x': x, 't': t}, np.arange(len(x)))):
        actual = concat_examples(batch)
        assert list(actual) == ['x', 't']
        assert_equal(actual['x'], x)
        assert_equal(actual['t'], t)


def test_scalars():
    assert_equal(concat_examples([1, 2]), np.array([1, 2]))
    assert_equal(concat_examples([1.5, 2.5]), np.array([1.5, 2.5]))
    assert_equal(concat_examples([np.float32(1), np.float32(2)]), np.array([1, 2], np.float32))
    assert_equal(concat_examples([np.array(1, np.int8), np.array(2, np.int8)]), np.array([1, 2], np.int8))
    assert_equal(concat_examples([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]]))


def test_result_does_not_share_memory():
    x = np.zeros((3, 2))
    for batch in (x, list(x), Examples(x, np.arange(3))):
        concat_examples(batch)[...] = 1
    assert not x.any()


def test_changed_examples_are_taken_as_they_are():
    batch = Examples((np.arange(3), np.arange(3.)), np.arange(3))
    batch[1] = (10, 20.)
    assert_equal(concat_examples(batch)[0], np.array([0, 10, 2]))


@given(st.integers(1, 3), st.data())
def test_padding(ndim, data):
    shapes = data.draw(st.lists(st.tuples(*[st.integers(0, 3)] * ndim), min_size=1, max_size=4))
    batch = [np.full(shape, i + 1, np.float32) for i, shape in enumerate(shapes)]
    expected = np.full((len(batch), *np.max(shapes, axis=0)), -1, np.float32)
    for i, shape in enumerate(shapes):
        for position in np.ndindex(shape):
            expected[(i, *position)] = i + 1
    assert_equal(concat_examples(batch, padding=-1), expected)


def test_padding_by_column():
    batch = [(np.array([1, 2]), 7, np.array([1.])), (np.array([3]), 8, np.array([1., 2.]))]
    x, t, y = concat_examples(batch, padding=(-1, None, 0))
    assert_equal(x, np.array([[1, 2], [3, -1]]))
    assert_equal(t, np.array([7, 8]))
    assert_equal(y, np.array([[1., 0.], [1., 2.]]))
    x, t, y = concat_examples(batch, padding=9)
    assert_equal(x, np.array([[1, 2], [3, 9]]))
    batch = [{'a': [1, 2], 'b': 1}, {'a': [3], 'b': 2}]
    assert_equal(concat_examples(batch, padding={'a': 5, 'b': None})['a'], np.array([[1, 2], [3, 5]]))
    assert_equal(concat_examples(batch, padding=5)['a'], np.array([[1, 2], [3, 5]]))


@pytest.mark.parametrize('batch, padding, message', [
    ([], None, 'the batch is empty'),
    ([np.zeros(2), np.zeros(3)], None, r'different shapes, for instance \(2,\) and \(3,\)'),
    ([np.zeros(2), np.zeros((2, 1))], 0, 'different numbers of axes'),
    ([(1, 2), (1,)], None, 'tuples of different lengths'),
    ([(1, 2), (1, 2)], (0,), '1 paddings for examples of 2 elements'),
])
def test_errors(batch, padding, message):
    with pytest.raises(ValueError, match=message):
        concat_examples(batch, padding=padding)


def test_device_gets_every_array():
    device = Recorder()
    x = np.arange(6.).reshape(3, 2)
    for batch in ([(row, 1) for row in x], Examples((x, x), np.arange(3)), [{'a': row, 'b': 2} for row in x]):
        device.sent.clear()
        concat_examples(batch, device)
        assert [array.shape[0] for array in device.sent] == [3, 3]
    for spec in (-1, 'cpu', '@numpy'):
        assert_equal(concat_examples(list(x), spec), x)


def test_to_device():
    x = np.zeros(3)
    assert to_device(None, x) is x
    assert to_device(-1, x) is x
    device = Recorder()
    assert to_device(device, x) is x and device.sent == [x]
    with pytest.raises(ValueError):
        to_device('nowhere', x)


def test_converter():
    @converter()
    def twice(batch, device, factor=2):
        """Doubles."""
        assert device is None or isinstance(device, Device)
        return [factor * example for example in batch]

    assert isinstance(twice, Converter)
    assert twice.__name__ == 'twice' and twice.__doc__ == 'Doubles.'
    assert twice([1, 2], None) == twice([1, 2], -1) == twice([1, 2], device='cpu') == [2, 4]
    assert twice([1], None, factor=3) == [3]
    with pytest.raises(NotImplementedError):
        Converter()([1])


def test_functions_get_the_number_of_a_device_and_converters_the_device():
    @converter()
    def new(batch, device):
        return device

    def old(batch, device):
        return device

    cpu = get_device('cpu')
    assert call_converter(new, [], cpu) is cpu and call_converter(new, [], None) is None
    assert call_converter(old, [], cpu) == -1 and call_converter(old, [], None) is None


class TestConveyor:
    def test_order(self):
        conveyor = Conveyor()
        first, second = np.zeros(2), np.ones(3)
        conveyor.put(first)
        conveyor.put(second)
        assert conveyor.get() is first and conveyor.get(sync=False) is second
        with pytest.raises(IndexError, match='put comes before get'):
            conveyor.get()
        conveyor = Conveyor(-1, stream=object())  # of no use on the CPU
        conveyor.put(first)
        assert conveyor.get() is first

    @pytest.mark.parametrize('batch', [
        [(np.zeros(2), 3), (np.ones(2), 4)], [{'x': np.zeros(2), 't': 1}], [np.arange(3), np.arange(3)], [1., 2.]])
    def test_a_converter(self, batch):
        for device in None, -1, 'cpu':
            converted, expected = ConcatWithAsyncTransfer()(batch, device), concat_examples(batch)
            assert type(converted) is type(expected)
            np.testing.assert_equal(converted, expected)

    def test_padding(self):
        batch = [(np.array([1]), np.array([1.])), (np.array([1, 2]), np.array([3.]))]
        assert [x.tolist() for x in ConcatWithAsyncTransfer()(batch, padding=(7, None))] == [[[1, 7], [1, 2]],
                                                                                             [[1], [3]]]
        with pytest.raises(ValueError, match='the batch is empty'):
            ConcatWithAsyncTransfer()([])
