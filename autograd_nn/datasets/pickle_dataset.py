"""Data sets of any objects, pickled one after the other into a file."""
from __future__ import annotations

import os
import pickle
import threading
from pathlib import Path
from typing import Any, BinaryIO

from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.types import PathLike


class PickleDatasetWriter:
    """Writes examples for a `PickleDataset`; a context manager that closes the file.

    Args:
        writer: A binary file object open for writing.
        protocol: The version of pickle's format.
    """

    def __init__(self, writer: BinaryIO, protocol: int = pickle.HIGHEST_PROTOCOL) -> None:
        self._writer = writer
        self._protocol = protocol

    def write(self, x: Any) -> None:
        """Writes an example.

        Args:
            x: Any object that can be pickled.
        """
        # What cannot be pickled leaves nothing in the file.
        self._writer.write(pickle.dumps(x, self._protocol))

    def flush(self) -> None:
        """Has what was written reach the file."""
        if hasattr(self._writer, 'flush'):
            self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()

    def __enter__(self) -> PickleDatasetWriter:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class PickleDataset(DatasetMixin):
    """Examples that `PickleDatasetWriter` has written, each read when it is asked for; a context manager.

    **Reading a pickle can run any program that is in it: open only files that you trust.** Every example is read once
    when the data set is opened, to find where the next one begins.

    Args:
        reader: A binary file object open for reading, in which one can seek. In a process that was forked, its method
            ``after_fork`` is called, if it has one: a position that two processes share serves neither.

    Raises:
        ValueError: One cannot seek in the file, it is damaged, or it has something else than pickles.
    """

    def __init__(self, reader: Any) -> None:
        if not reader.seekable():
            raise ValueError('PickleDataset: expected a file in which one can seek')
        self._reader = reader
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._positions = self._find_positions()

    def _find_positions(self) -> list[int]:
        end = self._reader.seek(0, os.SEEK_END)
        positions = []
        position = self._reader.seek(0)
        while position < end:
            positions.append(position)
            self._load()
            position = self._reader.tell()
        return positions

    def _load(self) -> Any:
        position = self._reader.tell()
        try:
            return pickle.load(self._reader)
        except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError) as error:
            raise ValueError(f'PickleDataset: {getattr(self._reader, "name", "the file")} is damaged at byte '
                             f'{position}, or no file of pickles: {error}') from error

    def __len__(self) -> int:
        return len(self._positions)

    def get_example(self, i: int) -> Any:
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                getattr(self._reader, 'after_fork', lambda: None)()
            self._reader.seek(self._positions[i])
            return self._load()

    def close(self) -> None:
        """Closes the file; no example can be read any more."""
        with self._lock:
            self._reader.close()

    def __enter__(self) -> PickleDataset:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_lock': None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


class _Reader:
    """A file that is opened anew in each process."""

    def __init__(self, path: PathLike) -> None:
        self.name = os.fspath(path)
        self.after_fork()

    def after_fork(self) -> None:
        self._file = Path(self.name).open('rb')  # noqa: SIM115

    def __del__(self) -> None:
        if '_file' in self.__dict__:
            self._file.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):  # Copies have no file yet.
            raise AttributeError(name)
        return getattr(self._file, name)

    def __getstate__(self) -> str:
        return self.name

    def __setstate__(self, name: str) -> None:
        self.name = name
        self.after_fork()


def open_pickle_dataset(path: PathLike) -> PickleDataset:
    """Opens a `PickleDataset`. **Open only files that you trust: reading a pickle can run any program that is in it.**

    Args:
        path: The file.

    Returns:
        The data set, which several processes can read at once.

    Raises:
        OSError: There is no such file.
        ValueError: It is damaged.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from autograd_nn import datasets
        >>> path = Path(tempfile.mkdtemp(), 'examples')
        >>> with datasets.open_pickle_dataset_writer(path) as writer:
        ...     writer.write((1, 2.5, 'hello'))
        ...     writer.write((2, 3.5, 'good-bye'))
        >>> with datasets.open_pickle_dataset(path) as dataset:
        ...     len(dataset), dataset[1]
        (2, (2, 3.5, 'good-bye'))
    """
    return PickleDataset(_Reader(path))


def open_pickle_dataset_writer(path: PathLike, protocol: int = pickle.HIGHEST_PROTOCOL) -> PickleDatasetWriter:
    """Opens a file for the examples of a `PickleDataset`; one that is there is emptied.

    Args:
        path: The file.
        protocol: The version of pickle's format.
    """
    return PickleDatasetWriter(Path(path).open('wb'), protocol)
