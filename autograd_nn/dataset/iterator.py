"""The interface of iterators."""
from __future__ import annotations

from typing import Any

from autograd_nn.serializer import AbstractSerializer


class Iterator:
    """Base class of the iterators that make batches of a data set.

    A subclass defines `__next__`, which returns a batch as a list of examples and raises StopIteration after the last
    one, and keeps the attributes below. It may hold threads or processes, which `finalize` ends; an iterator is also
    a context manager that does so at the end of the block.

    Attributes:
        batch_size: The number of examples in a batch.
        epoch: How many times the data set has been swept over completely.
        epoch_detail: The same with the fraction of the current sweep.
        previous_epoch_detail: `epoch_detail` before the last batch; None before the first one.
        is_new_epoch: Whether the last batch completed a sweep.
    """

    batch_size: int
    epoch: int
    epoch_detail: float
    previous_epoch_detail: float | None
    is_new_epoch: bool

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        raise NotImplementedError

    def next(self) -> Any:
        """The next batch; the same as ``next(iterator)``."""
        return self.__next__()

    def finalize(self) -> None:
        """Releases what the iterator holds."""

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one.

        Args:
            serializer: Called as ``serializer(key, value)``. One that saves stores the value and returns it; one that
                loads returns the stored value.
        """

    def __enter__(self) -> Iterator:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.finalize()
