"""Locks that go with the process that has them, however it ends."""
from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograd_nn.types import PathLike

try:
    import fcntl
except ImportError:  # not on Windows, where one process alone may search
    fcntl = None  # type: ignore[assignment]


class Locks:
    """Numbered locks, each of which one process at a time can have; a file stands for them.

    They are those of POSIX on the bytes of the file: the system takes them from a process that is killed, and they
    work on file systems of a network. A process has only one such object for a file, and closes it at its end.

    Args:
        path: The file, which is created.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> locks = Locks(f'{folder.name}/locks')
        >>> with locks.have(0):
        ...     locks.take(1)
        True
        >>> locks.close()
        >>> folder.cleanup()
    """

    def __init__(self, path: PathLike) -> None:
        self._file = os.open(Path(path), os.O_RDWR | os.O_CREAT, 0o666)

    def take(self, number: int) -> bool:
        """Takes a lock, unless another process has it.

        Args:
            number: Which one.

        Returns:
            Whether this process has it now.
        """
        if fcntl is None:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def release(self, number: int) -> None:
        """Gives a lock back.

        Args:
            number: Which one.
        """
        if fcntl is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    @contextmanager
    def have(self, number: int) -> Iterator[None]:
        """A context in which this process has a lock, for which it waits.

        Args:
            number: Which one.
        """
        while not self.take(number):
            time.sleep(0.02)
        try:
            yield
        finally:
            self.release(number)

    def close(self) -> None:
        """Gives all of them back."""
        os.close(self._file)
