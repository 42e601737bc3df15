"""Tables of lists, arrays and functions."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn.backend import is_array
from autograd_nn.dataset.tabular.tabular_dataset import Columns, Rows, TabularDataset


def from_data(data: Any, *, size: int | None = None) -> TabularDataset:
    """Makes a table of lists, arrays, and functions that compute elements from the index of an example.

    Args:
        data: One column: a list or an array; a pair of its name and a list, an array or a function of an index; or a
            pair of a tuple of names and a function that returns a tuple or a dict. A tuple of these, or a dict of
            lists, arrays and functions by name (or tuple of names), is a table of several columns.
        size: The number of rows; needed where there are only functions.

    Returns:
        The table. Its examples are tuples if `data` is a tuple of columns, dicts if it is a dict.

    Raises:
        TypeError: A column is none of these.
        ValueError: A function has no name or no size, or the columns differ in length.

    Example:
        >>> from autograd_nn.dataset.tabular import from_data
        >>> from_data([3, 4, 5])[0]
        3
        >>> from_data((('a', [3, 4, 5]), ('square', lambda i: i * i)))[2]
        (5, 4)
        >>> from_data({'a': [3, 4, 5], ('x', 'y'): lambda i: (i, -i)})[2]
        {'a': 5, 'x': 2, 'y': -2}
    """
    if isinstance(data, dict):
        return _join(data.items(), size).asdict()
    if not isinstance(data, tuple) or _is_named(data):
        return _make_table(*_name_and_column(data), size)
    return _join(map(_name_and_column, data), size).astuple()


def _is_named(data: tuple[Any, ...]) -> bool:
    """Whether this is a name, or names, and a column."""
    if len(data) != 2:
        return False
    names = data[0] if isinstance(data[0], tuple) else data[:1]
    return all(isinstance(name, str) for name in names)


def _name_and_column(data: Any) -> tuple[Any, Any]:
    return data if isinstance(data, tuple) and _is_named(data) else (None, data)


def _join(columns: Iterable[tuple[Any, Any]], size: int | None) -> TabularDataset:
    columns = list(columns)
    if not columns:
        raise ValueError('from_data: expected at least one column')
    if size is None:
        size = next((len(column) for _, column in columns if hasattr(column, '__len__')), None)
    first, *others = [_make_table(key, column, size) for key, column in columns]
    return first.join(*others)


def _make_table(key: Any, column: Any, size: int | None) -> TabularDataset:
    if is_array(column) or isinstance(column, list):
        return _Column(f'_{id(column)}' if key is None else key, column)
    if not callable(column):
        raise TypeError(f'from_data: expected a list, an array or a function as a column, got {type(column).__name__}')
    if key is None or size is None:
        raise ValueError(f'from_data: a function needs {"a name" if key is None else "the argument size"}')
    return _Numbers(size).transform(key, column)


class _Column(TabularDataset):
    """A list or an array."""

    def __init__(self, key: str, data: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f'from_data: a list or an array has one name, got {key!r}')
        self._key = key
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    @property
    def keys(self) -> tuple[str, ...]:
        return (self._key,)

    @property
    def mode(self) -> None:
        return None

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        if indices is None:
            column = self._data
        elif isinstance(indices, slice) or is_array(self._data):
            column = self._data[indices]
        else:
            column = [self._data[i] for i in indices]
        return (column,) * (1 if key_indices is None else len(key_indices))


class _Numbers(TabularDataset):
    """The indices of the rows themselves."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    @property
    def keys(self) -> tuple[str, ...]:
        return ('index',)

    @property
    def mode(self) -> None:
        return None

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        rows = range(self._size)
        chosen = list(rows[slice(None) if indices is None else indices] if not isinstance(indices, list) else indices)
        return (chosen,) * (1 if key_indices is None else len(key_indices))
