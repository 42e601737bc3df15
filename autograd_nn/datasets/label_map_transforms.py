"""Transforms of pictures together with their label maps: what networks that segment are trained with.

An example is a tuple of an image (channels, height, width), a label map (height, width), and whatever else; what comes
into a picture from outside has the label -1: it does not matter. Label maps of unsigned integers, which have no -1,
become int32. Transforms of the image alone go with these into a
`Compose`:

>>> from autograd_nn.datasets import AugmentedDataset
>>> from autograd_nn.datasets.transforms import Compose, RandomBrightness
>>> transform = Compose([RandomBrightness(0.1), RandomLabelMapScale(0.5, 2.), RandomLabelMapCrop((48, 48)),
...                      RandomLabelMapFlip()])
>>> dataset = AugmentedDataset([(np.zeros((3, 60, 80), 'f'), np.zeros((60, 80), 'i'))], transform, seed=0)
>>> image, labels = dataset[0]
>>> image.shape, labels.shape
((3, 48, 48), (48, 48))
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_nn.datasets.box_transforms import resize
from autograd_nn.datasets.transforms import ExampleTransform


class LabelMapTransform(ExampleTransform):
    """Base class of transforms of an image and its label map; a subclass defines `apply`.

    Example:
        >>> class Upset(LabelMapTransform):
        ...     def apply(self, image, labels, rng):
        ...         return image[:, ::-1], labels[::-1]
        >>> Upset()((np.zeros((3, 2, 1)), np.array([[0], [1]])))[1].tolist()
        [[1], [0]]
    """

    def apply(self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Transforms an image and its label map.

        Args:
            image: Shape (channels, height, width).
            labels: Shape (height, width).
            rng: The source of random numbers.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override apply')

    def __call__(self, example: Any, rng: np.random.Generator | None = None) -> Any:
        image, labels, *others = example
        if image.ndim != 3 or labels.shape != image.shape[1:]:
            raise ValueError(f'{type(self).__name__}: expected an image of shape (channels, height, width) and labels '
                             f'of shape (height, width), got {image.shape} and {labels.shape}')
        if labels.dtype.kind in 'ub':  # which have no -1
            labels = labels.astype(np.int32)
        return *self.apply(image, labels, np.random.default_rng() if rng is None else rng), *others


@dataclass(frozen=True)
class ResizeLabelMap(LabelMapTransform):
    """Scales picture and label map to one size, keeping the ratio of their sides; the rest does not matter.

    Args:
        size: (height, width).
        fill: The value of pixels that the picture does not fill, one number or one for each channel.

    Example:
        >>> image, labels = ResizeLabelMap((4, 4))((np.ones((1, 2, 4)), np.ones((2, 4), int)))
        >>> labels.tolist()
        [[1, 1, 1, 1], [1, 1, 1, 1], [-1, -1, -1, -1], [-1, -1, -1, -1]]
    """

    size: tuple[int, int]
    fill: float | Sequence[float] = 0.

    def apply(self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        factor = min(wanted / side for wanted, side in zip(self.size, labels.shape))
        return enlarge(*scale(image, labels, factor), self.size, self.fill)


@dataclass(frozen=True)
class RandomLabelMapScale(LabelMapTransform):
    """Scales picture and label map by a random factor.

    Args:
        least: The least factor.
        most: The greatest factor; between them all ratios are equally likely.

    Raises:
        ValueError: A factor is not positive, or the greatest is less than the least.
    """

    least: float
    most: float

    def __post_init__(self) -> None:
        if not 0 < self.least <= self.most:
            raise ValueError(f'RandomLabelMapScale: expected 0 < least <= most, got {self.least} and {self.most}')

    def apply(self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return scale(image, labels, float(np.exp(rng.uniform(np.log(self.least), np.log(self.most)))))


@dataclass(frozen=True)
class RandomLabelMapCrop(LabelMapTransform):
    """Cuts a random part out; smaller pictures are enlarged below and on the right by pixels that do not matter.

    Args:
        size: (height, width) of the part.
        fill: The value of pixels that the picture does not fill, one number or one for each channel.
    """

    size: tuple[int, int]
    fill: float | Sequence[float] = 0.

    def apply(self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        image, labels = enlarge(image, labels, self.size, self.fill)
        top, left = (int(rng.integers(side - part + 1)) for side, part in zip(labels.shape, self.size))
        part = slice(top, top + self.size[0]), slice(left, left + self.size[1])
        return image[:, part[0], part[1]], labels[part]


@dataclass(frozen=True)
class RandomLabelMapFlip(LabelMapTransform):
    """Exchanges left and right.

    Args:
        probability: How often.

    Example:
        >>> RandomLabelMapFlip(1.)((np.array([[[1., 2.]]]), np.array([[3, 4]])))
        (array([[[2., 1.]]]), array([[4, 3]]))
    """

    probability: float = 0.5

    def apply(self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return (image[..., ::-1], labels[..., ::-1]) if rng.random() < self.probability else (image, labels)


def scale(image: np.ndarray, labels: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Scales a picture by linear interpolation and its label map by the nearest pixel.

    Args:
        image: Shape (channels, height, width).
        labels: Shape (height, width).
        factor: How many times as high and wide they become.
    """
    height, width = (max(1, round(side * factor)) for side in labels.shape)
    return resize(image, (height, width)), resize(labels[None], (height, width), 'nearest')[0]


def enlarge(image: np.ndarray, labels: np.ndarray, size: tuple[int, int],
            fill: float | Sequence[float] = 0.) -> tuple[np.ndarray, np.ndarray]:
    """Puts pixels that do not matter below a picture and on its right, where it is smaller than a size.

    Args:
        image: Shape (channels, height, width).
        labels: Shape (height, width).
        size: The least height and width.
        fill: The value of these pixels, one number or one for each channel.

    Raises:
        ValueError: `fill` has numbers for another number of channels.
    """
    if np.size(fill) not in (1, len(image)):
        raise ValueError(f'expected a fill of one number or of one for each of {len(image)} channels, got {fill}')
    height, width = labels.shape
    whole = max(height, size[0]), max(width, size[1])
    if whole == (height, width):
        return image, labels
    canvas = np.empty((len(image), *whole), image.dtype)
    canvas[...] = np.reshape(fill, (-1, 1, 1))
    canvas[:, :height, :width] = image
    larger = np.full(whole, -1, labels.dtype)
    larger[:height, :width] = labels
    return canvas, larger
