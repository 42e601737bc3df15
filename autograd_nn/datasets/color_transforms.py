"""Changes of colours, which leave everything where it is.

An image is red, green and blue, shape (3, height, width), with numbers from 0 to 255.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RandomColors:
    """Changes brightness, contrast, saturation and hue, each half of the time; of the image alone.

    Reference: A. G. Howard, Some improvements on deep convolutional neural network based image classification, 2013,
    https://arxiv.org/abs/1312.5402; as SSD has it.

    Args:
        brightness: At most so much is added to all pixels.
        contrast: They are multiplied by a number between these.
        saturation: Saturation, as a part of the brightest channel, is multiplied by a number between these.
        hue: Hue is turned by at most so many degrees.

    Raises:
        ValueError: The image does not have three channels.

    Example:
        >>> image = np.full((3, 1, 1), [[[200.]], [[100.]], [[100.]]], 'f')
        >>> RandomColors()(image, np.random.default_rng(1)).ravel().round(1)
        array([200.,  95.,  95.], dtype=float32)
    """

    brightness: float = 32.
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: float = 36.

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Changes an image.

        Args:
            image: Red, green and blue, 0 to 255, shape (3, height, width).
            rng: The source of random numbers.

        Returns:
            An image of the same shape and dtype.
        """
        if image.ndim != 3 or len(image) != 3:
            raise ValueError(f'RandomColors: expected an image of shape (3, height, width), got {image.shape}')
        rng = np.random.default_rng() if rng is None else rng
        used = rng.random(5) < 0.5
        brightness, hue = rng.uniform(-self.brightness, self.brightness), rng.uniform(-self.hue, self.hue)
        contrast, saturation = rng.uniform(*self.contrast), rng.uniform(*self.saturation)
        x = image.astype(np.float32)
        if used[0]:
            x = np.clip(x + np.float32(brightness), 0, 255)
        contrast_first = used[4]
        if used[1] and contrast_first:
            x = np.clip(x * np.float32(contrast), 0, 255)
        if used[2]:
            x = saturated(x, saturation)
        if used[3]:
            x = turned_in_hue(x, hue)
        if used[1] and not contrast_first:
            x = np.clip(x * np.float32(contrast), 0, 255)
        return np.clip(np.rint(x) if image.dtype.kind in 'iu' else x, 0, 255).astype(image.dtype, copy=False)


def saturated(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies the saturation of an image, as HSV has it.

    Args:
        image: Red, green and blue, shape (3, height, width), floating-point.
        factor: The factor; results are cut off where the least channel is 0.

    Example:
        >>> saturated(np.array([200., 100., 150.]).reshape(3, 1, 1), 0.5).ravel()
        array([200., 150., 175.])
    """
    top = image.max(axis=0)
    chroma = top - image.min(axis=0)
    factors = np.minimum(factor, top / np.maximum(chroma, np.finfo(image.dtype).eps))
    return top - factors.astype(image.dtype) * (top - image)


def turned_in_hue(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turns the hue of an image, as HSV has it; brightness and saturation stay.

    Args:
        image: Red, green and blue, shape (3, height, width), floating-point.
        degrees: The angle: by 120, red becomes green.

    Example:
        >>> turned_in_hue(np.array([200., 100., 100.]).reshape(3, 1, 1), 120).ravel()
        array([100., 200., 100.])
    """
    red, green, blue = image
    top = image.max(axis=0)
    chroma = top - image.min(axis=0)
    unit = np.maximum(chroma, np.finfo(image.dtype).eps)
    sixths = np.where(top == red, (green - blue) / unit,
                      np.where(top == green, 2 + (blue - red) / unit, 4 + (red - green) / unit))
    # Along the circle each channel is at the top for a third, at the bottom for a third, and goes straight in between.
    place = (np.array([5, 3, 1], image.dtype)[:, None, None] + sixths + image.dtype.type(degrees / 60)) % 6
    return top - chroma * np.clip(np.minimum(place, 4 - place), 0, 1)
