"""Steps of training that average gradients with other processes, and how long they wait for that."""
from __future__ import annotations

import dataclasses
import statistics
import time
from typing import Any

from autograd_nn.distributed import CommunicatorBase, create_multi_node_optimizer
from benchmarks.chainer_side import ChainerSide
from benchmarks.distributed_model import Step, Wire
from benchmarks.distributed_network import StandIn
from benchmarks.rows import Row


class MultiNodeSide(ChainerSide):
    """Training of a network by several processes.

    Args:
        row: The network, and the minibatch of this process.
        comm: The processes.

    Attributes:
        forward_end: When the last forward pass of `overlapped` ended.
    """

    def __init__(self, row: Row, comm: CommunicatorBase) -> None:
        super().__init__('autograd_nn', row, 'training')
        self.comm = comm
        self.multi_node_optimizer = create_multi_node_optimizer(self.optimizer, comm)
        self.update_by_loss = self.multi_node_optimizer.update
        self.forward_end = 0.

    def alone(self) -> list[float]:
        """A step without a word to the others; returns the seconds of each of its parts."""
        seconds = []
        for part in self.parts:
            start = time.perf_counter()
            getattr(self, part)()
            seconds.append(time.perf_counter() - start)
        return seconds

    def after(self) -> float:
        """A step in which gradients are averaged after the backward pass; returns the seconds of that."""
        self.forward()
        self.backward()
        start = time.perf_counter()
        self.comm.multi_node_mean_grad(self.model)
        seconds = time.perf_counter() - start
        self.update()
        return seconds

    def overlapped(self) -> None:
        """A step in which gradients are averaged during the backward pass."""
        self.train()

    def compute_loss(self, x: Any, t: Any) -> Any:
        loss = super().compute_loss(x, t)
        self.forward_end = time.perf_counter()
        return loss


def measure(row: Row, rounds: int, size: int, wire: Wire) -> dict[str, Any]:
    """Times steps alone and, on a network that is not there, with reductions after and during the backward pass.

    All three take turns. Those with reductions differ in when these start, and in nothing else.

    Args:
        row: The network and its minibatch.
        rounds: How often each has its turn.
        size: The number of processes.
        wire: The network.

    Returns:
        Medians: seconds of a step ``alone``, with reductions ``after`` it and ``overlapped``; ``waited``, the seconds
        of these two spent in waiting; and a ``record``, the arguments of a `Step`.
    """
    network = StandIn(size, wire)
    side = MultiNodeSide(row, network)
    side.overlapped()  # learns in which order gradients arrive
    steps: dict[str, list[float]] = {'alone': [], 'after': [], 'overlapped': []}
    waited: dict[str, list[float]] = {'after': [], 'overlapped': []}
    parts, ready = [], []
    for _ in range(rounds + 1):
        parts.append(side.alone())
        steps['alone'].append(sum(parts[-1]))
        for name in waited:
            network.holds_back = name == 'after'
            network.started.clear()
            network.waited = 0.
            start = time.perf_counter()
            side.overlapped()
            steps[name].append(time.perf_counter() - start)
            waited[name].append(network.waited)
        ready.append([moment - side.forward_end for moment, _ in network.started])
    sizes = [size for _, size in network.started]
    forward, backward, update = medians(parts)
    # A median of its own may be a little later than that of the whole pass.
    buckets = [(min(moment, backward), size) for moment, size in zip(medians(ready), sizes)]
    return {**{name: statistics.median(seconds[1:]) for name, seconds in steps.items()},
            'waited': {name: statistics.median(seconds[1:]) for name, seconds in waited.items()},
            'record': dataclasses.asdict(Step(row.batch, forward, backward, update, tuple(buckets)))}


def medians(rounds: list[list[float]]) -> list[float]:
    """The median of each column; the first row was to warm up."""
    return [statistics.median(column) for column in zip(*rounds[1:])]
