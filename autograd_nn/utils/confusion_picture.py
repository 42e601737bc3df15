"""Pictures of confusion matrices."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from autograd_nn.utils.fonts import load_font

CELL, SIZE = 56, 14


def draw_confusion(confusion: np.ndarray, labels: Sequence[str]) -> Image.Image:
    """Draws which class is taken for which: blue is right, red is wrong, and the darker, the more of a class are there.

    Args:
        confusion: Counts of shape (C, C): row i has those of class i, column j those that were said to be of class j.
        labels: The names of the classes.

    Returns:
        A picture; its rows and columns have the names, and each cell the count.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import draw_confusion
        >>> picture = draw_confusion(np.array([[9, 1], [0, 5]]), ['cat', 'dog'])
        >>> picture.mode, picture.height > 2 * 56
        ('RGB', True)
    """
    font, numbers = load_font(''.join(labels), SIZE), ImageFont.load_default(SIZE)
    left = round(max(font.getlength(label) for label in labels)) + 2 * SIZE
    cell = max(CELL, left)
    top = 3 * SIZE
    picture = Image.new('RGB', (left + cell * len(labels) + SIZE, top + CELL * len(labels) + SIZE), 'white')
    draw = ImageDraw.Draw(picture)
    draw.text((left + cell * len(labels) / 2, 0), 'is taken for', '#707070', numbers, 'ma')
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for i, label in enumerate(labels):
        y = top + CELL * i
        draw.text((left - SIZE / 2, y + CELL / 2), label, 'black', font, 'rm')
        draw.text((left + cell * (i + 0.5), top - 4), label, 'black', font, 'md')
        for j, share in enumerate(shares[i].tolist()):
            x = left + cell * j
            dark = np.array([40, 90, 170] if i == j else [190, 40, 40])
            colour = tuple(np.rint(255 + (dark - 255) * share ** 0.5).astype(int).tolist())
            draw.rectangle((x, y, x + cell - 2, y + CELL - 2), colour)
            draw.text((x + cell / 2, y + CELL / 2), str(confusion[i, j]), 'white' if share > 0.35 else 'black', numbers,
                      'mm')
    return picture
