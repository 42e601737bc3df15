"""Snapshots where several processes have the same trainer."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.extensions.generations import load, load_newest
from autograd_nn.training.extension import Extension
from autograd_nn.training.trainer import Trainer


def multi_node_snapshot(comm: CommunicatorBase, snapshot: Any, replica_sets: Iterable[int | Iterable[int]]) -> Extension:
    """An extension that saves one snapshot for each set of processes whose trainers are the same.

    Often that of rank 0 has extensions that the others do not have, so that there are two: ``[[0]]``, to which the set
    of all others is added. The first process of a set saves; the name of its file ends with its rank. With `autoload`,
    the newest snapshot that is whole in all sets is loaded before the training. The number of processes may be another
    one than before, if the first ones of the sets are the same::

        trainer.extend(multi_node_snapshot(comm, extensions.snapshot(autoload=True), [[0]]))

    Args:
        comm: The processes.
        snapshot: What `extensions.snapshot` returns.
        replica_sets: The sets, each as a rank or several. Those that are left over are another set.

    Returns:
        The extension.

    Raises:
        ValueError: There is no such rank, or one is in two sets.
    """
    return _MultiNodeSnapshot(comm, snapshot, _parse(replica_sets, comm.size))


def _parse(replica_sets: Iterable[int | Iterable[int]], size: int) -> list[list[int]]:
    """The sets in full, each in ascending order.

    Example:
        >>> _parse([0, [3, 2]], 5)
        [[0], [2, 3], [1, 4]]
    """
    sets = [[each] if isinstance(each, int) else sorted(each) for each in replica_sets]
    ranks = [rank for each in sets for rank in each]
    for rank in ranks:
        if not 0 <= rank < size or ranks.count(rank) > 1:
            raise ValueError(f'multi_node_snapshot: replica_sets must have ranks from 0 to {size - 1}, each once at '
                             f'most, got {sets}')
    return [each for each in [*sets, [rank for rank in range(size) if rank not in ranks]] if each]


class _MultiNodeSnapshot(Extension):

    def __init__(self, comm: CommunicatorBase, snapshot: Any, sets: list[list[int]]) -> None:
        self.comm = comm
        self.snapshot = snapshot
        self.replica_set = next(each for each in sets if comm.rank in each)
        self.is_master = comm.rank == self.replica_set[0]
        self.trigger = snapshot.trigger
        self.priority = snapshot.priority
        name = snapshot.filename
        end = f'.{comm.rank}'
        snapshot.filename = (lambda trainer: name(trainer) + end) if callable(name) else name + end
        # It is this extension that loads.
        self._autoload, snapshot.autoload = snapshot.autoload, False

    def initialize(self, trainer: Trainer) -> None:
        if self._autoload:
            self._load(trainer)
        if self.is_master:
            self.snapshot.initialize(trainer)

    def _load(self, trainer: Trainer) -> None:
        files = self.snapshot.generations(trainer) if self.is_master else None
        found = load_newest(self.comm, files, 'multi_node_snapshot')
        if found is None:
            return
        _, arrays = found
        for rank in self.replica_set[1:]:
            if self.is_master:
                self.comm.send_obj(arrays, rank)
            elif self.comm.rank == rank:
                arrays = self.comm.recv_obj(self.replica_set[0])
        load(arrays, self.snapshot.target_of(trainer))

    def __call__(self, trainer: Trainer) -> None:
        if self.is_master:
            self.snapshot(trainer)

    def on_error(self, trainer: Trainer, exc: BaseException, tb: TracebackType | None) -> Path | None:
        return self.snapshot.on_error(trainer, exc, tb) if self.is_master else None

    def finalize(self) -> None:
        if self.is_master:
            self.snapshot.finalize()
