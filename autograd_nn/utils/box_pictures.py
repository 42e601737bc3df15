"""Boxes drawn on pictures."""
from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from autograd_nn.utils.boxes import check_boxes
from autograd_nn.utils.fonts import load_font

_GOLDEN = (5 ** 0.5 - 1) / 2


def draw_boxes(image: np.ndarray | Image.Image, boxes: np.ndarray, labels: np.ndarray | None = None,
               scores: np.ndarray | None = None, classes: Sequence[str] | None = None,
               scale: float = 1.) -> Image.Image:
    """A picture with boxes drawn on it, in a colour for each class, and with their names and scores.

    Boxes with higher scores lie above others.

    Args:
        image: RGB from 0 to 255, shape (3, H, W), or a picture of Pillow.
        boxes: (y_min, x_min, y_max, x_max) in pixels, the last two just behind the object; shape (R, 4).
        labels: Their classes, integers, shape (R,).
        scores: How sure each of them is, from 0 to 1, shape (R,).
        classes: The names of the classes; by default they are shown by their numbers.
        scale: How many times as high and as wide to make the picture before, for small ones.

    Returns:
        A new picture of Pillow.

    Raises:
        ValueError: The shapes do not fit together, a box is not finite, or a label has no name.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import draw_boxes
        >>> picture = draw_boxes(np.zeros((3, 60, 80)), np.array([[20., 10., 50., 70.]]), np.array([1]),
        ...                      np.array([0.93]), ['cat', 'dog'])
        >>> picture.size, picture.getpixel((10, 35)) == color_of(1)
        ((80, 60), True)
    """
    check_boxes('draw_boxes', 'boxes', boxes)
    for name, x in ('labels', labels), ('scores', scores):
        if x is not None and x.shape != boxes.shape[:1]:
            raise ValueError(f'draw_boxes: expected {name} of shape {boxes.shape[:1]} for boxes of shape '
                             f'{boxes.shape}, got {x.shape}')
    if not np.isfinite(boxes).all():
        raise ValueError('draw_boxes: boxes contains numbers that are not finite')
    if classes is not None and labels is not None and not ((labels >= 0) & (labels < len(classes))).all():
        raise ValueError(f'draw_boxes: expected labels from 0 to {len(classes) - 1}, for which there are names; got '
                         f'{labels.min()} to {labels.max()}')
    picture = _as_picture(image)
    if scale != 1:
        picture = picture.resize([max(1, round(scale * side)) for side in picture.size], Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    width, size = max(2, round(min(picture.size) / 200)), max(11, round(min(picture.size) / 32))
    tags = []
    for i in range(len(boxes)) if scores is None else np.argsort(scores, kind='stable'):
        label = 0 if labels is None else int(labels[i])
        # The last two are the last pixels within.
        y_min, x_min, y_max, x_max = np.rint(boxes[i] * scale).astype(int).tolist()
        corners = x_min, y_min, max(x_min, x_max - 1), max(y_min, y_max - 1)
        draw.rectangle((corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1), None, 'black', width + 2)
        draw.rectangle(corners, None, color_of(label), width)
        words = [] if labels is None else [str(label) if classes is None else classes[label]]
        words += [] if scores is None else [f'{scores[i]:.2f}']
        tags.append((': '.join(words), corners, color_of(label)))
    for text, corners, color in tags:  # no line crosses a word
        if text:
            _write(draw, picture.width, text, corners, color, size)
    return picture


def color_of(label: int) -> tuple[int, int, int]:
    """A bright colour for a class; those of neighbours are as far apart as they can be.

    Args:
        label: The class.

    Example:
        >>> color_of(0)
        (255, 69, 51)
    """
    red, green, blue = colorsys.hsv_to_rgb((0.015 + label * _GOLDEN) % 1, 0.8 - 0.3 * (label % 3 == 1), 1)
    return round(255 * red), round(255 * green), round(255 * blue)


def _as_picture(image: np.ndarray | Image.Image) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.convert('RGB')  # a copy
    if image.ndim != 3 or len(image) != 3:
        raise ValueError(f'draw_boxes: expected an image of shape (3, H, W), got {image.shape}')
    return Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(1, 2, 0))


def _write(draw: ImageDraw.ImageDraw, room: int, text: str, corners: tuple[int, int, int, int],
           color: tuple[int, int, int], size: int) -> None:
    """Writes a text on a ground of its own above a box, or within it where there is no room."""
    font = load_font(text, size)
    left, top, right, bottom = draw.textbbox((0, 0), text, font)
    width, height = right - left + 4, bottom - top + 4
    x = max(0, min(corners[0] - 1, room - width))
    y = corners[1] - height if corners[1] >= height else corners[1]
    brightness = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    draw.rectangle((x, y, x + width - 1, y + height - 1), color)
    draw.text((x + 2 - left, y + 2 - top), text, 'black' if brightness > 110 else 'white', font)
