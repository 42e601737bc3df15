"""Data sets whose examples a function makes of those of another."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, replace_bases


class TransformDataset(DatasetMixin):
    """Applies a function to each example when it is read.

    For random transforms of images see `AugmentedDataset`.

    Args:
        dataset: The examples.
        transform: Takes an example and returns another.

    Example:
        >>> TransformDataset([1, 2, 3], lambda x: -x)[:2]
        [-1, -2]
    """

    def __init__(self, dataset: Dataset, transform: Callable[[Any], Any]) -> None:
        self._dataset = dataset
        self._transform = transform

    def __len__(self) -> int:
        return len(self._dataset)

    def get_example(self, i: int) -> Any:
        return self._transform(self._dataset[i])

    def at_epoch(self, epoch: int) -> TransformDataset:
        return replace_bases(self, epoch, '_dataset')
