"""Pictures of where a network looks as it writes a text."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from autograd_nn.utils.fonts import load_font

CELL, FONT_SIZE = 18, 14
DARK = 8, 48, 107


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
    labels = [_draw_token(token) for token in read]
    rows = [_draw_token(token, colour) for token in written]
    heading = _draw_text(title, colour) if title else Image.new('RGB', (1, 1), 'white')
    # Columns of words are written upwards.
    if any(label.width > CELL for label in labels):
        labels = [label.transpose(Image.Transpose.ROTATE_90) for label in labels]
    left, top = max(row.width for row in rows) + 4, heading.height + 4 + max(label.height for label in labels) + 2
    right, bottom = left + CELL * len(read), top + CELL * len(written)
    picture = Image.new('RGB', (max(right + 1, heading.width), bottom + 1), 'white')
    picture.paste(heading, (0, 0))
    for column, label in enumerate(labels):
        picture.paste(label, (left + CELL * column + (CELL - label.width) // 2 + 1, top - 2 - label.height))
    for row, label in enumerate(rows):
        picture.paste(label, (left - 4 - label.width, top + CELL * row + (CELL - label.height) // 2 + 1))
    shade = np.asarray(weights).clip(0, 1)[:, :, None]
    cells = np.rint(255 - shade * (255 - np.array(DARK))).astype(np.uint8)
    picture.paste(Image.fromarray(cells).resize((right - left, bottom - top), Image.Resampling.NEAREST),
                  (left, top))
    draw = ImageDraw.Draw(picture)
    for k in range(len(read) + 1):
        draw.line((left + CELL * k, top, left + CELL * k, bottom), '#d8d8d8')
    for k in range(len(written) + 1):
        draw.line((left, top + CELL * k, right, top + CELL * k), '#d8d8d8')
    return picture


def _draw_token(token: str, colour: str = 'black') -> Image.Image:
    """A token; a space and the end of the text, which do not show, have signs."""
    return _draw_text({' ': '␣', '<eos>': '■'}.get(token, token), colour)


def _draw_text(text: str, colour: str) -> Image.Image:
    font = load_font(text, FONT_SIZE)
    _, _, right, bottom = font.getbbox(text)
    picture = Image.new('RGB', (max(1, round(right)), max(1, round(bottom) + 1)), 'white')
    ImageDraw.Draw(picture).text((0, 0), text, colour, font)
    return picture
