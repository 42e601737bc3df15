"""Pictures of several handwritten digits, with where each of them is: for detection, segmentation and captions."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.datasets.mnist import get_digits

# A pixel belongs to a digit where its ink covers at least this part of it.
_INK = 0.4
_ATTEMPTS = 20


class Scene(NamedTuple):
    """A picture and the objects in it.

    Attributes:
        image: RGB, float32 from 0 to 255, shape (3, H, W).
        boxes: Of each object the smallest box around its visible pixels, (y_min, x_min, y_max, x_max) in pixels, the
            last two just behind it; float32, shape (R, 4).
        labels: The objects' classes, int32, shape (R,).
        masks: Which pixels are each object's, bool, shape (R, H, W). No two objects share a pixel.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    masks: np.ndarray


class NumberedDrawings(DatasetMixin):
    """Base class of data sets whose examples are drawn when they are read, each from what its number chooses.

    Args:
        length: The number of examples.
        split: ``'train'`` or ``'test'``.
        seed: Chooses them; not negative.
        fresh: Whether each epoch has other examples (see `DatasetMixin.at_epoch`): example *i* of epoch *e* is number
            *e* times `length` plus *i*.

    Raises:
        ValueError: There is no such split.
    """

    def __init__(self, length: int, split: str, seed: int, fresh: bool) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"{type(self).__name__}: split: expected 'train' or 'test', got {split!r}")
        self.length = length
        self.split = split
        self.seed = seed
        self.fresh = fresh
        self._first = 0

    def __len__(self) -> int:
        return self.length

    def at_epoch(self, epoch: int) -> Any:
        if not self.fresh:
            return self
        moved = copy.copy(self)
        moved._first = epoch * len(self)
        return moved

    def _generator(self, i: int) -> np.random.Generator:
        """What example `i` is drawn with."""
        return np.random.default_rng([self.seed, ('train', 'test').index(self.split), self._first + i])


