"""Links that communicate."""
from __future__ import annotations

from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.link import Link


class _Kept:
    """Holds a communicator, of which copies of a link have the same one, since the processes are the same."""

    def __init__(self, comm: CommunicatorBase) -> None:
        self.comm = comm

    def __deepcopy__(self, memo: dict[int, Any]) -> _Kept:
        return self


class Communicating(Link):
    """A link that has a communicator, the attribute `comm`."""

    _kept: _Kept

    @property
    def comm(self) -> CommunicatorBase:
        """The processes."""
        return self._kept.comm

    @comm.setter
    def comm(self, comm: CommunicatorBase) -> None:
        self._kept = _Kept(comm)
