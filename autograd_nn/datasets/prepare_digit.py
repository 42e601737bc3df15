"""From a person's picture of a digit to one like those of MNIST."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from autograd_nn.config import get_dtype
from autograd_nn.types import DTypeLike


def prepare_digit(image: np.ndarray, dtype: DTypeLike | None = None) -> np.ndarray:
    """Makes a photograph or a drawing of a digit look like those of MNIST.

    As there, the digit is bright on a dark ground, fits 20 x 20 pixels with its proportions kept, and has its centre of
    mass in the middle of 28 x 28.

    Args:
        image: Grey values from 0 to 255, shape (1, height, width), with one digit on a ground of about one colour. An
            image of 28 x 28 pixels on dark ground is taken to be as it should.
        dtype: That of the result; by default ``config.dtype``.

    Returns:
        Values from 0 to 1, shape (1, 28, 28); zeros where there is nothing but ground.

    Raises:
        ValueError: `image` has another kind of shape, or no pixels.

    Reference: Y. LeCun, C. Cortes, C. J. C. Burges, `The MNIST database of handwritten digits
    <http://yann.lecun.com/exdb/mnist/>`_.

    Example:
        >>> import numpy as np
        >>> paper = np.full((1, 90, 60), 250.)
        >>> paper[0, 20:70, 28:33] = 30
        >>> digit = prepare_digit(paper)
        >>> rows, columns = np.nonzero(digit[0])
        >>> digit.shape, (rows.min(), rows.max()), (columns.min(), columns.max())
        ((1, 28, 28), (np.int64(4), np.int64(23)), (np.int64(13), np.int64(14)))
    """
    ink, ready = find_ink('prepare_digit', image, lambda shape: shape == (28, 28))
    if ready:
        return ink[None].astype(get_dtype(dtype))
    canvas = np.zeros((1, 28, 28), get_dtype(dtype))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows):
        digit = _fit(ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1], 20)
        top, left = _centered(digit, 28)
        canvas[0, top:top + digit.shape[0], left:left + digit.shape[1]] = digit / digit.max()
    return canvas


def find_ink(function: str, image: np.ndarray, is_ready: Callable[[tuple[int, ...]], bool]) -> tuple[np.ndarray, bool]:
    """Tells ink from the ground of a picture.

    Args:
        function: The name of the function that prepares pictures.
        image: Grey values from 0 to 255, shape (1, height, width).
        is_ready: Whether an image of this height and width, if its ground is dark, is as it should.

    Returns:
        How much ink is where, float32 of shape (height, width) from 0 to 1, and whether the image was as it should.

    Raises:
        ValueError: `image` has another kind of shape, or no pixels.
    """
    if image.ndim != 3 or len(image) != 1 or not image.size:
        raise ValueError(f'{function}: expected an image of shape (1, height, width), got {image.shape}')
    gray = np.asarray(image[0], dtype=np.float32)
    ground = np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]]))
    if is_ready(gray.shape) and ground < 128:
        return gray / 255, True
    ink = np.maximum(gray - ground if ground < 128 else ground - gray, 0)
    # Shadows and the grain of paper are no ink: strokes are what has about half of the full contrast or more. (The
    # darkest pixels of all may be specks.)
    contrast = max(np.percentile(ink, 99.8), 1e-6)
    return np.clip((ink / contrast - 0.4) / 0.2, 0, 1), False


def _fit(image: np.ndarray, side: int) -> np.ndarray:
    """Scales so that the longer side has the given length."""
    height, width = (max(1, round(n * side / max(image.shape))) for n in image.shape)
    method = Image.Resampling.BOX if max(image.shape) > side else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((width, height), method))


def _centered(image: np.ndarray, side: int) -> tuple[int, int]:
    """Where the image's corner comes to lie if its centre of mass is put in the middle of a square."""
    weights = image / image.sum()
    center = weights.sum(axis=1) @ np.arange(image.shape[0]), weights.sum(axis=0) @ np.arange(image.shape[1])
    top, left = (int(np.clip(round((side - 1) / 2 - c), 0, side - n)) for c, n in zip(center, image.shape))
    return top, left