class DigitScenes(NumberedDrawings):
    """Scenes of handwritten digits, of several sizes and colours, on a cluttered ground: nothing but this package.

    Example *i* depends on `split`, `size`, `seed`, `count`, `sides` and *i* alone, and is drawn when it is read. The
    digits are those of `get_digits`: the people who wrote those of the test scenes wrote none of the training scenes.

    Args:
        length: The number of scenes.
        split: ``'train'`` or ``'test'``.
        size: Height and width of the scenes.
        seed: Chooses them; not negative.
        count: The least and the greatest number of digits in a scene.
        sides: The least and the greatest height or width of a digit, whichever is larger; by default a sixth and a half
            of the shorter side of the scene.
        fresh: Whether each epoch has other scenes (see `DatasetMixin.at_epoch`): example *i* of epoch *e* is number
            *e* times `length` plus *i*, so that a network sees none twice.

    Raises:
        ValueError: There is no such split, or a number is impossible.

    Example:
        >>> scenes = DigitScenes(100, size=(96, 128))
        >>> image, boxes, labels, masks = scenes[0]
        >>> image.shape, image.dtype, boxes.shape == (len(labels), 4), masks.shape == (len(labels), 96, 128)
        ((3, 96, 128), dtype('float32'), True, True)
        >>> rows = np.flatnonzero(masks[0].any(axis=1))
        >>> bool(boxes[0, 0] == rows[0]), bool(boxes[0, 2] == rows[-1] + 1)
        (True, True)
    """

    def __init__(self, length: int, split: str = 'train', size: tuple[int, int] = (96, 96), seed: int = 0,
                 count: tuple[int, int] = (1, 8), sides: tuple[float, float] | None = None,
                 fresh: bool = False) -> None:
        super().__init__(length, split, seed, fresh)
        if length < 0 or seed < 0:
            raise ValueError(f'DigitScenes: expected a length and a seed of at least 0, got {length} and {seed}')
        if min(size) < 32:
            raise ValueError(f'DigitScenes: size: expected at least 32 x 32 pixels, got {size}')
        sides = sides or (min(size) / 6, min(size) / 2)
        if not 1 <= count[0] <= count[1] or not 4 <= sides[0] <= sides[1] <= min(size):
            raise ValueError(f'DigitScenes: expected 1 <= count[0] <= count[1], and 4 <= sides[0] <= sides[1] <= '
                             f'{min(size)}, got {count} and {sides}')
        self.size = size
        self.count = count
        self.sides = sides

    def get_example(self, i: int) -> Scene:
        rng = self._generator(i)
        image = _ground(self.size, rng)
        numbers = np.full(self.size, -1)
        labels: list[int] = []
        wanted = int(rng.integers(self.count[0], self.count[1] + 1))
        places: list[tuple[int, int, int, int]] = []
        for _ in range(_ATTEMPTS):
            if len(labels) == wanted:
                break
            # The logarithm is drawn: sizes are as often between a and 2 a as between 2 a and 4 a.
            side = float(np.exp(rng.uniform(*np.log(self.sides))))
            ink, label = self._draw_digit(side, rng)
            place = _choose_place(ink.shape, self.size, places, rng)
            if place is None:
                continue
            window = slice(place[0], place[2]), slice(place[1], place[3])
            color = _contrasting_color(image[:, window[0], window[1]], rng)
            image[:, window[0], window[1]] += ink * (color - image[:, window[0], window[1]])
            numbers[window][ink > _INK] = len(labels)
            places.append(place)
            labels.append(label)
        image = np.clip(image + 6 * rng.standard_normal(image.shape, np.float32), 0, 255)
        masks = numbers == np.arange(len(labels))[:, None, None]
        visible = masks.any(axis=(1, 2))  # a digit of few pixels may be hidden by another
        masks = masks[visible]
        return Scene(image, boxes_of_masks(masks), np.array(labels, np.int32)[visible], masks)

    def _draw_digit(self, side: float, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """How much of each pixel a digit covers, its longer side scaled to `side`, and which digit that is."""
        digits, labels = digits_of(self.split)
        chosen = int(rng.integers(len(digits)))
        digit = digits[chosen]
        rows, columns = (np.flatnonzero((digit > _INK * 255).any(axis=axis)) for axis in (1, 0))
        cut = digit[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
        height, width = (max(2, round(n * side / max(cut.shape))) for n in cut.shape)
        scaled = Image.fromarray(cut).resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(scaled, np.float32) / 255, int(labels[chosen])


def boxes_of_masks(masks: np.ndarray) -> np.ndarray:
    """The smallest boxes around masks.

    Args:
        masks: Bool, shape (R, H, W), each with a pixel at least.

    Returns:
        (y_min, x_min, y_max, x_max), the last two just behind the mask; float32, shape (R, 4).

    Example:
        >>> mask = np.zeros((1, 5, 5), bool)
        >>> mask[0, 1:3, 2:5] = True
        >>> boxes_of_masks(mask).tolist()
        [[1.0, 2.0, 3.0, 5.0]]
    """
    boxes = np.empty((len(masks), 4), np.float32)
    for axis in 0, 1:
        occupied: Any = masks.any(axis=2 - axis)
        boxes[:, axis] = occupied.argmax(axis=1)
        boxes[:, axis + 2] = occupied.shape[1] - occupied[:, ::-1].argmax(axis=1)
    return boxes


@lru_cache(maxsize=2)
def digits_of(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The digits of a split, bytes of shape (N, 28, 28), and which they are."""
    images, labels = zip(*get_digits(ndim=2, scale=255., dtype=np.float32)[split == 'test'][:])
    return np.rint(np.stack(images)).astype(np.uint8), np.array(labels, np.int32)


def _ground(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A ground: a gradient of two colours, with strokes and blots on it that are no digits; shape (3, H, W)."""
    height, width = size
    rows, columns = np.arange(height, dtype='f')[:, None] / height, np.arange(width, dtype='f') / width
    angle = rng.uniform(0, 2 * np.pi)
    way = 0.5 + float(0.5 * np.sin(angle)) * (rows - 0.5) + float(0.5 * np.cos(angle)) * (columns - 0.5)
    colors = (rng.uniform(30, 225, 3) + rng.uniform(-40, 40, (2, 3))).astype('f')
    ground = colors[0, :, None, None] * way + colors[1, :, None, None] * (1 - way)
    for _ in range(int(rng.integers(4, 12))):
        (y, x), length, turn = rng.uniform(0, 1, 2).tolist(), rng.uniform(0.03, 0.2), rng.uniform(0, np.pi)
        sine, cosine = float(np.sin(turn)), float(np.cos(turn))
        along = np.abs((rows - y) * sine + (columns - x) * cosine)
        across = np.abs((rows - y) * cosine - (columns - x) * sine)
        shape = (along < length) & (across < length * rng.uniform(0.05, 0.3))
        ground[:, shape] += rng.uniform(-45, 45, (3, 1)).astype('f')
    return ground


def _choose_place(shape: Sequence[int], size: tuple[int, int], others: Sequence[tuple[int, int, int, int]],
                  rng: np.random.Generator) -> tuple[int, int, int, int] | None:
    """A box of this shape within the scene that hardly overlaps others; None if it was not found."""
    for _ in range(_ATTEMPTS):
        top, left = (int(rng.integers(0, whole - part + 1)) for whole, part in zip(size, shape))
        box = top, left, top + shape[0], left + shape[1]
        common = [max(0, min(box[2], other[2]) - max(box[0], other[0]))
                  * max(0, min(box[3], other[3]) - max(box[1], other[1])) for other in others]
        if all(pixels <= 0.05 * min(shape[0] * shape[1], (other[2] - other[0]) * (other[3] - other[1]))
               for pixels, other in zip(common, others)):
            return box
    return None


def _contrasting_color(ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A colour that stands out from a ground, shape (3, 1, 1)."""
    colors = rng.uniform(0, 255, (_ATTEMPTS, 3))
    distances = np.abs(colors.mean(axis=1) - ground.mean())
    # The first that is far enough, so that all far colours are equally likely; if none is, the farthest.
    return colors[int(np.minimum(distances, 70).argmax())].astype(np.float32)[:, None, None]
