"""Pictures with boxes in the format of COCO: one file of JSON for all of them."""
from __future__ import annotations

import json
from collections import defaultdict
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
        ValueError: The file is empty or damaged, a class is not in the list, or a box is not within its picture.

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
        names = {item['id']: str(item['name']) for item in sorted(tables['categories'], key=lambda item: item['id'])}
        classes = tuple(names.values() if classes is None else classes)
        files = files_in('COCOBoxDataset', folder)
        objects: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for item in tables['annotations']:
            objects[item['image_id']].append(item)
        rows = []
        for item in sorted(tables['images'], key=lambda item: item['id']):
            if item['file_name'] not in files and not (folder / item['file_name']).is_file():
                raise FileNotFoundError(f'COCOBoxDataset: there is no file {folder / item["file_name"]}')
            size = int(item['height']), int(item['width'])
            rows.append(_annotation(path, folder / item['file_name'], size, objects.pop(item['id'], []), names, classes,
                                    use_crowded))
        if objects:
            raise ValueError(f'{path}: there are annotations of the image {next(iter(objects))!r}, but no such image')
        chosen = [k for k, asked in enumerate((return_area, return_crowded)) if asked]
        super().__init__([row._replace(others=tuple(row.others[k] for k in chosen)) for row in rows], classes)


_KEYS = {'images': ('id', 'file_name', 'height', 'width'), 'categories': ('id', 'name'),
         'annotations': ('image_id', 'category_id', 'bbox')}


def _tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The lists of a file, each element of which has what it needs."""
    try:
        content = json.loads(text_of('COCOBoxDataset', path))
    except ValueError as error:
        if 'the file is empty' in str(error):
            raise
        raise ValueError(f'{path}: this is no JSON: {error}') from error
    for name, keys in _KEYS.items():
        items = content.get(name) if isinstance(content, dict) else None
        if not isinstance(items, list):
            raise ValueError(f'{path}: expected an object with the lists {", ".join(_KEYS)}, found no list {name!r}')
        for number, item in enumerate(items):
            missing = [key for key in keys if not isinstance(item, dict) or key not in item]
            if missing:
                raise ValueError(f'{path}, {name}[{number}]: there is no {missing[0]!r}')
    return content


def _annotation(path: Path, picture: Path, size: tuple[int, int], items: list[dict[str, Any]], names: dict[Any, str],
                classes: Sequence[str], use_crowded: bool) -> Annotation:
    boxes, labels, areas, crowded = [], [], [], []
    for item in items:
        where = f'{path}, annotation {item.get("id", "without id")} of {picture.name}'
        if item.get('iscrowd') and not use_crowded:
            continue
        try:
            x, y, width, height = map(float, item['bbox'])
        except (TypeError, ValueError):
            raise ValueError(f'{where}: expected a bbox [x, y, width, height], got {item["bbox"]!r}') from None
        if width == 0 or height == 0:
            continue
        if item['category_id'] not in names:
            raise ValueError(f'{where}: there is no category {item["category_id"]!r}')
        boxes.append(within_picture(where, (y, x, y + height, x + width), size))
        labels.append(label_of(where, names[item['category_id']], classes))
        areas.append(float(item.get('area', width * height)))
        crowded.append(bool(item.get('iscrowd')))
    return Annotation(picture, size, *as_arrays(boxes, labels), (np.array(areas, np.float32), np.array(crowded, bool)))
