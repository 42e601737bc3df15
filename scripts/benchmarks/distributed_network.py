"""A communicator that stands in for a network: its sums take time, and no processor."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from autograd_nn.distributed import CommunicatorBase
from autograd_nn.distributed.communicators.reductions import Reduction
from autograd_nn.dtypes import as_dtype
from autograd_nn.link import Link
from autograd_nn.types import Array, DTypeLike
from benchmarks.distributed_model import Wire


class StandIn(CommunicatorBase):
    """One of several processes on a network that is not there. The others are like it, with gradients of zero.

    A sum is there ``latency + 2 (p - 1) / p * bytes / bandwidth`` seconds after it has been started and those before it
    have gone through: that is what an allreduce along a ring sends.

    Args:
        size: The number of processes, p.
        wire: The network.
        clock: Tells the time in seconds.
        sleep: Waits for so many seconds.

    Attributes:
        holds_back: Whether sums start only when one of them is waited for: training without overlap.
        started: When each sum was asked for, and its bytes; clear it whenever you like.
        waited: Seconds spent waiting for sums so far.
    """

    rank = intra_rank = inter_rank = 0
    intra_size = 1

    def __init__(self, size: int, wire: Wire, clock: Callable[[], float] = time.perf_counter,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self.size = self.inter_size = size
        self.wire = wire
        self.clock, self.sleep = clock, sleep
        self.holds_back = False
        self.started: list[tuple[float, int]] = []
        self.waited = 0.
        self._free = 0.
        self._held_back: list[Transfer] = []

    def start_sum(self, flat: Array, wire_dtype: DTypeLike | None = None) -> Reduction:
        size = flat.size * (flat.dtype if wire_dtype is None else as_dtype(wire_dtype)).itemsize
        self.started.append((self.clock(), size))
        transfer = Transfer(self, self.wire.send(2 * (self.size - 1) / self.size * size))
        self._held_back.append(transfer)
        if not self.holds_back:
            self.release()
        return transfer

    def release(self) -> None:
        """Starts what has been held back."""
        for transfer in self._held_back:
            self._free = max(self._free, self.clock()) + transfer.seconds
            transfer.end = self._free
        self._held_back.clear()

    def bcast_data(self, model: Link) -> None:
        """The others have the same parameters."""

    def bcast(self, x: Array | None, root: int = 0) -> Any:
        return x

    def allreduce(self, x: Array) -> Array:
        return x

    def bcast_obj(self, obj: Any, max_buf_len: int = 0, root: int = 0) -> Any:
        return obj

    def allgather_obj(self, obj: Any) -> list[Any]:
        return [obj] * self.size


class Transfer(Reduction):
    """A sum that is on its way.

    Args:
        network: The network.
        seconds: How long it occupies it.
    """

    def __init__(self, network: StandIn, seconds: float) -> None:
        self.network, self.seconds = network, seconds
        self.end = float('inf')

    def poke(self) -> bool:
        return self.network.clock() >= self.end

    def wait(self) -> None:
        self.network.release()
        left = self.end - self.network.clock()
        if left > 0:
            self.network.sleep(left)
            self.network.waited += left
