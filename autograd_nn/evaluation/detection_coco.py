"""Average precision and recall as COCO has them.

Reference: T.-Y. Lin et al., Microsoft COCO: Common objects in context, 2014, https://arxiv.org/abs/1405.0312, and the
program that it is evaluated with, pycocotools.
"""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd_nn.evaluation.detections import Arrays, Found, Objects, images, number_of_classes

_OVERLAPS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0, 1, 101)
_SIZES = {'all': (0, 1e10), 'small': (0, 32 ** 2), 'medium': (32 ** 2, 96 ** 2), 'large': (96 ** 2, 1e10)}
_MOST = 1, 10, 100

# What is asked: precision or recall, at which overlaps, of which sizes, among how many boxes of each image.
_METRICS = (('ap', '0.50:0.95', 'all', 100), ('ap', '0.50', 'all', 100), ('ap', '0.75', 'all', 100),
            ('ap', '0.50:0.95', 'small', 100), ('ap', '0.50:0.95', 'medium', 100), ('ap', '0.50:0.95', 'large', 100),
            ('ar', '0.50:0.95', 'all', 1), ('ar', '0.50:0.95', 'all', 10), ('ar', '0.50:0.95', 'all', 100),
            ('ar', '0.50:0.95', 'small', 100), ('ar', '0.50:0.95', 'medium', 100), ('ar', '0.50:0.95', 'large', 100))


class _Result(NamedTuple):
    """What became of the boxes in an image, or in all of them, for each of S ranges of sizes and T overlaps.

    Attributes:
        labels: The classes of the boxes, shape (R,).
        scores: Shape (R,).
        ranks: How many boxes of the same class and image have higher scores, shape (R,).
        right: Which of them have found an object, bool, shape (R, S, T).
        ignored: Which of them do not count, bool, shape (R, S, T).
        object_labels: The classes of the objects, shape (G,).
        wanted: Which of them have to be found, bool, shape (G, S).
    """

    labels: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray
    right: np.ndarray
    ignored: np.ndarray
    object_labels: np.ndarray
    wanted: np.ndarray


def eval_detection_coco(pred_bboxes: Arrays, pred_labels: Arrays, pred_scores: Arrays, gt_bboxes: Arrays,
                        gt_labels: Arrays, gt_areas: Arrays | None = None,
                        gt_crowdeds: Arrays | None = None) -> dict[str, Any]:
    """The twelve numbers of COCO for boxes: average precisions and recalls, also for each class.

    From the highest score on, a box finds the object of its class that it overlaps most, of those that no box before
    has found. That is done for ten least overlaps, 0.5, 0.55, ..., 0.95. For each, the precision is averaged over the
    recalls 0, 0.01, ..., 1. Crowds, and objects of other sizes than those in question, neither have to be found, nor do
    boxes that find them count as wrong. Per class and image, 100 boxes count.

    Args:
        pred_bboxes: For each image the boxes that were found, (y_min, x_min, y_max, x_max), shape (R, 4).
        pred_labels: Their classes, integers from 0 on, shape (R,).
        pred_scores: How sure each of them is, shape (R,).
        gt_bboxes: For each image the boxes of the objects in it, shape (G, 4).
        gt_labels: Their classes, shape (G,).
        gt_areas: The objects' areas in pixels, shape (G,); by default those of their boxes.
        gt_crowdeds: Which of them are crowds, bool, shape (G,); by default none.

    Returns:
        By the names ``'ap/iou=0.50:0.95/area=all/max_dets=100'`` and so on, as in ChainerCV, arrays with a number for
        each class, NaN for one of which there is no object; and with ``'m'`` before the name its mean over classes.
        ``'existent_labels'`` are the classes of which there is anything.

    Raises:
        ValueError: The numbers of images differ, or arrays do not fit together.

    Example:
        >>> from autograd_nn.evaluation import eval_detection_coco
        >>> result = eval_detection_coco([np.array([[0., 0., 8., 10.]])], [np.array([0])], [np.array([0.9])],
        ...                              [np.array([[0., 0., 10., 10.]])], [np.array([0])])
        >>> float(result['map/iou=0.50:0.95/area=all/max_dets=100'])  # at seven of ten overlaps
        0.7
    """
    data = images('eval_detection_coco', pred_bboxes, pred_labels, pred_scores, gt_bboxes, gt_labels,
                  gt_areas=gt_areas, gt_crowdeds=gt_crowdeds)
    precision, recall = (np.full((number_of_classes(data), len(_SIZES), len(_MOST), len(_OVERLAPS)), np.nan)
                         for _ in range(2))
    summary: dict[str, Any] = {'existent_labels': []}
    if data:
        results = [_matched(found, objects, *_areas_and_crowds(objects, gt_areas is not None, gt_crowdeds is not None))
                   for found, objects in data]
        result = _Result(*[np.concatenate(column) for column in zip(*results)])
        summary['existent_labels'] = np.union1d(result.labels, result.object_labels).astype(int).tolist()
        for label in summary['existent_labels']:
            precision[label], recall[label] = _averaged(result, label)
    for kind, overlaps, size, most in _METRICS:
        values = (precision if kind == 'ap' else recall)[:, list(_SIZES).index(size), _MOST.index(most)]
        if ':' not in overlaps:
            values = values[:, np.isclose(_OVERLAPS, float(overlaps))]
        # Where a class has no object of a size, it has none at all overlaps.
        values = values.mean(axis=1)
        name = f'{kind}/iou={overlaps}/area={size}/max_dets={most}'
        summary[name], summary[f'm{name}'] = values, np.nan if np.isnan(values).all() else np.nanmean(values)
    return summary


