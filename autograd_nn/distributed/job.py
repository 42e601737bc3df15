"""The processes of an MPI job as those of one training run."""
from __future__ import annotations

import io
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any

import numpy as np

from autograd_nn import cuda
from autograd_nn.backend import Device, GpuDevice, get_device
from autograd_nn.cpu import threads
from autograd_nn.datasets import SubDataset
from autograd_nn.distributed import mpi
from autograd_nn.distributed.communicators import CommunicatorBase, create_communicator
from autograd_nn.distributed.extensions import AllreducePersistent
from autograd_nn.distributed.in_step import AgreedInterrupt, PreparedSnapshot
from autograd_nn.distributed.links.batch_normalization import synchronize
from autograd_nn.distributed.optimizers import create_multi_node_optimizer
from autograd_nn.distributed.shared_summary import SharedSummary
from autograd_nn.link import Link
from autograd_nn.training.extension import Extension
from autograd_nn.training.processes import Processes
from autograd_nn.utils.launcher import Launch
from autograd_nn.utils.readable import one_line

# For how many seconds a process with an error waits whether the others have it, too.
PATIENCE = 3.


class Job(Processes):
    """The processes of an MPI job; a context manager for the whole program.

    Within it, what processes other than the first one print is not shown. When one of them ends with an error that the
    others do not have, it says so, and ends them all.

    Args:
        launch: How this process was started.

    Attributes:
        comm: The communicator, made when it is first used.
    """

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.rank, self.size = launch.rank, launch.size
        self._streams: tuple[Any, Any] | None = None
        self._said = io.StringIO()  # on standard error
        self._log: SharedSummary | None = None
        self._prepare: list[Callable[[], Any]] = []

    @cached_property
    def comm(self) -> CommunicatorBase:
        comm: Any = create_communicator()
        if comm.size != self.size:
            raise RuntimeError(f'{self.launch.launcher} has started {self.size} processes, but MPI sees {comm.size}: '
                               f'mpi4py uses another MPI ({mpi.load().Get_library_version().splitlines()[0].strip()}) '
                               'than the launcher')
        self._ends = comm.mpi_comm.Dup()
        everywhere = comm.allgather_obj(_Resources.of(comm))
        self._here = [each for each in everywhere if each.machine == comm.inter_rank]
        self.n_threads = threads.limit(cores_of_each(self._here, comm.intra_rank))
        return comm

    def __enter__(self) -> Job:
        if not self.is_first:
            self._streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = _Nowhere(), self._said
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._streams is not None:
            sys.stdout, sys.stderr = self._streams
        if 'comm' not in self.__dict__ or self._all_end(None if error is None else PATIENCE):
            return
        said = self._said.getvalue()
        if not isinstance(error, SystemExit):
            said += ''.join(traceback.format_exception(error))
        print(''.join([f'rank {self.rank}: {line}\n' for line in said.strip().splitlines()]), end='', file=sys.stderr)
        status = error.code if isinstance(error, SystemExit) else 1
        mpi.abort(status if isinstance(status, int) else 1)

    def _all_end(self, seconds: float | None) -> bool:
        """Whether all processes come to their end within a time; None waits for them."""
        request, start = self._ends.Ibarrier(), time.monotonic()
        while not request.Test():
            if seconds is not None and time.monotonic() - start > seconds:
                return False
            time.sleep(0.01)
        return True

    @contextmanager
    def together(self) -> Iterator[None]:
        comm, problem = self.comm, None
        try:
            yield
        except BaseException as error:
            problem = one_line(error) or type(error).__name__
            raise
        finally:
            problems = comm.allgather_obj(problem)
        for rank, each in enumerate(problems):
            if each is not None:
                raise RuntimeError(f'rank {rank}: {each}')

    def divide(self, count: int) -> None:
        if count < self.size:
            raise ValueError(f'{self.size} processes cannot share minibatches of {count}; expected one at least for '
                             'each: start fewer')
        super().divide(count)

    def whole(self, number: float) -> float:
        return self.share * self.comm.allreduce_obj(number)

    def part_of(self, dataset: Any) -> Any:
        if len(dataset) < self.size:
            raise ValueError(f'{self.size} processes cannot share {len(dataset)} samples to evaluate; expected one at '
                             'least for each: start fewer')
        part = self.part(len(dataset))
        return SubDataset(dataset, part.start, part.stop)

    def describe(self, what: str, count: int) -> str:
        sizes = sorted({part.stop - part.start for part in (self.part(count, rank) for rank in range(self.size))})
        machines = f' on {self.comm.inter_size} machines' if self.comm.inter_size > 1 else ''
        return (f'{self.size} processes{machines}, of {self.n_threads} thread{"s" * (self.n_threads > 1)} each: '
                f'minibatches have {" or ".join(map(str, sizes))} {what} in each process, {count} in all')

    def collect(self, value: Any) -> list[Any] | None:
        return self.comm.gather_obj(value)

    def get_device(self, name: str) -> Device:
        if name not in ('cuda', 'gpu', 'cupy', '@cupy'):
            device = get_device(name)
            if isinstance(device, GpuDevice) and self.comm.intra_size > 1:
                raise ValueError(f'get_device: {name} is one GPU for {self.comm.intra_size} processes; cuda gives each '
                                 'process one of its own')
            return device
        return get_device(f'cuda:{choose_gpu(self.comm.intra_rank, self._here)}')

    def synchronize_normalization(self, model: Link) -> None:
        synchronize(model, self.comm)

    def make_optimizer(self, optimizer: Any, shard_state: bool = False) -> Any:
        optimizer = create_multi_node_optimizer(optimizer, self.comm, shard_state=shard_state)
        if shard_state:
            optimizer.collect_state()  # so that the first process never waits for others when it saves
            self._prepare.append(optimizer.collect_state)
        return optimizer

    def make_loss(self, model: Link, optimizer: Any, seed: int) -> Callable[..., Any]:
        weight = self.share * self.size

        def loss(*args: Any, **kwds: Any) -> Any:
            if optimizer.t:  # before, parameters may be initialized, which are the same in all processes
                np.random.seed((seed, optimizer.t, self.rank))
            y = model(*args, **kwds)
            # Means of unequal parts: with these weights, their average is the mean of the whole.
            return y if weight == 1 else y * weight

        return loss

    def make_summary(self, weight: float = 1.) -> SharedSummary:
        return SharedSummary(self.comm, weight)

    def make_log_summary(self) -> SharedSummary:
        self._log = self.make_summary(self.share)
        return self._log

    def make_extensions(self, model: Link, prepare: Callable[[], Any] = lambda: None) -> list[Extension]:
        def merge_log() -> None:
            if self._log is not None:
                self._log.merge()

        return [PreparedSnapshot([AllreducePersistent(model, self.comm), prepare, *self._prepare, merge_log],
                                 self.is_first),
                AgreedInterrupt(self._ends.Dup(), self.is_first)]


