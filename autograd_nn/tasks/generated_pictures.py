"""Sheets of pictures that networks make."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn.tasks.feature_map import draw_map
from autograd_nn.tasks.sample_task import sheet

LARGE = 56
"""The side of pictures on sheets, in pixels, if theirs is less."""


def as_image(x: np.ndarray, least: int = LARGE) -> Image.Image:
    """A picture, enlarged a whole number of times if it is small.

    Args:
        x: Shape (C, H, W) with one or three channels, values from 0 to 1.
        least: The height that is wanted at least.

    Example:
        >>> as_image(np.zeros((1, 28, 28), 'f')).size
        (56, 56)
    """
    pixels = (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).convert('RGB')
    factor = max(1, -(-least // picture.height))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def draw_rows(rows: Iterable[Sequence[np.ndarray]], gap: int = 4) -> Image.Image:
    """A sheet of rows of pictures.

    Args:
        rows: Of each row the pictures, of shape (C, H, W); all rows have as many.
        gap: The room between them, in pixels.
    """
    cells = [list(map(as_image, row)) for row in rows]
    return sheet((cell for row in cells for cell in row), columns=len(cells[0]), gap=gap)


def draw_samples(pictures: np.ndarray) -> Image.Image:
    """A sheet, as wide as it is high, of pictures of shape (N, C, H, W)."""
    return sheet(map(as_image, pictures), columns=math.ceil(math.sqrt(len(pictures))), gap=4)


def interpolate(start: np.ndarray, end: np.ndarray, steps: int, around: bool = False) -> np.ndarray:
    """Latents on the way from one to another.

    Args:
        start: Shape (N, latent_size).
        end: The same.
        steps: How many, both ends included.
        around: Whether to go along an arc, which keeps the length: in between, straight lines come nearer to 0 than
            what the standard normal distribution draws. Reference: T. White, Sampling Generative Networks, 2016.

    Returns:
        Shape (N, steps, latent_size), of the dtype of `start`.

    Example:
        >>> x, y = np.array([[2., 0.]]), np.array([[0., 2.]])
        >>> interpolate(x, y, 3)[0, 1], interpolate(x, y, 3, around=True)[0, 1].round(3)
        (array([1., 1.]), array([1.414, 1.414]))
    """
    parts = np.linspace(0, 1, steps)[None, :, None]
    weights: Any = 1 - parts, parts
    if around:
        lengths = [np.linalg.norm(z, axis=1, keepdims=True) for z in (start, end)]
        cosine = np.sum(start * end, axis=1, keepdims=True) / np.maximum(lengths[0] * lengths[1], 1e-12)
        angle = np.arccos(np.clip(cosine, -1, 1))[:, None]
        # Nearly parallel ones have hardly any arc between them.
        sine = np.sin(angle)
        small = sine < 1e-4
        weights = [np.where(small, weight, np.sin(weight * angle) / np.where(small, 1, sine)) for weight in weights]
    return (weights[0] * start[:, None] + weights[1] * end[:, None]).astype(start.dtype)


def draw_latent_map(network: Any, x: np.ndarray, codes: np.ndarray, labels: Sequence[int], names: Sequence[str],
                    side: int = 20) -> Image.Image:
    """A map of two latents: what a network makes of places on a grid, and beside it where it puts pictures.

    Args:
        network: A network with two latents.
        x: Pictures, shape (N, C, H, W), values from 0 to 1.
        codes: Theirs, shape (N, 2).
        labels: Their classes.
        names: The names of the classes.
        side: The number of rows and columns of the grid, whose lines have equally many of the codes between them.
    """
    parts = np.linspace(0.02, 0.98, side)
    across, down = np.quantile(codes[:, 0], parts), np.quantile(codes[:, 1], parts)
    grid = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2).astype(np.float32)
    made = network.make_pictures(network.device.send(grid))
    atlas = sheet((as_image(picture, 1) for picture in made), columns=side, gap=0)
    places = draw_map(list(x), codes, labels, names, size=700)
    return sheet([atlas.resize((700, round(700 * atlas.height / atlas.width))), places], columns=2)
