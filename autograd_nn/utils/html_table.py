"""Tables for notebooks."""
from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any


def html_table(head: Iterable[str], rows: Iterable[Iterable[Any]], caption: str = '') -> str:
    """A table in HTML, in which all text is escaped: floats have four digits, and None is blank.

    Args:
        head: What stands above the columns.
        rows: The cells.
        caption: What stands above the table.

    Example:
        >>> html_table(['<x>'], [[0.123456], [None]])
        '<table><thead><tr><th>&lt;x&gt;</th></tr></thead><tbody><tr><td>0.1235</td></tr><tr><td></td></tr></tbody></table>'
    """
    text = f'<caption>{escape(caption)}</caption>' if caption else ''
    return (f'<table>{text}<thead><tr>{"".join(f"<th>{escape(cell)}</th>" for cell in head)}</tr></thead><tbody>'
            + ''.join(f'<tr>{"".join(f"<td>{_text(cell)}</td>" for cell in row)}</tr>' for row in rows)
            + '</tbody></table>')


def _text(cell: Any) -> str:
    return '' if cell is None else f'{cell:.4g}' if isinstance(cell, float) else escape(str(cell))
