"""What all iterators have in common, whatever way they read."""
import collections
import copy
import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_nn.dataset import DatasetMixin, Iterator, concat_examples
from autograd_nn.datasets import AugmentedDataset, ConcatenatedDataset, SubDataset, TransformDataset, TupleDataset
from autograd_nn.datasets.transforms import RandomShift
from autograd_nn.iterators import MultiprocessIterator, MultithreadIterator, OrderSampler, SerialIterator

KINDS = {
    'serial': SerialIterator,
    'thread': lambda *args, **kwargs: MultithreadIterator(*args, n_threads=2, **kwargs),
    'process': lambda *args, **kwargs: MultiprocessIterator(*args, n_processes=2, n_prefetch=3, **kwargs),
}
each_kind = pytest.mark.parametrize('make', KINDS.values(), ids=KINDS)


class Saver(dict):
    """A serializer that stores."""

    def __call__(self, key, value):
        self[key] = np.array(value)
        return value


class Loader:
    """A serializer that restores, into the array that it is given where there is one."""

    def __init__(self, stored):
        self.stored = stored

    def __call__(self, key, value):
        if isinstance(value, np.ndarray):
            np.copyto(value, self.stored[key])
            return value
        return self.stored[key][()]


def state(iterator):
    return (iterator.epoch, iterator.current_position, iterator.is_new_epoch, iterator.epoch_detail,
            iterator.previous_epoch_detail)


def run(iterator, count):
    """The next batches, each with the state after it."""
    return [(next(iterator), state(iterator)) for _ in range(count)]


@each_kind
def test_values_of_one_run_in_order(make):
    with make(list('abcde'), 2, shuffle=False) as iterator:
        assert isinstance(iterator, Iterator) and iter(iterator) is iterator
        assert (iterator.batch_size, iterator.repeat, iterator.dataset) == (2, True, list('abcde'))
        assert state(iterator) == (0, 0, False, 0., None)
        assert run(iterator, 5) == [
            (['a', 'b'], (0, 2, False, 0.4, 0.)),
            (['c', 'd'], (0, 4, False, 0.8, 0.4)),
            (['e', 'a'], (1, 1, True, 1.2, 0.8)),
            (['b', 'c'], (1, 3, False, 1.6, 1.2)),
            (['d', 'e'], (2, 0, True, 2., 1.6)),
        ]
        assert iterator.next() == ['a', 'b']


@each_kind
def test_without_repeating(make):
    with make(list('abcde'), 2, repeat=False, shuffle=False) as iterator:
        assert list(iterator) == [['a', 'b'], ['c', 'd'], ['e']]
        assert state(iterator) == (1, 0, True, 1., 0.8)
        with pytest.raises(StopIteration):
            next(iterator)
        iterator.reset()
        assert state(iterator) == (0, 0, False, 0., None)
        assert list(iterator) == [['a', 'b'], ['c', 'd'], ['e']]


