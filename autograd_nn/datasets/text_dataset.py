"""Data sets whose examples are the lines of text files."""
from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.types import PathLike


class TextDataset(DatasetMixin):
    """The lines of a text file, or of several side by side, read when they are asked for.

    The files are read once in the beginning, to find where the lines begin. They must not change after that.

    Args:
        paths: A text file, or several with the same number of lines.
        encoding: Their encoding, or a list with that of each file; see `open`, as for the next two.
        errors: What happens to bytes that the encoding does not have, or a list.
        newline: What ends a line, or a list.
        filter_func: Called with each line, or the lines of all files, as arguments; whether to have them in the data
            set. None for all.

    An example is a line with its end, or, where there are several files, a tuple of lines.

    Raises:
        ValueError: No file is given, the files differ in their numbers of lines, or lists of options do not have one
            for each file.
        OSError: There is no such file.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp(), 'text')
        >>> _ = path.write_text('one\\ntwo\\nthree\\n')
        >>> TextDataset(path)[1]
        'two\\n'
        >>> len(TextDataset(path, filter_func=lambda line: 'o' in line))
        2
    """

    def __init__(self, paths: PathLike | Sequence[PathLike], encoding: str | Sequence[str | None] | None = None,
                 errors: str | Sequence[str | None] | None = None, newline: str | Sequence[str | None] | None = None,
                 filter_func: Callable[..., Any] | None = None) -> None:
        self._paths: list[Any] = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        if not self._paths:
            raise ValueError('TextDataset: expected at least one file')
        options = {'encoding': encoding, 'errors': errors, 'newline': newline}
        each = {name: [value] * len(self._paths) if value is None or isinstance(value, str) else list(value)
                for name, value in options.items()}
        for name, values in each.items():
            if len(values) != len(self._paths):
                raise ValueError(f'TextDataset: expected {name} for each of {len(self._paths)} files, got '
                                 f'{len(values)}')
        self._options = [dict(zip(each, values)) for values in zip(*each.values())]
        self._lock = threading.Lock()
        self._open()
        self._positions = self._find_positions(filter_func)

    def _open(self) -> None:
        self._process = os.getpid()
        self._files: list[IO[str]] = [Path(path).open(**options)  # noqa: SIM115
                                      for path, options in zip(self._paths, self._options)]

    def _find_positions(self, filter_func: Callable[..., Any] | None) -> list[tuple[int, ...]]:
        """Where the lines begin in each file."""
        positions = []
        count = 0
        while True:
            begins = tuple([file.tell() for file in self._files])
            lines = [file.readline() for file in self._files]
            if not all(lines):
                break
            count += 1
            if filter_func is None or filter_func(*lines):
                positions.append(begins)
        if any(lines):
            longer = self._paths[next(i for i, line in enumerate(lines) if line)]
            shorter = self._paths[next(i for i, line in enumerate(lines) if not line)]
            raise ValueError(f'TextDataset: expected files with the same number of lines, but {os.fspath(shorter)} has '
                             f'{count} and {os.fspath(longer)} more')
        return positions

    def __len__(self) -> int:
        return len(self._positions)

    def get_example(self, i: int) -> str | tuple[str, ...]:
        with self._lock:
            if self._process != os.getpid():  # A position that two processes share serves neither.
                self._open()
            lines = []
            for file, position in zip(self._files, self._positions[i]):
                file.seek(position)
                lines.append(file.readline())
        return lines[0] if len(lines) == 1 else tuple(lines)

    def close(self) -> None:
        """Closes the files; no example can be read any more."""
        for file in self._files:
            file.close()

    def __del__(self) -> None:
        if hasattr(self, '_files'):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_files': [], '_lock': None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())
        self._open()
