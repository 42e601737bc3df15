"""Extensions by which the processes of a job stop, and take snapshots, in step."""
from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np
from tqdm import tqdm

from autograd_nn.distributed import mpi
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.run_folder import SNAPSHOT
from autograd_nn.training.trainer import Trainer


class AgreedInterrupt(Extension):
    """Ends the training of all processes after the same update when Ctrl-C or SIGTERM has reached one of them.

    After each update they begin to sum up whether one was interrupted, and look at the sum that was begun after the
    update before: so none of them waits.

    Args:
        mpi_comm: A communicator of mpi4py, for this alone.
        says: Whether this process says so.
    """

    priority = -1000  # behind the snapshots: an iteration is complete
    trigger = (1, 'iteration')

    def __init__(self, mpi_comm: Any, says: bool) -> None:
        self._mpi_comm = mpi_comm
        self._says = says
        self._requested = False
        self._handlers: dict[int, Any] = {}
        self._sum: tuple[Any, np.ndarray] | None = None
        self._is_in_step = True

    def initialize(self, trainer: Trainer) -> None:
        for number in signal.SIGINT, signal.SIGTERM:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._request)

    def _request(self, signum: int, frame: FrameType | None) -> None:
        if self._says and not self._requested:
            tqdm.write('Interrupted: the training stops after this iteration.')
        self._requested = True

    def __call__(self, trainer: Trainer) -> None:
        before, total = self._sum, np.array([self._requested], np.int32)
        self._sum = self._mpi_comm.Iallreduce(mpi.load().IN_PLACE, total), total
        if before is not None:
            before[0].Wait()
            if before[1][0]:
                raise KeyboardInterrupt

    def on_error(self, trainer: Trainer, exc: BaseException, tb: TracebackType | None) -> None:
        self._is_in_step = isinstance(exc, KeyboardInterrupt)

    def finalize(self) -> None:
        if self._sum is not None and self._is_in_step:
            self._sum[0].Wait()
        self._sum = None
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


class PreparedSnapshot(Extension):
    """Brings together what the first process saves, before each evaluation and where all are interrupted.

    Args:
        prepare: What all do together for that.
        is_first: Whether this is the process that saves.
    """

    trigger = (1, 'epoch')
    priority = PRIORITY_WRITER + 1  # before the evaluation, which is to see the same

    def __init__(self, prepare: Sequence[Callable[[], Any]], is_first: bool) -> None:
        self._prepare = prepare
        self._is_first = is_first

    def __call__(self, trainer: Trainer) -> None:
        for prepare in self._prepare:
            prepare()

    def on_error(self, trainer: Trainer, exc: BaseException, tb: TracebackType | None) -> Path | None:
        if isinstance(exc, KeyboardInterrupt) and not trainer.is_updating:
            self(trainer)
        return None if self._is_first else Path(trainer.out, SNAPSHOT)  # the others need none of their own
