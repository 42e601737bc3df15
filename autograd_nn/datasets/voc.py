"""Pictures with boxes in the folders of PASCAL VOC, in which many programs that draw boxes save them."""
from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn.datasets.box_annotations import (
    AnnotatedImages,
    Annotation,
    as_arrays,
    files_in,
    label_of,
    lines_of,
    text_of,
    within_picture,
)
from autograd_nn.types import PathLike

VOC_CLASSES = ('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable',
               'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
"""The classes of PASCAL VOC 2007 to 2012, in the order of the labels."""

_FLAGS = {'': False, '0': False, 'false': False, '1': True, 'true': True}


class VOCBoxDataset(AnnotatedImages):
    """Pictures with boxes from a folder such as ``VOCdevkit/VOC2007``.

    In it, ``ImageSets/Main/train.txt`` names the pictures of a split, one in a line; of the picture ``000001``, the
    boxes are in ``Annotations/000001.xml``, and the pixels in ``JPEGImages/000001.jpg``, or in the file in
    ``JPEGImages`` that the ``filename`` in the XML names. All annotations are read and checked at once.

    VOC counts pixels from 1, and the last two numbers of a box are within it; here pixels are counted from 0, and the
    last two are just behind. Boxes that reach beyond the picture by a pixel, as those of programs do that count from 0,
    are cut off.

    Args:
        root: The folder.
        split: The name of the list.
        classes: The names of the classes, in the order of the labels.
        use_difficult: Whether to return difficult objects, too.
        return_difficult: Whether examples say which objects are difficult.

    Raises:
        FileNotFoundError: A folder or a file is missing.
        ValueError: A file is empty or damaged, a class is not in the list, or a box is not within its picture.

    Attributes:
        classes: The names of the classes.
        annotations: For each picture its path, size, boxes and labels.

    An example is a tuple of an image, RGB from 0 to 255, float32, shape (3, height, width); boxes (y_min, x_min, y_max,
    x_max), float32, shape (R, 4); labels, int32, shape (R,); and, with `return_difficult`, bool, shape (R,).
    """

    def __init__(self, root: PathLike, split: str = 'train', classes: Sequence[str] = VOC_CLASSES,
                 use_difficult: bool = False, return_difficult: bool = False) -> None:
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f'VOCBoxDataset: there is no folder {root}')
        names_file = root / 'ImageSets' / 'Main' / f'{split}.txt'
        known = files_in('VOCBoxDataset', root / 'Annotations')
        # Behind a name may stand whether the picture has an object of some class; spaces may belong to the name, too.
        names = [line if f'{line}.xml' in known else line.split()[0]
                 for line in lines_of('VOCBoxDataset', names_file) if line]
        pictures = files_in('VOCBoxDataset', root / 'JPEGImages')
        annotations = [_read(root, name, pictures, tuple(classes), use_difficult) for name in names]
        if not return_difficult:
            annotations = [annotation._replace(others=()) for annotation in annotations]
        super().__init__(annotations, classes)


def _read(root: Path, name: str, pictures: set[str], classes: Sequence[str], use_difficult: bool) -> Annotation:
    from xml.etree import ElementTree  # it takes time, and few programs need it

    path = root / 'Annotations' / f'{name}.xml'
    try:
        tree = ElementTree.fromstring(text_of('VOCBoxDataset', path))
    except ElementTree.ParseError as error:
        raise ValueError(f'{path}: this is no XML: {error}') from error
    picture = next((file for file in (f'{name}.jpg', tree.findtext('filename', '').strip()) if file in pictures), None)
    if picture is None:
        raise FileNotFoundError(f'VOCBoxDataset: there is no file {root / "JPEGImages" / name}.jpg')
    size = int(_number(path, tree, 'size/height')), int(_number(path, tree, 'size/width'))
    boxes, labels, difficult = [], [], []
    for number, item in enumerate(tree.iterfind('object'), 1):
        where = f'{path}, object {number}'
        hard = _is_true(where, item, 'difficult')
        if hard and not use_difficult:
            continue
        y_min, x_min, y_max, x_max = (_number(where, item, f'bndbox/{tag}') for tag in ('ymin', 'xmin', 'ymax', 'xmax'))
        boxes.append(within_picture(where, (y_min - 1, x_min - 1, y_max, x_max), size))
        labels.append(label_of(where, item.findtext('name', '').strip(), classes))
        difficult.append(hard)
    return Annotation(root / 'JPEGImages' / picture, size, *as_arrays(boxes, labels), (np.array(difficult, bool),))


def _number(where: Path | str, tree: Any, tag: str) -> float:
    text = tree.findtext(tag)
    try:
        number = float(text or '')
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f'{where}: expected a number in {tag}, got {"nothing" if text is None else repr(text)}')
    return number


def _is_true(where: str, tree: Any, tag: str) -> bool:
    text = (tree.findtext(tag) or '').strip()
    if text.lower() not in _FLAGS:
        raise ValueError(f'{where}: expected 0 or 1 in {tag}, got {text!r}')
    return _FLAGS[text.lower()]
