"""What metrics of detection are given: for each image what was found, and what there is."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

Arrays = Iterable[np.ndarray]


class Found(NamedTuple):
    """What was found in an image, from the highest score on.

    Attributes:
        boxes: Shape (R, 4).
        labels: Shape (R,).
        scores: Shape (R,).
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


class Objects(NamedTuple):
    """What there is in an image.

    Attributes:
        boxes: Shape (G, 4).
        labels: Shape (G,).
        others: Further arrays of shape (G,).
    """

    boxes: np.ndarray
    labels: np.ndarray
    others: tuple[np.ndarray, ...]


def images(function: str, pred_bboxes: Arrays, pred_labels: Arrays, pred_scores: Arrays, gt_bboxes: Arrays,
           gt_labels: Arrays, **others: Arrays | None) -> list[tuple[Found, Objects]]:
    """The images of a data set.

    Args:
        function: The metric, for messages.
        pred_bboxes: For each image the boxes found, shape (R, 4).
        pred_labels: Their classes, integers, shape (R,).
        pred_scores: Their scores, shape (R,).
        gt_bboxes: The boxes there are, shape (G, 4).
        gt_labels: Their classes, integers, shape (G,).
        others: Further arrays for each image, shape (G,); or None.

    Raises:
        ValueError: The numbers of images differ, or arrays do not fit together.
    """
    given = {'pred_bboxes': pred_bboxes, 'pred_labels': pred_labels, 'pred_scores': pred_scores,
             'gt_bboxes': gt_bboxes, 'gt_labels': gt_labels, **others}
    columns = {name: [_as_column(name, x) for x in arrays] for name, arrays in given.items() if arrays is not None}
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError(f'{function}: expected as many images everywhere, got '
                         f'{", ".join(f"{len(column)} {name}" for name, column in columns.items())}')
    result = []
    for i, row in enumerate(zip(*columns.values())):
        for name, x in zip(columns, row):
            count = len(row[0] if name.startswith('pred_') else row[3])
            expected = (count, 4) if name.endswith('bboxes') else (count,)
            if x.shape != expected:
                raise ValueError(f'{function}: {name} of image {i}: expected an array of shape {expected}, '
                                 f'got {x.shape}')
            if name.endswith('labels') and x.size and (x.dtype.kind not in 'iu' or x.min() < 0):
                raise ValueError(f'{function}: {name} of image {i}: expected integers of at least 0, got {x.dtype}, '
                                 f'the least is {x.min()}')
        order = np.argsort(-row[2], kind='stable')
        result.append((Found(*[x[order] for x in row[:3]]), Objects(row[3], row[4], row[5:])))
    return result


def _as_column(name: str, x: Any) -> np.ndarray:
    """An array; scores are numbers that have an order, and no boxes have four columns, too."""
    array = np.asarray(x, np.float64 if name == 'pred_scores' else None)
    return array.reshape(0, 4) if name.endswith('bboxes') and array.shape == (0,) else array


def number_of_classes(data: list[tuple[Found, Objects]]) -> int:
    """One more than the greatest label."""
    return max([int(part.labels.max()) + 1 for pair in data for part in pair if len(part.labels)], default=0)
