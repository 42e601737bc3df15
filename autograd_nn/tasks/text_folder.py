"""Files of texts as data sets: which of them are there, and what is held out."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from autograd_nn.datasets.image_folder import visible
from autograd_nn.tasks.picture_folder import HELD_OUT, TRAIN

T = TypeVar('T')


def find_files(folder: Path, suffixes: Sequence[str]) -> tuple[Path | None, Path | None]:
    """The files in a folder to train with and to test with, by their names, such as ``train.tsv`` and ``test.tsv``.

    Args:
        folder: The folder.
        suffixes: Those that such files have.

    Returns:
        Each of them, or None.
    """
    files = {file.stem.lower(): file for file in sorted(visible(folder))
             if file.suffix.lower() in suffixes and file.is_file()}
    train, test = (next((files[name] for name in names if name in files), None) for names in (TRAIN, HELD_OUT))
    return train, test


def hold_out(path: Path, rows: Sequence[T], things: str, seed: int) -> tuple[list[T], list[T]]:
    """Keeps a fifth, at least one, of what was read to test with, and says so.

    Args:
        path: Where it was read.
        rows: What was read.
        things: What it is, in words.
        seed: Chooses.

    Returns:
        What to train with, and what was held out.

    Raises:
        ValueError: There is only one.
    """
    if len(rows) < 2:
        raise ValueError(f'{path}: expected at least 2 {things}, one of which to test with')
    order, count = np.random.default_rng(seed).permutation(len(rows)).tolist(), max(1, len(rows) // 5)
    print(f'{path}: {count:,} of {len(rows):,} {things}, about a fifth, are held out to test with (--seed chooses '
          'them)')
    return [rows[i] for i in sorted(order[count:])], [rows[i] for i in sorted(order[:count])]
