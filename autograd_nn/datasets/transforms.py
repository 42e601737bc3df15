"""Transforms of images, deterministic and random.

A transform is called with an image and, if it is random, with the source of its random numbers: ``transform(image,
rng)``, where `rng` is a `numpy.random.Generator`. An image is an array of floating-point numbers (or bytes) whose last
two axes are height and width, such as (channels, height, width); the result has the same dtype. Any function of that
form is a transform, too. `AugmentedDataset` applies transforms to the images of a data set.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

Transform = Callable[..., np.ndarray]


class Compose:
    """Applies transforms one after the other.

    Args:
        transforms: The transforms, the first one first.

    Example:
        >>> Compose([Normalize(1., 2.), RandomHorizontalFlip(0.)])(np.full((1, 1, 2), 5.), np.random.default_rng(0))
        array([[[2., 2.]]])
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = tuple(transforms)

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        for transform in self.transforms:
            image = transform(image, rng)
        return image

    def __repr__(self) -> str:
        return f'Compose({", ".join(map(repr, self.transforms))})'


@dataclass(frozen=True)
class Resize:
    """Scales images to one size, with bilinear interpolation (over all pixels that make up a smaller one).

    Args:
        size: (height, width), or one number for both.
    """

    size: int | tuple[int, int]

    def __call__(self, image: np.ndarray, rng: Any = None) -> np.ndarray:
        _check_image(self, image)
        height, width = _pair(self.size)
        return _by_channel(lambda channel: channel.resize((width, height), Image.Resampling.BILINEAR), image)


@dataclass(frozen=True)
class Normalize:
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

    def __call__(self, image: np.ndarray, rng: Any = None) -> np.ndarray:
        _check_image(self, image)
        mean, std = [np.reshape(np.asarray(number, image.dtype), (-1, 1, 1) if np.ndim(number) else ())
                     for number in (self.mean, self.std)]
        return (image - mean) / std


@dataclass(frozen=True)
class RandomCrop:
    """Cuts a random part out.

    Args:
        size: (height, width) of the part, or one number for both.
        padding: How many pixels of value 0 to put around the image before.
    """

    size: int | tuple[int, int]
    padding: int = 0

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _check_image(self, image)
        if self.padding:
            image = np.pad(image, [(0, 0)] * (image.ndim - 2) + [(self.padding, self.padding)] * 2)
        height, width = _pair(self.size)
        if height > image.shape[-2] or width > image.shape[-1]:
            raise ValueError(f'RandomCrop: cannot cut {height} x {width} out of an image of shape {image.shape}'
                             + (' (padded)' if self.padding else ''))
        top = rng.integers(image.shape[-2] - height + 1)
        left = rng.integers(image.shape[-1] - width + 1)
        return image[..., top:top + height, left:left + width].copy()


@dataclass(frozen=True)
class RandomHorizontalFlip:
    """Exchanges left and right.

    Args:
        probability: How often.
    """

    probability: float = 0.5

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _check_image(self, image)
        return image[..., ::-1].copy() if rng.random() < self.probability else image


@dataclass(frozen=True)
class RandomRotation:
    """Turns around the centre, with bilinear interpolation; corners that come from outside get the value 0.

    Args:
        degrees: The angle is between minus and plus this many degrees.
    """

    degrees: float

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _check_image(self, image)
        angle = rng.uniform(-self.degrees, self.degrees)
        return _by_channel(lambda channel: channel.rotate(angle, Image.Resampling.BILINEAR), image)


@dataclass(frozen=True)
class RandomShift:
    """Moves up or down, left or right, by whole pixels; what comes in from outside has the value 0.

    Args:
        pixels: By how many at most.
    """

    pixels: int

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _check_image(self, image)
        down, right = rng.integers(-self.pixels, self.pixels + 1, 2).tolist()
        shifted = np.zeros_like(image)
        rows, old_rows = _overlap(down, image.shape[-2])
        columns, old_columns = _overlap(right, image.shape[-1])
        shifted[..., rows, columns] = image[..., old_rows, old_columns]
        return shifted


@dataclass(frozen=True)
class RandomBrightness:
    """Multiplies all pixels by one random factor.

    Args:
        delta: The factor is between 1 - delta and 1 + delta.
    """

    delta: float

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _check_image(self, image)
        return _as(image.dtype, image * rng.uniform(1 - self.delta, 1 + self.delta))


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


def _check_image(transform: Any, image: np.ndarray) -> None:
    if image.ndim < 2:
        raise ValueError(f'{type(transform).__name__}: expected an image of shape (channels, height, width), '
                         f'got an array of shape {image.shape}')


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _overlap(shift: int, length: int) -> tuple[slice, slice]:
    """Where on an axis shifted content lies, and where it was before."""
    shift = max(-length, min(length, shift))
    return slice(max(shift, 0), length + min(shift, 0)), slice(max(-shift, 0), length - max(shift, 0))


def _by_channel(function: Callable[[Image.Image], Image.Image], image: np.ndarray) -> np.ndarray:
    """Applies a function on grey images of Pillow to each channel."""
    channels = image.reshape(-1, *image.shape[-2:]).astype(np.float32, copy=False)
    results = np.stack([np.asarray(function(Image.fromarray(channel))) for channel in channels])
    return _as(image.dtype, results.reshape(*image.shape[:-2], *results.shape[-2:]))


def _as(dtype: np.dtype, image: np.ndarray) -> np.ndarray:
    if dtype.kind in 'iu':
        limits = np.iinfo(dtype)
        image = np.clip(np.rint(image), limits.min, limits.max)
    return image.astype(dtype, copy=False)
