"""In debug mode, processes that wait for each other for ever end the job, and say where each of them waits.

A process that is blocked in MPI can neither raise an exception nor see what the others do. So a thread beside it tells
the witness where it has been waiting for a while, and the witness, which hears that from all of them, says whether
there is hope: there is none where all wait, or where what is waited for is to come from a process that has ended.
"""
from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from autograd_nn.config import config
from autograd_nn.distributed import mpi, witness

# For how many seconds a process waits before it tells so.
PATIENCE = 2.
_PAUSE = 0.1


def waiting(call: str, mpi_comm: Any, peer: int | None = None, hint: Callable[[], str] | None = None) -> Any:
    """A context in which this process waits for others; where that is in vain, it ends the job in debug mode.

    Args:
        call: What it waits in, for the message.
        mpi_comm: The communicator of mpi4py.
        peer: The rank of the process that it waits for; a negative number stands for any. None: it waits for all, which
            are to call the same.
        hint: Tells more; called where it waits in vain.
    """
    return _Waiting(call, mpi_comm, peer, hint) if config.debug and witness.is_there() else _NOTHING


_NOTHING = nullcontext()


class _Waiting:
    """The context; the arguments are those of `waiting`."""

    __slots__ = ('call', 'hint', 'is_watched', 'mpi_comm', 'peer', 'start', 'thread')

    def __init__(self, call: str, mpi_comm: Any, peer: int | None, hint: Callable[[], str] | None) -> None:
        self.call, self.mpi_comm, self.peer, self.hint = call, mpi_comm, peer, hint

    def __enter__(self) -> None:
        self.is_watched = _Watcher.current is None
        if self.is_watched:
            self.start, self.thread = time.monotonic(), threading.get_ident()
            _Watcher.current = self
            _Watcher.see_to_it()

    def __exit__(self, *exc_info: object) -> None:
        if self.is_watched:
            _Watcher.current = None

    def world_ranks(self) -> list[int]:
        """The ranks of the processes that this one waits for, among all of the job."""
        comm = self.mpi_comm
        ranks = [rank for rank in range(comm.size) if rank != comm.rank] if self.peer is None else [self.peer]
        group, world = comm.Get_group(), mpi.load().COMM_WORLD.Get_group()
        return group.Translate_ranks([rank for rank in ranks if rank >= 0], world)


class _Watcher(threading.Thread):
    """The thread; `current` is where this process waits."""

    current: _Waiting | None = None
    _running: _Watcher | None = None

    @classmethod
    def see_to_it(cls) -> None:
        """Starts the thread, if there is none, as in a process that was forked."""
        if cls._running is None or not cls._running.is_alive():
            cls._running = cls(name='distributed.waiting', daemon=True)
            cls._running.start()

    def run(self) -> None:
        told: _Waiting | None = None
        while True:
            time.sleep(_PAUSE)
            now = _Watcher.current
            if told is not None and told is not now:
                witness.go_on()
                told = None
            if now is None or time.monotonic() - now.start < PATIENCE:
                continue
            if told is None:
                witness.tell_waiting(now.call, now.world_ranks(), now.peer is None)
                told = now
            verdict = witness.read_verdict()
            if verdict and _Watcher.current is now:
                _end(now, verdict)


def _end(wait: _Waiting, verdict: str) -> None:
    world = mpi.load().COMM_WORLD
    frame = sys._current_frames().get(wait.thread)
    lines = ['Waiting (most recent call last):\n', *traceback.format_stack(frame)]
    hint = '' if wait.hint is None else wait.hint()
    # What the processes of a training run print otherwise is not shown in all of them.
    print(f'\n{"".join(lines)}\nautograd_nn: rank {world.rank} of {world.size} ends the job: {wait.call} waits in '
          f'vain: {verdict}{hint}\n', file=sys.__stderr__, flush=True)
    time.sleep(0.5)  # The others say it, too.
    mpi.abort(1)
