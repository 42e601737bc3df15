"""The texts that users hand over to a program."""
from __future__ import annotations

from pathlib import Path

from autograd_nn.datasets import read_text


def texts_of(source: str) -> list[str]:
    """The lines of a text file; what is no file is a text itself.

    Args:
        source: The path of a file in UTF-8, or a text.

    Returns:
        Texts that are not empty.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not UTF-8, or there is nothing in it.

    Example:
        >>> texts_of('the third of May 2021')
        ['the third of May 2021']
    """
    try:
        is_file = Path(source).is_file()
    except (OSError, ValueError):  # too long for a path, or with characters that no path has
        is_file = False
    texts = [line.strip() for line in (read_text(source) if is_file else source).splitlines() if line.strip()]
    if not texts:
        raise ValueError(f'{source or "the text"}: expected a text, it is empty')
    return texts
