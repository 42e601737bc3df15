"""What a report is put together from: sections with paragraphs, tables and pictures."""
from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import numpy as np
from PIL import Image

# A picture of more bytes than these is written anew, in a size that screens show anyway.
LARGE_PICTURE = 300_000
WIDEST = 1400
# A picture without transparency of more bytes is a photograph rather than a few pixels that are to stay sharp.
PHOTOGRAPH = 12_000


class Element(Protocol):
    """A part of a report: what can write itself as HTML."""

    def html(self) -> str:
        """The text, which loads nothing from anywhere."""


@dataclass(frozen=True)
class Section:
    """A headed part of a report.

    Args:
        title: The heading.
        elements: What it consists of.
        note: A sentence below the heading.

    Example:
        >>> from autograd_nn import reports
        >>> section = reports.Section('Words', [reports.Table(['word', 'count'], [['cat', 3]])])
        >>> '<h2>Words</h2>' in section.html()
        True
    """

    title: str
    elements: Sequence[Element]
    note: str = ''

    def html(self) -> str:
        """The section as HTML."""
        note = f'<p class="note">{escape(self.note)}</p>' if self.note else ''
        parts = ''.join(element.html() for element in self.elements)
        return f'<section><h2>{escape(self.title)}</h2>{note}{parts}</section>\n'


@dataclass(frozen=True)
class Marked:
    """A cell of a table that is to be noticed.

    Args:
        text: What it says.
    """

    text: str

    def html(self) -> str:
        """The cell as HTML."""
        return f'<strong class="marked">{escape(self.text)}</strong>'


@dataclass(frozen=True)
class Shaded:
    """A number in a cell whose background is as dark as the number is large.

    Args:
        value: The number.
        part: How dark, from 0 to 1.
        is_bad: Whether it is of the colour of mistakes.
    """

    value: float
    part: float
    is_bad: bool = False

    def html(self) -> str:
        """The cell as HTML."""
        kind, light = 'bad' if self.is_bad else 'good', ' zero' if not self.value else ''
        return f'<span class="{kind}{light}" style="--part:{self.part:.2f}">{number_text(self.value)}</span>'


