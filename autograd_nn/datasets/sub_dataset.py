"""Parts of data sets: subsets, splits and folds."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, gather, replace_bases


class SubDataset(DatasetMixin):
    """A part of a data set: an interval of it, or of a permutation of it.

    Args:
        dataset: The whole.
        start: The first index of the interval.
        finish: The index behind the last one.
        order: A permutation of the whole, integers, shape (n,): example *i* of the part is example
            ``order[start + i]`` of the whole. None for 0, 1, 2, ...

    Raises:
        ValueError: The interval is not within the whole, or `order` has another length than the whole.

    Example:
        >>> SubDataset('abcdef', 1, 3)[:]
        ['b', 'c']
        >>> SubDataset('abcdef', 1, 3, order=[5, 4, 3, 2, 1, 0])[:]
        ['e', 'd']
    """

    def __init__(self, dataset: Dataset, start: int, finish: int,
                 order: Sequence[int] | np.ndarray | None = None) -> None:
        if not 0 <= start <= finish <= len(dataset):
            raise ValueError(f'SubDataset: expected 0 <= start <= finish <= {len(dataset)} (the number of examples), '
                             f'got start {start} and finish {finish}')
        if order is not None and len(order) != len(dataset):
            raise ValueError(f'SubDataset: order has {len(order)} indices for {len(dataset)} examples')
        self._dataset = dataset
        self._indices = np.arange(start, finish) if order is None else np.asarray(order)[start:finish]

    def __len__(self) -> int:
        return len(self._indices)

    def get_example(self, i: int) -> Any:
        return self._dataset[int(self._indices[i])]

    def gather(self, indices: np.ndarray) -> list[Any]:
        return gather(self._dataset, self._indices[indices])

    def at_epoch(self, epoch: int) -> SubDataset:
        return replace_bases(self, epoch, '_dataset')


def split_dataset(dataset: Dataset, split_at: int,
                  order: Sequence[int] | np.ndarray | None = None) -> tuple[SubDataset, SubDataset]:
    """Splits a data set in two.

    Args:
        dataset: The whole.
        split_at: The number of examples in the first part, less than that of the whole.
        order: A permutation of the whole that is made before the split; None for none.

    Returns:
        The two parts.

    Raises:
        TypeError: `split_at` is no integer.
        ValueError: `split_at` is negative or too large.

    Example:
        >>> [part[:] for part in split_dataset('abcde', 2)]
        [['a', 'b'], ['c', 'd', 'e']]
    """
    if not isinstance(split_at, (int, np.integer)):
        raise TypeError(f'split_dataset: split_at must be an integer, got {type(split_at).__name__}')
    if not 0 <= split_at < len(dataset):
        raise ValueError(f'split_dataset: expected 0 <= split_at < {len(dataset)} (the number of examples), '
                         f'got {split_at}')
    return SubDataset(dataset, 0, split_at, order), SubDataset(dataset, split_at, len(dataset), order)


def split_dataset_random(dataset: Dataset, first_size: int, seed: int | None = None) -> tuple[SubDataset, SubDataset]:
    """Splits a data set in two at random.

    Args:
        dataset: The whole.
        first_size: The number of examples in the first part.
        seed: Determines the split; by default NumPy's global random state does.

    Returns:
        The two parts.
    """
    return split_dataset(dataset, first_size, _permutation(dataset, seed))


def split_dataset_n(dataset: Dataset, n: int, order: Sequence[int] | np.ndarray | None = None) -> list[SubDataset]:
    """Splits a data set into parts of one size; examples that are left over at the end are in none.

    Args:
        dataset: The whole.
        n: The number of parts.
        order: A permutation of the whole that is made before the split; None for none.

    Returns:
        The parts.

    Raises:
        ValueError: `n` is not positive.

    Example:
        >>> [part[:] for part in split_dataset_n('abcdefg', 3)]
        [['a', 'b'], ['c', 'd'], ['e', 'f']]
    """
    if n < 1:
        raise ValueError(f'split_dataset_n: n must be positive, got {n}')
    size = len(dataset) // n
    return [SubDataset(dataset, i * size, (i + 1) * size, order) for i in range(n)]


def split_dataset_n_random(dataset: Dataset, n: int, seed: int | None = None) -> list[SubDataset]:
    """Splits a data set into parts of one size at random; `len(dataset) % n` examples are in none.

    Args:
        dataset: The whole.
        n: The number of parts.
        seed: Determines the split; by default NumPy's global random state does.

    Returns:
        The parts.
    """
    return split_dataset_n(dataset, n, _permutation(dataset, seed))


def get_cross_validation_datasets(
        dataset: Dataset, n_folds: int,
        order: Sequence[int] | np.ndarray | None = None) -> list[tuple[SubDataset, SubDataset]]:
    """Pairs of training and test sets for cross validation.

    The test sets are disjoint, together they are the whole, and their sizes differ by one at most. Each training set
    consists of the examples that are not in its test set. The first test set is the end of the whole.

    Args:
        dataset: The whole.
        n_folds: The number of pairs.
        order: A permutation of the whole that is made before; None for none.

    Returns:
        The pairs (training set, test set).

    Raises:
        ValueError: `n_folds` is not positive.

    Example:
        >>> [(train[:], test[:]) for train, test in get_cross_validation_datasets('abcd', 2)]
        [(['a', 'b'], ['c', 'd']), (['c', 'd'], ['a', 'b'])]
    """
    if n_folds < 1:
        raise ValueError(f'get_cross_validation_datasets: n_folds must be positive, got {n_folds}')
    size = len(dataset)
    indices = np.arange(size) if order is None else np.asarray(order)
    borders = [size * i // n_folds for i in range(n_folds + 1)]
    folds = []
    for start, finish in reversed(list(pairwise(borders))):
        # The test set first, then what follows it, in a circle.
        turned = np.roll(indices, -start)
        test_size = finish - start
        folds.append((SubDataset(dataset, test_size, size, turned), SubDataset(dataset, 0, test_size, turned)))
    return folds


def get_cross_validation_datasets_random(dataset: Dataset, n_folds: int,
                                         seed: int | None = None) -> list[tuple[SubDataset, SubDataset]]:
    """Pairs of training and test sets for cross validation, chosen at random.

    Args:
        dataset: The whole.
        n_folds: The number of pairs.
        seed: Determines the choice; by default NumPy's global random state does.

    Returns:
        The pairs (training set, test set), as from `get_cross_validation_datasets`.
    """
    return get_cross_validation_datasets(dataset, n_folds, _permutation(dataset, seed))


def _permutation(dataset: Dataset, seed: int | None) -> np.ndarray:
    random = np.random if seed is None else np.random.RandomState(seed)
    return random.permutation(len(dataset))
