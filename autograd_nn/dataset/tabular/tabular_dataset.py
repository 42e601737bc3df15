"""Tables, and views of them: rows and columns of a table, several tables as one, and what functions make of them."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from autograd_nn.backend import get_array_module, is_array
from autograd_nn.dataset.convert import call_with_batch
from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.dataset.examples import Examples, is_column

Rows: TypeAlias = 'slice | list[int] | None'
"""Which rows: a slice, indices from 0 to the number of rows - 1, or None for all."""

Columns: TypeAlias = 'tuple[int, ...] | None'
"""Which columns: indices from 0 to the number of columns - 1, or None for all."""


class TabularDataset(DatasetMixin):
    """Base class of data sets that are tables: every example has the same named elements, the columns.

    A subclass defines ``__len__``, `keys`, `mode` and `get_examples`. In exchange the table is read column by column,
    no more of it than is asked for, and there are views of it: rows and columns, tables beside and below each other,
    tables whose examples a function makes.

    Example:
        >>> class Table(TabularDataset):
        ...     keys = 'a', 'b', 'c'
        ...     mode = tuple
        ...     data = np.arange(12).reshape(4, 3)
        ...     def __len__(self):
        ...         return 4
        ...     def get_examples(self, indices, key_indices):
        ...         rows = self.data if indices is None else self.data[indices]
        ...         return tuple(rows.T if key_indices is None else rows.T[list(key_indices)])
        >>> table = Table()
        >>> table.asdict()[0]
        {'a': np.int64(0), 'b': np.int64(1), 'c': np.int64(2)}
        >>> view = table.slice[[3, 2], ('c', 0)]
        >>> view.keys, view.fetch()
        (('c', 'a'), (array([11,  8]), array([9, 6])))
    """

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the columns."""
        raise NotImplementedError(f'{type(self).__name__} does not define keys')

    @property
    def mode(self) -> type[tuple[Any, ...]] | type[dict[str, Any]] | None:
        """What an example is: a `tuple`, a `dict`, or, None, the element of the only column itself."""
        raise NotImplementedError(f'{type(self).__name__} does not define mode')

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        """A part of the table.

        Args:
            indices: The rows: a slice, a list of integers from 0 to len(self) - 1, or None for all.
            key_indices: The columns: a tuple of integers from 0 to len(self.keys) - 1, or None for all.

        Returns:
            The columns, each a list or an array.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override get_examples')

    @property
    def slice(self) -> _Slicer:
        """Views of rows and columns: ``table.slice[rows]`` and ``table.slice[rows, columns]``.

        Rows are a slice, or a list or an array of integers (which may be negative) or of booleans. Columns are a tuple
        of names and integers, or one of them: then an example of the view is an element of that column itself.
        """
        return _Slicer(self)

    def fetch(self) -> Any:
        """All columns: a tuple, a dict or, where `mode` is None, the only one; each a list or an array."""
        return self._as_mode(self.get_examples(None, None))

    def convert(self, data: Any) -> Any:
        """Makes arrays of what `fetch` returned; `with_converter` changes how.

        Args:
            data: Columns: lists or arrays.

        Returns:
            The arrays in the same structure, on the device of what the lists hold.
        """
        if isinstance(data, tuple):
            return tuple([_as_array(column) for column in data])
        if isinstance(data, dict):
            return {key: _as_array(column) for key, column in data.items()}
        return _as_array(data)

    def astuple(self) -> TabularDataset:
        """A view whose examples are tuples."""
        return _AsMode(self, tuple)

    def asdict(self) -> TabularDataset:
        """A view whose examples are dicts."""
        return _AsMode(self, dict)

    def concat(self, *datasets: TabularDataset) -> TabularDataset:
        """A table of the rows of this one and then those of others.

        Args:
            datasets: Tables with the same keys.

        Raises:
            ValueError: The keys differ.
        """
        return _Concat(self, *datasets)

    def join(self, *datasets: TabularDataset) -> TabularDataset:
        """A table of the columns of this one and those of others.

        Args:
            datasets: Tables of the same length.

        Raises:
            ValueError: The lengths differ, or columns of two tables have one name.
        """
        return _Join(self, *datasets)

    def transform(self, keys: str | tuple[str, ...], transform: Callable[..., Any]) -> TabularDataset:
        """A table whose examples a function makes of those of this one, when they are read.

        Args:
            keys: The names of the new columns.
            transform: Called with an example: its elements as arguments, with their names if it is a dict. It returns a
                tuple, a dict, or, for one column, an element; always the same.
        """
        return _Transform(self, keys, transform)

    def transform_batch(self, keys: str | tuple[str, ...], transform_batch: Callable[..., Any]) -> TabularDataset:
        """A table whose columns a function makes of those of this one, when they are read.

        Args:
            keys: The names of the new columns.
            transform_batch: Called with columns, lists or arrays, of as many rows as are asked for; otherwise as for
                `transform`.
        """
        return _TransformBatch(self, keys, transform_batch)

    def with_converter(self, converter: Callable[..., Any]) -> TabularDataset:
        """A view with another `convert`.

        Args:
            converter: Called with the columns as arguments, with their names if examples are dicts.
        """
        return _WithConverter(self, converter)

    def get_example(self, i: int) -> Any:
        return self._as_mode(tuple([column[0] for column in self.get_examples([i], None)]))

    def gather(self, indices: np.ndarray) -> list[Any]:
        columns = self.get_examples(indices.tolist(), None)
        if all(map(is_column, columns)):
            return Examples(self._as_mode(tuple(columns)), np.arange(len(indices)))
        return [self._as_mode(row) for row in zip(*columns)]

    def __iter__(self) -> Iterator[Any]:
        return map(self.get_example, range(len(self)))

    def _as_mode(self, elements: tuple[Any, ...]) -> Any:
        mode = self.mode
        if mode is None:
            return elements[0]
        return dict(zip(self.keys, elements)) if mode is dict else tuple(elements)


def _as_array(column: Any) -> Any:
    if is_array(column):
        return column
    if len(column) and is_array(column[0]):
        return get_array_module(column[0]).stack(column)
    return np.asarray(column)


class _View(TabularDataset):
    """Another table, as it is: what a view does not change."""

    def __init__(self, dataset: TabularDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    @property
    def keys(self) -> tuple[str, ...]:
        return self._dataset.keys

    @property
    def mode(self) -> Any:
        return self._dataset.mode

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        return self._dataset.get_examples(indices, key_indices)

    def convert(self, data: Any) -> Any:
        return self._dataset.convert(data)


class _AsMode(_View):

    def __init__(self, dataset: TabularDataset, mode: Any) -> None:
        super().__init__(dataset)
        self._mode = mode

    @property
    def mode(self) -> Any:
        return self._mode


class _WithConverter(_View):

    def __init__(self, dataset: TabularDataset, converter: Callable[..., Any]) -> None:
        super().__init__(dataset)
        self._converter = converter

    def convert(self, data: Any) -> Any:
        return call_with_batch(self._converter, data)


class _Slicer:
    """What `TabularDataset.slice` is: something to index."""

    def __init__(self, dataset: TabularDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, index: Any) -> TabularDataset:
        rows, keys = index if isinstance(index, tuple) else (index, None)
        return _Slice(self._dataset, rows, keys)


class _Slice(_View):

    def __init__(self, dataset: TabularDataset, rows: Any, keys: Any) -> None:
        super().__init__(dataset)
        if isinstance(rows, slice):
            self._rows: Sequence[int] = range(len(dataset))[rows]
        else:
            self._rows = dataset._as_indices(rows).tolist()
        self._is_one = not (keys is None or isinstance(keys, tuple))
        self._columns = None if keys is None else _find_columns((keys,) if self._is_one else keys, dataset.keys)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def keys(self) -> tuple[str, ...]:
        keys = self._dataset.keys
        return keys if self._columns is None else tuple([keys[i] for i in self._columns])

    @property
    def mode(self) -> Any:
        if self._is_one:
            return None
        return self._dataset.mode if self._columns is None else self._dataset.mode or tuple

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        columns = key_indices
        if self._columns is not None:
            columns = self._columns if key_indices is None else tuple([self._columns[i] for i in key_indices])
        return self._dataset.get_examples(_as_rows(_select(self._rows, indices), len(self._dataset)), columns)


def _find_columns(keys: Iterable[Any], names: tuple[str, ...]) -> tuple[int, ...]:
    """The indices of columns that are given by name or index."""
    found = []
    for key in keys:
        if isinstance(key, str):
            if key not in names:
                raise KeyError(f'slice: there is no column {key!r}, only {", ".join(names)}')
            found.append(names.index(key))
        elif not -len(names) <= key < len(names):
            raise IndexError(f'slice: column {key} is out of range for {len(names)} columns')
        else:
            found.append(int(key) % len(names))
    return tuple(found)


def _select(rows: Sequence[int], indices: Rows) -> Sequence[int]:
    """Some of these rows: a range or a list."""
    if indices is None:
        return rows
    return rows[indices] if isinstance(indices, slice) else [rows[i] for i in indices]


def _as_rows(rows: Sequence[int], length: int) -> Rows:
    """Rows as `TabularDataset.get_examples` takes them: a range as a slice, or None if it is everything."""
    if not isinstance(rows, range):
        return list(rows)
    if rows == range(length):
        return None
    # A slice that ends in front of the first element has no end.
    return slice(rows.start, rows.stop, rows.step) if rows and rows.stop >= 0 else (
        slice(rows.start, None, rows.step) if rows else slice(0, 0))


class _Concat(TabularDataset):

    def __init__(self, *datasets: TabularDataset) -> None:
        for dataset in datasets[1:]:
            if dataset.keys != datasets[0].keys:
                raise ValueError(f'concat: expected tables of the columns {", ".join(datasets[0].keys)}; got one of '
                                 f'{", ".join(dataset.keys)}')
        self._datasets = datasets
        self._starts = list(accumulate(map(len, datasets), initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def keys(self) -> tuple[str, ...]:
        return self._datasets[0].keys

    @property
    def mode(self) -> Any:
        return self._datasets[0].mode

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        rows = _select(range(len(self)), indices)
        owners = np.searchsorted(self._starts[1:], rows, side='right')
        places, parts = [], []
        for i, dataset in enumerate(self._datasets):
            chosen = np.flatnonzero(owners == i)
            if len(chosen):
                places.append(chosen)
                own = _shift(rows, chosen, self._starts[i])
                parts.append(dataset.get_examples(_as_rows(own, len(dataset)), key_indices))
        if len(parts) < 2:
            return parts[0] if parts else self._datasets[0].get_examples([], key_indices)
        order = np.argsort(np.concatenate(places))
        return tuple([_join_parts(column, order) for column in zip(*parts)])

    def convert(self, data: Any) -> Any:
        return self._datasets[0].convert(data)


def _shift(rows: Sequence[int], chosen: np.ndarray, start: int) -> Sequence[int]:
    """The chosen ones of the rows of several tables, as rows of the one that begins at `start`."""
    if isinstance(rows, range):  # A range meets every table in one stretch.
        part = rows[chosen[0]:chosen[-1] + 1]
        return range(part.start - start, part.stop - start, part.step)
    return [rows[i] - start for i in chosen]


def _join_parts(parts: Sequence[Any], order: np.ndarray) -> Any:
    """The parts of a column as one, in another order: an array if all of them are, and alike."""
    if all(map(is_column, parts)) and len({(part.dtype, part.shape[1:]) for part in parts}) == 1:
        return np.concatenate(parts)[order]
    elements = [element for part in parts for element in part]
    return [elements[i] for i in order]


class _Join(TabularDataset):

    def __init__(self, *datasets: TabularDataset) -> None:
        lengths = {len(dataset) for dataset in datasets}
        if len(lengths) > 1:
            raise ValueError(f'join: expected tables of one length; got {", ".join(map(str, map(len, datasets)))} rows')
        keys = [key for dataset in datasets for key in set(dataset.keys)]
        if len(set(keys)) < len(keys):
            raise ValueError('join: expected tables whose columns have different names; got '
                             f'{" and ".join([", ".join(dataset.keys) for dataset in datasets])}')
        self._datasets = datasets
        self._places = [(dataset, i) for dataset in datasets for i in range(len(dataset.keys))]

    def __len__(self) -> int:
        return len(self._datasets[0])

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple([key for dataset in self._datasets for key in dataset.keys])

    @property
    def mode(self) -> Any:
        return next((dataset.mode for dataset in self._datasets if dataset.mode is not None), tuple)

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        wanted = range(len(self._places)) if key_indices is None else key_indices
        found: dict[int, Any] = {}
        for dataset in self._datasets:
            # Each table is asked once.
            columns = [column for column in dict.fromkeys(wanted) if self._places[column][0] is dataset]
            if columns:
                own = tuple([self._places[column][1] for column in columns])
                found.update(zip(columns, dataset.get_examples(indices, own)))
        return tuple([found[column] for column in wanted])

    def convert(self, data: Any) -> Any:
        return self._datasets[0].convert(data)


class _Transform(_View):
    """A table that a function makes of another one, example by example."""

    _name = 'transform'

    def __init__(self, dataset: TabularDataset, keys: str | tuple[str, ...], function: Callable[..., Any]) -> None:
        super().__init__(dataset)
        self._keys = keys if isinstance(keys, tuple) else (keys,)
        self._function = function
        self._modes: set[Any] = set()

    @property
    def keys(self) -> tuple[str, ...]:
        return self._keys

    @property
    def mode(self) -> Any:
        if not self._modes:  # It takes a call to know.
            self.get_examples([0], None)
        return next(iter(self._modes))

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        columns = range(len(self._keys)) if key_indices is None else key_indices
        rows = [self._call(row) for row in zip(*self._dataset.get_examples(indices, None))]
        return tuple([[row[i] for row in rows] for i in columns])

    def _call(self, elements: tuple[Any, ...]) -> Sequence[Any]:
        """What the function returns for an example, or for columns: an element for each key."""
        if self._dataset.mode is dict:
            result = self._function(**dict(zip(self._dataset.keys, elements)))
        else:
            result = self._function(*elements)
        mode = next((kind for kind in (tuple, dict) if isinstance(result, kind)), None)
        self._modes.add(mode)
        if len(self._modes) > 1:
            self._modes.remove(mode)
            raise ValueError(f'{self._name}: the function must always return the same: a tuple, a dict, or one element')
        if (set(result) != set(self._keys) if mode is dict else
                len(self._keys) != (1 if mode is None else len(result))):
            raise ValueError(f'{self._name}: expected elements for the columns {", ".join(self._keys)}; the function '
                             f'returned {_describe(result)}')
        return [result[key] for key in self._keys] if mode is dict else result if mode is tuple else (result,)


class _TransformBatch(_Transform):
    """A table that a function makes of another one, column by column."""

    _name = 'transform_batch'

    def get_examples(self, indices: Rows, key_indices: Columns) -> tuple[Any, ...]:
        length = len(_select(range(len(self)), indices))
        columns = self._call(self._dataset.get_examples(indices, None))
        for key, column in zip(self._keys, columns):
            if len(column) != length:
                raise ValueError(f'transform_batch: the function made {len(column)} elements of column {key!r} for '
                                 f'{length} rows')
        return tuple(columns if key_indices is None else [columns[i] for i in key_indices])


def _describe(result: Any) -> str:
    if isinstance(result, dict):
        return f'a dict of {", ".join(map(str, result))}'
    return f'a tuple of {len(result)}' if isinstance(result, tuple) else 'one element'
