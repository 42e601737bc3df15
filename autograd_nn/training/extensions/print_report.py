"""The log as a table."""
from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from itertools import zip_longest
from shutil import get_terminal_size
from typing import IO, Any

from tqdm import tqdm

from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.log_report import LogReport
from autograd_nn.training.extensions.notebook import Output, is_notebook
from autograd_nn.training.trainer import Trainer
from autograd_nn.utils.html_table import html_table

_ROWS = 30  # of the table in a notebook


class PrintReport(Extension):
    """Prints the log as a table, a row at a time. A resumed training begins with the rows it has already.

    Where the names are too long for the width of the terminal (80 columns if the output is no terminal), the head takes
    several lines and numbers have fewer digits. In a Jupyter notebook it is a table of HTML with the last 30 rows.

    Args:
        entries: The keys of the columns.
        log_report: The `LogReport`, or the name under which the trainer has it.
        out: The file to print to, anything with a method ``write``; standard output by default.
    """

    def __init__(self, entries: Sequence[str], log_report: LogReport | str = 'LogReport',
                 out: IO[str] | None = None) -> None:
        self._entries = list(entries)
        self._log_report = log_report
        self._out = out
        self._printed = -1
        self._heads: list[list[str]] = []
        self._output = Output()

    def __call__(self, trainer: Trainer) -> None:
        if isinstance(self._log_report, str):
            log = trainer.get_extension(self._log_report).log
        else:
            self._log_report(trainer)
            log = self._log_report.log
        if is_notebook(self._out):
            if len(log) <= max(self._printed, 0):
                return
            self._printed = len(log)
            rows = [[row.get(entry) for entry in self._entries] for row in log[-_ROWS:]]
            self._output.show(html_table(self._entries, rows))
            return
        if self._printed < 0:
            self._heads = _choose_heads(self._entries, get_terminal_size().columns)
            for line in zip_longest(*self._heads, fillvalue=''):
                self._write([f'{part:<{_width(head)}}' for part, head in zip(line, self._heads)])
            self._printed = 0
        for row in log[self._printed:]:
            self._write([_cell(row.get(entry), _width(head)) for entry, head in zip(self._entries, self._heads)])
        self._printed = len(log)

    def _write(self, cells: list[str]) -> None:
        # A progress bar on the same terminal makes way.
        out = self._out or sys.stdout
        tqdm.write('  '.join(cells).rstrip(), file=out)
        if hasattr(out, 'flush'):
            out.flush()

    def serialize(self, serializer: AbstractSerializer) -> None:
        if isinstance(self._log_report, LogReport):
            self._log_report.serialize(serializer['_log_report'])


def _choose_heads(entries: Sequence[str], room: int) -> list[list[str]]:
    """The head of each column: lines, the last of which is padded to the width of the column.

    They are as few as possible, and the columns as wide, up to ten characters, as the room allows.
    """
    longest = max(len(_parts(entry)) for entry in entries) if entries else 1
    for lines, least in [(1, 10), *((n, least) for n in range(2, longest + 1) for least in (10, 8, 6))]:
        heads = [_break(entry, lines, least) for entry in entries]
        if sum(map(_width, heads)) + 2 * (len(heads) - 1) <= room:
            break
    return heads


def _break(entry: str, lines: int, least: int) -> list[str]:
    """A name in at most so many lines, of which the longest is as short as possible."""
    width = least
    while len(broken := _fill(_parts(entry), width)) > lines:
        width += 1
    return [*broken[:-1], broken[-1].ljust(least)]


def _fill(parts: list[str], width: int) -> list[str]:
    filled: list[str] = []
    for part in parts:
        if filled and len(filled[-1]) + len(part) <= width:
            filled[-1] += part
        else:
            filled.append(part)
    return filled


def _parts(entry: str) -> list[str]:
    return re.findall('[^/_]*[/_]|[^/_]+', entry) or ['']


def _width(head: list[str]) -> int:
    return max(map(len, head))


def _cell(value: Any, width: int) -> str:
    """A value, left-aligned; blank where there is none. A float has as many digits, at most six, as there is room."""
    if isinstance(value, float):
        value = next((text for text in (f'{value:.{digits}g}' for digits in range(6, 1, -1)) if len(text) <= width),
                     f'{value:.1g}')
    return f'{"" if value is None else value!s:<{width}}'
