"""Reads batches where they are asked for."""
from __future__ import annotations

from typing import Any

from autograd_nn.iterators.schedule import Segment
from autograd_nn.iterators.scheduled_iterator import ScheduledIterator, read_segments


class SerialIterator(ScheduledIterator[list[Segment]]):
    """Makes batches of a data set, reading the examples one after the other.

    Data sets of arrays (`TupleDataset`, `DictDataset`, arrays themselves) are read in one go.

    Args:
        dataset: The data set.
        batch_size: The number of examples in a batch.
        repeat: If True, epochs follow each other without end, and a batch may reach from one into the next. If
            False, there is one epoch, whose last batch may be smaller.
        shuffle: Whether to visit the examples in a new random order in each epoch. Default: True, unless there is an
            `order_sampler`.
        order_sampler: What makes the order of each epoch, instead of `shuffle` (see `OrderSampler`).

    Raises:
        ValueError: The data set is empty, the batch size is not positive, or `shuffle` and `order_sampler` are both
            given.

    Example:
        >>> iterator = SerialIterator([10, 20, 30], 2, shuffle=False)
        >>> next(iterator), next(iterator), iterator.epoch, iterator.is_new_epoch
        ([10, 20], [30, 10], 1, True)
    """

    def _submit(self, segments: list[Segment]) -> list[Segment]:
        return segments

    def _collect(self, ticket: list[Segment]) -> list[Any]:
        return read_segments(self.dataset, ticket)
