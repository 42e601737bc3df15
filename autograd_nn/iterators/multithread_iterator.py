"""Reads batches ahead in threads."""
from __future__ import annotations

import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from autograd_nn.dataset.dataset_mixin import Dataset
from autograd_nn.dataset.examples import join_examples
from autograd_nn.iterators.schedule import Segment
from autograd_nn.iterators.scheduled_iterator import ScheduledIterator, read_segments, split_segments


class MultithreadIterator(ScheduledIterator[list['Future[list[Any]]']]):
    """Makes batches of a data set, reading the next one in threads while the program works on the current one.

    Batches are the same and come in the same order as with `SerialIterator`. Threads help where examples come from
    files or where NumPy and Pillow do the work; Python code runs in one thread at a time. An exception in a thread is
    raised where its batch is asked for.

    Args:
        dataset: The data set; its examples are read from several threads at once.
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

    def __init__(self, dataset: Dataset, batch_size: int, repeat: bool = True, shuffle: bool | None = None,
                 n_threads: int = 1, order_sampler: Any | None = None) -> None:
        if n_threads < 1:
            raise ValueError(f'MultithreadIterator: n_threads must be positive, got {n_threads}')
        super().__init__(dataset, batch_size, repeat, shuffle, order_sampler)
        self.n_threads = n_threads
        self._executor: ThreadPoolExecutor | None = None

    def finalize(self) -> None:
        """Ends the threads."""
        super().finalize()
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def __copy__(self) -> MultithreadIterator:
        other = super().__copy__()
        assert isinstance(other, MultithreadIterator)
        other._executor = None
        return other

    def _submit(self, segments: list[Segment]) -> list[Future[list[Any]]]:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.n_threads, thread_name_prefix='MultithreadIterator')
            weakref.finalize(self, self._executor.shutdown, wait=False, cancel_futures=True)
        return [self._executor.submit(read_segments, self.dataset, [part])
                for part in split_segments(segments, self.n_threads)]

    def _collect(self, ticket: list[Future[list[Any]]]) -> list[Any]:
        return join_examples([future.result() for future in ticket])
