"""What each process of an MPI job does to measure steps, and sums over all processes; rank 0 writes the figures."""
from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.distributed import create_communicator, mpi
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import to_json
from benchmarks.distributed_steps import MultiNodeSide
from benchmarks.rows import ROWS, Row

# Bytes of vectors, from whose times latency and bandwidth are fitted.
SIZES = [2 ** exponent for exponent in range(12, 27, 2)]
# Vectors come from as much memory in turn, which no cache holds: neither does one hold gradients.
MEMORY = 2 ** 28
# Sums are short, so that they can have more rounds than steps.
LEAST_ROUNDS = 10
# How long a process that has nothing to do sleeps before it looks again, in seconds.
NAP = 1e-3


class Ranks:
    """The processes of the job, and what they measure together.

    Args:
        rounds: How often everything has its turn, after one that does not count.
    """

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.mpi = mpi.load()
        self.comm = create_communicator()
        self.mpi_comm = self.comm.mpi_comm

    def time(self, work: Callable[[], Any]) -> float:
        """Has all processes do something from one moment on; returns the seconds until the last one has done it."""
        self.mpi_comm.Barrier()
        start = time.perf_counter()
        work()
        return max(self.mpi_comm.allgather(time.perf_counter() - start))

    def time_first(self, work: Callable[[], Any]) -> float:
        """Has rank 0 do something while the others sleep; returns the seconds."""
        seconds = 0.
        if self.comm.rank == 0:
            start = time.perf_counter()
            work()
            seconds = time.perf_counter() - start
        # To wait in a barrier would keep a core busy.
        request = self.mpi_comm.Ibarrier()
        while not request.Test():
            time.sleep(NAP)
        return float(self.mpi_comm.bcast(seconds))

    def take_turns(self, rounds: int, **sides: Callable[[], float]) -> dict[str, float]:
        """Calls functions that return seconds in turn, once to warm up; returns the median of each."""
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds + 1):
            for name, side in sides.items():
                seconds[name].append(side())
        return {name: statistics.median(each[1:]) for name, each in seconds.items()}

    def add_up(self, vector: np.ndarray) -> None:
        """What MPI has for it, and nothing else."""
        self.mpi_comm.Allreduce(self.mpi.IN_PLACE, vector)

    def sums(self) -> list[dict[str, float]]:
        """Seconds for the sum of vectors of several ``size`` in bytes: by ``MPI.Allreduce`` and by ``start_sum``."""
        memory = np.empty(MEMORY // 4, np.float32)
        memory.fill(0)  # the system gives memory when it is written to, which takes longer than to add it up
        rows, rounds = [], max(self.rounds, LEAST_ROUNDS)
        for size in SIZES:
            starts = iter(list(range(0, memory.size, size // 4)) * (rounds + 1))

            def next_vector(length: int = size // 4, starts: Any = starts) -> np.ndarray:
                start = next(starts)
                return memory[start:start + length]

            rows.append({'size': size, **self.take_turns(rounds, **{
                'MPI.Allreduce': lambda: self.time(lambda: self.add_up(next_vector())),
                'start_sum': lambda: self.time(lambda: self.comm.start_sum(next_vector()).wait())})})
        return rows

    def steps(self, row: Row) -> dict[str, Any]:
        """Seconds of steps of a network.

        Args:
            row: The network, and the minibatch of each process.

        Returns:
            Those of rank 0 ``alone`` while the others sleep; of all ``apart``, which tell each other nothing; of all
            with gradients averaged ``after`` the backward pass, and of that ``mean``; and ``overlapped``. Then
            ``multi_node_mean_grad``, and ``MPI.Allreduce`` of as many ``bytes``.
        """
        side = MultiNodeSide(row, self.comm)
        self.comm.bcast_data(side.model)
        gradients = np.zeros(side.parameters, np.float32)
        side.alone()
        side.overlapped()  # learns in which order gradients arrive
        means: list[float] = []
        times = self.take_turns(
            self.rounds, alone=lambda: self.time_first(side.alone), apart=lambda: self.time(side.alone),
            after=lambda: self.time(lambda: means.append(side.after())),
            overlapped=lambda: self.time(side.overlapped))
        times |= self.take_turns(self.rounds, **{
            'MPI.Allreduce': lambda: self.time(lambda: self.add_up(gradients)),
            'multi_node_mean_grad': lambda: self.time(lambda: self.comm.multi_node_mean_grad(side.model))})
        return {'model': row.model, 'batch': row.batch, 'bytes': gradients.nbytes, **times,
                'mean': statistics.median(means[1:])}

    def measure(self, batches: dict[str, int]) -> dict[str, Any]:
        """All of this.

        Args:
            batches: The minibatch of each process, by network.
        """
        return {'processes': self.comm.size, 'sums': self.sums(),
                'steps': [self.steps(dataclasses.replace(ROWS[model], batch=batch))
                          for model, batch in batches.items()]}


def main() -> None:
    """Measures, and writes a file of JSON."""
    file, rounds, batches = sys.argv[1:]
    ranks = Ranks(int(rounds))
    found = ranks.measure(json.loads(batches))
    if ranks.comm.rank == 0:
        with atomic_write(file) as output:
            output.write(to_json(found))


if __name__ == '__main__':
    main()
