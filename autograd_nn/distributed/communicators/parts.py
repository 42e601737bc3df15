"""Halves of a sum over all processes: each gets the sum of its part of a vector; each gives its part to all."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.distributed.communicators.reductions import PIECE, WHAT, Background, Reduction
from autograd_nn.distributed.waiting import waiting


def part_of(flat: Any, rank: int, size: int) -> Any:
    """The part of a vector that belongs to a process.

    Args:
        flat: The vector; the number of processes divides its length.
        rank: Which of the processes.
        size: Their number.

    Raises:
        ValueError: The length cannot be divided.

    Example:
        >>> part_of([1, 2, 3, 4, 5, 6], 1, 3)
        [3, 4]
    """
    n, rest = divmod(len(flat), size)
    if rest:
        raise ValueError(f'the length of flat, {len(flat)}, cannot be divided among {size} processes')
    return flat[rank * n:(rank + 1) * n]


class Done(Reduction):
    """What had ended when it was started."""

    def poke(self) -> bool:
        return True

    def wait(self) -> None:
        pass


class PartSum(Reduction):
    """This process's part of a vector becomes the sum of those parts of all processes; the rest is of no use then.

    Args:
        background: On what.
        flat: The vector, contiguous.
        part: The part, a view of it.
    """

    def __init__(self, background: Background, flat: np.ndarray, part: np.ndarray) -> None:
        self._part, self._sum, self._comm = part, np.empty_like(part), background.first
        self._request = background.first.Ireduce_scatter_block(flat, self._sum, background.mpi.SUM)

    def poke(self) -> bool:
        if self._request is not None and self._request.Test():
            self._finish()
        return self._request is None

    def wait(self) -> None:
        if self._request is not None:
            with waiting(WHAT, self._comm):
                self._request.Wait()
            self._finish()

    def _finish(self) -> None:
        self._part[...] = self._sum
        self._request = None


class Gather(Reduction):
    """All processes get the parts that each has of a vector, in place.

    Args:
        background: On what.
        flat: The vector, contiguous.
    """

    def __init__(self, background: Background, flat: np.ndarray) -> None:
        mpi, self._comm = background.mpi, background.first
        words = flat.view(np.uint8)
        message = [words, words.size // background.first.size, mpi.BYTE]
        self._request = background.first.Iallgather(mpi.IN_PLACE, message)

    def poke(self) -> bool:
        return self._request.Test()

    def wait(self) -> None:
        with waiting(WHAT, self._comm):
            self._request.Wait()


def is_in_reach(flat: Any) -> bool:
    """Whether a vector is on the host and fits the counts of one message."""
    return isinstance(flat, np.ndarray) and flat.nbytes < 2 * PIECE
