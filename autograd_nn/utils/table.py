"""Tables of text, and quantities in them."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
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


class Units:
    """The units of a table's quantities.

    Args:
        sizes: The size of each unit by its name, the largest first.

    Example:
        >>> from autograd_nn.utils.table import Units
        >>> times = Units({'sec': 1, 'ms': 1e-3})
        >>> times.text(0.5, times.choose('auto', [0.002, 0.5]))
        '500.00ms'
    """

    def __init__(self, sizes: Mapping[str, float]) -> None:
        self._sizes = sizes

    def choose(self, unit: str, quantities: Iterable[float]) -> str:
        """The unit that a caller asks for.

        Args:
            unit: Its name; ``'auto'`` for the one that fits the largest of the quantities; or ``'auto_foreach'``, which
                is left for `text`.
            quantities: Those of the table.

        Raises:
            ValueError: `unit` is something else.
        """
        if unit not in (*self._sizes, 'auto', 'auto_foreach'):
            raise ValueError(f'print_report: unit must be {", ".join(self._sizes)}, auto or auto_foreach, not {unit!r}')
        return self._fitting(max(quantities, default=0)) if unit == 'auto' else unit

    def text(self, quantity: float, unit: str) -> str:
        """A quantity in a unit, or with ``'auto_foreach'`` in the one that fits it."""
        unit = self._fitting(quantity) if unit == 'auto_foreach' else unit
        return f'{quantity / self._sizes[unit]:.2f}{unit}'

    def _fitting(self, quantity: float) -> str:
        """The largest unit of which the quantity is at least one; the smallest if there is none."""
        return next((unit for unit, size in self._sizes.items() if abs(quantity) >= size), [*self._sizes][-1])
