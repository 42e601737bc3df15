"""How a snapshot gets to the disk."""
from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograd_nn.serializers import save_npz
from autograd_nn.utils.atomic import atomic_path


def save_and_rename(savefun: Callable[..., Any], path: Path, target: Any, **kwds: Any) -> list[str]:
    """Has a function save to a temporary directory, and renames the file when it is complete.

    Args:
        savefun: Called with a path, the target and the keyword arguments.
        path: Where the file shall be in the end.
        target: What to save.
        kwds: Keyword arguments.

    Returns:
        The names of the files: usually that of `path`, to which the function may have added a suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        savefun(str(temporary), target, **kwds)
        return [file.name for file in temporary.parent.iterdir()]


class Writer:
    """Base class of writers, which a snapshot extension calls with what it has to save."""

    def __call__(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        """Saves.

        Args:
            filename: The file's name.
            outdir: The directory.
            target: The arrays by path.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override __call__')

    def finalize(self) -> None:
        """Called at the end of the training; waits for what is still being written."""


class SimpleWriter(Writer):
    """Saves at once.

    Args:
        savefun: Called with a path, the dict of arrays and the keyword arguments.
        kwds: Keyword arguments for `savefun`.
    """

    def __init__(self, savefun: Callable[..., Any] = save_npz, **kwds: Any) -> None:
        self._savefun = savefun
        self._kwds = kwds

    def __call__(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        save_and_rename(self._savefun, Path(outdir, filename), target, **self._kwds)


class ThreadWriter(SimpleWriter):
    """Saves in a thread while the training goes on. One file is written at a time.

    Args:
        savefun: Called with a path, the dict of arrays and the keyword arguments.
        kwds: Keyword arguments for `savefun`.
    """

    def __init__(self, savefun: Callable[..., Any] = save_npz, **kwds: Any) -> None:
        super().__init__(savefun, **kwds)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def __call__(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        self.finalize()
        # The arrays change while the thread is writing.
        copied = {key: array.copy() for key, array in target.items()}
        self._thread = threading.Thread(target=self._run, args=(filename, outdir, copied))
        self._thread.start()

    def _run(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        try:
            super().__call__(filename, outdir, target)
        except Exception as error:
            self._error = error

    def finalize(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error
