"""Data sets of image files that are listed."""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autograd_nn.config import get_dtype
from autograd_nn.dataset.dataset_mixin import DatasetMixin
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
            pairs = _read_pairs(pairs)
        self._pairs = [(Path(root, path), label) for path, label in pairs]
        self._dtype = get_dtype(dtype)
        self._label_dtype = label_dtype

    def __len__(self) -> int:
        return len(self._pairs)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        path, label = self._pairs[i]
        return read_image(path, dtype=self._dtype), np.array(label, self._label_dtype)


def _read_pairs(path: PathLike) -> list[tuple[PathLike, int]]:
    pairs: list[tuple[PathLike, int]] = []
    for number, line in enumerate(Path(path).read_text(encoding='utf-8').splitlines(), 1):
        words = line.rsplit(maxsplit=1)
        if not words:
            continue
        if len(words) < 2 or not words[1].lstrip('-').isdigit():
            raise ValueError(f'LabeledImageDataset: line {number} of {os.fspath(path)}: '
                             f'expected a path and an integer, got {line!r}')
        pairs.append((words[0], int(words[1])))
    return pairs
