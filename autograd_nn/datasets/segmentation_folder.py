"""Pictures with a label map for each of them, from folders."""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.datasets.box_annotations import lines_of
from autograd_nn.datasets.image_folder import find_images
from autograd_nn.datasets.label_maps import read_label_map
from autograd_nn.datasets.read_image import read_image
from autograd_nn.datasets.voc import VOC_CLASSES
from autograd_nn.types import PathLike

NAMES = 'labels.txt'
_TURNED = (5, 6, 7, 8)  # orientations of EXIF that exchange height and width
_ORIENTATION = 274
_MOST_CLASSES = 255

VOC_SEGMENTATION_CLASSES = ('background', *VOC_CLASSES)
"""The classes of PASCAL VOC as its label maps have them."""


class LabelMapDataset(DatasetMixin):
    """Pictures and their label maps, read when they are asked for.

    An example is a pair of an image, red, green and blue from 0 to 255, float32, shape (3, H, W), and its label map,
    int32, shape (H, W), -1 for pixels that do not matter (255 in the file).

    Args:
        images: The files of the pictures.
        masks: The files of their label maps (see `read_label_map`), in the same order.
        classes: The names of the classes, in the order of their numbers.

    Raises:
        ValueError: There are not as many label maps as pictures, there are too many classes, or a label map has
            another size than its picture.

    Attributes:
        images: The files of the pictures.
        masks: The files of the label maps.
        classes: The names of the classes.
    """

    def __init__(self, images: Sequence[PathLike], masks: Sequence[PathLike], classes: Sequence[str]) -> None:
        self.images = [Path(path) for path in images]
        self.masks = [Path(path) for path in masks]
        self.classes = list(classes)
        if len(self.images) != len(self.masks):
            raise ValueError(f'{type(self).__name__}: expected a label map for each picture, got {len(self.images)} '
                             f'images and {len(self.masks)} masks')
        if not 0 < len(self.classes) <= _MOST_CLASSES:
            raise ValueError(f'{type(self).__name__}: expected from 1 to {_MOST_CLASSES} names of classes, got '
                             f'{len(self.classes)}')
        for image, mask in zip(self.images, self.masks):
            _check_size(image, _size_of(image), mask, _size_of(mask))

    def __len__(self) -> int:
        return len(self.images)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        image, mask = self.images[i], self.masks[i]
        pixels, labels = read_image(image, color=True, dtype=np.float32), read_label_map(mask)
        _check_size(image, pixels.shape[1:], mask, labels.shape)
        _check_classes(mask, labels, self.classes)
        return pixels, labels

    def count_pixels(self) -> np.ndarray:
        """Counts the pixels of each class (see `models.median_frequency_weights`): integers, shape (C,)."""
        with ThreadPoolExecutor() as executor:
            return np.stack(list(executor.map(self._count_pixels, self.masks))).sum(axis=0)

    def _count_pixels(self, mask: Path) -> np.ndarray:
        labels = read_label_map(mask)
        _check_classes(mask, labels, self.classes)
        return np.bincount(labels[labels >= 0], minlength=len(self.classes))


class SegmentationFolderDataset(LabelMapDataset):
    """Pictures and label maps of the same names from two folders: ``root/images/name.jpg``, ``root/masks/name.png``.

    The names of the classes stand in ``root/labels.txt``, in each line one, the first for class 0; without that file
    they are the numbers up to the largest in the label maps. All label maps are read once, so that mistakes are found
    before anything begins.

    Args:
        root: The folder.
        classes: The names of the classes, in place of ``labels.txt``.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: There are no pictures; a picture has no label map, or a label map no picture; one has another size
            than the other; two have one name; a label map is a picture in colours, or has a class that is not in the
            list; no pixel counts, or there is only one class.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from autograd_nn.datasets import write_label_map
        >>> cells = tempfile.mkdtemp()
        >>> for folder in 'images', 'masks':
        ...     Path(cells, folder).mkdir(parents=True)
        >>> Image.new('RGB', (4, 3)).save(f'{cells}/images/1.png')
        >>> write_label_map(f'{cells}/masks/1.png', np.array([[0, 0, 1, 2]] * 3))
        >>> data = SegmentationFolderDataset(cells)
        >>> data.classes, data[0][0].shape, data[0][1].shape
        (['0', '1', '2'], (3, 3, 4), (3, 4))
    """

    def __init__(self, root: PathLike, classes: Sequence[str] | None = None) -> None:
        self.root = root = Path(root)
        images, masks = (_named(root, root / folder) for folder in ('images', 'masks'))
        if not images:
            raise ValueError(f'SegmentationFolderDataset: no pictures in {root / "images"}; expected pictures there, '
                             f'and a label map of the same name for each in {root / "masks"}')
        for some, others, what in (images, masks, 'label map'), (masks, images, 'picture'):
            alone = sorted(some.keys() - others.keys())
            if alone:
                raise ValueError(f'SegmentationFolderDataset: {some[alone[0]]} has no {what}: there is no {alone[0]} '
                                 f'with the ending of a picture in '
                                 f'{root / ("masks" if what == "label map" else "images")}'
                                 + (f' ({len(alone)} such files)' if len(alone) > 1 else ''))
        keys = sorted(images)
        classes = read_names(root / NAMES) if classes is None else classes
        super().__init__([images[key] for key in keys], [masks[key] for key in keys],
                         classes or list(map(str, range(_MOST_CLASSES))))
        counts = self.count_pixels()
        if not classes:
            self.classes = self.classes[:max(np.flatnonzero(counts), default=0) + 1]
        if not counts.any() or len(self.classes) == 1:
            found = 'no class' if not counts.any() else f'the class {self.classes[0]} alone'
            raise ValueError(f'SegmentationFolderDataset: expected label maps of at least two classes in '
                             f'{root / "masks"}, found {found}; 255 stands for pixels that do not count')