def _areas_and_crowds(objects: Objects, has_areas: bool, has_crowds: bool) -> tuple[np.ndarray, np.ndarray]:
    boxes = objects.boxes.astype(np.float64)
    areas = objects.others[0] if has_areas else (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas, objects.others[-1].astype(bool) if has_crowds else np.zeros(len(boxes), bool)


def _matched(found: Found, objects: Objects, areas: np.ndarray, crowds: np.ndarray) -> _Result:
    """Looks for the object of each box, from the highest score on, at all overlaps and sizes at once."""
    ranks = _ranks(found.labels)
    wanted = ~crowds[:, None] & _within(areas)
    overlaps = _overlaps(found.boxes, objects.boxes, crowds)
    overlaps[found.labels[:, None] != objects.labels] = 0
    overlaps[ranks >= _MOST[-1]] = 0
    right, ignored = np.zeros((2, len(found.labels), len(_SIZES), len(_OVERLAPS)), bool)
    taken = np.zeros((len(areas), len(_SIZES), len(_OVERLAPS)), bool)
    for i in np.flatnonzero((overlaps >= _OVERLAPS[0]).any(axis=1)):
        # The objects that it overlaps most come first, of equal ones the last; those that do not count come at the end.
        candidates = np.argsort(overlaps[i], kind='stable')[::-1][:np.count_nonzero(overlaps[i] >= _OVERLAPS[0])]
        for counts in True, False:
            for j in candidates:
                new = (overlaps[i, j] >= np.minimum(_OVERLAPS, 1 - 1e-10)) & (wanted[j] == counts)[:, None] & ~right[i]
                if not crowds[j]:
                    new &= ~taken[j]
                right[i] |= new
                taken[j] |= new
                if not counts:
                    ignored[i] |= new
    area = (found.boxes[:, 2:].astype(np.float64) - found.boxes[:, :2]).prod(axis=1)
    ignored |= ~right & ~_within(area)[..., None]
    return _Result(found.labels, found.scores, ranks, right, ignored, objects.labels, wanted)


def _ranks(labels: np.ndarray) -> np.ndarray:
    """How many of the same label (R,) come before each, in the time of a sort: there may be thousands."""
    order = np.argsort(labels, kind='stable')
    ordered = labels[order]
    ranks = np.empty(len(labels), np.intp)
    ranks[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return ranks


def _within(areas: np.ndarray) -> np.ndarray:
    """Whether areas (G,) are within the ranges of sizes: bool (G, S)."""
    smallest, largest = np.array(list(_SIZES.values())).T
    return (areas[:, None] >= smallest) & (areas[:, None] <= largest)


def _overlaps(found: np.ndarray, objects: np.ndarray, crowds: np.ndarray) -> np.ndarray:
    """Intersection over union, with a crowd over the area of the box that was found."""
    found, objects = found.astype(np.float64)[:, None], objects.astype(np.float64)
    sides = np.minimum(found[..., 2:], objects[:, 2:]) - np.maximum(found[..., :2], objects[:, :2])
    common = np.maximum(sides, 0).prod(axis=2)
    area = (found[..., 2:] - found[..., :2]).prod(axis=2)
    union = np.where(crowds, area, area + (objects[:, 2:] - objects[:, :2]).prod(axis=1) - common)
    return common / np.where(union == 0, 1, union)


def _averaged(result: _Result, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and recall of one class, shape (S, M, T); NaN where there is nothing to find."""
    positive = result.wanted[result.object_labels == label].sum(axis=0)
    precision, recall = (np.full((len(_SIZES), len(_MOST), len(_OVERLAPS)), np.nan) for _ in range(2))
    for m, most in enumerate(_MOST):
        chosen = np.flatnonzero((result.labels == label) & (result.ranks < most))
        chosen = chosen[np.argsort(-result.scores[chosen], kind='stable')]
        ignored = result.ignored[chosen].transpose(1, 2, 0)
        hits = (result.right[chosen].transpose(1, 2, 0) & ~ignored).cumsum(axis=-1)
        counted = (~ignored).cumsum(axis=-1)
        for s in np.flatnonzero(positive):
            recalls = hits[s] / positive[s]
            precisions = hits[s] / (counted[s] + np.spacing(1))
            highest = np.maximum.accumulate(precisions[:, ::-1], axis=-1)[:, ::-1]
            recall[s, m] = recalls[:, -1] if len(chosen) else 0
            # Recalls that are not reached have the precision 0.
            highest = np.concatenate([highest, np.zeros((len(highest), 1))], axis=1)
            precision[s, m] = [p[np.searchsorted(r, _RECALLS)].mean() for p, r in zip(highest, recalls)]
    return precision, recall