class _Nowhere(io.StringIO):
    """A stream that forgets what is written to it."""

    def write(self, text: str) -> int:
        return len(text)


class _Resources:
    """What a process may use of its machine.

    Attributes:
        machine: The number of the machine.
        cores: The cores that it may run on.
        n_gpus: How many GPUs it sees.
        visible: What `CUDA_VISIBLE_DEVICES` says.
    """

    def __init__(self, machine: int, cores: frozenset[int], n_gpus: int = 0, visible: str | None = None) -> None:
        self.machine = machine
        self.cores = cores
        self.n_gpus = n_gpus
        self.visible = visible

    @classmethod
    def of(cls, comm: CommunicatorBase) -> _Resources:
        """Those of this process."""
        cores = os.sched_getaffinity(0) if hasattr(os, 'sched_getaffinity') else range(os.cpu_count() or 1)
        n_gpus = cuda.cupy.cuda.runtime.getDeviceCount() if cuda.available else 0
        return cls(comm.inter_rank, frozenset(cores), n_gpus, os.environ.get('CUDA_VISIBLE_DEVICES'))


def choose_gpu(index: int, here: list[_Resources]) -> int:
    """The number of a process's GPU.

    Args:
        index: Which of the processes of its machine it is.
        here: What these see.

    Raises:
        RuntimeError: There are not enough.
    """
    mine = here[index]
    if mine.n_gpus == 1 and len({each.visible for each in here}) == len(here):  # SLURM has given each its own
        return 0
    if 0 < mine.n_gpus <= index or 0 < mine.n_gpus < len(here):
        raise RuntimeError(f'get_device: {len(here)} processes on this machine need a GPU each, found {mine.n_gpus}; '
                           'start fewer')
    return index


def cores_of_each(here: list[_Resources], index: int) -> int:
    """How many threads a process may have so that those of a machine share its cores, and do not multiply them.

    Args:
        here: What these may use.
        index: Which of them it is.
    """
    return max(1, int(sum(1 / sum(core in each.cores for each in here) for core in here[index].cores)))
