"""A page of HTML that needs nothing but itself."""
from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from autograd_nn.reports.elements import Section
from autograd_nn.types import PathLike
from autograd_nn.utils.atomic import atomic_write

# The browser itself is told to load nothing from anywhere.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
RELOAD_SECONDS = 15


def page(title: str, status: str, sections: Sequence[Section], is_running: bool = False) -> str:
    """A whole page.

    Args:
        title: Its title.
        status: A line below the title, as HTML.
        sections: What it shows.
        is_running: Whether there will be a newer one soon, for which the browser looks.

    Example:
        >>> from autograd_nn.reports import Section, Table
        >>> text = page('A run', 'complete', [Section('Words', [Table([], [['cat', 3]])])])
        >>> text.startswith('<!DOCTYPE html>'), 'src=' in text
        (True, False)
    """
    style, script = (files(__package__).joinpath(f'report.{kind}').read_text('utf-8') for kind in ('css', 'js'))
    reload = f'<meta http-equiv="refresh" content="{RELOAD_SECONDS}">\n' if is_running else ''
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="color-scheme" content="light dark">\n{reload}<link rel="icon" href="data:,">\n'
            f'<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n'
            f'<header><h1>{escape(title)}</h1><p class="status">{status}</p></header>\n'
            f'<main>\n{"".join(section.html() for section in sections)}</main>\n'
            f'<script>\n{script}</script>\n</body>\n</html>\n')


def write_page(path: PathLike, text: str) -> None:
    """Writes a page, wholly or not at all.

    Args:
        path: The file.
        text: The page.
    """
    with atomic_write(Path(path)) as file:
        file.write(text.encode(errors='backslashreplace'))
