"""Data sets whose examples are dicts of those of others."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, is_index_list, replace_bases, take
from autograd_nn.dataset.examples import Examples, is_column


class DictDataset(DatasetMixin):
    """Puts the examples of several data sets of one length together into dicts.

    A list or an array of indices gives not a list of examples but a dict of batches, one of each data set.

    Args:
        datasets: Data sets by name: arrays, lists, or any others.

    Raises:
        ValueError: There is none, or their lengths differ.

    Example:
        >>> DictDataset(word=['one', 'two'], value=[1, 2])[1]
        {'word': 'two', 'value': 2}
    """

    def __init__(self, **datasets: Dataset) -> None:
        if not datasets:
            raise ValueError('DictDataset: expected at least one data set')
        lengths = {name: len(dataset) for name, dataset in datasets.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f'DictDataset: the data sets have different lengths: {lengths}')
        self._datasets = datasets

    def __len__(self) -> int:
        return len(next(iter(self._datasets.values())))

    def __getitem__(self, index: Any) -> Any:
        # A class that redefines examples has lists of them.
        if is_index_list(index) and type(self).get_example is DictDataset.get_example:
            indices = self._as_indices(index)
            return {name: take(dataset, indices) for name, dataset in self._datasets.items()}
        return super().__getitem__(index)

    def get_example(self, i: int) -> dict[str, Any]:
        return {name: dataset[i] for name, dataset in self._datasets.items()}

    def gather(self, indices: np.ndarray) -> list[Any]:
        if all(map(is_column, self._datasets.values())):
            return Examples(self._datasets, indices)
        return super().gather(indices)

    def at_epoch(self, epoch: int) -> DictDataset:
        return replace_bases(self, epoch, '_datasets')
