"""Transforms of images, deterministic and random.

A transform is called with an image and, if it is random, with the source of its random numbers: ``transform(image,
rng)``, where `rng` is a `numpy.random.Generator`. An image is an array of floating-point numbers (or bytes) whose last
two axes are height and width, such as (channels, height, width); the result has the same dtype. Any function of that
form is a transform, too. `AugmentedDataset` applies transforms to the images of a data set: those that derive from
`ImageTransform`, as all in this module do, to a whole batch at once. Transforms that derive from `ExampleTransform`
take whole examples, of which the image is the first element (see `autograd_nn.datasets.box_transforms`).
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

Transform = Callable[..., Any]


class ImageTransform:
    """Base class of transforms that take many images of one shape at once, each with random numbers of its own.

    A subclass defines `apply`, and is then called with one image as any transform is.

    Attributes:
        random_numbers: How many random numbers each image takes; None if the transform cannot take many images.

    Example:
        >>> class Darken(ImageTransform):
        ...     random_numbers = 1
        ...
        ...     def apply(self, images, numbers):
        ...         return images * numbers.reshape(-1, 1, 1, 1)
        >>> Darken()(np.ones((1, 1, 2)), np.random.default_rng(0)).shape
        (1, 1, 2)
    """

    random_numbers: int | None = 0

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Transforms a batch.

        Args:
            images: Shape (n, channels, height, width) or (n, height, width).
            numbers: Uniformly distributed from 0 to 1, float64, shape (n, random_numbers).
        """
        raise NotImplementedError(f'{type(self).__name__} does not override apply')

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        if image.ndim < 2:
            raise ValueError(f'{type(self).__name__}: expected an image of shape (channels, height, width), '
                             f'got an array of shape {image.shape}')
        numbers = np.empty((1, 0)) if rng is None else rng.random((1, self.random_numbers or 0))
        return self.apply(image[None], numbers)[0]


class ExampleTransform:
    """Base class of transforms of whole examples: tuples of an image and what is known about it, or other things.

    Example:
        >>> class MirrorWithPlace(ExampleTransform):
        ...     def __call__(self, example, rng=None):
        ...         image, column = example
        ...         return image[..., ::-1], image.shape[-1] - 1 - column
        >>> MirrorWithPlace()((np.array([[1, 2, 3]]), 0))
        (array([[3, 2, 1]]), 2)
    """

    def __call__(self, example: Any, rng: np.random.Generator | None = None) -> Any:
        """Transforms an example.

        Args:
            example: As the data set has it.
            rng: The source of random numbers.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override __call__')


class Compose(ImageTransform):
    """Applies transforms one after the other.

    If any of them takes whole examples, this one does, too; the others get the image, the example's first element.

    Args:
        transforms: The transforms, the first one first.

    Example:
        >>> Compose([Normalize(1., 2.), RandomHorizontalFlip(0.)])(np.full((1, 1, 2), 5.), np.random.default_rng(0))
        array([[[2., 2.]]])
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = tuple(transforms)
        counts = [getattr(transform, 'random_numbers', None) for transform in transforms]
        self.random_numbers = None if None in counts else sum(count for count in counts if count)
        self._takes_examples = any(map(takes_examples, transforms))

    def __call__(self, image: Any, rng: np.random.Generator | None = None) -> Any:
        for transform in self.transforms:
            if self._takes_examples and not takes_examples(transform):
                image = replace_image(image, transform(image[0], rng))
            else:
                image = transform(image, rng)
        return image

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        used = 0
        for transform in self.transforms:
            assert isinstance(transform, ImageTransform) and transform.random_numbers is not None
            images = transform.apply(images, numbers[:, used:used + transform.random_numbers])
            used += transform.random_numbers
        return images

    def __repr__(self) -> str:
        return f'Compose({", ".join(map(repr, self.transforms))})'


@dataclass(frozen=True)
class Resize(ImageTransform):
    """Scales images to one size, with bilinear interpolation (over all pixels that make up a smaller one).

    Args:
        size: (height, width), or one number for both.
    """

    size: int | tuple[int, int]

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        height, width = _pair(self.size)
        channels = images.reshape(-1, *images.shape[-2:]).astype(np.float32, copy=False)
        scaled = np.stack([np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR))
                           for channel in channels])
        return _as(images.dtype, scaled.reshape(*images.shape[:-2], height, width))


