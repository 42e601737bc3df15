"""A process that reads examples."""
from __future__ import annotations

import queue
import random
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset
from autograd_nn.iterators.channel import Channel
from autograd_nn.iterators.remote import Remote, pack_answer
from autograd_nn.iterators.schedule import Segment
from autograd_nn.iterators.scheduled_iterator import read_segments


class Worker(Remote):
    """A process that reads segments of a data set, one after the other.

    It sends its results from a thread of its own, so that it takes the next request even if nobody has fetched the
    results: neither side ever waits for the other to read.

    Args:
        dataset: The data set.
        seed: What the process's random numbers depend on, besides the segment that it reads.
        limit: How many segments it reads; None for no limit.
    """

    def __init__(self, dataset: Dataset, seed: int, limit: int | None) -> None:
        super().__init__(_serve, dataset, seed, limit)
        self._limit = limit
        self._submitted = self._received = 0

    @property
    def retired(self) -> bool:
        """Whether it takes no more segments."""
        return self._submitted == self._limit

    @property
    def finished(self) -> bool:
        """Whether it takes no more segments and all results have been received."""
        return self._received == self._limit

    def submit(self, segment: Segment) -> None:
        """Asks for the examples of a segment."""
        self._submitted += 1
        self.send(segment)

    def receive(self) -> list[Any]:
        """The examples of the oldest segment whose examples have not been received yet.

        Raises:
            WorkerDied: The process has ended without an answer.
            Exception: What the data set raised in the process.
        """
        try:
            return super().receive()
        finally:
            self._received += 1


def _serve(channel: Channel, dataset: Dataset, seed: int, limit: int | None) -> None:
    """What the process does: answers requests until the channel is closed."""
    results: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
    sender = threading.Thread(target=_send, args=(channel, results), daemon=True)
    sender.start()
    served = 0
    while served != limit:
        try:
            segment = channel.receive()
        except (EOFError, OSError):
            return
        results.put(pack_answer(partial(_read, dataset, segment, seed), 'MultiprocessIterator: an example'))
        served += 1
    results.put(None)
    sender.join()


def _send(channel: Channel, results: queue.SimpleQueue[list[Any] | None]) -> None:
    with suppress(OSError):  # If nobody is interested any more, the other thread sees that, too.
        while (result := results.get()) is not None:
            channel.send(result)


def _read(dataset: Dataset, segment: Segment, seed: int) -> list[Any]:
    # Forks would otherwise all draw the same numbers.
    entropy = [seed, segment.epoch, int(segment.indices[0])]
    np.random.seed(entropy)
    random.seed(repr(entropy))
    return read_segments(dataset, [segment])
