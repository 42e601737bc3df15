"""The help of programs in the language of their user: English, or one that ``locale/`` has a catalogue for.

Parsers are written in English, and know nothing of it: each text is looked up when help is asked for.
"""
from __future__ import annotations

import argparse
import contextlib
import gettext
import os
import re
import struct
import sys
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

CATALOGUE = 'autograd_nn'
FOLDER = Path(__file__).parents[1] / 'locale'
# What argparse appends to the help of an option.
DEFAULT = ' (default: %(default)s)'

# Without spaces, as in Japanese, a line may end behind each letter, except those that no line begins or ends with, and
# except within words of katakana, which are those from other languages.
BEGINNINGS = '（「『［【〈《'
ENDS = '、。，．・：；？！…々）」』］】〉》ぁぃぅぇぉっゃゅょ' + ',.:;?!)]%'
_PIECE = re.compile(f'[{re.escape(BEGINNINGS)}]*(?:[!-~]+|[ァ-ヺー]+|.)[{re.escape(ENDS)}]* ?')


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose help is in the language that ``LANGUAGE``, ``LC_ALL``, ``LC_MESSAGES`` or ``LANG`` names.

    Errors, and the usage before them, are in English, as is the help where the terminal lacks letters.
    """

    def format_help(self) -> str:
        catalogue = find_catalogue()
        if catalogue is not None:
            text = format_help(self, catalogue)
            with contextlib.suppress(UnicodeEncodeError):
                text.encode(getattr(sys.stdout, 'encoding', None) or 'utf-8')
                return text
        return super().format_help()


def find_languages() -> list[str]:
    """The languages that the user prefers to English, in which the texts are written: as gettext, C and POSIX are."""
    locale = next(filter(None, map(os.environ.get, ('LC_ALL', 'LC_MESSAGES', 'LANG'))), '')
    languages = [locale] if locale in ('C', 'POSIX') else (os.environ.get('LANGUAGE') or locale).split(':')
    return list(takewhile(lambda language: not re.match('(C|POSIX|en)([_.@]|$)', language), languages))


def find_catalogue() -> gettext.NullTranslations | None:
    """The texts in the user's language; None for English, and for a language whose file is damaged or not there."""
    try:
        return gettext.translation(CATALOGUE, FOLDER, find_languages())
    except (OSError, ValueError, LookupError, struct.error):
        return None


def format_help(parser: argparse.ArgumentParser, catalogue: gettext.NullTranslations) -> str:
    """The help of a parser in another language.

    Args:
        parser: The parser.
        catalogue: The texts of that language.
    """
    usual: Any = parser.formatter_class
    formatter: Any = type('Formatter', (TranslatingFormatter, usual), {'catalogue': catalogue})
    parser.formatter_class = formatter
    try:
        return argparse.ArgumentParser.format_help(parser)
    finally:
        parser.formatter_class = usual


class TranslatingFormatter(argparse.HelpFormatter):
    """What a formatter becomes that translates all texts, and wraps lines by the columns that letters take.

    Attributes:
        catalogue: The texts of the other language.
    """

    catalogue: gettext.NullTranslations

    def _translate(self, text: str) -> str:
        return self.catalogue.gettext(text) if text else text  # the empty text is the catalogue's header

    def start_section(self, heading: str | None) -> None:
        super().start_section(heading and self._translate(heading))

    def add_text(self, text: str | None) -> None:
        super().add_text(text and self._translate(' '.join(text.split())))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = super()._get_help_string(action) or ''
        stem = text.removesuffix(DEFAULT)
        return self._translate(stem) + self._translate(text[len(stem):])

    def _format_usage(self, usage: str | None, actions: Iterable[argparse.Action], groups: Iterable[Any],
                      prefix: str | None) -> str:
        prefix = self._translate('usage: ')
        place = '_' * count_columns(prefix)  # argparse aligns lines by the number of letters
        return super()._format_usage(usage, actions, groups, place).replace(place, prefix, 1)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(' '.join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return '\n'.join(indent + line for line in wrap(' '.join(text.split()), width - len(indent)))


def count_columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for a letter of Chinese or Japanese.

    Args:
        text: The text.

    Example:
        >>> count_columns('GPU 用')
        6
    """
    return sum(2 if east_asian_width(letter) in 'WFA' else 1 for letter in text)


def wrap(text: str, width: int) -> list[str]:
    """Splits a text into lines, of English or of a language without spaces.

    Args:
        text: The text.
        width: The most columns of a line; a longer word has a line of its own.

    Example:
        >>> wrap('学習率を 0.1 にします。', 14)
        ['学習率を 0.1', 'にします。']
        >>> wrap('学習率を 0.1 にします。', 22)
        ['学習率を 0.1 にしま', 'す。']
    """
    lines = ['']
    for piece in _PIECE.findall(text):
        if lines[-1] and count_columns(lines[-1] + piece.rstrip()) > width:
            lines.append('')
        lines[-1] += piece
    return [line.rstrip() for line in lines]