@dataclass(frozen=True)
class Normalize(ImageTransform):
    """Subtracts a mean and divides by a standard deviation.

    Args:
        mean: One number, or one for each channel.
        std: One number, or one for each channel.

    Raises:
        ValueError: A standard deviation is 0.
    """

    mean: float | Sequence[float]
    std: float | Sequence[float] = 1.

    def __post_init__(self) -> None:
        if not np.all(self.std):
            raise ValueError(f'Normalize: std must not be 0, got {self.std}')

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        channels = images.shape[1] if images.ndim > 3 else 1
        for number in self.mean, self.std:
            if np.size(number) not in (1, channels):
                raise ValueError(f'Normalize: {number} has {np.size(number)} numbers for {channels} channels '
                                 f'(an image of shape {images.shape[1:]})')
        mean, std = [np.reshape(np.asarray(number, images.dtype), (-1, 1, 1) if np.size(number) > 1 else ())
                     for number in (self.mean, self.std)]
        return (images - mean) / std


@dataclass(frozen=True)
class RandomCrop(ImageTransform):
    """Cuts a random part out.

    Args:
        size: (height, width) of the part, or one number for both.
        padding: How many pixels of value 0 to put around the image before.
    """

    size: int | tuple[int, int]
    padding: int = 0
    random_numbers = 2

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        height, width = _pair(self.size)
        framed = _frame(images, self.padding, self.padding)
        places = framed.shape[-2] - height + 1, framed.shape[-1] - width + 1
        if min(places) < 1:
            raise ValueError(f'RandomCrop: cannot cut {height} x {width} out of an image of shape {framed.shape[1:]}'
                             + (' (padded)' if self.padding else ''))
        return _cut(framed, height, width, _integers(numbers, places))


@dataclass(frozen=True)
class RandomHorizontalFlip(ImageTransform):
    """Exchanges left and right.

    Args:
        probability: How often.
    """

    probability: float = 0.5
    random_numbers = 1

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        flipped = _for_each(numbers[:, 0] < self.probability, images)
        return np.where(flipped, images[..., ::-1], images)


@dataclass(frozen=True)
class RandomRotation(ImageTransform):
    """Turns around the centre, with bilinear interpolation; corners that come from outside get the value 0.

    Args:
        degrees: The angle is between minus and plus this many degrees.
    """

    degrees: float
    random_numbers = 1

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        angles = np.radians(self.degrees * (2 * numbers[:, 0] - 1))
        channels = images.reshape(len(images), -1, *images.shape[-2:])
        if images.dtype.kind in 'iu':
            channels = channels.astype(np.float32)
        return _as(images.dtype, _turn(channels, angles).reshape(images.shape))


@dataclass(frozen=True)
class RandomShift(ImageTransform):
    """Moves up or down, left or right, by whole pixels; what comes in from outside has the value 0.

    Args:
        pixels: By how many at most.
    """

    pixels: int
    random_numbers = 2

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        height, width = images.shape[-2:]
        framed = _frame(images, self.pixels, self.pixels)
        return _cut(framed, height, width, 2 * self.pixels - _integers(numbers, 2 * self.pixels + 1))


@dataclass(frozen=True)
class RandomBrightness(ImageTransform):
    """Multiplies all pixels by one random factor.

    Args:
        delta: The factor is between 1 - delta and 1 + delta.
    """

    delta: float
    random_numbers = 1

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        factors = _for_each(1 - self.delta + 2 * self.delta * numbers[:, 0], images)
        return _as(images.dtype, images * factors)


