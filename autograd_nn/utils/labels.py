"""Files of names of classes."""
from __future__ import annotations

import re
from pathlib import Path

from autograd_nn.types import PathLike


def read_labels(file: PathLike) -> list[str]:
    """Reads the names of classes: a text file with one a line, such as ImageNet's ``synset_words.txt``.

    Args:
        file: A path.

    Returns:
        The names, without WordNet's numbers in front of them (``n01440764 tench, Tinca tinca``).

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not text in UTF-8, or it has no names.

    Example:
        >>> import pathlib, tempfile
        >>> from autograd_nn.caffe import read_labels
        >>> path = pathlib.Path(tempfile.mkdtemp(), 'synset_words.txt')
        >>> _ = path.write_text('n01440764 tench, Tinca tinca\\nn01443537 goldfish, Carassius auratus\\n')
        >>> read_labels(path)
        ['tench, Tinca tinca', 'goldfish, Carassius auratus']
    """
    try:
        lines = Path(file).read_text(encoding='utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f'read_labels: {file}: expected text in UTF-8, found {error.reason}') from error
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise ValueError(f'read_labels: {file}: expected a name a line, found none')
    return [re.sub(r'^n\d{8}\s+', '', line).strip() for line in lines]
