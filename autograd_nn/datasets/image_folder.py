"""Pictures that lie in a folder for each class."""
from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from autograd_nn.config import get_dtype
from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.datasets.read_image import HEIF_SUFFIXES, image_suffixes, read_image
from autograd_nn.types import DTypeLike, PathLike

# What systems put beside people's files, in lower case.
NOT_OF_PEOPLE = ('thumbs.db', 'desktop.ini', '@eadir', '__macosx')
MOST_NAMED = 20

_logger = logging.getLogger(__name__)


class ImageFolderDataset(DatasetMixin):
    """Images from a directory that has one directory of image files for each class: ``root/class/name.jpg``.

    Files are known by their endings, in upper or lower case. They may lie in directories of their own within that of
    the class, if those of one class at least do not. Links are followed. Names that begin with a dot are left out, and
    what systems put there (``Thumbs.db`` and the like). A warning counts the other files that are no pictures or cannot
    be read here, such as ``.heic`` without pillow-heif (``pip install 'autograd_nn[heif]'``), and names the directories
    without a picture, which are no classes.

    Args:
        root: The directory.
        size: (height, width), or one number for both: each image is scaled to cover this size, and what sticks out is
            cut off evenly. None for the sizes of the files.
        color: Whether images have three channels (red, green, blue) or one.
        on_error: What to do about files that cannot be read. ``'raise'``: raise an error when one is asked for.
            ``'skip'``: try all files now, warn of those that fail, and leave them out.
        scale: The value of the brightest pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels.

    Raises:
        FileNotFoundError: There is no such directory.
        ValueError: There are no images in it (that can be read), or all of them lie deeper.

    Attributes:
        root: The directory.
        labels: The names of the classes, sorted: the label of an image is the index of its class's name. Bytes that
            are no UTF-8 are escaped.
        paths: The files, sorted by class and name.

    An example is a pair of an image, shape (channels, height, width), and a label, shape ().
    """

    def __init__(self, root: PathLike, size: int | tuple[int, int] | None = None, color: bool = True,
                 on_error: str = 'raise', scale: float = 1., dtype: DTypeLike | None = None,
                 label_dtype: DTypeLike = np.int32) -> None:
        if on_error not in ('raise', 'skip'):
            raise ValueError(f"ImageFolderDataset: on_error must be 'raise' or 'skip', got {on_error!r}")
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f'ImageFolderDataset: there is no directory {root}')
        self.root = root
        self._size = size
        self._color = color
        self._scale = scale
        self._dtype = get_dtype(dtype)
        self._label_dtype = label_dtype
        found, others = find_images(root)
        self.paths = [path for path in found if path.parent != root]
        _check_layout(root, self.paths)
        if len(self.paths) < len(found):
            _logger.warning('%s: pictures that lie in no directory of a class are left out: %d', root,
                            len(found) - len(self.paths))
        warn_of_others(root, [path for path in others if path.parent != root])
        if on_error == 'skip':
            self.paths = leave_out_damaged(self.paths)
        if not self.paths:
            raise ValueError(f'ImageFolderDataset: no images in {root} that can be read; {_expected(root)}')
        names = [escape_name(path.relative_to(root).parts[0]) for path in self.paths]
        self.labels = sorted(set(names))
        empty = {escape_name(path.name) for path in visible(root) if path.is_dir()}.difference(names)
        if empty:
            _logger.warning('%s: directories without a picture that can be read are no classes: %s', root,
                            ', '.join(sorted(empty)))
        index = {name: label for label, name in enumerate(self.labels)}
        self._targets = [index[name] for name in names]

    def __len__(self) -> int:
        return len(self.paths)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        return self.get_image(i), self.get_label(i)

    def get_image(self, i: int) -> np.ndarray:
        """The image of the `i`-th example; a subclass may read it in another way."""
        image = read_image(self.paths[i], self._color, self._size, self._dtype)
        image *= self._scale / 255
        return image

    def get_label(self, i: int) -> np.ndarray:
        """The label of the `i`-th example, for which its image is not read."""
        return np.array(self._targets[i], self._label_dtype)


