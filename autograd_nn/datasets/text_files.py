"""Files of texts with labels: a line each, columns, or a word with its tag in a line."""
from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from autograd_nn.datasets.text import read_text
from autograd_nn.types import PathLike


def read_columns(path: PathLike, names: tuple[str, str]) -> list[tuple[str, str]]:
    """Reads a file with two columns: one line for each row, a tab (or, in a ``.csv`` file, a comma) between them.

    White space around the columns does not count, nor do empty lines; more tabs are part of the second column. What is
    quoted in a ``.csv`` file may have commas and ends of lines.

    Args:
        path: The file, in UTF-8.
        names: What the columns are, in words.

    Returns:
        The rows.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not UTF-8, is empty, or a row does not have both columns; the message names the line.
    """
    text, comma = read_text(path), Path(path).suffix.lower() == '.csv'
    found = []
    for number, row in _csv_rows(text) if comma else _tab_rows(text):
        cells = [cell.strip() for cell in row]
        if len(cells) != 2 or not all(cells):
            between = 'a comma' if comma else 'a tab'
            raise ValueError(f'{path}, line {number}: expected {names[0]}, {between} and {names[1]}, got '
                             f'{(", " if comma else " ").join(row)[:60]!r}')
        found.append((cells[0], cells[1]))
    if not found:
        raise ValueError(f'{path}: expected lines with {names[0]} and {names[1]}, it is empty')
    return found


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True))
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _tab_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split('\n'), 1):
        if line.strip():
            yield number, line.split('\t', 1)
