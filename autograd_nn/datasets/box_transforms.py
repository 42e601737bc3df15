"""Transforms of pictures together with the boxes in them: what detectors are trained with.

An example is a tuple of an image (channels, height, width), boxes (R, 4) and further arrays with a row for each box,
such as labels (R,) or masks (R, height, width), as in a `Scene`. A box is (y_min, x_min, y_max, x_max) in pixels, the
last two just behind it. Masks move along with the picture. Transforms of the image alone go into a `Compose` with
these:

>>> from autograd_nn.datasets import AugmentedDataset, DigitScenes
>>> from autograd_nn.datasets.color_transforms import RandomColors
>>> from autograd_nn.datasets.transforms import Compose
>>> transform = Compose([RandomColors(), RandomSceneExpansion(fill=127), RandomSceneCrop(), ResizeScene((64, 64))])
>>> dataset = AugmentedDataset(DigitScenes(10), transform, seed=0)
>>> image, boxes, labels, masks = dataset[3]
>>> image.shape, masks.shape == (len(boxes), 64, 64)
((3, 64, 64), True)
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn.datasets.transforms import ExampleTransform
from autograd_nn.utils.boxes import box_iou

INTERPOLATIONS = {'nearest': Image.Resampling.NEAREST, 'box': Image.Resampling.BOX,
                  'bilinear': Image.Resampling.BILINEAR, 'bicubic': Image.Resampling.BICUBIC,
                  'lanczos': Image.Resampling.LANCZOS}
"""The methods of interpolation of `ResizeScene`, by name, as Pillow has them."""


class SceneTransform(ExampleTransform):
    """Base class of transforms of an image and what is in it; a subclass defines `apply`.

    Example:
        >>> class Upset(SceneTransform):
        ...     def apply(self, image, boxes, others, rng):
        ...         height = image.shape[1]
        ...         turned = np.stack([height - boxes[:, 2], boxes[:, 1], height - boxes[:, 0], boxes[:, 3]], axis=1)
        ...         return image[:, ::-1], turned, [x[:, ::-1] if is_mask(x) else x for x in others]
        >>> Upset()((np.zeros((3, 8, 8)), np.array([[0., 1., 2., 3.]]), np.array([5])))[1:]
        (array([[6., 1., 8., 3.]]), array([5]))
    """

    def apply(self, image: np.ndarray, boxes: np.ndarray, others: list[np.ndarray],
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Transforms an example.

        Args:
            image: Shape (channels, height, width).
            boxes: Shape (R, 4).
            others: Further arrays with a row for each box.
            rng: The source of random numbers.

        Returns:
            The same of the transformed example.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override apply')

    def __call__(self, example: Any, rng: np.random.Generator | None = None) -> Any:
        image, boxes, *others = example
        if image.ndim != 3 or boxes.shape != (len(boxes), 4):
            raise ValueError(f'{type(self).__name__}: expected an example that begins with an image of shape '
                             '(channels, height, width) and boxes of shape (R, 4), got '
                             f'{image.shape} and {boxes.shape}')
        for k, other in enumerate(others):
            if len(other) != len(boxes) or (is_mask(other) and other.shape[1:] != image.shape[1:]):
                raise ValueError(f'{type(self).__name__}: element {k + 2} of the example has shape {other.shape}, '
                                 f'which does not go with {len(boxes)} boxes in an image of shape {image.shape}')
        image, boxes, others = self.apply(image, boxes, others, np.random.default_rng() if rng is None else rng)
        return getattr(example, '_make', tuple)([image, boxes, *others])


def is_mask(x: np.ndarray) -> bool:
    """Whether an array has a picture for each box, shape (R, height, width)."""
    return x.ndim == 3


@dataclass(frozen=True)
class ResizeScene(SceneTransform):
    """Scales picture and boxes to one size.

    Args:
        size: (height, width).
        keep_ratio: Whether height and width are scaled by the same factor, so that the picture lies in the middle of
            what it does not fill, as YOLO has it.
        fill: The value of pixels that it does not fill, one number or one for each channel.
        interpolations: Names of methods of interpolation (see `INTERPOLATIONS`), of which one is drawn each time.

    Raises:
        ValueError: There is no such method.

    Example:
        >>> image, boxes = np.zeros((3, 10, 20), 'f'), np.array([[0., 0., 10., 10.]])
        >>> ResizeScene((40, 40))((image, boxes))[1]
        array([[ 0.,  0., 40., 20.]])
        >>> ResizeScene((40, 40), keep_ratio=True)((image, boxes))[1]
        array([[10.,  0., 30., 20.]])
    """

    size: tuple[int, int]
    keep_ratio: bool = False
    fill: float | Sequence[float] = 0.
    interpolations: Sequence[str] = ('bilinear',)

    def __post_init__(self) -> None:
        unknown = [name for name in self.interpolations if name not in INTERPOLATIONS]
        if unknown or not self.interpolations:
            raise ValueError(f'ResizeScene: interpolations: expected some of {", ".join(INTERPOLATIONS)}, got '
                             f'{", ".join(map(repr, unknown)) or "none"}')

    def apply(self, image: np.ndarray, boxes: np.ndarray, others: list[np.ndarray],
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        size = self.size
        if self.keep_ratio:
            factor = min(size[0] / image.shape[1], size[1] / image.shape[2])
            size = (max(1, round(factor * image.shape[1])), max(1, round(factor * image.shape[2])))
        name = self.interpolations[int(rng.integers(len(self.interpolations)))]
        factors = np.array([size[0] / image.shape[1], size[1] / image.shape[2]] * 2, boxes.dtype)
        image, boxes = resize(image, size, name), boxes * factors
        others = [resize(x, size, 'nearest') if is_mask(x) else x for x in others]
        if size == self.size:
            return image, boxes, others
        return _on_canvas(image, boxes, others, self.size, [(a - b) // 2 for a, b in zip(self.size, size)], self.fill)


@dataclass(frozen=True)
class RandomSceneFlip(SceneTransform):
    """Exchanges left and right.

    Args:
        probability: How often.

    Example:
        >>> RandomSceneFlip(1.)((np.arange(3.).reshape(1, 1, 3), np.array([[0., 0., 1., 2.]])))
        (array([[[2., 1., 0.]]]), array([[0., 1., 1., 3.]]))
    """

    probability: float = 0.5

    def apply(self, image: np.ndarray, boxes: np.ndarray, others: list[np.ndarray],
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        if rng.random() >= self.probability:
            return image, boxes, others
        boxes = boxes.copy()
        boxes[:, [1, 3]] = image.shape[2] - boxes[:, [3, 1]]
        return image[..., ::-1], boxes, [x[..., ::-1] if is_mask(x) else x for x in others]


@dataclass(frozen=True)
class RandomSceneExpansion(SceneTransform):
    """Puts the picture somewhere on a larger ground, so that objects become small in it.

    Reference: W. Liu et al., SSD: Single Shot MultiBox Detector, 2015, https://arxiv.org/abs/1512.02325, section 3.6.

    Args:
        ratio: The ground is between once and this many times as high and as wide.
        fill: The value of its pixels, one number or one for each channel.
        probability: How often; otherwise everything stays as it is.
    """

    ratio: float = 4.
    fill: float | Sequence[float] = 0.
    probability: float = 0.5

    def apply(self, image: np.ndarray, boxes: np.ndarray, others: list[np.ndarray],
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        if rng.random() >= self.probability:
            return image, boxes, others
        factor = rng.uniform(1, max(1, self.ratio))
        size = int(factor * image.shape[1]), int(factor * image.shape[2])
        place = [int(rng.integers(a - b + 1)) for a, b in zip(size, image.shape[1:])]
        return _on_canvas(image, boxes, others, size, place, self.fill)


@dataclass(frozen=True)
class RandomSceneCrop(SceneTransform):
    """Cuts out a part in which objects are left, as SSD does.

    For each of the least overlaps parts are drawn until one of them overlaps some box by that much (the area of their
    intersection over that of their union); one of the parts that were found is taken, or the whole picture. Boxes stay
    whose centre is within; they are cut off at the edges of the part.

    Reference: W. Liu et al., SSD: Single Shot MultiBox Detector, 2015, https://arxiv.org/abs/1512.02325, section 2.2.
    As in the paper's program, one box is enough, where ChainerCV's ``random_crop_with_bbox_constraints`` asks it of
    all; unlike there, the centre of a box at least is within each part.

    Args:
        overlaps: The least overlaps; 0 for any part.
        scale: The least and the greatest root of the part's area over that of the picture.
        aspect_ratio: How much greater than the picture's the ratio of the part's sides may be, or how much less.
        attempts: How many parts are drawn for each overlap.

    Example:
        >>> image, boxes = np.zeros((3, 60, 80)), np.array([[10., 10., 50., 40.], [0., 60., 9., 70.]])
        >>> image, boxes, labels = RandomSceneCrop()((image, boxes, np.array([5, 6])), np.random.default_rng(3))
        >>> image.shape, boxes, labels
        ((3, 42, 51), array([[ 0.,  0., 38., 30.]]), array([5]))
    """

    overlaps: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9, 0.)
    scale: tuple[float, float] = (0.3, 1.)
    aspect_ratio: float = 2.
    attempts: int = 50

    def apply(self, image: np.ndarray, boxes: np.ndarray, others: list[np.ndarray],
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        if not len(boxes):
            return image, boxes, others
        parts = self._draw(image.shape[1:], len(self.overlaps) * self.attempts, rng)
        overlaps = np.where(_centers_within(boxes, parts), box_iou(parts, boxes), -1).max(axis=1)
        good = overlaps.reshape(-1, self.attempts) >= np.array(self.overlaps)[:, None]
        found = parts.reshape(*good.shape, 4)[np.arange(len(good)), good.argmax(axis=1)][good.any(axis=1)]
        chosen = int(rng.integers(len(found) + 1))
        if chosen == len(found):
            return image, boxes, others
        part = found[chosen].astype(int)
        kept = _centers_within(boxes, found[chosen:chosen + 1])[0]
        rows, columns = slice(part[0], part[2]), slice(part[1], part[3])
        others = [x[kept] for x in others]
        boxes = boxes[kept] - np.tile(part[:2], 2).astype(boxes.dtype)
        return (image[:, rows, columns], np.clip(boxes, 0, np.tile(part[2:] - part[:2], 2).astype(boxes.dtype)),
                [x[:, rows, columns] if is_mask(x) else x for x in others])

    def _draw(self, size: Sequence[int], count: int, rng: np.random.Generator) -> np.ndarray:
        """Random parts of a picture: boxes (count, 4) at whole pixels."""
        scale = rng.uniform(*self.scale, count)
        # No part is higher or wider than the picture.
        ratio = rng.uniform(np.maximum(1 / self.aspect_ratio, scale ** 2), np.minimum(self.aspect_ratio, scale ** -2))
        sides = np.array(size) * scale[:, None] * np.stack([ratio ** -0.5, ratio ** 0.5], axis=1)
        sides = np.clip(sides.astype(int), 1, size)
        corners = (rng.random((count, 2)) * (np.array(size) - sides + 1)).astype(int)
        return np.concatenate([corners, corners + sides], axis=1).astype(np.float64)


def resize(x: np.ndarray, size: tuple[int, int], interpolation: str = 'bilinear') -> np.ndarray:
    """Scales pictures; no pixel becomes darker or brighter than all that were there.

    Args:
        x: Shape (channels, height, width), numbers or bool.
        size: The height and width.
        interpolation: A name in `INTERPOLATIONS`.

    Returns:
        An array of the same dtype.
    """
    if not x.size:
        return np.zeros((len(x), *size), x.dtype)
    how = INTERPOLATIONS[interpolation]
    kind = np.dtype(np.uint8) if x.dtype.kind == 'b' else np.dtype(np.float32)
    scaled = np.stack([np.asarray(Image.fromarray(channel.astype(kind)).resize(size[::-1], how)) for channel in x])
    if x.dtype.kind == 'b':
        return scaled.astype(bool)
    scaled = np.clip(scaled, x.min(), x.max())
    return (np.rint(scaled) if x.dtype.kind in 'iu' else scaled).astype(x.dtype, copy=False)


def _on_canvas(image: np.ndarray, boxes: np.ndarray, others: list[np.ndarray], size: tuple[int, int],
               place: Sequence[int], fill: float | Sequence[float]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """The example on a larger ground, its upper left corner at a place."""
    def put(x: np.ndarray, fill: float | Sequence[float]) -> np.ndarray:
        canvas = np.empty((len(x), *size), x.dtype)
        canvas[...] = np.reshape(fill, (-1, 1, 1))
        canvas[:, place[0]:place[0] + x.shape[1], place[1]:place[1] + x.shape[2]] = x
        return canvas

    if np.size(fill) not in (1, len(image)):
        raise ValueError(f'expected a fill of one number or of one for each of {len(image)} channels, got {fill}')
    return (put(image, fill), boxes + np.tile(np.array(place, boxes.dtype), 2),
            [put(x, False) if is_mask(x) else x for x in others])


def _centers_within(boxes: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Whether the centres of boxes (R, 4) are within parts (P, 4): bool (P, R)."""
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    return ((parts[:, None, :2] <= centers) & (centers < parts[:, None, 2:])).all(axis=2)
