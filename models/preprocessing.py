"""From a person's pictures to the arrays that networks were trained on."""
from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps


def flatten_transparency(image: Image.Image) -> Image.Image:
    """Puts a picture with transparent parts on white paper; returns it in mode ``RGB`` or ``L``.

    Args:
        image: A picture of any mode.
    """
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image).convert('RGB')
    if image.mode.startswith('I') or image.mode == 'F':
        # Sixteen bits and more: stretch what there is to eight.
        values = np.asarray(image, dtype=np.float64)
        low, high = values.min(), values.max()
        image = Image.fromarray(((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8))
    return image if image.mode in ('L', 'RGB') else image.convert('RGB')


def prepare_image(image: Image.Image, input_shape: tuple[int, ...]) -> np.ndarray:
    """Resizes a picture to a network's input.

    Args:
        image: A picture of any mode and size.
        input_shape: Channels (1 or 3), height and width.

    Returns:
        A float32 array of that shape with values from 0 to 1.
    """
    channels, height, width = input_shape
    image = flatten_transparency(image).convert('L' if channels == 1 else 'RGB')
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def prepare_digit(image: Image.Image) -> np.ndarray:
    """Makes a photograph or a drawing of a digit look like those of MNIST.

    As there, the digit is bright on a dark ground, fits 20 x 20 pixels with its proportions kept, and has its centre of
    mass in the middle of 28 x 28 (Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits).

    Args:
        image: A picture of any mode and size with one digit, on a ground of about one colour.

    Returns:
        A float32 array of shape (1, 28, 28) with values from 0 to 1.
    """
    gray = flatten_transparency(image).convert('L')
    if gray.size == (28, 28) and _ground(gray) < 128:
        return np.asarray(gray, dtype=np.float32)[None] / 255
    if _ground(gray) >= 128:
        gray = ImageOps.invert(gray)
    gray.thumbnail((512, 512))
    ink = np.asarray(gray, dtype=np.float32) - _ground(gray)
    ink[ink < 0.3 * ink.max()] = 0
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return np.zeros((1, 28, 28), np.float32)
    ink = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = 20 / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    digit = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX if scale < 1
                                                   else Image.Resampling.BILINEAR))
    digit = digit / digit.max()
    center = (digit.sum(axis=1) @ np.arange(height), digit.sum(axis=0) @ np.arange(width)) / digit.sum()
    top, left = (int(np.clip(round(13.5 - c), 0, 28 - side)) for c, side in zip(center, digit.shape))
    canvas = np.zeros((1, 28, 28), np.float32)
    canvas[0, top:top + height, left:left + width] = digit
    return canvas


def _ground(gray: Image.Image) -> float:
    """The brightness of a picture's border."""
    pixels = np.asarray(gray)
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))
