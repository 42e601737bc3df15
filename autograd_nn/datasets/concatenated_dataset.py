"""Data sets one after the other."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, replace_bases


class ConcatenatedDataset(DatasetMixin):
    """Appends data sets to each other.

    Args:
        datasets: Data sets; those after the first follow its examples.

    Example:
        >>> ConcatenatedDataset([1, 2], [3])[:]
        [1, 2, 3]
    """

    def __init__(self, *datasets: Dataset) -> None:
        self._datasets = datasets
        self._ends = np.cumsum([len(dataset) for dataset in datasets], dtype=int)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def get_example(self, i: int) -> Any:
        k = int(np.searchsorted(self._ends, i, side='right'))
        dataset = self._datasets[k]
        return dataset[i - int(self._ends[k]) + len(dataset)]

    def at_epoch(self, epoch: int) -> ConcatenatedDataset:
        return replace_bases(self, epoch, '_datasets')
