"""A batch of examples that remembers which rows of which arrays it is made of."""
from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import is_array

Columns = Any
"""An array, or a tuple or a dict of arrays of one length: row *i* of it is example *i*."""


class Examples(list[Any]):
    """A list of rows of arrays, from which `concat_examples` takes whole columns at once.

    To code that handles batches it is a list of examples. As long as nobody has changed the list, `gather` builds the
    batch arrays with one indexing operation per column, where stacking the examples would touch each of them.

    Args:
        columns: An array, or a tuple or a dict of arrays of one length.
        indices: The rows to take, integers, shape (n,).

    Example:
        >>> x, t = np.array([[1., 2.], [3., 4.], [5., 6.]]), np.array([0, 1, 2])
        >>> batch = Examples((x, t), np.array([2, 0]))
        >>> [int(label) for image, label in batch]
        [2, 0]
        >>> batch.gather()
        (array([[5., 6.], [1., 2.]]), array([2, 0]))
    """

    def __init__(self, columns: Columns, indices: np.ndarray) -> None:
        super().__init__(_rows(columns, indices))
        self._columns = columns
        self._indices = indices
        self._original = tuple(self)

    def gather(self) -> Columns | None:
        """The batch as new arrays, in the structure of the columns; None if the list has been changed."""
        if len(self) != len(self._original) or not all(map(operator.is_, self, self._original)):
            return None
        return map_columns(lambda column: column[self._indices], self._columns)

    def __reduce__(self) -> tuple[Any, ...]:
        columns = self.gather()
        return (list, (list(self),)) if columns is None else (Examples, (columns, np.arange(len(self))))


def with_own_memory(example: Any) -> Any:
    """An example whose arrays share no memory with those of the data set, which may write the next example there.

    Args:
        example: An array, or a tuple (named or not), list or dict of arrays and anything else, nested as it may be.
            What is none of these comes back as it is.

    Example:
        >>> buffer = np.zeros(2)
        >>> example = with_own_memory((buffer, 7))
        >>> buffer += 1
        >>> example
        (array([0., 0.]), 7)
    """
    if is_array(example):
        return example.copy(order='K')
    if type(example) is tuple:
        return tuple([with_own_memory(value) for value in example])
    if isinstance(example, tuple) and hasattr(example, '_make'):
        return example._make([with_own_memory(value) for value in example])
    if isinstance(example, (list, dict)):
        same = copy.copy(example)  # of its class
        for key in range(len(example)) if isinstance(example, list) else example:
            same[key] = with_own_memory(example[key])
        return same
    return example


def is_column(data: Any) -> bool:
    """Whether `data` is an array whose rows can be gathered."""
    return isinstance(data, np.ndarray) and data.ndim > 0 and not data.dtype.hasobject


def map_columns(function: Callable[[Any], Any], columns: Columns) -> Columns:
    """Applies `function` to each column and keeps the structure."""
    if isinstance(columns, tuple):
        return tuple([function(column) for column in columns])
    if isinstance(columns, dict):
        return {key: function(column) for key, column in columns.items()}
    return function(columns)


def join_examples(parts: Sequence[list[Any]]) -> list[Any]:
    """The batch that consists of the examples of all `parts`, in order."""
    if len(parts) == 1:
        return parts[0]
    columns: list[Columns] = [part.gather() if isinstance(part, Examples) else None for part in parts]
    if any(column is None for column in columns):
        return [example for part in parts for example in part]
    first = columns[0]
    if isinstance(first, tuple):
        joined: Columns = tuple([np.concatenate(pieces) for pieces in zip(*columns)])
    elif isinstance(first, dict):
        joined = {key: np.concatenate([column[key] for column in columns]) for key in first}
    else:
        joined = np.concatenate(columns)
    return Examples(joined, np.arange(sum(map(len, parts))))


def _rows(columns: Columns, indices: np.ndarray) -> list[Any]:
    if isinstance(columns, tuple):
        return list(zip(*[_column_rows(column, indices) for column in columns]))
    if isinstance(columns, dict):
        rows = zip(*[_column_rows(column, indices) for column in columns.values()])
        return [dict(zip(columns, row)) for row in rows]
    return _column_rows(columns, indices)


def _column_rows(column: np.ndarray, indices: np.ndarray) -> list[Any]:
    return list(column[indices]) if column.ndim == 1 else [column[i] for i in indices.tolist()]