@given(st.integers(1, 12), st.integers(1, 30), st.booleans(), st.integers(0, 9))
def test_every_epoch_visits_each_example_once(size, batch_size, shuffle, seed):
    np.random.seed(seed)
    iterator = SerialIterator(range(size), batch_size, shuffle=shuffle)
    visited = []
    for count in range(1, 2 + 3 * size // batch_size):
        batch = next(iterator)
        assert len(batch) == batch_size
        visited += batch
        assert iterator.epoch == count * batch_size // size
        assert iterator.current_position == count * batch_size % size
        assert iterator.is_new_epoch == (iterator.epoch > (count - 1) * batch_size // size)
        assert iterator.epoch_detail == pytest.approx(count * batch_size / size)
        assert iterator.previous_epoch_detail == pytest.approx((count - 1) * batch_size / size)
    for epoch in range(len(visited) // size):
        assert sorted(visited[epoch * size:(epoch + 1) * size]) == list(range(size))


@given(st.integers(1, 12), st.integers(1, 30), st.booleans(), st.integers(0, 9))
def test_one_epoch_visits_each_example_once(size, batch_size, shuffle, seed):
    np.random.seed(seed)
    batches = list(SerialIterator(range(size), batch_size, repeat=False, shuffle=shuffle))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert sorted([example for batch in batches for example in batch]) == list(range(size))


@pytest.mark.parametrize('size, batch_size, repeat', [(1, 1, True), (7, 3, True), (7, 3, False), (3, 8, True)])
def test_all_kinds_give_the_same(size, batch_size, repeat):
    x = np.random.rand(size, 2).astype('f')
    dataset = TupleDataset(x, np.arange(size))
    results = []
    for make in KINDS.values():
        np.random.seed(4)
        with make(dataset, batch_size, repeat) as iterator:
            batches = []
            for _ in range(12 if repeat else 3):
                batches.append((concat_examples(next(iterator)), state(iterator)))
                np.random.rand()  # what else draws random numbers makes no difference
            results.append(batches)
        results.append(np.random.rand())
    serial, drawn, *others = results
    for batches in others[::2]:
        for ((x1, t1), state1), ((x2, t2), state2) in zip(serial, batches):
            np.testing.assert_array_equal(x1, x2)
            np.testing.assert_array_equal(t1, t2)
            assert t1.dtype == t2.dtype and state1 == state2
    assert others[1::2] == [drawn] * 2


@given(st.integers(1, 9), st.integers(1, 12), st.booleans(), st.integers(0, 8))
def test_resuming_at_every_point(size, batch_size, shuffle, stop):
    check_resuming(SerialIterator, size, batch_size, shuffle, stop)


@pytest.mark.parametrize('make', [KINDS['thread'], KINDS['process']], ids=['thread', 'process'])
@pytest.mark.parametrize('stop, shuffle', [(0, True), (2, False), (3, True)])
def test_resuming_loses_nothing_that_was_read_ahead(make, shuffle, stop):
    check_resuming(make, 7, 3, shuffle, stop)


def check_resuming(make, size, batch_size, shuffle, stop):
    with make(range(size), batch_size, shuffle=shuffle) as iterator:
        run(iterator, stop)
        stored = Saver()
        iterator.serialize(stored)
        before = state(iterator)
        expected = run(iterator, 8)
    with make(range(size), batch_size, shuffle=shuffle) as resumed:
        run(resumed, 1)
        resumed.serialize(Loader(stored))
        assert state(resumed) == before
        assert run(resumed, 8) == expected
        resumed.serialize(Loader(stored))
        assert run(resumed, 8) == expected


@each_kind
def test_saving_changes_nothing(make):
    np.random.seed(1)
    with make(range(5), 2) as iterator:
        expected = run(iterator, 6)
    np.random.seed(1)
    with make(range(5), 2) as iterator:
        for item in expected:
            assert run(iterator, 1) == [item]
            iterator.serialize(Saver())


def test_resuming_without_repeating():
    iterator = SerialIterator(range(5), 2, repeat=False)
    run(iterator, 2)
    stored = Saver()
    iterator.serialize(stored)
    resumed = SerialIterator(range(5), 2, repeat=False)
    resumed.serialize(Loader(stored))
    assert list(resumed) == list(iterator)


def test_stored_order_must_fit_the_dataset():
    iterator = SerialIterator(range(5), 2)
    iterator.next()
    stored = Saver()
    iterator.serialize(stored)
    smaller = SerialIterator(range(4), 2)
    with pytest.raises(ValueError, match='indices up to 4, but the data set has 4 examples'):
        smaller.serialize(lambda key, value: stored[key])


@each_kind
def test_reset_shuffles_anew_in_the_same_way(make):
    np.random.seed(2)
    serial = SerialIterator(range(9), 4)
    first = [serial.next() for _ in range(2)]
    serial.reset()
    second = [serial.next() for _ in range(5)]
    assert first != second[:2]
    np.random.seed(2)
    with make(range(9), 4) as iterator:
        assert [iterator.next() for _ in range(2)] == first
        iterator.reset()
        assert [iterator.next() for _ in range(5)] == second


@each_kind
def test_copies_go_their_own_ways(make):
    with make(range(7), 3) as iterator:
        run(iterator, 2)
        with copy.copy(iterator) as duplicate:
            expected = run(iterator, 6)
            assert run(duplicate, 6) == expected


@each_kind
def test_batch_size_may_change(make):
    with make(list('abcdef'), 1, shuffle=False) as iterator:
        assert next(iterator) == ['a']
        iterator.batch_size = 4
        iterator.reset()
        assert next(iterator) == ['a', 'b', 'c', 'd']


class Fixed(OrderSampler):
    """Leaves examples out and repeats others."""

    def __init__(self):
        self.calls = []

    def __call__(self, current_order, current_position):
        self.calls.append((current_order.tolist(), current_position))
        return np.array([4, 4, 0]) if len(self.calls) % 2 else np.array([1, 2])


@each_kind
def test_order_sampler(make):
    sampler = Fixed()
    with make(range(5), 2, order_sampler=sampler) as iterator:
        assert run(iterator, 4) == [
            ([4, 4], (0, 2, False, 2 / 3, 0.)), ([0, 1], (1, 1, True, 1.5, 2 / 3)),
            ([2, 4], (2, 1, True, 2 + 1 / 3, 1.5)), ([4, 0], (3, 0, True, 3., 2 + 1 / 3))]
    assert sampler.calls[:3] == [([0, 1, 2, 3, 4], 0), ([4, 4, 0], 2), ([1, 2], 1)]


@each_kind
def test_a_function_as_order_sampler(make):
    with make(range(4), 4, order_sampler=lambda order, position: order[::-1]) as iterator:
        assert [next(iterator) for _ in range(3)] == [[3, 2, 1, 0], [0, 1, 2, 3], [3, 2, 1, 0]]


@pytest.mark.parametrize('order, message', [
    (np.array([0.5]), 'expected integers of shape .*got float64'), (np.zeros((2, 2), int), r'shape \(2, 2\)'),
    ([], 'n > 0'), ([0, 5], 'indices from 0 to 5 for 5 examples'), ([-1], 'indices from -1')])
def test_wrong_orders(order, message):
    with pytest.raises(ValueError, match=message):
        SerialIterator(range(5), 2, order_sampler=lambda *args: order)


@each_kind
def test_wrong_arguments(make):
    with pytest.raises(ValueError, match='Iterator: batch_size must be positive, got 0'):
        make(range(5), 0)
    with pytest.raises(ValueError, match='Iterator: the data set is empty'):
        make([], 1)
    with pytest.raises(ValueError, match='either shuffle or order_sampler'):
        make(range(5), 2, shuffle=True, order_sampler=Fixed())


class Breaking(DatasetMixin):
    """Raises at one example, the first time."""

    def __init__(self, bad):
        self.bad = bad

    def __len__(self):
        return 10

    def get_example(self, i):
        if i == self.bad:
            raise KeyError(f'example {i}')
        return i


@each_kind
def test_an_exception_comes_where_its_batch_is_asked_for(make):
    with make(Breaking(5), 2, shuffle=False) as iterator:
        assert run(iterator, 2)[-1][0] == [2, 3]
        for _ in range(2):
            with pytest.raises(KeyError, match='example 5'):
                next(iterator)
            assert iterator.current_position == 4
        iterator.dataset.bad = None
        assert [next(iterator) for _ in range(3)] == [[4, 5], [6, 7], [8, 9]]


@each_kind
@pytest.mark.parametrize('wrap', [lambda dataset: dataset, lambda dataset: SubDataset(dataset, 0, 5)])
def test_examples_are_those_of_their_epoch(make, wrap):
    dataset = AugmentedDataset(TupleDataset(np.ones((5, 1, 6, 6), 'f'), np.arange(5)), RandomShift(3), seed=1)
    with make(wrap(dataset), 3) as iterator:
        visited = [example for _ in range(5) for example in next(iterator)]
    for k, (image, label) in enumerate(visited):
        np.testing.assert_array_equal(image, dataset.at_epoch(k // 5)[int(label)][0])


@each_kind
def test_can_be_used_after_finalize(make):
    iterator = make(range(6), 2, shuffle=False)
    assert next(iterator) == [0, 1]
    iterator.finalize()
    iterator.finalize()
    assert next(iterator) == [2, 3]
    iterator.finalize()


@each_kind
def test_is_garbage_when_dropped(make):
    iterator = make(range(6), 2)
    next(iterator)
    reference = weakref.ref(iterator)
    del iterator
    gc.collect()
    assert reference() is None


@settings(max_examples=8)
@given(st.integers(1, 7), st.integers(1, 9))
def test_threads_with_any_sizes(size, batch_size):
    with MultithreadIterator(range(size), batch_size, shuffle=False, n_threads=3) as iterator:
        actual = [example for _ in range(4) for example in next(iterator)]
    assert actual == [k % size for k in range(4 * batch_size)]


class OneBuffer(DatasetMixin):
    """Writes every example to the same memory, larger than what is pickled by value."""

    def __init__(self, form):
        self.buffer = np.zeros(20000)
        self.form = form

    def __len__(self):
        return 6

    def get_example(self, i):
        self.buffer[...] = i
        return self.form(self.buffer)


class Plain:
    """A data set that only can be indexed."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, i):
        return self.dataset[i]


Pair = collections.namedtuple('Pair', 'x t')


@pytest.mark.parametrize('make', [SerialIterator, MultithreadIterator, KINDS['process']],
                         ids=['serial', 'one thread', 'process'])
@pytest.mark.parametrize('form, array_of', [
    (lambda x: x, lambda example: example), (lambda x: (x[1:], 'label'), lambda example: example[0]),
    (lambda x: Pair(x, 0), lambda example: example.x), (lambda x: {'a': [x]}, lambda example: example['a'][0])],
    ids=['array', 'tuple', 'named tuple', 'dict'])
@pytest.mark.parametrize('wrap', [lambda d: d, Plain, lambda d: TransformDataset(Plain(d), lambda example: example),
                                  lambda d: ConcatenatedDataset(d, d), lambda d: SubDataset(d, 0, 6)],
                         ids=['', 'plain', 'transform', 'concatenated', 'subset'])
def test_an_example_stays_when_the_next_one_is_written_to_its_memory(make, form, array_of, wrap):
    dataset = wrap(OneBuffer(form))
    with make(dataset, 4, shuffle=False) as iterator:
        batches = [next(iterator) for _ in range(3)]
    for position, example in enumerate(example for batch in batches for example in batch):
        assert type(example) is type(dataset[0])
        assert (array_of(example) == position % 6).all()


def test_transforms_may_return_the_same_memory():
    buffer = np.zeros(3)

    def into_buffer(image, rng):
        buffer[...] = image
        return buffer

    dataset = AugmentedDataset(np.arange(12.).reshape(4, 3), into_buffer, seed=0)
    np.testing.assert_array_equal(dataset[:], np.arange(12.).reshape(4, 3))


def test_elements_of_lists_come_as_they_are():
    dataset = [np.zeros(2), np.ones(2)]
    assert next(SerialIterator(dataset, 2, shuffle=False))[1] is dataset[1]


@each_kind
@pytest.mark.parametrize('repeat', [False, True])
def test_stop_iteration_in_a_data_set_is_an_error(make, repeat):
    class Exhausted(DatasetMixin):
        def __len__(self):
            return 6

        def get_example(self, i):
            return i if i < 4 else next(iter(()))

    with make(Exhausted(), 3, repeat=repeat, shuffle=False) as iterator:
        assert next(iterator) == [0, 1, 2]
        with pytest.raises(RuntimeError, match='StopIteration was raised where an example was read'):
            next(iterator)
        with pytest.raises(RuntimeError, match='StopIteration was raised'):
            list(iterator)


def test_stop_iteration_in_an_order_sampler_is_an_error():
    orders = iter([np.arange(3)])
    iterator = SerialIterator(range(3), 3, order_sampler=lambda order, position: next(orders))
    with pytest.raises(RuntimeError, match='SerialIterator: StopIteration'):
        list(iterator)


@pytest.mark.parametrize('make, count', [*zip(KINDS.values(), [1, 2, 3])], ids=KINDS)
def test_parts_of_the_batches_are_the_batches_of_one(make, count):
    """What several processes read, each a part of each batch, also after a resumption with another number of them."""
    def iterators(count, dataset):
        np.random.seed(0)
        whole = make(dataset, 4)
        parts = []
        for i in range(count):
            np.random.seed(0)
            parts.append(make(dataset, 4))
            parts[-1].read_part(slice(4 * i // count, 4 * (i + 1) // count))
        return whole, parts

    dataset = AugmentedDataset(np.arange(11.)[:, None, None, None] * np.ones((1, 1, 3, 3)), RandomShift(1), seed=0)
    whole, parts = iterators(count, dataset)
    for _ in range(6):
        batch, pieces = next(whole), [next(part) for part in parts]
        np.testing.assert_array_equal(np.concatenate([list(piece) for piece in pieces]), list(batch))
        assert {state(part) for part in parts} == {state(whole)}
    saver = Saver()
    parts[0].serialize(saver)
    _, others = iterators(2, dataset)
    for other in others:
        other.serialize(Loader(saver))
    np.testing.assert_array_equal(np.concatenate([list(next(other)) for other in others]), list(next(whole)))
    for iterator in (whole, *parts, *others):
        iterator.finalize()
