"""Data sets whose examples are tuples of those of others."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, is_index_list, replace_bases, take
from autograd_nn.dataset.examples import Examples, is_column


class TupleDataset(DatasetMixin):
    """Puts the examples of several data sets of one length together into tuples.

    A list or an array of indices gives not a list of examples but a tuple of batches, one of each data set.

    Args:
        datasets: Data sets: arrays, lists, or any others.

    Raises:
        ValueError: There is none, or their lengths differ.

    Example:
        >>> dataset = TupleDataset(np.array([1., 2., 3.]), ['a', 'b', 'c'])
        >>> len(dataset), dataset[1], dataset[1:]
        (3, (np.float64(2.0), 'b'), [(np.float64(2.0), 'b'), (np.float64(3.0), 'c')])
        >>> dataset[[2, 0]]
        (array([3., 1.]), ['c', 'a'])
    """

    def __init__(self, *datasets: Dataset) -> None:
        if not datasets:
            raise ValueError('TupleDataset: expected at least one data set')
        if len({len(dataset) for dataset in datasets}) > 1:
            raise ValueError('TupleDataset: the data sets have different lengths: '
                             f'{", ".join([str(len(dataset)) for dataset in datasets])}')
        self._datasets = datasets

    def __len__(self) -> int:
        return len(self._datasets[0])

    def __getitem__(self, index: Any) -> Any:
        # A class that redefines examples has lists of them.
        if is_index_list(index) and type(self).get_example is TupleDataset.get_example:
            indices = self._as_indices(index)
            return tuple([take(dataset, indices) for dataset in self._datasets])
        return super().__getitem__(index)

    def get_example(self, i: int) -> tuple[Any, ...]:
        return tuple([dataset[i] for dataset in self._datasets])

    def gather(self, indices: np.ndarray) -> list[Any]:
        if all(map(is_column, self._datasets)):
            return Examples(self._datasets, indices)
        return super().gather(indices)

    def at_epoch(self, epoch: int) -> TupleDataset:
        return replace_bases(self, epoch, '_datasets')
