"""What the iterators have in common: the sequence of the batches, their state, and reading ahead."""
from __future__ import annotations

import copy
from collections import deque
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset, at_epoch, gather
from autograd_nn.dataset.examples import join_examples
from autograd_nn.dataset.iterator import Iterator
from autograd_nn.iterators.order_samplers import ShuffleOrderSampler
from autograd_nn.iterators.schedule import Schedule, Segment, State
from autograd_nn.serializer import AbstractSerializer, serialize_if_there

Ticket = TypeVar('Ticket')


class ScheduledIterator(Iterator, Generic[Ticket]):
    """Base class of iterators whose batches follow a `Schedule`.

    A subclass says how batches are read: `_submit` starts reading one and returns a ticket, `_collect` waits for the
    batch of a ticket, and `_cancel` ends what is still being read. `_n_prefetch` batches are read ahead. The
    iterator's state is that of the last batch it returned: what has been read ahead is no part of it, so that a
    resumed iterator continues with the very next batch.

    Args:
        dataset: The data set.
        batch_size: The number of examples in a batch.
        repeat: If True, epochs follow each other without end, and a batch may reach from one into the next. If
            False, there is one epoch, whose last batch may be smaller.
        shuffle: Whether to visit the examples in a new random order in each epoch. Default: True, unless there is an
            `order_sampler`.
        order_sampler: What makes the order of each epoch, instead of `shuffle` (see `OrderSampler`).

    Raises:
        ValueError: The data set is empty, the batch size is not positive, or `shuffle` and `order_sampler` are both
            given.

    Attributes:
        current_position: How many examples of the current epoch have been visited.
    """

    _n_prefetch = 0
    # The name of the order in files: that which Chainer's iterator of the same name writes, and another that it reads.
    _order_keys = 'order', '_order'

    def __init__(self, dataset: Dataset, batch_size: int, repeat: bool = True, shuffle: bool | None = None,
                 order_sampler: Any | None = None) -> None:
        name = type(self).__name__
        if batch_size < 1:
            raise ValueError(f'{name}: batch_size must be positive, got {batch_size}')
        if len(dataset) == 0:
            raise ValueError(f'{name}: the data set is empty')
        if shuffle is not None and order_sampler is not None:
            raise ValueError(f'{name}: give either shuffle or order_sampler, not both')
        if order_sampler is None and shuffle is not False:
            order_sampler = ShuffleOrderSampler()
        self.dataset = dataset
        self.batch_size = batch_size
        self.repeat = repeat
        self._schedule = Schedule(len(dataset), repeat, order_sampler)
        self._part: slice | None = None  # the whole batch
        self._pending: deque[tuple[Ticket, State]] = deque()
        self._enter(self._schedule.start())

    @property
    def order_sampler(self) -> Any | None:
        """What makes the order of each epoch; one that is set here does so from the next epoch or `reset` on."""
        return self._schedule.sampler

    @order_sampler.setter
    def order_sampler(self, order_sampler: Any | None) -> None:
        self._discard()
        self._schedule.sampler = order_sampler
        self._enter(replace(self._state, sampler_state=getattr(order_sampler, 'state', None)))

    def __next__(self) -> list[Any]:
        try:
            batch = self._next_batch()
        except StopIteration as error:  # It would pass for the end of the epoch.
            raise RuntimeError(f'{type(self).__name__}: StopIteration was raised where an example was read; a data set '
                               'that lacks an example raises another exception, such as IndexError') from error
        if batch is None:
            raise StopIteration
        return batch

    def _next_batch(self) -> list[Any] | None:
        """The next batch; None after the last one."""
        self._read_ahead(1 + self._n_prefetch)
        if not self._pending:
            return None
        ticket, state = self._pending[0]
        try:
            batch = self._collect(ticket)
        except BaseException:
            self._discard()
            raise
        self._pending.popleft()
        self._enter(state)
        return batch

    def read_part(self, part: slice) -> None:
        """Has only a part of each batch read from now on, where the rest is for other processes.

        The epochs, the state and `batch_size` stay those of whole batches, so that they are the same in all processes.

        Args:
            part: Which of the examples of a batch.

        Example:
            >>> from autograd_nn.iterators import SerialIterator
            >>> iterator = SerialIterator([10, 20, 30], 2, shuffle=False)
            >>> iterator.read_part(slice(1, 2))
            >>> next(iterator), next(iterator), iterator.epoch_detail
            ([20], [10], 1.3333333333333333)
        """
        self._discard()
        self._part = part

    def reset(self) -> None:
        """Starts again with epoch 0, in a new order if the examples are shuffled."""
        self._discard()
        self._enter(self._schedule.start())

    def finalize(self) -> None:
        """Ends the reading ahead, and lets go of what has been read."""
        self._discard()

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores or restores the state: the position, the order of this epoch, what the next orders depend on.

        Files of Chainer have the order of the epoch alone: the next ones are then drawn as in a new training.

        Raises:
            ValueError: The stored order does not fit the data set.
        """
        state = self._state
        position = int(serializer('current_position', state.position))
        epoch = int(serializer('epoch', state.epoch))
        is_new_epoch = bool(serializer('is_new_epoch', state.is_new_epoch))
        order = self._serialize_order(serializer)
        try:
            previous = serializer('previous_epoch_detail', state.previous_epoch_detail)
            previous = -1. if previous is None else float(previous)
        except KeyError:  # Chainer's first versions: what it usually is
            size = self._schedule.epoch_size(order)
            visited = epoch + position / size
            previous = max(visited - self.batch_size / size, 0.) if visited else -1.
        sampler_state = state.sampler_state
        if sampler_state is not None:
            sampler_state = np.array(serialize_if_there(serializer, 'order_sampler', sampler_state.copy()))
        restored = State(position, epoch, is_new_epoch, previous, order, sampler_state)
        if restored == state:
            return
        if order is not None and (order.min() < 0 or order.max() >= len(self.dataset)):
            raise ValueError(f'{type(self).__name__}: the stored order has indices up to {order.max()}, '
                             f'but the data set has {len(self.dataset)} examples')
        self._discard()
        self._enter(restored)
        self._schedule.rewind(restored)

    def _serialize_order(self, serializer: AbstractSerializer) -> np.ndarray | None:
        order = self._state.order
        if order is None:
            return None
        order = order.copy()  # Some serializers load into the array that they are given.
        first, second = self._order_keys
        try:
            return np.array(serializer(first, order))
        except KeyError:
            return np.array(serializer(second, order))

    def __copy__(self) -> ScheduledIterator[Ticket]:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._schedule = Schedule(len(self.dataset), self.repeat, copy.deepcopy(self.order_sampler))
        other._schedule.rewind(self._state)
        other._pending = deque()
        return other

    def _enter(self, state: State) -> None:
        self._state = state
        self.current_position = state.position
        self.epoch = state.epoch
        self.is_new_epoch = state.is_new_epoch
        self.epoch_detail = self._schedule.epoch_detail(state)
        self.previous_epoch_detail = None if state.previous_epoch_detail < 0 else state.previous_epoch_detail

    def _read_ahead(self, count: int) -> None:
        while len(self._pending) < count:
            last = self._pending[-1][1] if self._pending else self._state
            batch = self._schedule.next_batch(last, self.batch_size)
            if batch is None:
                break
            segments, state = batch
            if self._part is not None:
                segments = part_of_segments(segments, self._part)
            self._pending.append((self._submit(segments), state))

    def _discard(self) -> None:
        """Forgets what has been read ahead."""
        if self._pending:
            self._pending.clear()
            self._schedule.rewind(self._state)
            self._cancel()

    def _submit(self, segments: list[Segment]) -> Ticket:
        raise NotImplementedError

    def _collect(self, ticket: Ticket) -> list[Any]:
        raise NotImplementedError

    def _cancel(self) -> None:
        """Ends what is still being read."""


def read_segments(dataset: Dataset, segments: list[Segment]) -> list[Any]:
    """The examples of all segments, each as it is in its epoch."""
    return join_examples([gather(at_epoch(dataset, epoch), indices) for epoch, indices in segments])


def part_of_segments(segments: list[Segment], part: slice) -> list[Segment]:
    """The segments of some of the examples of a batch."""
    parts, start = [], 0
    for segment in segments:
        indices = segment.indices[max(part.start - start, 0):max(part.stop - start, 0)]
        if len(indices):
            parts.append(Segment(segment.epoch, indices))
        start += len(segment.indices)
    return parts


def split_segments(segments: list[Segment], count: int) -> list[Segment]:
    """Cuts segments into smaller ones for `count` readers."""
    return [Segment(segment.epoch, part) for segment in segments
            for part in np.array_split(segment.indices, min(count, len(segment.indices)))]
