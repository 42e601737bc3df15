"""Sums over all processes that go on while the program computes something else."""
from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from autograd_nn.distributed.waiting import waiting
from autograd_nn.dtypes import as_dtype, is_half
from autograd_nn.types import DTypeLike

# Counts of MPI 3 are 32 bits; longer vectors go in pieces.
PIECE = 2 ** 29
# In what processes wait.
WHAT = 'a sum that was begun with start_sum'


class Reduction:
    """A sum over all processes that has been started. MPI makes progress only while it is called, so poke it."""

    def poke(self) -> bool:
        """Makes progress as far as that needs no waiting; returns whether the sums are there."""
        raise NotImplementedError

    def wait(self) -> None:
        """Returns when the sums are there. All processes call it at the same place between their collectives."""
        raise NotImplementedError


class Background:
    """Where sums go on beside other collectives: communicators of MPI of their own.

    Args:
        mpi: The module `mpi4py.MPI`.
        comm: The communicator; all its processes make one together.
    """

    def __init__(self, mpi: Any, comm: Any) -> None:
        self.mpi = mpi
        # MPI matches collectives by their order. When the second half of a sum begins differs from process to process,
        # so these have a communicator, and an order, of their own.
        self.first, self.second = comm.Dup(), comm.Dup()
        self.queue: deque[HalfSum] = deque()

    def start_sum(self, flat: np.ndarray, wire_dtype: DTypeLike | None) -> Reduction:
        """As `CommunicatorBase.start_sum`."""
        wire = flat.dtype if wire_dtype is None else as_dtype(wire_dtype)
        return HalfSum(self, flat, wire) if is_half(wire) else Sum(self, flat)

    def free(self) -> None:
        """Gives the communicators back."""
        self.first.Free()
        self.second.Free()


class Sum(Reduction):
    """A vector becomes the sum of those of all processes, in place.

    Args:
        background: On what.
        flat: The vector, contiguous.
    """

    def __init__(self, background: Background, flat: np.ndarray) -> None:
        mpi = background.mpi
        self._comm = background.first
        self._request = mpi.Request
        self._requests = [background.first.Iallreduce(mpi.IN_PLACE, flat[start:start + PIECE], mpi.SUM)
                          for start in range(0, flat.size, PIECE)]

    def poke(self) -> bool:
        return self._request.Testall(self._requests)

    def wait(self) -> None:
        with waiting(WHAT, self._comm):
            self._request.Waitall(self._requests)


class HalfSum(Reduction):
    """As `Sum`, with half-precision numbers on the wire, which are added in float32; all processes get the same bits.

    Each process adds up one part of the vector, which the others send it, and sends the sums to all.

    Args:
        background: On what.
        flat: The vector, contiguous.
        dtype: float16 or bfloat16.
    """

    def __init__(self, background: Background, flat: np.ndarray, dtype: np.dtype) -> None:
        self._background, self._flat = background, flat
        size = background.first.size
        part = -(-flat.size // size)
        self._sent = np.zeros(part * size, dtype)
        with np.errstate(over='ignore'):
            self._sent[:flat.size] = flat
        self._parts = np.empty((size, part), dtype)
        self._request = background.first.Ialltoall(self._message(self._sent, part), self._message(self._parts, part))
        self._is_done = False
        background.queue.append(self)

    def poke(self) -> bool:
        queue = self._background.queue
        while queue and queue[0]._request.Test():
            queue.popleft()._send_sums()
        if not self._is_done and self not in queue and self._request.Test():
            self._finish()
        return self._is_done

    def wait(self) -> None:
        queue = self._background.queue
        while self in queue:
            queue[0]._wait_here()
            queue.popleft()._send_sums()
        if not self._is_done:
            self._wait_here()
            self._finish()

    def _wait_here(self) -> None:
        with waiting(WHAT, self._background.first):
            self._request.Wait()

    def _send_sums(self) -> None:
        with np.errstate(over='ignore'):
            self._mine = self._parts.sum(0, dtype=np.float32).astype(self._parts.dtype)
        self._request = self._background.second.Iallgather(self._message(self._mine, self._mine.size),
                                                           self._message(self._sent, self._mine.size))

    def _finish(self) -> None:
        self._flat[...] = self._sent[:self._flat.size]
        self._is_done = True

    def _message(self, x: np.ndarray, count: int) -> list[Any]:
        """Half-precision numbers as MPI, which has no such type, takes them."""
        return [x.reshape(-1).view(np.uint16), count, self._background.mpi.UINT16_T]
