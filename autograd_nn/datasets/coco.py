"""Pictures with boxes in the format of COCO: one file of JSON for all of them."""
from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn.datasets.box_annotations import (
    AnnotatedImages,
    Annotation,
    as_arrays,
    files_in,
    label_of,
    text_of,
    within_picture,
)
from autograd_nn.types import PathLike


class COCOBoxDataset(AnnotatedImages):
    """Pictures with boxes from a file such as ``annotations/instances_val2017.json`` and a folder such as ``val2017``.

    All annotations are read and checked at once. Boxes that reach beyond the picture by a pixel are cut off, and those
    without an area, of which COCO has some, are left out.

    Args:
        annotations: The file.
        images: The folder with the pictures.
        classes: The names of the classes, in the order of the labels; by default those of the file, in the order of
            their numbers there.
        use_crowded: Whether to return boxes of crowds, too.
        return_area: Whether examples have the areas of the objects, which are smaller than those of their boxes.
        return_crowded: Whether examples say which boxes are of crowds.

    Raises:
        FileNotFoundError: The folder or a file is missing.
        ValueError: The file is empty or damaged, there are no images or categories, or two with one id, a class is not
            in the list, or a box is not within its picture.

    Attributes:
        classes: The names of the classes.
        annotations: For each picture its path, size, boxes and labels.

    An example is a tuple of an image, RGB from 0 to 255, float32, shape (3, height, width); boxes (y_min, x_min, y_max,
    x_max), float32, shape (R, 4); labels, int32, shape (R,); then, if they are asked for, the areas in pixels, float32,
    shape (R,), and whether each is a crowd, bool, shape (R,).
    """

    def __init__(self, annotations: PathLike, images: PathLike, classes: Sequence[str] | None = None,
                 use_crowded: bool = False, return_area: bool = False, return_crowded: bool = False) -> None:
        path, folder = Path(annotations), Path(images)
        tables = _tables(path)
        names = {item['id']: str(item['name']) for item in tables['categories']}
        classes = tuple(names.values() if classes is None else classes)
        files = files_in('COCOBoxDataset', folder)
        objects: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for item in tables['annotations']:
            objects[item['image_id']].append(item)
        rows = []
        for item in tables['images']:
            picture = folder / item['file_name']
            if item['file_name'] not in files and not picture.is_file():
                raise FileNotFoundError(f'COCOBoxDataset: there is no file {picture}')
            height, width = (int(_number(f'{path}, image {item["id"]}', item, side)) for side in ('height', 'width'))
            rows.append(_annotation(path, picture, (height, width), objects.pop(item['id'], []), names, classes,
                                    use_crowded))
        if objects:
            raise ValueError(f'{path}: there are annotations of the image {next(iter(objects))!r}, but no such image')
        chosen = [k for k, asked in enumerate((return_area, return_crowded)) if asked]
        super().__init__([row._replace(others=tuple(row.others[k] for k in chosen)) for row in rows], classes)


_ID = int, str
_KEYS: dict[str, dict[str, Any]] = {
    'images': {'id': _ID, 'file_name': str, 'height': object, 'width': object},
    'categories': {'id': _ID, 'name': object},
    'annotations': {'image_id': _ID, 'category_id': _ID, 'bbox': list},
}


def _tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The lists of a file, each element of which has what it needs; images and categories in the order of their ids."""
    try:
        content = json.loads(text_of('COCOBoxDataset', path))
    except (ValueError, RecursionError) as error:
        if 'the file is empty' in str(error):
            raise
        raise ValueError(f'{path}: this is no JSON: {error}') from error
    for name, keys in _KEYS.items():
        items = content.get(name) if isinstance(content, dict) else None
        if not isinstance(items, list):
            raise ValueError(f'{path}: expected an object with the lists {", ".join(_KEYS)}, found no list {name!r}')
        for number, item in enumerate(items):
            for key, kinds in keys.items():
                if not isinstance(item, dict) or key not in item:
                    raise ValueError(f'{path}, {name}[{number}]: there is no {key!r}')
                if not isinstance(item[key], kinds) or isinstance(item[key], bool):
                    raise ValueError(f'{path}, {name}[{number}]: {item[key]!r} is no {key!r}')
        if 'id' in keys:
            if not items:
                raise ValueError(f'{path}: there are no {name}')
            items.sort(key=lambda item: (isinstance(item['id'], str), item['id']))
            twice = [one['id'] for one, other in pairwise(items) if one['id'] == other['id']]
            if twice:
                raise ValueError(f'{path}: there are two {name} with the id {twice[0]!r}')
    return content


def _number(where: str, item: dict[str, Any], key: str) -> float:
    """A number that is given as one, or as text."""
    try:
        number = float(item[key])
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f'{where}: expected a number for {key!r}, got {item[key]!r}')
    return number


def _annotation(path: Path, picture: Path, size: tuple[int, int], items: list[dict[str, Any]], names: dict[Any, str],
                classes: Sequence[str], use_crowded: bool) -> Annotation:
    boxes, labels, areas, crowded = [], [], [], []
    for item in items:
        where = f'{path}, annotation {item.get("id", "without id")} of {picture.name}'
        is_crowd = item.get('iscrowd') is not None and _number(where, item, 'iscrowd') != 0
        if is_crowd and not use_crowded:
            continue
        try:
            x, y, width, height = map(float, item['bbox'])
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f'{where}: expected a bbox [x, y, width, height], got {item["bbox"]!r}') from None
        # As boxes are kept.
        ends = np.array([[x, y], [x + width, y + height]], np.float32)
        if min(width, height) >= 0 and (ends[0] == ends[1]).any():
            continue
        if item['category_id'] not in names:
            raise ValueError(f'{where}: there is no category {item["category_id"]!r}')
        boxes.append(within_picture(where, (y, x, y + height, x + width), size))
        labels.append(label_of(where, names[item['category_id']], classes))
        areas.append(width * height if item.get('area') is None else _number(where, item, 'area'))
        crowded.append(is_crowd)
    return Annotation(picture, size, *as_arrays(boxes, labels), (np.array(areas, np.float32), np.array(crowded, bool)))
