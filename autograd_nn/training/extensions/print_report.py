"""The log as a table."""
from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, Any

from tqdm import tqdm

from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.log_report import LogReport


class PrintReport(Extension):
    """Prints the log as a table, a row at a time. A resumed training begins with the rows it has already.

    Args:
        entries: The keys of the columns.
        log_report: The `LogReport`, or the name under which the trainer has it.
        out: The file to print to; standard output by default.
    """

    def __init__(self, entries: Sequence[str], log_report: LogReport | str = 'LogReport',
                 out: IO[str] | None = None) -> None:
        self._entries = list(entries)
        self._log_report = log_report
        self._out = out
        self._printed = -1

    def __call__(self, trainer: Any) -> None:
        if isinstance(self._log_report, str):
            log = trainer.get_extension(self._log_report).log
        else:
            self._log_report(trainer)
            log = self._log_report.log
        if self._printed < 0:
            self._write([f'{entry:<{_width(entry)}}' for entry in self._entries])
            self._printed = 0
        for row in log[self._printed:]:
            self._write([_cell(row.get(entry), _width(entry)) for entry in self._entries])
        self._printed = len(log)

    def _write(self, cells: list[str]) -> None:
        # A progress bar on the same terminal makes way.
        out = self._out or sys.stdout
        tqdm.write('  '.join(cells).rstrip(), file=out)
        out.flush()

    def serialize(self, serializer: Any) -> None:
        if isinstance(self._log_report, LogReport):
            self._log_report.serialize(serializer['_log_report'])


def _width(entry: str) -> int:
    return max(10, len(entry))


def _cell(value: Any, width: int) -> str:
    """A value, left-aligned; blank where there is none."""
    if value is None:
        return ' ' * width
    return f'{value:<{width}g}' if isinstance(value, (int, float)) else f'{value!s:<{width}}'
