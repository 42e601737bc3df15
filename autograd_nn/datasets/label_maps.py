"""Label maps: for each pixel its class, as arrays, as files, and as pictures to look at."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from autograd_nn.datasets.digit_scenes import Scene
from autograd_nn.types import File

IGNORED = 255
"""What files have for pixels that do not matter; -1 in arrays."""


def voc_colormap(count: int = 256) -> np.ndarray:
    """The colours of PASCAL VOC: black for class 0, then colours that are far from each other.

    The bits of a class's number are dealt to red, green and blue in turn, the lowest ones to the highest bits of each.

    Args:
        count: For how many classes, at most 256.

    Returns:
        Red, green and blue, uint8, shape (count, 3).

    Example:
        >>> voc_colormap(4).tolist()
        [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    """
    classes = np.arange(count)[:, None]
    bits = (classes >> np.arange(0, 24, 3)[:, None, None] + np.arange(3)) & 1
    return (bits << np.arange(7, -1, -1)[:, None, None]).sum(axis=0).astype(np.uint8)


def read_label_map(file: File) -> np.ndarray:
    """Reads a label map from a picture whose pixels are numbers of classes.

    Args:
        file: A path or a binary file object: a PNG with a palette, or one in grey of 8 bits or less (or any other
            format without loss), in which 255 stands for pixels that do not matter.

    Returns:
        The classes, -1 for pixels that do not matter; int32, shape (H, W).

    Raises:
        OSError: The file is missing or damaged.
        ValueError: It is a picture in colours.

    Example:
        >>> write_label_map('mask.png', np.array([[0, 3, -1]]))
        >>> read_label_map('mask.png')
        array([[ 0,  3, -1]], dtype=int32)
    """
    with Image.open(file) as picture:
        if picture.mode not in ('P', 'L', '1'):
            raise ValueError(f'read_label_map: {_name(file)}: expected numbers of classes (a PNG with a palette, or in '
                             f'grey of 8 bits), got a picture of mode {picture.mode}')
        labels = np.asarray(picture).astype(np.int32)
    labels[labels == IGNORED] = -1
    return labels


def write_label_map(file: File, labels: np.ndarray, colors: np.ndarray | None = None) -> None:
    """Writes a label map as a PNG with a palette, as those of PASCAL VOC are.

    Args:
        file: A path or a binary file object.
        labels: Classes from 0 to 254, or -1 for pixels that do not matter; integers, shape (H, W).
        colors: Red, green and blue for each class, uint8, shape (C, 3); by default `voc_colormap`.

    Raises:
        ValueError: `labels` has another shape or other numbers.
    """
    if labels.ndim != 2 or (labels.size and not -1 <= labels.min() <= labels.max() < IGNORED):
        least, most = (labels.min(), labels.max()) if labels.size else (0, 0)
        raise ValueError(f'write_label_map: expected labels of shape (H, W), from -1 to {IGNORED - 1}; got shape '
                         f'{labels.shape}, from {least} to {most}')
    picture = Image.fromarray(np.where(labels < 0, IGNORED, labels).astype(np.uint8))
    palette = voc_colormap()
    if colors is not None:
        palette[:len(colors)] = colors
    picture.putpalette(palette.tobytes())
    picture.save(file, 'PNG')


def label_map_of_scene(scene: Scene, border: int = 0) -> np.ndarray:
    """The label map of a scene of objects: 0 for the ground, 1 for objects with label 0, and so on.

    Args:
        scene: See `DigitScenes`.
        border: How many pixels on either side of a border between classes do not matter.

    Returns:
        The classes, -1 for pixels that do not matter; int32, shape (H, W).

    Example:
        >>> from autograd_nn.datasets import DigitScenes
        >>> scene = DigitScenes(10)[0]
        >>> sorted({0, *scene.labels + 1}) == np.unique(label_map_of_scene(scene)).tolist()
        True
    """
    labels = np.zeros(scene.image.shape[1:], np.int32)
    for mask, label in zip(scene.masks, scene.labels):
        labels[mask] = label + 1
    if border:
        height, width = labels.shape
        size = 2 * border + 1
        around = np.lib.stride_tricks.sliding_window_view(np.pad(labels, border, 'edge'), (size, size))
        flat = around.reshape(height, width, -1)
        labels = np.where(flat.min(axis=2) == flat.max(axis=2), labels, -1).astype(np.int32)
    return labels


def draw_label_map(image: np.ndarray, labels: np.ndarray, names: Sequence[str], colors: np.ndarray | None = None,
                   opacity: float = 0.6, legend: bool = True) -> Image.Image:
    """Lays the colours of classes over a picture.

    Class 0 is left as it is if it is black, as the background of `voc_colormap` is; pixels that do not matter are
    white.

    Args:
        image: Red, green and blue from 0 to 255, shape (3, H, W).
        labels: Classes, or -1 for pixels that do not matter; integers, shape (H, W).
        names: The names of all classes.
        colors: Red, green and blue for each class, uint8, shape (C, 3); by default `voc_colormap`.
        opacity: How much of the colours is seen, from 0 to 1.
        legend: Whether the names of the classes that occur stand on the right, beside their colours.

    Returns:
        The picture, wider than `image` by the legend.

    Raises:
        ValueError: `labels` has another size than `image`, or a class that has no name.

    Example:
        >>> draw_label_map(np.zeros((3, 40, 60)), np.ones((40, 60), int), ['background', 'cat'], legend=False).size
        (60, 40)
    """
    if labels.shape != image.shape[1:]:
        raise ValueError(f'draw_label_map: labels of shape {labels.shape} do not fit an image of shape {image.shape}')
    if labels.size and labels.max() >= len(names):
        raise ValueError(f'draw_label_map: expected classes from 0 to {len(names) - 1}, for which there are names; got '
                         f'{labels.max()}')
    palette = np.array(voc_colormap(len(names)) if colors is None else colors, np.float32)
    pixels = np.asarray(image, np.float32).transpose(1, 2, 0)
    opaque = np.where(palette.any(axis=1), opacity, 0).astype(np.float32)
    known = np.maximum(labels, 0)
    part = np.where(labels < 0, 1, opaque[known])[..., None]
    color = np.where(labels[..., None] < 0, 255, palette[known])
    picture = Image.fromarray(np.clip(np.rint(pixels + part * (color - pixels)), 0, 255).astype(np.uint8))
    return _with_legend(picture, np.unique(labels[labels >= 0]).tolist(), names, palette) if legend else picture


def _with_legend(picture: Image.Image, classes: list[int], names: Sequence[str], palette: np.ndarray) -> Image.Image:
    """The picture, with the names of classes on its right, each beside its colour."""
    from PIL import ImageDraw, ImageFont  # they take time, and few programs need them

    size = max(11, min(20, picture.height // 14))
    font = ImageFont.load_default(size)
    row = size + 6
    width = max((int(font.getlength(names[number])) for number in classes), default=0) + row + 12
    sheet = Image.new('RGB', (picture.width + width, max(picture.height, row * len(classes) + 6)), 'white')
    sheet.paste(picture, (0, 0))
    draw = ImageDraw.Draw(sheet)
    for i, number in enumerate(classes):
        left, top = picture.width + 6, 6 + i * row
        draw.rectangle((left, top, left + size, top + size), tuple(map(int, palette[number])), 'grey')
        draw.text((left + row, top + size // 2), names[number], 'black', font, anchor='lm')
    return sheet


def _name(file: File) -> str:
    return str(getattr(file, 'name', file))
