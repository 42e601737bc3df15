"""The interface of data sets."""
from __future__ import annotations

import copy
import operator
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import numpy as np

from autograd_nn.backend import is_array
from autograd_nn.dataset.examples import Examples, is_column, with_own_memory

T = TypeVar('T')


class Dataset(Protocol):
    """What iterators need of a data set: a length, and an example for each index below it."""

    def __len__(self) -> int:
        """The number of examples."""

    def __getitem__(self, index: Any, /) -> Any:
        """The example at `index`."""


class DatasetMixin:
    """Base class of data sets: a subclass defines ``__len__`` and `get_example`, and gains indexing.

    A data set is indexed by an integer (which may be negative), a slice, or a list or an array of integers or of
    booleans; the last three give lists of examples.

    Two methods may be overridden for more than that. `gather` reads many examples, where there is a faster way than
    one by one. `at_epoch` gives the data set as it is in one epoch, for data sets whose examples change from epoch to
    epoch, such as `AugmentedDataset`.

    Example:
        >>> class Squares(DatasetMixin):
        ...     def __len__(self):
        ...         return 5
        ...     def get_example(self, i):
        ...         return i * i
        >>> squares = Squares()
        >>> squares[-1], squares[1:3], squares[[4, 0]]
        (16, [1, 4], [16, 0])
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A class that redefines how one example is read must not inherit its parent's way of reading many.
        if 'gather' not in cls.__dict__ and {'__getitem__', 'get_example'} & cls.__dict__.keys():
            cls.gather = DatasetMixin.gather  # type: ignore[method-assign]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.gather(np.arange(*index.indices(len(self))))
        if is_index_list(index):
            return self.gather(self._as_indices(index))
        return self.get_example(self._check_index(index))

    def __len__(self) -> int:
        raise NotImplementedError

    def get_example(self, i: int) -> Any:
        """The `i`-th example.

        It may be written to the same memory each time: who reads several examples copies the arrays of each before
        reading the next one.

        Args:
            i: Its index; negative ones have been translated, so that 0 <= i < len(self).
        """
        raise NotImplementedError

    def gather(self, indices: np.ndarray) -> list[Any]:
        """The examples at `indices`.

        Args:
            indices: Integers from 0 to len(self) - 1, shape (n,).
        """
        return [with_own_memory(self[i]) for i in indices.tolist()]

    def at_epoch(self, epoch: int) -> Any:
        """This data set as it is in the given epoch; itself if all epochs are alike.

        A data set that wraps others overrides this with `replace_bases`.
        """
        return self

    def _check_index(self, index: Any) -> int:
        index, size = operator.index(index), len(self)
        if not -size <= index < size:
            raise IndexError(f'{type(self).__name__}: index {index} is out of range for {size} examples')
        return index + size if index < 0 else index

    def _as_indices(self, index: list[Any] | np.ndarray) -> np.ndarray:
        indices = np.asarray(index) if len(index) else np.empty(0, int)
        if indices.dtype == bool:
            if len(indices) != len(self):
                raise IndexError(f'{type(self).__name__}: a mask of {len(indices)} booleans for {len(self)} examples')
            return np.flatnonzero(indices)
        if indices.dtype.kind not in 'iu':
            raise TypeError(f'{type(self).__name__}: expected integers or booleans as indices, got {indices.dtype}')
        for extreme in {int(indices.min()), int(indices.max())} if len(indices) else ():
            self._check_index(extreme)
        return np.where(indices < 0, indices + len(self), indices)


def is_index_list(index: Any) -> bool:
    """Whether an index is a list or an array of indices."""
    return isinstance(index, (list, np.ndarray)) and np.ndim(index) == 1


def gather(dataset: Dataset, indices: np.ndarray) -> list[Any]:
    """The examples of any data set, in the fastest way that it offers.

    Their arrays stay what they are when more examples are read, also where a data set always returns the same array.

    Args:
        dataset: Anything with a length and integer indices: a `DatasetMixin`, an array, a list.
        indices: Integers from 0 to len(dataset) - 1, shape (n,).

    Example:
        >>> gather(['a', 'b', 'c'], np.array([2, 0]))
        ['c', 'a']
    """
    if isinstance(dataset, DatasetMixin):
        return dataset.gather(indices)
    if is_column(dataset):
        return Examples(dataset, indices)
    if type(dataset) in (list, tuple):  # Its elements are objects of their own.
        return [dataset[i] for i in indices.tolist()]
    return [with_own_memory(dataset[i]) for i in indices.tolist()]


def take(dataset: Dataset, indices: np.ndarray) -> Any:
    """A batch of any data set: rows of an array, or what another one returns for several indices.

    Args:
        dataset: The data set.
        indices: Integers from 0 to len(dataset) - 1, shape (n,).

    Example:
        >>> take(np.array([1., 2., 3.]), np.array([2, 0])), take(['a', 'b', 'c'], np.array([2, 0]))
        (array([3., 1.]), ['c', 'a'])
    """
    if is_array(dataset) or isinstance(dataset, DatasetMixin):
        return dataset[indices]
    return gather(dataset, indices)


def at_epoch(dataset: T, epoch: int) -> T:
    """Any data set as it is in the given epoch (see `DatasetMixin.at_epoch`)."""
    return dataset.at_epoch(epoch) if isinstance(dataset, DatasetMixin) else dataset


def replace_bases(dataset: T, epoch: int, *attributes: str) -> T:
    """`dataset` with its base data sets as they are in the given epoch: the `at_epoch` of a wrapper.

    Args:
        dataset: The wrapper; it is not changed.
        epoch: The epoch.
        attributes: The names of the attributes that hold a data set, or a tuple or a dict of data sets.

    Returns:
        `dataset` itself if no base changes from epoch to epoch, a shallow copy of it otherwise.
    """
    changed: dict[str, Any] = {}
    for attribute in attributes:
        base = getattr(dataset, attribute)
        moved = _bases_at_epoch(base, epoch)
        if any(new is not old for new, old in zip(_bases(moved), _bases(base))):
            changed[attribute] = moved
    if not changed:
        return dataset
    dataset = copy.copy(dataset)
    for attribute, moved in changed.items():
        setattr(dataset, attribute, moved)
    return dataset


def _bases(base: Any) -> Iterable[Any]:
    return base if isinstance(base, tuple) else base.values() if isinstance(base, dict) else (base,)


def _bases_at_epoch(base: Any, epoch: int) -> Any:
    if isinstance(base, tuple):
        return tuple([at_epoch(dataset, epoch) for dataset in base])
    if isinstance(base, dict):
        return {key: at_epoch(dataset, epoch) for key, dataset in base.items()}
    return at_epoch(base, epoch)
