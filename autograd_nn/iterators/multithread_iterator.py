"""Reads batches ahead in threads."""
from __future__ import annotations

import queue
import threading
import time
import weakref
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset
from autograd_nn.dataset.examples import join_examples
from autograd_nn.iterators.schedule import Segment
from autograd_nn.iterators.scheduled_iterator import ScheduledIterator, read_segments, split_segments
from autograd_nn.serializer import AbstractSerializer, serialize_if_there

GRACE = 0.5
"""Seconds that `MultithreadIterator.finalize` waits for threads that are reading."""

_Tasks = queue.SimpleQueue['tuple[Future[list[Any]], Dataset, Segment] | None']


class MultithreadIterator(ScheduledIterator[list['Future[list[Any]]']]):
    """Makes batches of a data set, reading the next one in threads while the program works on the current one.

    Batches are the same and come in the same order as with `SerialIterator`. Threads help where examples come from
    files or where NumPy and Pillow do the work; Python code runs in one thread at a time. An exception in a thread is
    raised where its batch is asked for. The threads are daemons: neither Ctrl-C nor the end of the program waits for
    what they are reading.

    Args:
        dataset: The data set; its examples are read from several threads at once. One that returns the same array
            each time must be read by one thread.
        batch_size: The number of examples in a batch.
        repeat: If True, epochs follow each other without end, and a batch may reach from one into the next. If
            False, there is one epoch, whose last batch may be smaller.
        shuffle: Whether to visit the examples in a new random order in each epoch. Default: True, unless there is an
            `order_sampler`.
        n_threads: The number of threads.
        order_sampler: What makes the order of each epoch, instead of `shuffle` (see `OrderSampler`).

    Raises:
        ValueError: The data set is empty, the batch size or the number of threads is not positive, or `shuffle` and
            `order_sampler` are both given.

    Example:
        >>> with MultithreadIterator([10, 20, 30], 2, shuffle=False, n_threads=2) as iterator:
        ...     next(iterator), next(iterator)
        ([10, 20], [30, 10])
    """

    _n_prefetch = 1
    _order_keys = '_order', 'order'

    def __init__(self, dataset: Dataset, batch_size: int, repeat: bool = True, shuffle: bool | None = None,
                 n_threads: int = 1, order_sampler: Any | None = None) -> None:
        if n_threads < 1:
            raise ValueError(f'MultithreadIterator: n_threads must be positive, got {n_threads}')
        super().__init__(dataset, batch_size, repeat, shuffle, order_sampler)
        self.n_threads = n_threads
        self._readers: _Readers | None = None

    def finalize(self) -> None:
        """Ends the threads; those that still read after half a second end by themselves when they have read it."""
        super().finalize()
        if self._readers is not None:
            self._readers.close()
            self._readers.join(GRACE)
            self._readers = None

    def _serialize_order(self, serializer: AbstractSerializer) -> np.ndarray | None:
        if self._state.order is None:
            serialize_if_there(serializer, '_order', None)  # Chainer's asks for it even so.
        return super()._serialize_order(serializer)

    def __copy__(self) -> MultithreadIterator:
        other = super().__copy__()
        assert isinstance(other, MultithreadIterator)
        other._readers = None
        return other

    def _submit(self, segments: list[Segment]) -> list[Future[list[Any]]]:
        if self._readers is None:
            self._readers = _Readers(self.n_threads)
            weakref.finalize(self, self._readers.close)
        return [self._readers.submit(self.dataset, part) for part in split_segments(segments, self.n_threads)]

    def _collect(self, ticket: list[Future[list[Any]]]) -> list[Any]:
        return join_examples([future.result() for future in ticket])

    def _cancel(self) -> None:
        if self._readers is not None:
            self._readers.cancel()


class _Readers:
    """Threads that read segments of a data set. Those of `concurrent.futures` are waited for when the program ends."""

    def __init__(self, count: int) -> None:
        self._tasks: _Tasks = queue.SimpleQueue()
        self._threads = [threading.Thread(target=_serve, args=(self._tasks,), name=f'MultithreadIterator_{i}',
                                          daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, dataset: Dataset, segment: Segment) -> Future[list[Any]]:
        """Has a thread read the examples of a segment."""
        future: Future[list[Any]] = Future()
        self._tasks.put((future, dataset, segment))
        return future

    def cancel(self) -> None:
        """Forgets the segments that no thread reads yet."""
        with suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()

    def close(self) -> None:
        """Has the threads end after what they are reading."""
        self.cancel()
        for _ in self._threads:
            self._tasks.put(None)

    def join(self, timeout: float) -> None:
        """Waits until the threads have ended, but no longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0., deadline - time.monotonic()))


def _serve(tasks: _Tasks) -> None:
    """What a thread does."""
    while (task := tasks.get()) is not None:
        future, dataset, segment = task
        try:
            future.set_result(read_segments(dataset, [segment]))
        except BaseException as error:
            future.set_exception(error)
        del task, future, dataset, segment  # An idle thread keeps nothing alive.
