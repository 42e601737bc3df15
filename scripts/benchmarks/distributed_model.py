"""What training on many processes costs: allreduce by latency and bandwidth, and what a backward pass hides of it.

A message of n bytes takes ``latency + n / bandwidth`` (the alpha-beta model), and a process sends one and receives one
at a time. Algorithms and their costs are those of R. Thakur, R. Rabenseifner and W. Gropp, "Optimization of Collective
Communication Operations in MPICH", Int. J. of High Performance Computing Applications 19 (2005), and of P. Patarasuk
and X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", J. of Parallel and Distributed
Computing 69 (2009).
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Wire:
    """What messages between two processes go over.

    Attributes:
        latency: Seconds of a message without content.
        bandwidth: Bytes a second.
        adding: Bytes of a received vector that a process adds to its own in a second.
    """

    latency: float
    bandwidth: float
    adding: float = math.inf

    def send(self, size: float) -> float:
        """Seconds of a message of so many bytes."""
        return self.latency + size / self.bandwidth

    def send_and_add(self, size: float) -> float:
        """Seconds of a message that the receiver adds to what it has."""
        return self.send(size) + size / self.adding


def ring(size: float, processes: int, wire: Wire) -> float:
    """Seconds of an allreduce along a ring: each process passes on a p-th of the vector, 2 (p - 1) times.

    No algorithm sends less, but its messages are many and short.

    Args:
        size: The bytes of the vector.
        processes: Their number, p.
        wire: What is between two of them.

    Example:
        >>> round(ring(8e6, 4, Wire(latency=1e-3, bandwidth=1e9)), 6)  # 6 messages of 2 MB
        0.018
    """
    part = size / processes
    return (processes - 1) * (wire.send_and_add(part) + wire.send(part))


def tree(size: float, processes: int, wire: Wire) -> float:
    """Seconds of an allreduce along a binomial tree: the whole vector goes to its root, and the sum comes back.

    Few messages, each of them long: for short vectors.

    Args:
        size: The bytes of the vector.
        processes: Their number.
        wire: What is between two of them.

    Example:
        >>> round(tree(8e6, 4, Wire(latency=1e-3, bandwidth=1e9)), 6)  # 2 messages of 8 MB up, and 2 down
        0.036
    """
    return math.ceil(math.log2(processes)) * (wire.send_and_add(size) + wire.send(size))


def halving(size: float, processes: int, wire: Wire) -> float:
    """Seconds of Rabenseifner's allreduce: exchanges of a half, a quarter, … of the vector, and the same back.

    As few bytes as along a ring in as few messages as along a tree. Where the number of processes is no power of two,
    those beyond one give their vectors to others first, and get the sum at the end.

    Args:
        size: The bytes of the vector.
        processes: Their number.
        wire: What is between two of them.

    Example:
        >>> round(halving(8e6, 4, Wire(latency=1e-3, bandwidth=1e9)), 6)  # 4 MB, 2 MB, 2 MB, 4 MB
        0.016
    """
    steps = int(math.log2(processes))
    parts = [size / 2 ** (step + 1) for step in range(steps)]
    seconds = sum(wire.send_and_add(part) + wire.send(part) for part in parts)
    return seconds if processes == 2 ** steps else seconds + wire.send_and_add(size) + wire.send(size)


ALGORITHMS: dict[str, Callable[[float, int, Wire], float]] = {'ring': ring, 'tree': tree, 'halving': halving}


@dataclass(frozen=True)
class Cluster:
    """Machines with processes on them.

    Attributes:
        between: What is between two machines; the processes of one share it.
        inside: What is between two processes of a machine.
        per_machine: The number of processes on each.
    """

    between: Wire
    inside: Wire
    per_machine: int = 1

    def allreduce(self, size: float, processes: int, algorithm: str) -> float:
        """Seconds of an allreduce.

        On two levels, the processes of each machine add their vectors along a ring first, so that each has the sum of
        one part of it; the machines add these, all parts at once; and the ring brings them together.

        Args:
            size: The bytes of the vector.
            processes: Their number.
            algorithm: The one between machines, of `ALGORITHMS`.

        Raises:
            ValueError: Some machine would have fewer processes than the others.
        """
        here = min(processes, self.per_machine)
        machines, rest = divmod(processes, here)
        if rest:
            raise ValueError(f'{processes} processes are not the same number on each machine of {here}')
        return ring(size, here, self.inside) + ALGORITHMS[algorithm](size, machines, self.between)


def fit(sizes: Sequence[float], seconds: Sequence[float], processes: int) -> Wire:
    """The latency and the bandwidth with which allreduce along a ring takes about these times.

    The squares of relative errors are the least, so that short vectors count as much as long ones.

    Args:
        sizes: Bytes of vectors.
        seconds: What they took.
        processes: How many there were, at least 2.

    Example:
        >>> wire = Wire(1e-3, 1e9)
        >>> fit([1e3, 1e6, 1e7], [ring(size, 4, wire) for size in (1e3, 1e6, 1e7)], 4)
        Wire(latency=0.001, bandwidth=1000000000.0, adding=inf)
    """
    messages = 2 * (processes - 1)
    times = np.array(seconds)
    columns = np.stack([np.full(len(sizes), messages), np.array(sizes) * messages / processes], axis=1)
    (latency, per_byte), *_ = np.linalg.lstsq(columns / times[:, None], np.ones(len(times)), rcond=None)
    return Wire(float(f'{max(latency, 0):.4g}'), float(f'{1 / max(per_byte, 1e-15):.4g}'))


def finish(reductions: Iterable[tuple[float, float]]) -> float:
    """When the last of some reductions ends, which queue in their order.

    Args:
        reductions: When each may start, and how many seconds it takes.

    Example:
        >>> finish([(1., 3.), (2., 1.), (9., 1.)])  # 1 to 4, 4 to 5, 9 to 10
        10.0
    """
    end = 0.
    for ready, seconds in reductions:
        end = max(end, ready) + seconds
    return end


@dataclass(frozen=True)
class Step:
    """A step of training on one process, in seconds.

    Attributes:
        batch: The number of samples.
        forward: The forward pass.
        backward: The backward pass.
        update: The update.
        buckets: Of each bucket of gradients when it is complete, from the start of the backward pass, and its bytes,
            in the order in which they are sent.
    """

    batch: float
    forward: float
    backward: float
    update: float
    buckets: tuple[tuple[float, int], ...]

    @property
    def alone(self) -> float:
        """All of it, on one process."""
        return self.forward + self.backward + self.update

    @property
    def bytes(self) -> int:
        """Those of all gradients."""
        return sum(size for _, size in self.buckets)

    def with_others(self, reduce: Callable[[float], float], overlap: bool) -> float:
        """All of it, with the reductions.

        Args:
            reduce: The seconds of a reduction of so many bytes.
            overlap: Whether each bucket starts when it is complete, or all start when the backward pass has ended.
        """
        reductions = [(ready if overlap else self.backward, reduce(size)) for ready, size in self.buckets]
        return self.forward + max(self.backward, finish(reductions)) + self.update

    def hidden(self, reduce: Callable[[float], float]) -> float:
        """The part of the wait for reductions that overlap saves; 1 if there is none to save."""
        without, overlapped = (self.with_others(reduce, overlap) - self.alone for overlap in (False, True))
        return 1 - overlapped / without if without else 1.

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Step:
        """One that was measured and written to a file."""
        return cls(**{**record, 'buckets': tuple((ready, size) for ready, size in record['buckets'])})


def with_batch(small: Step, large: Step, batch: float) -> Step:
    """A step with another number of samples, on the straight line through two that were measured.

    Args:
        small: One of them.
        large: The other one, with more samples and the same buckets.
        batch: The number of samples.

    Raises:
        ValueError: They have other buckets.
    """
    if [size for _, size in small.buckets] != [size for _, size in large.buckets] or small.batch == large.batch:
        raise ValueError('with_batch: expected steps of two batch sizes with the same buckets')
    share = (batch - small.batch) / (large.batch - small.batch)

    def between(low: float, high: float) -> float:
        return max(low + (high - low) * share, 0.)

    backward = between(small.backward, large.backward)
    buckets = tuple((min(between(low, high), backward), size)
                    for (low, size), (high, _) in zip(small.buckets, large.buckets))
    return Step(batch, between(small.forward, large.forward), backward, between(small.update, large.update), buckets)


def scaling(step_of: Callable[[float], Step], batch_of: Callable[[int], float], counts: Sequence[int],
            cluster: Cluster, algorithm: str) -> list[dict[str, float]]:
    """How a training scales.

    Args:
        step_of: The step of a batch on one process.
        batch_of: The batch of each process when there are so many.
        counts: Numbers of processes.
        cluster: Where they run.
        algorithm: One of `ALGORITHMS`.

    Returns:
        For each number of ``processes`` the ``batch`` of each, the seconds of a step ``without`` and with
        ``overlap``, and for both, named ``efficiency``, how many samples a second each process trains with, by what
        one process alone does.
    """
    rows = []
    first = step_of(batch_of(1))
    for processes in counts:
        step = step_of(batch_of(processes))

        def reduce(size: float, processes: int = processes) -> float:
            return cluster.allreduce(size, processes, algorithm)

        times = {name: step.with_others(reduce, overlap) for name, overlap in (('without', False), ('overlap', True))}
        rows.append({'processes': processes, 'batch': step.batch, **times, **{
            f'efficiency {name}': step.batch / seconds * first.alone / first.batch for name, seconds in times.items()}})
    return rows