@dataclass(frozen=True)
class Table:
    """A table; numbers have their exact values in the attribute ``data-value``.

    Args:
        columns: The heads of the columns; none for a table of names and what they stand for.
        rows: The cells: text, numbers, None for an empty one, or elements.
        kind: A class of the style sheet.
        caption: What it shows.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    kind: str = ''
    caption: str = ''

    def html(self) -> str:
        """The table as HTML."""
        caption = f'<caption>{escape(self.caption)}</caption>' if self.caption else ''
        # Heads stand where the numbers below them do.
        numeric = [any(isinstance(row[i], (int, float, np.number)) for row in self.rows)
                   for i in range(len(self.columns))]
        head = ''.join(f'<th scope="col"{" class=number" if number else ""}>{escape(column)}</th>'
                       for column, number in zip(self.columns, numeric))
        head = f'<thead><tr>{head}</tr></thead>' if head else ''
        body = ''.join(f'<tr>{self._row(row)}</tr>' for row in self.rows)
        return (f'<div class="scroll"><table class="{self.kind}">{caption}{head}<tbody>{body}</tbody></table></div>')

    def _row(self, row: Sequence[Any]) -> str:
        first, *others = row
        # Names of layers may be broken where they consist of parts.
        head = _content(first).replace('/', '/<wbr>') if isinstance(first, str) else _content(first)
        return f'<th scope="row">{head}</th>' + ''.join(map(_cell, others))


@dataclass(frozen=True)
class Picture:
    """A picture in the page itself.

    Args:
        image: The picture, or the bytes of a PNG or JPEG file.
        text: What it shows, for those who do not see it.
        scale: How many pixels of the screen one of the picture is wide, for small ones; None for as many as it takes to
            fill the width.
    """

    image: Image.Image | bytes
    text: str
    scale: float | None = None

    def html(self) -> str:
        """The picture as HTML."""
        data, kind = encode(self.image)
        address = f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
        style = ''
        if self.scale is not None:
            width = self.image.width if isinstance(self.image, Image.Image) else Image.open(io.BytesIO(data)).width
            style = f' class="pixels" style="width:{self.scale * width:.0f}px"'
        return f'<img alt="{escape(self.text)}" src="{address}"{style}>'


@dataclass(frozen=True)
class Beside:
    """Elements side by side, where there is room.

    Args:
        elements: The elements.
        kind: A class of the style sheet.
    """

    elements: Sequence[Element]
    kind: str = 'beside'

    def html(self) -> str:
        """The elements as HTML."""
        return f'<div class="{self.kind}">{"".join(element.html() for element in self.elements)}</div>'


@dataclass(frozen=True)
class Gallery:
    """Pictures with a line below each.

    Args:
        pictures: Pairs of a picture and what stands below it: text, or an element.
    """

    pictures: Sequence[tuple[Picture, Any]]

    def html(self) -> str:
        """The gallery as HTML."""
        cells = ''.join(f'<figure>{picture.html()}<figcaption>{_content(text)}</figcaption></figure>'
                        for picture, text in self.pictures)
        return f'<div class="gallery">{cells}</div>'


@dataclass(frozen=True)
class Code:
    """Text as it is typed, such as a command line.

    Args:
        text: The text.
    """

    text: str

    def html(self) -> str:
        """The text as HTML."""
        return f'<pre><code>{escape(self.text)}</code></pre>'


@dataclass(frozen=True)
class Folded:
    """Elements that are shown when their heading is opened.

    Args:
        title: The heading.
        elements: The elements.
    """

    title: str
    elements: Sequence[Element]

    def html(self) -> str:
        """The elements as HTML."""
        parts = ''.join(element.html() for element in self.elements)
        return f'<details><summary>{escape(self.title)}</summary>{parts}</details>'


def number_text(value: float | np.number) -> str:
    """A number with as many digits as one reads.

    Args:
        value: The number.

    Example:
        >>> number_text(0.123456), number_text(12345), number_text(98.76543), number_text(1e-9)
        ('0.1235', '12,345', '98.77', '1e-09')
    """
    if isinstance(value, (int, np.integer)):
        return f'{value:,}'
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    return f'{value:,.0f}' if 1000 <= abs(value) < 1e9 else f'{value:.4g}'


def encode(image: Image.Image | bytes) -> tuple[bytes, str]:
    """A picture as the bytes of a file, and its format: small enough for a page.

    Args:
        image: The picture, or the bytes of a PNG or JPEG file.
    """
    if isinstance(image, bytes):
        if len(image) <= LARGE_PICTURE:
            return image, 'png' if image.startswith(b'\x89PNG') else 'jpeg'
        image = Image.open(io.BytesIO(image))
    file = io.BytesIO()
    image.save(file, 'PNG')
    if file.tell() <= (PHOTOGRAPH if image.mode == 'RGB' else LARGE_PICTURE):
        return file.getvalue(), 'png'
    image = image.convert('RGB')
    image.thumbnail((WIDEST, 4 * WIDEST))
    for quality in 85, 70, 50, 30:
        file = io.BytesIO()
        image.save(file, 'JPEG', quality=quality)
        if file.tell() <= LARGE_PICTURE:
            break
    return file.getvalue(), 'jpeg'


def _cell(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        value = str(value)
    if isinstance(value, (int, float, np.number)):
        return f'<td class="number" data-value="{value.item() if isinstance(value, np.number) else value!r}">' \
               f'{number_text(value)}</td>'
    kind = ' class="number"' if isinstance(value, Shaded) else ''
    return f'<td{kind}>{_content(value)}</td>'


def _content(value: Any) -> str:
    if value is None:
        return ''
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return number_text(value)
    return value.html() if hasattr(value, 'html') else escape(str(value))
