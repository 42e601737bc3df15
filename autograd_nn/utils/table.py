"""Tables of text."""
from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO


def print_table(rows: Sequence[Sequence[str]], file: IO[str] | None = None) -> None:
    """Prints rows of cells so that the columns end below each other.

    Args:
        rows: The rows, all of one length.
        file: Where to print; standard output by default.

    Example:
        >>> print_table([('name', 'time'), ('Exp', '10.50ms')])
        name     time
         Exp  10.50ms
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print('  '.join(cell.rjust(width) for cell, width in zip(row, widths)), file=file or sys.stdout)
