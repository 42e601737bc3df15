"""Data sets of image files."""
from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from autograd_nn.config import get_dtype
from autograd_nn.dataset.dataset_mixin import DatasetMixin

SUFFIXES = ('.bmp', '.gif', '.jpeg', '.jpg', '.pbm', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')
"""The endings, in lower case, by which `ImageFolderDataset` knows images."""

_logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]


def read_image(path: PathLike, color: bool | None = None, size: int | tuple[int, int] | None = None,
               dtype: Any = None) -> np.ndarray:
    """Reads an image file, upright: the orientation that cameras note down in EXIF is applied.

    Args:
        path: The file, in any format that Pillow reads.
        color: True for three channels (red, green, blue), False for one, in both cases on white where the image is
            transparent; None for those of the file.
        size: (height, width), or one number for both: the image is scaled to cover this size, and what sticks out is
            cut off evenly. None for the size of the file.
        dtype: That of the result; by default ``config.dtype``.

    Returns:
        Values from 0 to 255 (or as the file has them, if it has more than 8 bits and `color` is None), shape
        (channels, height, width).

    Raises:
        OSError: The file is missing or damaged; the message names it.
    """
    try:
        with Image.open(path) as file:
            image = _with_mode(ImageOps.exif_transpose(file), color)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # Damaged files make Pillow raise nearly anything.
        raise OSError(f'cannot read the image {os.fspath(path)}: {error}') from error
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=get_dtype(dtype))
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _with_mode(image: Image.Image, color: bool | None) -> Image.Image:
    if color is not None:
        if image.has_transparency_data:  # What is transparent shows the paper behind it.
            image = image.convert('RGBA')
            image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
        if image.mode.startswith('I'):  # Pillow would cut 16 bits off at 255 instead of scaling them.
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        return image.convert('RGB' if color else 'L')
    if image.mode == 'P':  # Indices of a palette mean nothing without it.
        return image.convert('RGBA' if 'transparency' in image.info else 'RGB')
    return image.convert('L') if image.mode == '1' else image


class ImageDataset(DatasetMixin):
    """Images from files, read when they are asked for.

    Args:
        paths: The files; or one text file that has a path in each line.
        root: The directory that the paths start from.
        dtype: That of the images; by default ``config.dtype``.

    An example is an image of values from 0 to 255, shape (channels, height, width).
    """

    def __init__(self, paths: PathLike | Sequence[PathLike], root: PathLike = '.', dtype: Any = None) -> None:
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

    def __init__(self, pairs: PathLike | Sequence[tuple[PathLike, int]], root: PathLike = '.', dtype: Any = None,
                 label_dtype: Any = np.int32) -> None:
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


class ImageFolderDataset(DatasetMixin):
    """Images from a directory that has one directory of image files for each class: ``root/class/name.jpg``.

    Files are known by their endings (see `SUFFIXES`), and may lie in directories of their own within that of the
    class. Names that begin with a dot are left out.

    Args:
        root: The directory.
        size: (height, width), or one number for both: each image is scaled to cover this size, and what sticks out is
            cut off evenly. None for the sizes of the files.
        color: Whether images have three channels (red, green, blue) or one.
        on_error: What to do about files that cannot be read. ``'raise'``: raise an error when one is asked for.
            ``'skip'``: try all files now, warn of those that fail, and leave them out.
        scale: The value of the brightest pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels.

    Raises:
        FileNotFoundError: There is no such directory.
        ValueError: There are no images in it (that can be read).

    Attributes:
        labels: The names of the classes, sorted: the label of an image is the index of its class's name.
        paths: The files, sorted by class and name.

    An example is a pair of an image, shape (channels, height, width), and a label, shape ().
    """

    def __init__(self, root: PathLike, size: int | tuple[int, int] | None = None, color: bool = True,
                 on_error: str = 'raise', scale: float = 1., dtype: Any = None, label_dtype: Any = np.int32) -> None:
        if on_error not in ('raise', 'skip'):
            raise ValueError(f"ImageFolderDataset: on_error must be 'raise' or 'skip', got {on_error!r}")
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f'ImageFolderDataset: there is no directory {root}')
        self._size = size
        self._color = color
        self._scale = scale
        self._dtype = get_dtype(dtype)
        self._label_dtype = label_dtype
        self.paths = _find_images(root)
        if on_error == 'skip':
            self.paths = self._readable()
        if not self.paths:
            raise ValueError(f'ImageFolderDataset: no images in {root}; expected files like '
                             f'{root / "class-name" / "picture.jpg"}')
        names = [path.relative_to(root).parts[0] for path in self.paths]
        self.labels = sorted(set(names))
        index = {name: label for label, name in enumerate(self.labels)}
        self._targets = [index[name] for name in names]

    def __len__(self) -> int:
        return len(self.paths)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        return self.get_image(i), np.array(self._targets[i], self._label_dtype)

    def get_image(self, i: int) -> np.ndarray:
        """The image of the `i`-th example; a subclass may read it in another way."""
        image = read_image(self.paths[i], self._color, self._size, self._dtype)
        image *= self._scale / 255
        return image

    def _readable(self) -> list[Path]:
        with ThreadPoolExecutor() as executor:
            errors = list(executor.map(self._try, self.paths))
        for error in filter(None, errors):
            _logger.warning('left out: %s', error)
        return [path for path, error in zip(self.paths, errors) if error is None]

    def _try(self, path: Path) -> OSError | None:
        try:
            read_image(path, self._color)
        except OSError as error:
            return error
        return None


def _find_images(root: Path) -> list[Path]:
    return sorted([path for path in root.glob('*/**/*')
                   if path.suffix.lower() in SUFFIXES and path.is_file()
                   and not any(part.startswith('.') for part in path.relative_to(root).parts)])
