"""Pictures of where a network looks as it writes a text."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from autograd_nn.utils.fonts import load_font

CELL, FONT_SIZE, GAP = 18, 14, 4
DARK, GRID = (8, 48, 107), '#d8d8d8'
# What does not show otherwise.
SIGNS = {' ': '␣', '<eos>': '■'}


def draw_attention(read: Sequence[str], written: Sequence[str], weights: np.ndarray, title: str = '',
                   colour: str = 'black') -> Image.Image:
    """A table with a column for each token that was read, and a row for each that was written: dark is much.

    Args:
        read: The tokens that were read, S of them.
        written: Those that were written, T of them.
        weights: How much the network looked at each token that was read as it wrote a row's: shape (T, S), from 0 to 1.
        title: What stands above.
        colour: The colour of the title and of what was written.

    Example:
        >>> import numpy as np
        >>> draw_attention('abc', 'xy', np.array([[1, 0, 0], [0, .5, .5]])).mode
        'RGB'
    """
    columns, rows = ([SIGNS.get(token, token) for token in tokens] for tokens in (read, written))
    font = load_font(''.join([title, *columns, *rows]), FONT_SIZE)
    widths = [math.ceil(font.getlength(token)) for token in columns]
    upward = max(widths) > CELL  # as words are, in columns
    left = max(math.ceil(font.getlength(token)) for token in rows) + GAP
    top = (CELL + GAP if title else 0) + (max(widths) if upward else CELL) + GAP
    right, bottom = left + CELL * len(read), top + CELL * len(written)
    picture = Image.new('RGB', (max(right, math.ceil(font.getlength(title))) + 1, bottom + 1), 'white')
    draw = ImageDraw.Draw(picture)
    draw.text((0, 0), title, colour, font)
    for k, token in enumerate(columns):
        if upward:
            label = _draw_upward(token, widths[k], font)
            picture.paste(label, (left + CELL * k, top - GAP - label.height))
        else:
            draw.text((left + CELL * k + CELL / 2, top - GAP), token, 'black', font, anchor='ms')
    for k, token in enumerate(rows):
        draw.text((left - GAP, top + CELL * k + CELL / 2), token, colour, font, anchor='rm')
    cells = np.rint(255 - np.asarray(weights).clip(0, 1)[:, :, None] * (255 - np.array(DARK))).astype(np.uint8)
    picture.paste(Image.fromarray(cells).resize((right - left, bottom - top), Image.Resampling.NEAREST), (left, top))
    for k in range(len(read) + 1):
        draw.line((left + CELL * k, top, left + CELL * k, bottom), GRID)
    for k in range(len(written) + 1):
        draw.line((left, top + CELL * k, right, top + CELL * k), GRID)
    return picture


def _draw_upward(token: str, width: int, font: Any) -> Image.Image:
    label = Image.new('RGB', (max(1, width), CELL), 'white')
    ImageDraw.Draw(label).text((0, CELL / 2), token, 'black', font, anchor='lm')
    return label.transpose(Image.Transpose.ROTATE_90)
