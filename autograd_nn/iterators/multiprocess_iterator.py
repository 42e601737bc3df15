"""Reads batches ahead in processes."""
from __future__ import annotations

import os
import warnings
import weakref
from typing import Any

from autograd_nn import random
from autograd_nn.dataset.dataset_mixin import Dataset
from autograd_nn.dataset.examples import join_examples
from autograd_nn.iterators.remote import WorkerDied, stop
from autograd_nn.iterators.schedule import Segment
from autograd_nn.iterators.scheduled_iterator import ScheduledIterator, split_segments
from autograd_nn.iterators.worker import Worker

Ticket = list[tuple[Worker, Segment]]


class MultiprocessIterator(ScheduledIterator[Ticket]):
    """Makes batches of a data set, reading the next ones in processes while the program works on the current one.

    Batches are the same and come in the same order as with `SerialIterator`. Every batch is split among the
    processes. An exception in a process is raised, with its traceback, where its batch is asked for; a process that
    dies is reported there, too. The iterator can be used again afterwards: it starts new processes and continues with
    that batch.

    The processes are started the way that `multiprocessing.set_start_method` chose, when the first batch is asked
    for. Unless that is ``'fork'``, the data set is pickled. A data set that draws from ``numpy.random`` or ``random``
    gets numbers in a process that are repeatable and differ from batch to batch, but are not those of a
    `SerialIterator`; see `AugmentedDataset` for a way to have that.

    Args:
        dataset: The data set.
        batch_size: The number of examples in a batch.
        repeat: If True, epochs follow each other without end, and a batch may reach from one into the next. If
            False, there is one epoch, whose last batch may be smaller.
        shuffle: Whether to visit the examples in a new random order in each epoch. Default: True, unless there is an
            `order_sampler`.
        n_processes: The number of processes; by default that of the CPUs.
        n_prefetch: How many batches are read ahead.
        shared_mem: Accepted because Chainer has it, and not needed: examples come through sockets, whatever their size.
        order_sampler: What makes the order of each epoch, instead of `shuffle` (see `OrderSampler`).
        dataset_timeout: A `MultiprocessIterator.TimeoutWarning` is issued after waiting so many seconds for a
            process; None for never. ``warnings.simplefilter('error', MultiprocessIterator.TimeoutWarning)`` makes an
            error of it.
        maxtasksperchild: How many parts of batches a process reads before another one takes its place; None for no
            limit.

    Raises:
        ValueError: The data set is empty, a number is not positive, or `shuffle` and `order_sampler` are both given.

    Example:
        >>> with MultiprocessIterator([10, 20, 30], 2, shuffle=False, n_processes=1) as iterator:
        ...     next(iterator), next(iterator)
        ([10, 20], [30, 10])
    """

    class TimeoutWarning(RuntimeWarning):
        """A process takes long to read its part of a batch."""

    def __init__(self, dataset: Dataset, batch_size: int, repeat: bool = True, shuffle: bool | None = None,
                 n_processes: int | None = None, n_prefetch: int = 1, shared_mem: int | None = None,
                 order_sampler: Any | None = None, dataset_timeout: float | None = 30.0,
                 maxtasksperchild: int | None = None) -> None:
        n_processes = n_processes or os.cpu_count() or 1
        for name, value in (('n_processes', n_processes), ('n_prefetch', n_prefetch),
                            ('maxtasksperchild', maxtasksperchild)):
            if value is not None and value < 1:
                raise ValueError(f'MultiprocessIterator: {name} must be positive, got {value}')
        super().__init__(dataset, batch_size, repeat, shuffle, order_sampler)
        self.n_processes = n_processes
        self.n_prefetch = self._n_prefetch = n_prefetch
        self.dataset_timeout = dataset_timeout
        self.maxtasksperchild = maxtasksperchild
        self._seed = random.fingerprint()
        self._start_pool()

    def __copy__(self) -> MultiprocessIterator:
        other = super().__copy__()
        assert isinstance(other, MultiprocessIterator)
        other._start_pool()
        return other

    def finalize(self) -> None:
        """Ends the processes that read ahead, and lets go of what they have read."""
        super().finalize()
        self._cancel()

    def _start_pool(self) -> None:
        self._alive: set[Worker] = set()
        self._turns: list[Worker | None] = [None] * self.n_processes
        self._turn = 0
        weakref.finalize(self, stop, self._alive, os.getpid())

    def _submit(self, segments: list[Segment]) -> Ticket:
        return [(self._give(segment), segment) for segment in split_segments(segments, self.n_processes)]

    def _give(self, segment: Segment) -> Worker:
        """Gives a segment to the process whose turn it is."""
        worker = self._turns[self._turn]
        if worker is None:
            worker = Worker(self.dataset, self._seed, self.maxtasksperchild)
            self._alive.add(worker)
        worker.submit(segment)
        self._turns[self._turn] = None if worker.retired else worker
        self._turn = (self._turn + 1) % self.n_processes
        return worker

    def _collect(self, ticket: Ticket) -> list[Any]:
        return join_examples([self._receive(worker, segment) for worker, segment in ticket])

    def _receive(self, worker: Worker, segment: Segment) -> list[Any]:
        if not worker.ready(self.dataset_timeout):
            warnings.warn(f'MultiprocessIterator: process {worker.pid} has been reading examples {_some(segment)} for '
                          f'{self.dataset_timeout} seconds', self.TimeoutWarning, stacklevel=4)
        try:
            examples = worker.receive()
        except WorkerDied as death:
            raise RuntimeError(f'MultiprocessIterator: {death} before it delivered examples {_some(segment)}') from None
        if worker.finished:
            stop({worker}, os.getpid())
            self._alive.discard(worker)
        return examples

    def _cancel(self) -> None:
        stop(self._alive, os.getpid())
        self._turns = [None] * self.n_processes


def _some(segment: Segment) -> str:
    return ', '.join(map(str, segment.indices[:5])) + (', ...' if len(segment.indices) > 5 else '')
