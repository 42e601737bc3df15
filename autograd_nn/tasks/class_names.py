"""Captions of small pictures: the names of classes, in any script that a font of the system has."""
from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from PIL import ImageDraw, ImageFont

from autograd_nn.utils.fonts import find_font, has_characters


class Captions:
    """Writes the names of classes. A class whose name no font has all characters of is shown by its number.

    Args:
        names: The names of the classes.
        size: The height of the letters in pixels.

    Attributes:
        undrawable: The classes that were shown by their numbers.
    """

    def __init__(self, names: Sequence[str], size: int) -> None:
        # A name that macOS took apart, as it does in the names of files, is put together again.
        self.names = [unicodedata.normalize('NFC', name) for name in names]
        self.size = size
        self.undrawable: set[int] = set()
        self._default = ImageFont.load_default(size)
        self._common = self._find(''.join(self.names))

    def write(self, draw: ImageDraw.ImageDraw, position: tuple[float, float], width: float, colour: str, index: int,
              before: str = '', after: str = '') -> None:
        """Writes the name of a class between two short texts, shortened to a width.

        Args:
            draw: What draws.
            position: The upper left corner.
            width: The room in pixels.
            colour: The colour.
            index: The class.
            before: What stands before the name.
            after: What stands behind it.
        """
        name = self.names[index]
        font = self._common or self._find(name)
        if font is None:
            self.undrawable.add(index)
            name, font = f'class {index}', self._default
        shown = name
        while font.getlength(f'{before}{shown}{after}') > width and name:
            name = name[:-1]
            shown = f'{name.rstrip()}...'
        draw.text(position, f'{before}{shown}{after}', colour, font)

    def _find(self, text: str) -> Any:
        if has_characters(self._default, text):
            return self._default
        path = find_font(text)
        return None if path is None else ImageFont.truetype(str(path), self.size)

    def explanation(self) -> str:
        """What is to be said of the classes that were shown by their numbers; empty if there are none."""
        if not self.undrawable:
            return ''
        names = ', '.join(f'{i} {self.names[i]}' for i in sorted(self.undrawable))
        return ('no font of this system has the characters of these classes, which are shown by their numbers: '
                f'{names} (a font such as that of the package fonts-noto-cjk helps)')