def find_images(root: Path) -> tuple[list[Path], list[Path]]:
    """Finds the pictures in a directory and the directories in it, and the other files.

    Args:
        root: The directory.

    Returns:
        Files whose endings are those of pictures that can be read here, and all others but hidden ones, both sorted.

    Raises:
        OSError: A directory cannot be read.
    """
    suffixes = image_suffixes()
    images: list[Path] = []
    others: list[Path] = []
    for path in _walk(root):
        (images if path.suffix.lower() in suffixes else others).append(path)
    return sorted(images), sorted(others)


def leave_out_damaged(paths: Sequence[Path]) -> list[Path]:
    """The pictures of some files that can be read; a warning names the others.

    Args:
        paths: The files.
    """
    with ThreadPoolExecutor() as executor:
        errors = list(executor.map(_try, paths))
    damaged = [error for error in errors if error is not None]
    for error in damaged[:MOST_NAMED]:
        _logger.warning('left out: %s', error)
    if len(damaged) > MOST_NAMED:
        _logger.warning('left out: %d more that cannot be read', len(damaged) - MOST_NAMED)
    return [path for path, error in zip(paths, errors) if error is None]


def warn_of_others(root: Path, others: Iterable[Path]) -> None:
    """Says in one line how many files of which endings are no pictures that can be read here, and where they are.

    Args:
        root: The directory.
        others: The files, somewhere in it.
    """
    counts: dict[str, Counter[str]] = {}
    for path in others:
        folder = root.name if path.parent == root else path.relative_to(root).parts[0]
        counts.setdefault(path.suffix.lower(), Counter())[escape_name(folder)] += 1
    parts = []
    for suffix, classes in sorted(counts.items()):
        where = ', '.join(f'{name} {count}' for name, count in sorted(classes.items()))
        need = "; they need pip install 'autograd_nn[heif]'" if suffix in HEIF_SUFFIXES else ''
        parts.append(f'{sum(classes.values())} {suffix or "without ending"} ({where}{need})')
    if parts:
        _logger.warning('%s: files that cannot be read here as pictures are left out: %s', root, ', '.join(parts))


def visible(folder: Path) -> list[Path]:
    """What is in a directory, but for hidden files and those that systems put there.

    Args:
        folder: The directory.

    Raises:
        OSError: It cannot be read.
    """
    return [path for path in folder.iterdir()
            if not path.name.startswith('.') and path.name.lower() not in NOT_OF_PEOPLE]


def escape_name(name: str) -> str:
    """A file's name as text that can be printed and saved: bytes in it that are no UTF-8 are escaped.

    Args:
        name: The name, as Python has it.

    Example:
        >>> escape_name(b'caf\\xe9'.decode(errors='surrogateescape')) == 'caf' + r'\\udce9'
        True
    """
    return name.encode(errors='backslashreplace').decode()


def _walk(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in above:  # A link that leads back up would have no end.
        return
    for path in visible(folder):
        if path.is_dir():
            yield from _walk(path, (*above, real))
        elif path.is_file() or path.is_symlink():  # Broken links are no less damaged than other files.
            yield path


def _try(path: Path) -> OSError | None:
    try:
        read_image(path, color=True, dtype=np.uint8)
    except OSError as error:
        return error
    return None


def _check_layout(root: Path, paths: Sequence[Path]) -> None:
    """Refuses a directory whose classes hold only directories: what are the classes then?"""
    depths = {len(path.relative_to(root).parts) for path in paths}
    if paths and min(depths) > 2:
        raise ValueError(f'ImageFolderDataset: the directories in {root} hold only directories: found {paths[0]}; '
                         f'{_expected(root)} (or is {paths[0].parents[1]} what you mean?)')


def _expected(root: Path) -> str:
    return (f'expected a directory for each class, and pictures in them:\n'
            f'  {root / "cat" / "1.jpg"}\n  {root / "cat" / "2.jpg"}\n  {root / "dog" / "1.jpg"}')
