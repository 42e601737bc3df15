"""From a picture to the array that a network's published weights expect."""
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn.datasets import read_image

Picture = str | os.PathLike[str] | Image.Image | np.ndarray
# What is a picture and never an array of several.
ONE_PICTURE = (str, os.PathLike, Image.Image)


@dataclass(frozen=True)
class Preprocessing:
    """Scales, cuts and normalises pictures.

    Attributes:
        mean: What is subtracted, one number for each channel in the order of the result, or one for all.
        std: What is divided by then.
        brightest: The value of the brightest pixel before that; 0 is black.
        order: The channels: ``'RGB'``, ``'BGR'`` or, for shades of grey, ``'L'``.
        crop: What part of the shorter side remains: the picture is scaled to cover the wanted size divided by this,
            and its centre is cut out. None squeezes the whole picture into the wanted size.
        resample: How Pillow interpolates.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import CAFFE, TORCHVISION
        >>> blue = np.full((375, 500, 3), (0, 0, 255), np.uint8)
        >>> CAFFE(blue, 224)[:, 0, 0]
        array([ 151.061, -116.779, -123.68 ], dtype=float32)
        >>> TORCHVISION(blue, 224).shape
        (3, 224, 224)
    """

    mean: tuple[float, ...] = (0.,)
    std: tuple[float, ...] = (1.,)
    brightest: float = 255.
    order: str = 'RGB'
    crop: float | None = None
    resample: Image.Resampling = Image.Resampling.BILINEAR

    @property
    def channels(self) -> int:
        """The number of channels: 1 for grey pictures, 3 for those with colours."""
        return 1 if self.order == 'L' else 3

    def __call__(self, image: Picture, size: int | tuple[int, int]) -> np.ndarray:
        """Prepares one picture.

        Args:
            image: A path, a picture of Pillow, or an array of bytes of shape (H, W, 3), (3, H, W) or (H, W).
            size: The height and width of the result, or one number for both.

        Returns:
            A float32 array of shape (channels, height, width).

        Raises:
            OSError: The file is missing or damaged.
            TypeError: `image` is something else, or not of bytes.
            ValueError: It has another shape.
        """
        return self.normalize(self.fit(image, size), brightest=255)

    def fit(self, image: Picture, size: int | tuple[int, int]) -> np.ndarray:
        """Brings one picture to its size and mode without touching values: the first half of preparing it.

        Args:
            image: A path, a picture of Pillow, or an array of bytes of shape (H, W, 3), (3, H, W) or (H, W).
            size: The height and width of the result, or one number for both.

        Returns:
            Red, green and blue, or grey, for `normalize`: a uint8 array of shape (channels, height, width).

        Raises:
            OSError: The file is missing or damaged.
            TypeError: `image` is something else, or not of bytes.
            ValueError: It has another shape.
        """
        height, width = (size, size) if isinstance(size, int) else size
        picture = as_picture(image).convert('L' if self.order == 'L' else 'RGB')
        if self.crop is not None:
            ratio = max(height / picture.height, width / picture.width) / self.crop
            # Rounding must not take a pixel away from a product that is meant to be whole.
            scaled = [int(side * ratio + 1e-6) for side in picture.size]
            left, top = round((scaled[0] - width) / 2), round((scaled[1] - height) / 2)
            picture = picture.resize((scaled[0], scaled[1]), self.resample)
            picture = picture.crop((left, top, left + width, top + height))
        else:
            picture = picture.resize((width, height), self.resample)
        return np.ascontiguousarray(np.asarray(picture).reshape(height, width, -1).transpose(2, 0, 1))

    def normalize(self, x: np.ndarray, brightest: float = 1.) -> np.ndarray:
        """Brings pictures to the range and the order of channels that the network expects.

        Args:
            x: Red, green and blue, of shape (..., 3, H, W), or grey, of shape (..., 1, H, W); 0 is black. What is
                subtracted from grey pictures, and what they are divided by, is the mean of the numbers for colours.
            brightest: The value of the brightest pixel in `x`.

        Returns:
            A float32 array of the shape of `x`.
        """
        if self.order == 'BGR':
            x = x[..., ::-1, :, :]
        mean, std = (np.array([np.mean(value)] if x.shape[-3] == 1 else value, np.float32)[:, None, None]
                     for value in (self.mean, self.std))
        return np.ascontiguousarray((x * np.float32(self.brightest / brightest) - mean) / std, dtype=np.float32)


CAFFE = Preprocessing(mean=(103.939, 116.779, 123.68), order='BGR')
"""Preprocessing of the networks that were trained with Caffe: the mean of ImageNet's pixels is subtracted."""

TORCHVISION = Preprocessing(mean=(.485, .456, .406), std=(.229, .224, .225), brightest=1., crop=224 / 256)
"""Preprocessing of later networks: pixels of mean 0 and variance 1; the centre of the picture."""

DIGITS = Preprocessing(brightest=1., order='L')
"""Preprocessing of networks that were trained with MNIST: one channel from 0 to 1."""


def prepare_all(images: Any, prepare: Callable[[Picture], np.ndarray]) -> np.ndarray:
    """Prepares pictures and stacks the results.

    Args:
        images: The pictures, in something that can be iterated over.
        prepare: What prepares one.

    Raises:
        TypeError: There is one picture, and not several of them.
        ValueError: There are none.
    """
    if isinstance(images, ONE_PICTURE):
        raise TypeError(f'expected a list of pictures, such as [picture]; got one, a {type(images).__name__}')
    prepared = [prepare(image) for image in images]
    if not prepared:
        raise ValueError('expected at least one picture, got none')
    return np.stack(prepared)


def as_picture(image: Picture) -> Image.Image:
    """A picture of Pillow with three channels, upright (see `datasets.read_image`)."""
    if isinstance(image, ONE_PICTURE):
        image = read_image(image, color=True, dtype=np.uint8).transpose(1, 2, 0)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(f'prepare: expected a path, a picture of Pillow, or an array of uint8; got {_kind(image)}')
    pixels: np.ndarray = image
    if pixels.ndim == 3 and pixels.shape[2] != 3 and pixels.shape[0] in (1, 3):
        pixels = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    if pixels.ndim != 2 and pixels.shape[2:] != (3,):
        raise ValueError(f'prepare: expected an image of shape (H, W, 3), (3, H, W) or (H, W), got {pixels.shape}')
    return Image.fromarray(np.ascontiguousarray(pixels)).convert('RGB')


def _kind(image: Any) -> str:
    return f'an array of {image.dtype}' if isinstance(image, np.ndarray) else type(image).__name__
