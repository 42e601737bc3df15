"""A process that answers requests, and its end of the connection to it."""
from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from autograd_nn.iterators.channel import Channel, close_inherited, pack

GRACE = 1.0
"""Seconds that a process has to end by itself before it is terminated."""


class WorkerDied(Exception):
    """A process ended that should not have."""


class WorkerTraceback(Exception):
    """Shows the traceback of an exception from another process as that exception's cause."""

    def __str__(self) -> str:
        return f'\n\n{self.args[0]}'


class Remote:
    """A process that answers requests, one after the other, through one channel.

    Args:
        target: What the process runs: a function of its `Channel` and the other arguments. It returns when the channel
            is closed.
        args: These arguments.
        daemon: Whether the process may have no processes of its own.

    Attributes:
        pid: The process's number.
        unanswered: How many requests have been sent whose answers have not been received.
    """

    def __init__(self, target: Callable[..., None], *args: Any, daemon: bool = True) -> None:
        self._channel, theirs = Channel.pair()
        self._process = multiprocessing.Process(target=_run, args=(target, theirs, *args), daemon=daemon)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid
        self.unanswered = 0

    def send(self, request: Any) -> None:
        """Sends a request."""
        self.unanswered += 1
        with suppress(OSError):  # If it has died, who asks for the answer is told.
            self._channel.send(pack(request))

    def ready(self, timeout: float | None) -> bool:
        """Waits until `receive` will not wait, and tells whether that is so after `timeout` seconds at most."""
        return bool(wait([self._channel.socket, self._process.sentinel], timeout))

    def receive(self) -> Any:
        """The answer to the oldest request whose answer has not been received yet.

        Raises:
            WorkerDied: The process has ended without an answer.
            Exception: What was raised in the process.
        """
        self.unanswered -= 1
        try:
            # The process may also have ended after sending this answer.
            self.ready(None)
            if not wait([self._channel.socket], 0):
                raise EOFError
            answer, error, trace = self._channel.receive()
        except (EOFError, OSError):
            self._process.join(GRACE)
            raise WorkerDied(f'process {self.pid} died ({_reason(self._process.exitcode)})') from None
        if error is not None:
            raise error from WorkerTraceback(trace)
        return answer

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


def stop(remotes: set[Any], owner: int) -> None:
    """Ends processes, at once if they are idle, and empties the set.

    Args:
        remotes: The processes, each a `Remote`.
        owner: The process that started them; in a fork of it, this does nothing.
    """
    if os.getpid() != owner:
        return
    for remote in remotes:
        remote.close()
    deadline = time.monotonic() + GRACE
    while remotes:
        remotes.pop().join(max(0., deadline - time.monotonic()))


def pack_answer(compute: Callable[[], Any], what: str) -> list[Any]:
    """What a process sends as its answer: packed, or the exception with its traceback.

    Args:
        compute: Returns the answer.
        what: What the answer is, for the error that it cannot be pickled.
    """
    try:
        answer = compute()
        try:
            return pack((answer, None, None))
        except Exception as error:
            raise TypeError(f'{what} cannot be pickled: {error}') from error
    except Exception as error:
        trace = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))
            return pack((None, error, trace))
        except Exception:
            return pack((None, RuntimeError(f'{type(error).__name__}: {error}'), trace))


def _run(target: Callable[..., None], channel: Channel, *args: Any) -> None:
    """What the process does."""
    close_inherited()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the one that asks deals with it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    target(channel, *args)


def _reason(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        hint = '; was it out of memory?' if exitcode == -signal.SIGKILL else ''
        return f'signal {signal.Signals(-exitcode).name}{hint}'
    return f'exit status {exitcode}'