def standard_augmentation(shape: tuple[int, ...]) -> Compose:
    """Random transforms that suit most images of a shape.

    Small grey images are taken for characters, which must not be mirrored: they are turned by up to 10 degrees and
    shifted by up to a fourteenth of their height. Others are taken for photographs: shifted by up to an eighth, and
    mirrored half of the time.

    Args:
        shape: (channels, height, width).

    Raises:
        ValueError: It is another kind of shape.

    Example:
        >>> standard_augmentation((1, 28, 28))
        Compose(RandomRotation(degrees=10), RandomShift(pixels=2))
        >>> standard_augmentation((3, 32, 32))
        Compose(RandomCrop(size=(32, 32), padding=4), RandomHorizontalFlip(probability=0.5))
    """
    if len(shape) != 3:
        raise ValueError(f'standard_augmentation: expected a shape (channels, height, width), got {shape}')
    channels, height, width = shape
    if channels == 1 and max(height, width) <= 64:
        return Compose([RandomRotation(10), RandomShift(max(1, height // 14))])
    return Compose([RandomCrop((height, width), padding=max(1, height // 8)), RandomHorizontalFlip()])


def takes_examples(transform: Transform) -> bool:
    """Whether a transform is to be called with the whole example rather than with its image."""
    return isinstance(transform, ExampleTransform) or getattr(transform, '_takes_examples', False)


def replace_image(example: tuple[Any, ...], image: np.ndarray) -> Any:
    """An example with another image, its first element.

    Args:
        example: A tuple, named or not.
        image: The image.
    """
    make = getattr(example, '_make', tuple)
    return make([image, *example[1:]])


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _for_each(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """One value for each image, shaped so that it goes with all its pixels."""
    return values.reshape(-1, *[1] * (images.ndim - 1))


def _integers(numbers: np.ndarray, limits: int | tuple[int, int]) -> np.ndarray:
    """Integers from 0 to below the limits, made of numbers from 0 to below 1."""
    return (numbers * limits).astype(int)


def _frame(images: np.ndarray, before: int, after: int) -> np.ndarray:
    """Puts pixels of value 0 around images: `before` above and on the left, `after` below and on the right."""
    height, width = images.shape[-2:]
    framed = np.zeros((*images.shape[:-2], height + before + after, width + before + after), images.dtype)
    framed[..., before:before + height, before:before + width] = images
    return framed


def _cut(images: np.ndarray, height: int, width: int, corners: np.ndarray) -> np.ndarray:
    """The part of each image that begins in its own row and column; `corners` has shape (n, 2)."""
    axes: Any = -2, -1  # what NumPy declares before version 2.3 allows one axis only
    windows = np.lib.stride_tricks.sliding_window_view(images, (height, width), axis=axes)
    return windows[np.arange(len(images)), ..., corners[:, 0], corners[:, 1], :, :]


def _turn(images: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Turns images of shape (n, channels, height, width), each by its own angle in radians, counter-clockwise."""
    n, channels, height, width = images.shape
    # With this frame each point that is looked up, even outside, has four neighbours, which are 0 outside.
    framed = _frame(images, 1, 2)
    sin, cos = [np.array([function(angle) for angle in angles], np.float32).reshape(-1, 1, 1)
                for function in (math.sin, math.cos)]
    y, x = [np.arange(length, dtype=np.float32) - np.float32((length - 1) / 2) for length in (height, width)]
    row = np.clip(cos * y[:, None] + sin * x + np.float32((height + 1) / 2), 0, height + 1)
    column = np.clip(cos * x - sin * y[:, None] + np.float32((width + 1) / 2), 0, width + 1)
    top, left = np.floor(row), np.floor(column)
    down, right = (row - top)[:, None], (column - left)[:, None]
    starts = np.arange(n * channels).reshape(n, channels, 1, 1) * framed[0, 0].size
    index = starts + (top.astype(int) * framed.shape[-1] + left.astype(int))[:, None]
    a, b, c, d = [framed.reshape(-1)[step:].take(index) for step in
                  (0, 1, framed.shape[-1], framed.shape[-1] + 1)]
    above, below = a + (b - a) * right, c + (d - c) * right
    return above + (below - above) * down


def _as(dtype: np.dtype, images: np.ndarray) -> np.ndarray:
    if dtype.kind in 'iu':
        limits = np.iinfo(dtype)
        images = np.clip(np.rint(images), limits.min, limits.max)
    return images.astype(dtype, copy=False)
