"""Label maps as pictures: with the colours of their classes, alone or laid over what they are of."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

IGNORED = 255
"""What pictures have for pixels that do not matter; -1 in arrays."""


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


def label_map_picture(labels: np.ndarray, colors: np.ndarray | None = None) -> Image.Image:
    """A label map as a picture with a palette, as those of PASCAL VOC are.

    Args:
        labels: Classes from 0 to 254, or -1 for pixels that do not matter; integers, shape (H, W).
        colors: Red, green and blue for each class, uint8, shape (C, 3); by default `voc_colormap`.

    Returns:
        A picture whose pixels are classes, 255 where they do not matter.

    Raises:
        ValueError: `labels` has another shape or other numbers.

    Example:
        >>> picture = label_map_picture(np.array([[0, 3, -1]]))
        >>> picture.mode, picture.getpixel((1, 0)), picture.convert('RGB').getpixel((1, 0))
        ('P', 3, (128, 128, 0))
    """
    least, most = (labels.min(), labels.max()) if labels.size else (0, 0)
    if labels.ndim != 2 or not -1 <= least <= most < IGNORED:
        raise ValueError(f'label_map_picture: expected labels of shape (H, W), from -1 to {IGNORED - 1}; got shape '
                         f'{labels.shape}, from {least} to {most}')
    picture = Image.fromarray(np.where(labels < 0, IGNORED, labels).astype(np.uint8))
    palette = voc_colormap()
    if colors is not None:
        palette[:len(colors)] = colors
    picture.putpalette(palette.tobytes())
    return picture


def draw_label_map(image: np.ndarray, labels: np.ndarray, classes: Sequence[str], colors: np.ndarray | None = None,
                   opacity: float = 0.75, scale: float = 1., legend: bool = True) -> Image.Image:
    """Lays the colours of classes over a picture.

    Class 0 is left as it is if it is black, as the background of `voc_colormap` is; pixels that do not matter are
    white.

    Args:
        image: Red, green and blue from 0 to 255, shape (3, H, W).
        labels: Classes, or -1 for pixels that do not matter; integers, shape (H, W).
        classes: The names of all classes.
        colors: Red, green and blue for each class, uint8, shape (C, 3); by default `voc_colormap`.
        opacity: How much of the colours is seen, from 0 to 1.
        scale: How many times as high and as wide to make the picture, for small ones.
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
    if labels.size and labels.max() >= len(classes):
        raise ValueError(f'draw_label_map: expected classes from 0 to {len(classes) - 1}, for which there are names; '
                         f'got {labels.max()}')
    palette = voc_colormap(len(classes)) if colors is None else colors
    pixels = np.asarray(image, np.float32).transpose(1, 2, 0)
    opaque = np.where(palette.any(axis=1), opacity, 0).astype(np.float32)
    known = np.maximum(labels, 0)
    part = np.where(labels < 0, 1, opaque[known])[..., None]
    color = np.where(labels[..., None] < 0, np.float32(255), palette[known])
    picture = Image.fromarray(np.clip(np.rint(pixels + part * (color - pixels)), 0, 255).astype(np.uint8))
    if scale != 1:
        picture = picture.resize([max(1, round(scale * side)) for side in picture.size], Image.Resampling.NEAREST)
    return add_legend(picture, np.unique(known[labels >= 0]).tolist(), classes, palette) if legend else picture


def add_legend(picture: Image.Image, shown: Iterable[int], classes: Sequence[str],
               colors: np.ndarray | None = None) -> Image.Image:
    """Puts the names of classes, each beside its colour, on the right of a picture.

    Args:
        picture: The picture.
        shown: The classes that are named.
        classes: The names of all classes.
        colors: Red, green and blue for each class, uint8, shape (C, 3); by default `voc_colormap`.

    Returns:
        A new picture, wider than `picture`, and higher if the names need it.

    Example:
        >>> picture = add_legend(Image.new('RGB', (80, 60)), [0, 2], ['ground', 'cat', 'dog'])
        >>> picture.width > 80, picture.height
        (True, 60)
    """
    from PIL import ImageDraw  # it and fonts take time, and few programs need them

    from autograd_nn.utils.fonts import load_font

    shown = list(shown)
    palette = voc_colormap(len(classes)) if colors is None else colors
    size = max(11, min(20, picture.height // 14))
    fonts = [load_font(classes[number], size) for number in shown]
    row = size + 6
    width = max((int(font.getlength(classes[number])) for number, font in zip(shown, fonts)), default=0) + row + 12
    sheet = Image.new('RGB', (picture.width + width, max(picture.height, row * len(shown) + 6)), 'white')
    sheet.paste(picture, (0, 0))
    draw = ImageDraw.Draw(sheet)
    for i, (number, font) in enumerate(zip(shown, fonts)):
        left, top = picture.width + 6, 6 + i * row
        red, green, blue = palette[number].tolist()
        draw.rectangle((left, top, left + size, top + size), (red, green, blue), 'grey')
        draw.text((left + row, top + size // 2), classes[number], 'black', font, anchor='lm')
    return sheet
