"""Fonts of the system that have the characters of a text, such as the Japanese names of classes."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import ImageFont

# Plain faces are easier to read in small pictures.
_WANTED = 'sans', 'gothic'
_UNWANTED = 'bold', 'black', 'heavy', 'light', 'thin', 'italic', 'oblique', 'condensed', 'mono'
_NOWHERE = '\U0010ffff'  # stands for no character, so that every font draws its sign for what it lacks


def has_characters(font: Any, text: str) -> bool:
    """Whether a font has all characters of a text.

    Args:
        font: A font of Pillow.
        text: The text.

    Example:
        >>> from PIL import ImageFont
        >>> font = ImageFont.load_default(size=13)
        >>> has_characters(font, 'cat'), has_characters(font, '猫')
        (True, False)
    """
    lacking = _picture(font, _NOWHERE)
    return all(_picture(font, character) != lacking for character in {*text} if not character.isspace())


def find_font(text: str) -> Path | None:
    """The file of a font of this system that has all characters of a text.

    Fonts are looked for where the system keeps them: on Linux in ``fonts`` below ``$XDG_DATA_HOME`` and
    ``$XDG_DATA_DIRS``, and in ``~/.fonts``.

    Args:
        text: The text.

    Returns:
        A font of plain style if there is one; None if no font has all characters.
    """
    return _find_font(frozenset(text), tuple(_folders()))


@lru_cache
def _find_font(characters: frozenset[str], folders: tuple[Path, ...]) -> Path | None:
    found: list[tuple[int, int, Path]] = []
    for path in _font_files(folders):
        try:
            font = ImageFont.truetype(str(path), 16)
        except OSError:
            continue  # damaged, or with pictures of one size only
        if has_characters(font, ''.join(characters)):
            name = ' '.join(filter(None, font.getname())).lower()
            plain = any(word in name for word in _WANTED)
            found.append((sum(word in name for word in _UNWANTED) - plain, len(found), path))
    return min(found)[-1] if found else None


def _font_files(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in folder.rglob('*') if path.suffix.lower() in ('.ttf', '.otf', '.ttc', '.otc'))


def _folders() -> list[Path]:
    """Where fonts are; those of the user come first."""
    home = Path.home()
    if sys.platform == 'win32':
        return [Path(os.environ.get('LOCALAPPDATA', home / 'AppData/Local'), 'Microsoft/Windows/Fonts'),
                Path(os.environ.get('WINDIR', 'C:/Windows'), 'Fonts')]
    if sys.platform == 'darwin':
        return [home / 'Library/Fonts', Path('/Library/Fonts'), Path('/System/Library/Fonts')]
    shared = os.environ.get('XDG_DATA_DIRS') or '/usr/local/share:/usr/share'
    data = [os.environ.get('XDG_DATA_HOME') or home / '.local/share', *filter(None, shared.split(':'))]
    return [home / '.fonts', *(Path(folder, 'fonts') for folder in data)]


def _picture(font: Any, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


@lru_cache
def load_font(text: str, size: int) -> Any:
    """A font with the characters of a text; if the system has none, Pillow's, which has a sign for what it lacks.

    Args:
        text: The text.
        size: The height of the letters in pixels.
    """
    default = ImageFont.load_default(size)
    if has_characters(default, text):
        return default
    path = find_font(text)
    return default if path is None else ImageFont.truetype(str(path), size)
