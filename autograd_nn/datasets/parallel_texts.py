"""Texts with their translations: two files, line by line."""
from __future__ import annotations

from pathlib import Path

from autograd_nn.datasets.text import read_text
from autograd_nn.types import PathLike


def read_parallel_texts(source: PathLike, target: PathLike) -> list[tuple[str, str]]:
    """Reads two text files in UTF-8 of which each line of the second is the translation of the same line of the first.

    Args:
        source: The first file.
        target: The second file.

    Returns:
        Pairs of lines; where one of them is empty, they are left out.

    Raises:
        OSError: A file cannot be read.
        ValueError: One is not UTF-8, they have different numbers of lines, or there are no pairs.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / 'train.en').write_text('one\\ntwo\\n'), (folder / 'train.de').write_text('eins\\nzwei\\n')
        >>> read_parallel_texts(folder / 'train.en', folder / 'train.de')
        [('one', 'eins'), ('two', 'zwei')]
    """
    texts = [[line.strip() for line in read_text(path).removesuffix('\n').split('\n')] for path in (source, target)]
    if len(texts[0]) != len(texts[1]):
        raise ValueError(f'{target}: expected as many lines as {source} has, {len(texts[0]):,}, got {len(texts[1]):,}')
    pairs = [(first, second) for first, second in zip(*texts) if first and second]
    if not pairs:
        raise ValueError(f'{source} and {target}: expected lines of text, they are empty')
    return pairs


def find_parallel_texts(folder: PathLike, languages: tuple[str, str] | None = None) -> dict[str, tuple[Path, Path]]:
    """Finds parallel texts in a folder, such as ``train.en``, ``train.de``, ``test.en`` and ``test.de``.

    Args:
        folder: The folder.
        languages: What the names of the two files end with, such as ``('en', 'de')``; by default ``src`` and ``tgt``.

    Returns:
        The two files for ``'train'`` and, if there are any, for ``'test'``: those called test, or dev, val or valid.

    Raises:
        ValueError: There are none to train with.
    """
    ends = languages or ('src', 'tgt')

    def find(part: str) -> tuple[Path, Path] | None:
        first, second = (Path(folder) / f'{part}.{end}' for end in ends)
        return (first, second) if first.is_file() and second.is_file() else None

    train = find('train')
    if train is None:
        there = ', '.join(sorted(path.name for path in Path(folder).glob('train.*'))) or 'none'
        raise ValueError(f'{folder}: expected train.{ends[0]} and train.{ends[1]}; of files called train there are: '
                         f'{there} (--languages names the ends of their names)')
    test = next(filter(None, map(find, ('test', 'dev', 'val', 'valid'))), None)
    return {'train': train} if test is None else {'train': train, 'test': test}
