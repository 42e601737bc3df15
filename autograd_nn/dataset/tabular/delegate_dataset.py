"""A table that is another one, to inherit from."""
from __future__ import annotations

from typing import Any

from autograd_nn.dataset.tabular.tabular_dataset import Columns, Rows, TabularDataset


class DelegateDataset(TabularDataset):
    """A table that is another one: what a class for data of one's own inherits from.

    Args:
        dataset: The other table.

    Attributes:
        dataset: The same.

    Example:
        >>> from autograd_nn.dataset import tabular
        >>> class Squares(tabular.DelegateDataset):
        ...     def __init__(self, n):
        ...         super().__init__(tabular.from_data((('x', list(range(n))), ('square', self.square))))
        ...     def square(self, i):
        ...         return i * i
        >>> Squares(5)[3]
        (3, 9)
    """

    def __init__(self, dataset: TabularDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def keys(self) -> tuple[str, ...]:
        return self.dataset.keys

    @property
    def mode(self) -> Any:
        return self.dataset.mode

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        return self.dataset.get_examples(indices, key_indices)
