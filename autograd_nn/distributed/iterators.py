"""Iterators that make the same batches in many processes, for models whose parts are in several."""
from __future__ import annotations

from typing import Any

from autograd_nn.dataset.iterator import Iterator
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.serializer import AbstractSerializer

__all__ = ['create_multi_node_iterator', 'create_synchronized_iterator']

# Where an iterator stands.
_STATE = 'epoch', 'epoch_detail', 'previous_epoch_detail', 'is_new_epoch', 'current_position'


def create_multi_node_iterator(actual_iterator: Iterator | None, communicator: CommunicatorBase,
                               rank_master: int = 0) -> Iterator:
    """An iterator whose batches are those of one process, in all of them; they call this, and it, together.

    The batches are sent in each iteration. Where all processes can read the data set, `create_synchronized_iterator`
    sends nothing.

    Args:
        actual_iterator: The iterator, in the process `rank_master`; any, over examples that can be pickled. What the
            others give, None perhaps, serves for nothing.
        communicator: The processes.
        rank_master: The rank of that process.

    Returns:
        The iterator. A snapshot of it has the state of the actual one in the process `rank_master`, and where that
        stands in the others.

    Raises:
        TypeError: The process `rank_master` has no iterator.

    Example:
        >>> from mpi4py import MPI
        >>> import autograd_nn as ann
        >>> from autograd_nn.distributed import create_communicator, create_multi_node_iterator
        >>> comm = create_communicator(mpi_comm=MPI.COMM_SELF)
        >>> next(create_multi_node_iterator(ann.iterators.SerialIterator('abc', 2, shuffle=False), comm))
        ['a', 'b']
    """
    is_master = communicator.rank == rank_master
    facts = {name: getattr(actual_iterator, name, None) for name in ('batch_size', 'repeat')} if is_master else {}
    size = len(getattr(actual_iterator, 'dataset', ())) if is_master else 0
    facts, size, is_there = communicator.bcast_obj((facts, size, actual_iterator is not None), root=rank_master)
    if not is_there:
        raise TypeError(f'create_multi_node_iterator: the process {rank_master} is the master, and its actual_iterator '
                        'is None')
    return _MultiNodeIterator(actual_iterator, communicator, rank_master, facts, size)


def create_synchronized_iterator(actual_iterator: Iterator, communicator: CommunicatorBase) -> Iterator:
    """Has the iterators of all processes visit the examples in one order; they call this together.

    The order sampler of the first process, with its random state, is copied to all.

    Args:
        actual_iterator: An iterator that has an `order_sampler`, over a data set that is as long in all processes.
        communicator: The processes.

    Returns:
        That iterator, at its beginning.

    Raises:
        ValueError: It has no order sampler, or the data sets have different lengths.

    Example:
        >>> from mpi4py import MPI
        >>> import autograd_nn as ann
        >>> from autograd_nn.distributed import create_communicator, create_synchronized_iterator
        >>> comm = create_communicator(mpi_comm=MPI.COMM_SELF)
        >>> iterator = create_synchronized_iterator(ann.iterators.SerialIterator('abc', 3), comm)
        >>> sorted(next(iterator))
        ['a', 'b', 'c']
    """
    iterator: Any = actual_iterator
    sizes = communicator.allgather_obj(len(iterator.dataset) if hasattr(iterator, 'order_sampler') else None)
    if None in sizes:
        raise ValueError(f'create_synchronized_iterator: the iterator of rank {sizes.index(None)} has no order_sampler')
    if len(set(sizes)) > 1:
        raise ValueError('create_synchronized_iterator: the data sets have different lengths: '
                         + '; '.join(f'{size} in rank {rank}' for rank, size in enumerate(sizes)))
    iterator.order_sampler = communicator.bcast_obj(iterator.order_sampler)
    iterator.reset()
    return actual_iterator


class _MultiNodeIterator(Iterator):
    """The batches of one process, in all; the arguments are those of `create_multi_node_iterator`.

    Args:
        facts: Attributes of the actual iterator that never change.
        size: The number of examples.
    """

    def __init__(self, actual_iterator: Iterator | None, communicator: CommunicatorBase, rank_master: int,
                 facts: dict[str, Any], size: int) -> None:
        self.actual_iterator = actual_iterator
        self.communicator = communicator
        self.rank_master = rank_master
        self.is_master = communicator.rank == rank_master
        self._size = size
        vars(self).update(facts)
        self._start()

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self).get('actual_iterator'), name)

    def __next__(self) -> Any:
        batch: Any = None
        error: Exception | None = None
        message = None
        if self.is_master:
            try:
                batch = self.actual_iterator.__next__()  # type: ignore[union-attr]
            except Exception as raised:  # the others wait for a batch
                error = raised
            message = batch, error and _describe(error), self._actual_state()
        batch, failure, state = self.communicator.bcast_obj(message, root=self.rank_master)
        vars(self).update(state)
        if error is not None:
            raise error
        if failure == _describe(StopIteration()):
            raise StopIteration
        if failure is not None:
            raise RuntimeError(f'create_multi_node_iterator: no batch comes from rank {self.rank_master}: {failure}')
        return batch

    def _actual_state(self) -> dict[str, Any]:
        return {name: getattr(self.actual_iterator, name, None) for name in _STATE}

    def _start(self) -> None:
        self.epoch, self.current_position, self.is_new_epoch = 0, 0, False
        self.epoch_detail, self.previous_epoch_detail = 0., None

    def reset(self) -> None:
        """Starts again with epoch 0; all processes call this together."""
        if self.is_master:
            self.actual_iterator.reset()  # type: ignore[union-attr]
        self._start()

    def finalize(self) -> None:
        if self.actual_iterator is not None:
            self.actual_iterator.finalize()

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one.

        Nothing is sent: a file of the process `rank_master` can be loaded in all of them.
        """
        if self.is_master:
            assert self.actual_iterator is not None
            self.actual_iterator.serialize(serializer)
            vars(self).update(self._actual_state())
            return
        self.current_position = int(serializer('current_position', self.current_position))
        self.epoch = int(serializer('epoch', self.epoch))
        self.is_new_epoch = bool(serializer('is_new_epoch', self.is_new_epoch))
        previous = self.previous_epoch_detail
        previous = float(serializer('previous_epoch_detail', -1. if previous is None else previous))
        self.previous_epoch_detail = None if previous < 0 else previous
        self.epoch_detail = self.epoch + self.current_position / max(self._size, 1)


def _describe(error: Exception) -> str:
    return f'{type(error).__name__}: {error}'
