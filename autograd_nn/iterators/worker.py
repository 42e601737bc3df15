"""A process that reads examples, and its end of the connection to it."""
from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import random
import signal
import threading
import time
import traceback
import weakref
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset
from autograd_nn.iterators.channel import Channel, pack
from autograd_nn.iterators.schedule import Segment
from autograd_nn.iterators.scheduled_iterator import read_segments

GRACE = 1.0
"""Seconds that a process has to end by itself before it is terminated."""

# A forked process inherits all of these and closes them, so that each process sees that its own has ended when this
# one closes it or dies, and not only when its siblings have ended, too.
_channels: weakref.WeakSet[Channel] = weakref.WeakSet()


class WorkerDied(Exception):
    """A process ended that should not have."""


class WorkerTraceback(Exception):
    """Shows the traceback of an exception from another process as that exception's cause."""

    def __str__(self) -> str:
        return f'\n\n{self.args[0]}'


class Worker:
    """A process that reads segments of a data set, one after the other.

    Requests and results go through one channel. The process sends its results from a thread of its own, so that
    it takes the next request even if nobody has fetched the results: neither side ever waits for the other to read.

    Args:
        dataset: The data set.
        seed: What the process's random numbers depend on, besides the segment that it reads.
        limit: How many segments it reads; None for no limit.
    """

    def __init__(self, dataset: Dataset, seed: int, limit: int | None) -> None:
        self._channel, theirs = Channel.pair()
        _channels.add(self._channel)
        self._process = multiprocessing.Process(target=_serve, args=(theirs, dataset, seed, limit), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid
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
        with suppress(OSError):  # If it has died, who asks for the result is told.
            self._channel.send(pack(segment))

    def ready(self, timeout: float | None) -> bool:
        """Waits until `receive` will not wait, and tells whether that is so after `timeout` seconds at most."""
        return bool(wait([self._channel.socket, self._process.sentinel], timeout))

    def receive(self) -> list[Any]:
        """The examples of the oldest segment whose examples have not been received yet.

        Raises:
            WorkerDied: The process has ended without an answer.
            Exception: What the data set raised in the process.
        """
        try:
            # The process may also have ended after sending this result.
            self.ready(None)
            if not wait([self._channel.socket], 0):
                raise EOFError
            examples, error, trace = self._channel.receive()
        except (EOFError, OSError):
            self._process.join(GRACE)
            raise WorkerDied(f'process {self.pid} died ({_reason(self._process.exitcode)})') from None
        self._received += 1
        if error is not None:
            raise error from WorkerTraceback(trace)
        return examples

    def close(self) -> None:
        """Tells the process to end after what it is doing."""
        self._channel.close()

    def join(self, timeout: float) -> None:
        """Waits for the process to end; after `timeout` seconds, kills it."""
        self._process.join(timeout)
        for end in (self._process.terminate, self._process.kill):
            if self._process.exitcode is None:
                end()
                self._process.join(GRACE)
        self._process.close()


def stop_workers(workers: set[Worker], owner: int) -> None:
    """Ends processes, at once if they are idle, and empties the set.

    Args:
        workers: The processes.
        owner: The process that started them; in a fork of it, this does nothing.
    """
    if os.getpid() != owner:
        return
    for worker in workers:
        worker.close()
    deadline = time.monotonic() + GRACE
    while workers:
        workers.pop().join(max(0., deadline - time.monotonic()))


def _reason(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        hint = '; was it out of memory?' if exitcode == -signal.SIGKILL else ''
        return f'signal {signal.Signals(-exitcode).name}{hint}'
    return f'exit status {exitcode}'


def _serve(channel: Channel, dataset: Dataset, seed: int, limit: int | None) -> None:
    """What the process does: answers requests until the channel is closed."""
    for other in list(_channels):
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the one that asks deals with it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    results: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
    sender = threading.Thread(target=_send, args=(channel, results), daemon=True)
    sender.start()
    served = 0
    while served != limit:
        try:
            segment = channel.receive()
        except (EOFError, OSError):
            return
        results.put(_answer(dataset, segment, seed))
        served += 1
    results.put(None)
    sender.join()


def _send(channel: Channel, results: queue.SimpleQueue[list[Any] | None]) -> None:
    with suppress(OSError):  # If nobody is interested any more, the other thread sees that, too.
        while (result := results.get()) is not None:
            channel.send(result)


def _answer(dataset: Dataset, segment: Segment, seed: int) -> list[Any]:
    """The packed examples of the segment, or the exception with its traceback."""
    # Forks would otherwise all draw the same numbers.
    entropy = [seed, segment.epoch, int(segment.indices[0])]
    np.random.seed(entropy)
    random.seed(repr(entropy))
    try:
        examples = read_segments(dataset, [segment])
        try:
            return pack((examples, None, None))
        except Exception as error:
            raise TypeError(f'MultiprocessIterator: an example cannot be pickled: {error}') from error
    except Exception as error:
        trace = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))
            return pack((None, error, trace))
        except Exception:
            return pack((None, RuntimeError(f'{type(error).__name__}: {error}'), trace))
