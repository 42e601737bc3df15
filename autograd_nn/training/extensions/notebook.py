"""Output in a Jupyter notebook that is replaced while a training goes on."""
from __future__ import annotations

import sys
from typing import IO, Any


def is_notebook(out: IO[str] | None = None) -> bool:
    """Whether what is written to a file ends up in a notebook.

    Args:
        out: The file; standard output by default.
    """
    return type(out or sys.stdout).__module__ == 'ipykernel.iostream'


class Output:
    """A place in the output of a notebook's cell."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str) -> None:
        """Shows HTML in the place of what was there.

        Args:
            text: The HTML.
        """
        from IPython.display import HTML

        self._replace(HTML(text))

    def show_picture(self, data: bytes) -> None:
        """Shows a picture in the place of what was there.

        Args:
            data: A PNG file.
        """
        from IPython.display import Image

        self._replace(Image(data))

    def _replace(self, shown: Any) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)
