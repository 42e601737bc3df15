"""Means of what all processes report."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.reporter import DictSummary, Summary
from autograd_nn.serializer import AbstractSerializer, Deserializer


class SharedSummary(DictSummary):
    """A `DictSummary` of what is added in all processes, which compute the means together.

    Args:
        comm: The processes.
        weight: How much the values of this one count.
    """

    def __init__(self, comm: CommunicatorBase, weight: float) -> None:
        super().__init__()
        self._comm = comm
        self._weight = weight

    def add(self, d: Mapping[str, Any]) -> None:
        pairs = {name: value if isinstance(value, tuple) else (value, 1) for name, value in d.items()}
        super().add({name: (pair[0], pair[1] * self._weight) for name, pair in pairs.items() if len(pair) == 2})

    def compute_mean(self) -> dict[str, float]:
        """The mean of each key's values in all processes, which call this together and get the same bits."""
        return self._total().compute_mean()

    def merge(self) -> None:
        """Leaves the sums of all processes to the first one, so that it can save them; they call this together."""
        total = self._total()
        self._summaries = {} if self._comm.rank else total._summaries

    def _total(self) -> DictSummary:
        total = DictSummary()
        for sums in self._comm.allgather_obj({name: summary.sums for name, summary in self._summaries.items()}):
            for name, each in sums.items():
                total._summaries.setdefault(name, Summary()).add_sums(*each)
        return total

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        if isinstance(serializer, Deserializer) and self._comm.rank:
            self._summaries = {}  # what was saved is that of all
