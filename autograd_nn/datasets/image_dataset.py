"""Data sets of image files: those that are listed, and those in zip archives."""
from __future__ import annotations

import io
import os
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn.config import get_dtype
from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.datasets.concatenated_dataset import ConcatenatedDataset
from autograd_nn.datasets.read_image import read_image
from autograd_nn.types import DTypeLike, PathLike


class ImageDataset(DatasetMixin):
    """Images from files, read when they are asked for.

    Args:
        paths: The files; or one text file that has a path in each line.
        root: The directory that the paths start from.
        dtype: That of the images; by default ``config.dtype``.

    An example is an image of values from 0 to 255, shape (channels, height, width).
    """

    def __init__(self, paths: PathLike | Sequence[PathLike], root: PathLike = '.',
                 dtype: DTypeLike | None = None) -> None:
        if isinstance(paths, (str, os.PathLike)):
            paths = [line.strip() for line in Path(paths).read_text(encoding='utf-8').splitlines() if line.strip()]
        self._paths = [Path(root, path) for path in paths]
        self._dtype = get_dtype(dtype)

    def __len__(self) -> int:
        return len(self._paths)

    def get_example(self, i: int) -> np.ndarray:
        return read_image(self._paths[i], dtype=self._dtype)


class LabeledImageDataset(DatasetMixin):
    """Images from files, read when they are asked for, with labels.

    Args:
        pairs: Pairs of a file and a label, an integer; or one text file that has a path and a label, separated by
            blanks, in each line.
        root: The directory that the paths start from.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels.

    Raises:
        ValueError: A line of the text file is not of that form.

    An example is a pair of an image of values from 0 to 255, shape (channels, height, width), and a label, shape ().
    """

    def __init__(self, pairs: PathLike | Sequence[tuple[PathLike, int]], root: PathLike = '.',
                 dtype: DTypeLike | None = None, label_dtype: DTypeLike = np.int32) -> None:
        if isinstance(pairs, (str, os.PathLike)):
            pairs = _read_pairs(pairs, 'LabeledImageDataset')
        self._pairs = [(Path(root, path), label) for path, label in pairs]
        self._dtype = get_dtype(dtype)
        self._label_dtype = label_dtype

    def __len__(self) -> int:
        return len(self._pairs)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        path, label = self._pairs[i]
        return read_image(path, dtype=self._dtype), np.array(label, self._label_dtype)


class ZippedImageDataset(DatasetMixin):
    """The images in a zip archive, read when they are asked for.

    Args:
        zipfilename: The archive, which holds images and folders alone.
        dtype: That of the images; by default ``config.dtype``.

    An example is an image of values from 0 to 255, shape (channels, height, width).

    Raises:
        OSError: There is no such file.
        ValueError: It is no zip archive.
    """

    def __init__(self, zipfilename: PathLike, dtype: DTypeLike | None = None) -> None:
        self._zipfilename = os.fspath(zipfilename)
        self._dtype = get_dtype(dtype)
        self._lock = threading.Lock()
        self._open()
        self._paths = [name for name in self._archive.namelist() if not name.endswith('/')]

    def _open(self) -> None:
        self._process = os.getpid()
        try:
            self._archive = zipfile.ZipFile(self._zipfilename)
        except zipfile.BadZipFile as error:
            raise ValueError(f'ZippedImageDataset: {self._zipfilename} is no zip archive, or damaged: '
                             f'{error}') from None

    def __len__(self) -> int:
        return len(self._paths)

    def get_example(self, i: int | str) -> np.ndarray:
        """An image by its index, or by its name in the archive.

        Args:
            i: The index or the name.

        Raises:
            KeyError: There is no file of that name.
            OSError: It cannot be read, or it is no image.
        """
        name = i if isinstance(i, str) else self._paths[i]
        with self._lock:
            if self._process != os.getpid():  # A position that two processes share serves neither.
                self._open()
            try:
                content = self._archive.read(name)
            except KeyError:
                raise KeyError(f'ZippedImageDataset: {self._zipfilename} has no file {name!r}') from None
            except (zipfile.BadZipFile, zlib.error) as error:
                raise OSError(f'cannot read the image {self._zipfilename}/{name}: {error}') from error
        file = io.BytesIO(content)
        file.name = f'{self._zipfilename}/{name}'  # for errors
        return read_image(file, dtype=self._dtype)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_archive': None, '_lock': None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())
        self._open()


class MultiZippedImageDataset(ConcatenatedDataset):
    """The images in several zip archives, one after the other, read when they are asked for.

    Args:
        zipfilenames: The archives.
        dtype: That of the images; by default ``config.dtype``.

    An example is an image of values from 0 to 255, shape (channels, height, width).
    """

    def __init__(self, zipfilenames: Sequence[PathLike], dtype: DTypeLike | None = None) -> None:
        super().__init__(*[ZippedImageDataset(name, dtype) for name in zipfilenames])


class LabeledZippedImageDataset(DatasetMixin):
    """Images in a zip archive, read when they are asked for, with labels.

    Args:
        zipfilename: The archive.
        labelfilename: A text file that has a name in the archive and a label, an integer, separated by blanks, in each
            line.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels.

    An example is a pair of an image of values from 0 to 255, shape (channels, height, width), and a label, shape ().

    Raises:
        OSError: There is no such file.
        ValueError: The archive is none, or a line of the text file is not of that form.
    """

    def __init__(self, zipfilename: PathLike, labelfilename: PathLike, dtype: DTypeLike | None = None,
                 label_dtype: DTypeLike = np.int32) -> None:
        self._pairs = _read_pairs(labelfilename, 'LabeledZippedImageDataset')
        self._images = ZippedImageDataset(zipfilename, dtype)
        self._label_dtype = label_dtype

    def __len__(self) -> int:
        return len(self._pairs)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        name, label = self._pairs[i]
        return self._images.get_example(str(name)), np.array(label, self._label_dtype)


def _read_pairs(path: PathLike, caller: str) -> list[tuple[PathLike, int]]:
    pairs: list[tuple[PathLike, int]] = []
    for number, line in enumerate(Path(path).read_text(encoding='utf-8').splitlines(), 1):
        words = line.rsplit(maxsplit=1)
        if not words:
            continue
        if len(words) < 2 or not words[1].lstrip('-').isdigit():
            raise ValueError(f'{caller}: line {number} of {os.fspath(path)}: '
                             f'expected a path and an integer, got {line!r}')
        pairs.append((words[0], int(words[1])))
    return pairs
