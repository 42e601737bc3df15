"""What data sets of pictures with boxes have in common, whatever their files look like."""
from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.datasets.read_image import read_image

# Programs count pixels from 0 or from 1, and round.
_TOLERANCE = 1.


class Annotation(NamedTuple):
    """What is known of one picture.

    Attributes:
        path: The file.
        size: Its height and width.
        boxes: (y_min, x_min, y_max, x_max), the last two just behind the object; float32, shape (R, 4).
        labels: Int32, shape (R,).
        others: Further arrays of shape (R,).
    """

    path: Path
    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    others: tuple[np.ndarray, ...] = ()


class AnnotatedImages(DatasetMixin):
    """Pictures with boxes, which are read when they are asked for.

    Args:
        annotations: For each picture what is known of it.
        classes: The names of the classes, in the order of the labels.
    """

    def __init__(self, annotations: Sequence[Annotation], classes: Sequence[str]) -> None:
        self.annotations = tuple(annotations)
        self.classes = tuple(classes)

    def __len__(self) -> int:
        return len(self.annotations)

    def get_example(self, i: int) -> tuple[Any, ...]:
        path, size, boxes, labels, others = self.annotations[i]
        image = read_image(path, color=True, dtype=np.float32)
        if image.shape[1:] != size:
            raise ValueError(f'{path}: the picture has {image.shape[1]} x {image.shape[2]} pixels, but its annotation '
                             f'says {size[0]} x {size[1]}')
        return image, boxes.copy(), labels.copy(), *[other.copy() for other in others]


def as_arrays(boxes: Sequence[Sequence[float]], labels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (R, 4) and labels (R,), also where there are none."""
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int32)


def within_picture(where: str, box: Sequence[float], size: tuple[int, int]) -> list[float]:
    """A box, which may reach a pixel's width beyond the edges of its picture: that is cut off.

    Args:
        where: The file and what in it, for messages.
        box: (y_min, x_min, y_max, x_max).
        size: The height and width of the picture.

    Raises:
        ValueError: It is not within the picture, or has no area.
    """
    limits = [*size, *size]
    text = ', '.join(f'{number:g}' for number in box)
    if not all(math.isfinite(number) and -_TOLERANCE <= number <= limit + _TOLERANCE
               for number, limit in zip(box, limits)):
        raise ValueError(f'{where}: the box (y_min, x_min, y_max, x_max) = ({text}) is outside its picture of '
                         f'{size[0]} x {size[1]} pixels')
    # As they are kept: what is thinner than single precision tells has no area either.
    cut = [float(np.float32(min(max(number, 0.), limit))) for number, limit in zip(box, limits)]
    y_min, x_min, y_max, x_max = cut
    if y_min >= y_max or x_min >= x_max:
        raise ValueError(f'{where}: the box (y_min, x_min, y_max, x_max) = ({text}) has no area')
    return cut


def label_of(where: str, name: str, classes: Sequence[str]) -> int:
    """The number of a class.

    Args:
        where: The file and what in it, for messages.
        name: The class.
        classes: All of them.

    Raises:
        ValueError: It is none of them.
    """
    if name not in classes:
        raise ValueError(f'{where}: the class {name!r} is not in the list of classes ({", ".join(classes)})')
    return classes.index(name)


def files_in(function: str, folder: Path) -> set[str]:
    """The names of what is in a folder.

    Args:
        function: The data set, for messages.
        folder: The folder.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f'{function}: there is no folder {folder}')
    return {path.name for path in folder.iterdir()}


def text_of(function: str, path: Path) -> bytes:
    """The content of a file.

    Args:
        function: The data set, for messages.
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is nothing in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{function}: there is no file {path}')
    content = path.read_bytes()
    if not content.strip():
        raise ValueError(f'{path}: the file is empty')
    return content


def lines_of(function: str, path: Path) -> list[str]:
    """The lines of a file of text in UTF-8, without spaces around; none of those at its end that are empty.

    Args:
        function: The data set, for messages.
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is nothing in it, or it is in another encoding.
    """
    try:
        text = text_of(function, path).decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected text in UTF-8: {error}') from error
    return [line.strip() for line in text.rstrip().splitlines()]