class VOCSemanticSegmentationDataset(LabelMapDataset):
    """Pictures and label maps in the layout of PASCAL VOC 2012.

    Pictures lie in ``JPEGImages``, label maps in ``SegmentationClass``, and
    ``ImageSets/Segmentation/train.txt`` (and so on) has the names of those of a split.

    Args:
        data_dir: The folder that these are in, such as ``VOCdevkit/VOC2012``.
        split: ``'train'``, ``'val'`` or ``'trainval'``.
        classes: The names of the classes; by default VOC's (``datasets.VOC_SEGMENTATION_CLASSES``).

    Raises:
        FileNotFoundError: There is no list of such a split, or a file that it names is missing.
        ValueError: The list is empty, or a label map has another size than its picture.
    """

    def __init__(self, data_dir: PathLike, split: str = 'train',
                 classes: Sequence[str] = VOC_SEGMENTATION_CLASSES) -> None:
        self.root = root = Path(data_dir)
        path = root / 'ImageSets' / 'Segmentation' / f'{split}.txt'
        if not path.is_file():
            raise FileNotFoundError(f'VOCSemanticSegmentationDataset: there is no {path}; expected the layout of '
                                    "PASCAL VOC and a split of 'train', 'val' or 'trainval'")
        self.ids = [word for line in lines_of('VOCSemanticSegmentationDataset', path) for word in line.split()]
        images = [root / 'JPEGImages' / f'{name}.jpg' for name in self.ids]
        masks = [root / 'SegmentationClass' / f'{name}.png' for name in self.ids]
        for file in (*images, *masks):
            if not file.is_file():
                raise FileNotFoundError(f'VOCSemanticSegmentationDataset: {path} names a picture that is missing: '
                                        f'{file}')
        super().__init__(images, masks, classes)


def _named(root: Path, folder: Path) -> dict[str, Path]:
    """The pictures in a folder by their names without ending."""
    if not folder.is_dir():
        raise FileNotFoundError(f'SegmentationFolderDataset: there is no folder {folder}; expected pictures in '
                                f'{root / "images"}, and label maps in {root / "masks"}')
    named: dict[str, Path] = {}
    for path in find_images(folder)[0]:
        other = named.setdefault(path.relative_to(folder).with_suffix('').as_posix(), path)
        if other != path:
            raise ValueError(f'SegmentationFolderDataset: expected one file of each name without its ending, got '
                             f'{other} and {path}')
    return named


def read_names(path: Path) -> list[str]:
    """The lines of a file with names of classes; none if there is no such file.

    Args:
        path: The file.

    Raises:
        ValueError: It is not in UTF-8, a line has no name, or a name stands there twice.
    """
    if not path.is_file():
        return []
    names = lines_of('read_names', path)
    if '' in names:  # All names behind it would be those of other numbers.
        raise ValueError(f'{path}: expected the name of a class in each line, found none in line {names.index("") + 1}')
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f'{path}: the class {twice[0]!r} stands there twice')
    return names


def _size_of(path: Path) -> tuple[int, int]:
    """Height and width of a picture, upright, without reading its pixels."""
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            return (width, height) if picture.getexif().get(_ORIENTATION) in _TURNED else (height, width)
    except OSError as error:
        raise OSError(f'cannot read the image {path}: {error}') from error


def _check_size(image: Path, image_size: tuple[int, ...], mask: Path, mask_size: tuple[int, ...]) -> None:
    if image_size != mask_size:
        raise ValueError(f'the label map {mask} has {mask_size[0]} x {mask_size[1]} pixels (height x width), but its '
                         f'picture {image} has {image_size[0]} x {image_size[1]}')


def _check_classes(mask: Path, labels: np.ndarray, classes: Sequence[str]) -> None:
    most = labels.max(initial=-1)
    if most >= len(classes):
        first = f'{", ".join(classes[:3])}{", ..." if len(classes) > 3 else ""}'
        raise ValueError(f'the label map {mask} has the class {most}; expected classes from 0 to {len(classes) - 1} '
                         f'({first}), or 255 for pixels that do not matter')
