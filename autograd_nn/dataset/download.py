"""Files from the network, kept under a directory for the next time."""
from __future__ import annotations

import gzip
import hashlib
import logging
import os
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from tqdm import tqdm

from autograd_nn.types import PathLike
from autograd_nn.utils.atomic import atomic_path

T = TypeVar('T')

TIMEOUT = 30.0
"""Seconds without a byte after which a server is given up."""

ATTEMPTS = 3
"""How many times the list of mirrors is gone through."""

BACKOFF = 1.0
"""Seconds to wait after the first time through the list; twice as long after the second, and so on."""

_logger = logging.getLogger(__name__)
_dataset_root: str | None = None


def get_dataset_root() -> str:
    """The directory under which data sets are looked for and kept.

    It is what `set_dataset_root` set, else the environment variable ``AUTOGRAD_NN_DATASET_ROOT``, else
    ``~/.autograd_nn/dataset``.
    """
    root = _dataset_root or os.environ.get('AUTOGRAD_NN_DATASET_ROOT') or '~/.autograd_nn/dataset'
    return str(Path(root).expanduser())


def set_dataset_root(path: PathLike) -> None:
    """Sets the directory under which data sets are looked for and kept."""
    global _dataset_root
    _dataset_root = os.fspath(path)


def get_dataset_directory(dataset_name: str, create_directory: bool = True) -> str:
    """The directory of one data set: its name under `get_dataset_root`.

    Args:
        dataset_name: The name; slashes separate directories.
        create_directory: Whether to create the directory if it is missing.

    Raises:
        OSError: The directory cannot be created.
    """
    path = Path(get_dataset_root(), dataset_name)
    if create_directory:
        path.mkdir(parents=True, exist_ok=True)
    return str(path)


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set: where it can be had and how to recognise it.

    Attributes:
        name: Its name in the data set's directory.
        checksum: ``'sha256:...'`` or ``'md5:...'``, in hexadecimal digits.
        urls: The mirrors, the best one first.
        unpacked: Whether the checksum is that of the content of a gzip file. The same content compressed by another
            program has other bytes.
    """

    name: str
    checksum: str
    urls: tuple[str, ...]
    unpacked: bool = False

    def matches(self, path: PathLike) -> bool:
        """Whether the file at `path` has the right content."""
        algorithm, expected = self.checksum.split(':')
        digest = hashlib.new(algorithm, usedforsecurity=False)
        try:
            with (gzip.open(path) if self.unpacked else Path(path).open('rb')) as stream:
                for block in iter(lambda: stream.read(1 << 20), b''):
                    digest.update(block)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return False
        return digest.hexdigest() == expected



def download_files(dataset_name: str, files: Sequence[RemoteFile]) -> list[Path]:
    """The files of a data set; those that are not in its directory yet are downloaded.

    A file is in the directory because it was downloaded before or because somebody put it there by hand. Either way
    its checksum is verified.

    Args:
        dataset_name: The name of the directory under `get_dataset_root`.
        files: The files.

    Returns:
        Their paths, in the same order.

    Raises:
        OSError: Some could not be downloaded. The message names all files that are missing and the directory where
            they can be put by hand.
    """
    directory = Path(get_dataset_directory(dataset_name, create_directory=False))
    missing = []
    for file in files:
        path = directory / file.name
        if not path.is_file():
            missing.append(file)
        elif not file.matches(path):
            _logger.warning('%s is damaged (its checksum is not %s); it is downloaded again', path, file.checksum)
            missing.append(file)
    for done, file in enumerate(missing):
        try:
            directory.mkdir(parents=True, exist_ok=True)
            download(file.urls, directory / file.name, file.matches)
        except OSError as error:
            names = ', '.join([other.name for other in missing[done:]])
            raise OSError(f'{dataset_name}: {error}. Without a network, put these files into {directory} by hand '
                          f"(AUTOGRAD_NN_DATASET_ROOT changes the directory's parent): {names}") from error
    return [directory / file.name for file in files]


def download(urls: Sequence[str], path: PathLike, verify: Callable[[Path], bool] | None = None) -> None:
    """Downloads a file from the first of several mirrors that has it whole, with a progress bar.

    The file appears under its name only when it is complete and verified. Mirrors that fail are tried again after
    the others (see `ATTEMPTS`, `BACKOFF` and `TIMEOUT` in this module), unless they say that they do not have it.

    Args:
        urls: The addresses.
        path: Where to put the file; its directory exists.
        verify: Tells whether the file at a path has the right content.

    Raises:
        OSError: No mirror had it; the message has each one's reason.
    """
    from http.client import HTTPException  # it takes time, and few programs need it
    from urllib.error import HTTPError

    path = Path(path)
    reasons: dict[str, str] = {}
    mirrors = list(urls)
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(BACKOFF * 2 ** (attempt - 1))
        for url in list(mirrors):
            try:
                with atomic_path(path) as temporary:
                    _transfer(url, temporary)
                    if verify is not None and not verify(temporary):
                        raise OSError('the content has the wrong checksum')
                return
            except (OSError, HTTPException) as error:
                _logger.info('%s: %s', url, error)
                reasons[url] = str(error) or type(error).__name__
                if isinstance(error, HTTPError) and 400 <= error.code < 500 and error.code != 429:
                    mirrors.remove(url)
        if not mirrors:
            break
    raise OSError(f'cannot download {path.name}: '
                  + '; '.join([f'{url} ({reason})' for url, reason in reasons.items()]))


def _transfer(url: str, path: Path) -> None:
    from urllib.request import Request, urlopen

    request = Request(url, headers={'User-Agent': 'autograd_nn'})
    with urlopen(request, timeout=TIMEOUT) as response, path.open('wb') as target:
        length = response.headers.get('Content-Length')
        total = int(length) if length is not None else None
        name = url.rsplit('/', 1)[-1]
        if not sys.stderr.isatty():
            print(f'downloading {name}', file=sys.stderr, flush=True)
        with tqdm(total=total, desc=name, unit='B', unit_scale=True, unit_divisor=1024, leave=False,
                  disable=None) as bar:
            _copy(response, target, bar.update)
            if total is not None and target.tell() != total:
                raise OSError(f'the connection ended after {target.tell()} of {total} bytes')


def _copy(source: BinaryIO, target: BinaryIO, progress: Callable[[int], Any]) -> None:
    for block in iter(lambda: source.read(1 << 16), b''):
        target.write(block)
        progress(len(block))


def cached_download(url: str) -> str:
    """Downloads a file, once.

    Args:
        url: Its address.

    Returns:
        The path of the file under `get_dataset_root`, from now or from an earlier call.

    Raises:
        OSError: The file cannot be downloaded or the directory not created.
    """
    name = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
    path = Path(get_dataset_directory('_dl_cache'), name)
    if not path.exists():
        download([url], path)
    return str(path)


def cache_or_load_file(path: PathLike, creator: Callable[[str], T], loader: Callable[[str], T]) -> T:
    """Creates a file if it does not exist, loads it otherwise.

    Args:
        path: The file.
        creator: Given a path at which there is no file yet, creates it there and returns its content. The file gets
            its final name only when the creator has returned, so that nobody ever sees half of it.
        loader: Given the path of the file, returns its content.

    Returns:
        What the creator or the loader returned.
    """
    path = Path(path)
    if path.exists():
        return loader(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        return creator(str(temporary))
