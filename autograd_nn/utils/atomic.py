"""Files that are either wholly written or not at all."""
from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from autograd_nn.types import File, PathLike


@contextmanager
def atomic_write(path: PathLike) -> Iterator[BinaryIO]:
    """A context for writing a file under a temporary name that becomes `path` when the block ends without an exception.

    Whatever stops the program inside the block, `path` holds what it held before; when the block has ended, the new
    content is on the disk. An exception removes the temporary file. One that a killed process leaves is named
    ``.NAME.XXXX.tmp``.

    Args:
        path: The file to create or to replace. Where a symbolic link is, its target is replaced; what is no regular
            file, such as a pipe, is written to directly.

    Example:
        >>> import pathlib, tempfile
        >>> from autograd_nn.utils.atomic import atomic_write
        >>> path = pathlib.Path(tempfile.mkdtemp(), 'greeting')
        >>> with atomic_write(path) as file:
        ...     _ = file.write(b'hello')
        >>> path.read_bytes()
        b'hello'
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        with target.open('wb') as file:
            yield file
        return
    temporary = target.with_name(f'.{target.name}.{secrets.token_hex(4)}.tmp')
    try:
        with temporary.open('xb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException as error:
        with suppress(FileNotFoundError):
            temporary.unlink()
        _name_file(error, temporary, path)
        raise
    _sync_directory(target.parent)


def open_for_writing(file: File) -> AbstractContextManager[BinaryIO]:
    """A context for writing to a path, as `atomic_write` does, or to a file object, which stays open.

    Args:
        file: A path or a binary file object open for writing.

    Example:
        >>> import io
        >>> from autograd_nn.utils.atomic import open_for_writing
        >>> file = io.BytesIO()
        >>> with open_for_writing(file) as stream:
        ...     _ = stream.write(b'hello')
        >>> file.getvalue()
        b'hello'
    """
    return atomic_write(file) if isinstance(file, (str, os.PathLike)) else nullcontext(file)


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """A context with the path of a new file that becomes `path` when the block ends without an exception.

    It is for functions that take a path; `atomic_write` also makes sure that the content is on the disk. The new file
    has the same name in a directory of its own beside `path`, where the function may leave others and add a suffix to
    the name: whatever is there in the end is moved.

    Args:
        path: The file to create or to replace. Its directory exists.

    Example:
        >>> import pathlib, tempfile
        >>> from autograd_nn.utils.atomic import atomic_path
        >>> path = pathlib.Path(tempfile.mkdtemp(), 'greeting')
        >>> with atomic_path(path) as temporary:
        ...     _ = temporary.write_text('hello')
        >>> path.read_text(encoding='utf-8')
        'hello'
    """
    path = Path(path)
    # A TemporaryDirectory would go at the end of the program, while a thread is still writing there.
    directory = Path(tempfile.mkdtemp(dir=path.parent, prefix=f'.{path.name}-'))
    temporary = directory / path.name
    try:
        yield temporary
        for file in list(directory.iterdir()):
            file.replace(path.parent / file.name)
    except OSError as error:
        _name_file(error, temporary, path)
        raise
    finally:
        shutil.rmtree(directory)


def _name_file(error: BaseException, temporary: Path, path: PathLike) -> None:
    """Has an error say which file could not be written: that of a full disk names none, others the temporary one."""
    if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
        error.filename = str(path)


def _sync_directory(path: Path) -> None:
    """Makes sure that the new name is on the disk, where the system can do that for a directory."""
    with suppress(PermissionError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
