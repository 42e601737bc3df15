"""Average precision as PASCAL VOC has it.

Reference: M. Everingham et al., The Pascal Visual Object Classes (VOC) challenge, International Journal of Computer
Vision 88, 2010.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.evaluation.detections import Arrays, Found, Objects, images, number_of_classes
from autograd_nn.utils.boxes import box_iou

Curves = list[np.ndarray | None]


def eval_detection_voc(pred_bboxes: Arrays, pred_labels: Arrays, pred_scores: Arrays, gt_bboxes: Arrays,
                       gt_labels: Arrays, gt_difficults: Arrays | None = None, iou_thresh: float = 0.5,
                       use_07_metric: bool = False) -> dict[str, Any]:
    """The average precision of detections for each class, and its mean over classes (mAP), by PASCAL VOC's rules.

    From the highest score on, a box is right if the object of its class that it overlaps most is overlapped enough, and
    no box before has found this object. Objects that are difficult neither have to be found, nor do boxes that find
    them count as wrong.

    Boxes are (y_min, x_min, y_max, x_max), the last two just behind the object, where ChainerCV takes the last pixel
    within: with 1 less in the last two columns of all boxes, its function of this name gives the same.

    Args:
        pred_bboxes: For each image the boxes that were found, shape (R, 4).
        pred_labels: Their classes, integers from 0 on, shape (R,).
        pred_scores: How sure each of them is, shape (R,).
        gt_bboxes: For each image the boxes of the objects in it, shape (G, 4).
        gt_labels: Their classes, shape (G,).
        gt_difficults: Which of them are difficult, bool, shape (G,); by default none.
        iou_thresh: Enough is this area of the intersection over that of the union.
        use_07_metric: Whether to take the mean of 11 precisions, as in 2007, rather than the area under the curve.

    Returns:
        ``'ap'``, an array with that of each class, NaN for one of which there is no object; and ``'map'``, the mean
        of the others.

    Raises:
        ValueError: The numbers of images differ, or arrays do not fit together.

    Example:
        >>> from autograd_nn.evaluation import eval_detection_voc
        >>> objects = np.array([[0., 0., 10., 10.], [20., 20., 30., 30.]])
        >>> found = np.array([[0., 1., 10., 10.], [0., 0., 9., 10.]])
        >>> result = eval_detection_voc([found], [np.array([0, 0])], [np.array([0.9, 0.8])],
        ...                             [objects], [np.array([0, 0])])
        >>> result['ap'], float(result['map'])
        (array([0.5]), 0.5)
    """
    prec, rec = calc_detection_voc_prec_rec(pred_bboxes, pred_labels, pred_scores, gt_bboxes, gt_labels, gt_difficults,
                                            iou_thresh)
    ap = calc_detection_voc_ap(prec, rec, use_07_metric)
    return {'ap': ap, 'map': ap[~np.isnan(ap)].mean() if not np.isnan(ap).all() else np.nan}


def calc_detection_voc_prec_rec(pred_bboxes: Arrays, pred_labels: Arrays, pred_scores: Arrays, gt_bboxes: Arrays,
                                gt_labels: Arrays, gt_difficults: Arrays | None = None,
                                iou_thresh: float = 0.5) -> tuple[Curves, Curves]:
    """Precision and recall of the boxes down to each score, for each class.

    The arguments, and what is raised, are those of `eval_detection_voc`.

    Returns:
        Two lists with an element for each class, precisions and recalls: arrays with an element for each box of the
        class, from the highest score on. A precision is NaN where no box counts. A class has None for recalls if there
        is no object of it that has to be found, and None for both if there is nothing of it at all.

    Example:
        >>> from autograd_nn.evaluation import calc_detection_voc_prec_rec
        >>> box = np.array([[0., 0., 10., 10.]])
        >>> calc_detection_voc_prec_rec([box], [np.array([1])], [np.array([0.9])], [box], [np.array([1])])
        ([None, array([1.])], [None, array([1.])])
    """
    data = images('eval_detection_voc', pred_bboxes, pred_labels, pred_scores, gt_bboxes, gt_labels,
                  gt_difficults=gt_difficults)
    there = np.concatenate([objects.labels for _, objects in data] or [np.empty(0, np.intp)])
    difficult = np.concatenate([objects.others[0] if objects.others else np.zeros(len(objects.labels), bool)
                                for _, objects in data] or [there]).astype(bool)
    labels = np.concatenate([found.labels for found, _ in data] or [there])
    scores = np.concatenate([found.scores for found, _ in data] or [there])
    matches = _matches(data, iou_thresh)
    prec: Curves = []
    rec: Curves = []
    for label in range(number_of_classes(data)):
        positive = np.count_nonzero((there == label) & ~difficult)
        chosen = np.flatnonzero(labels == label)
        chosen = chosen[np.argsort(-scores[chosen], kind='stable')]
        wanted = matches[chosen]
        easy = (wanted < 0) | ~difficult[wanted] if len(difficult) else np.ones(len(wanted), bool)
        right = (wanted >= 0) & easy & _is_first(wanted)
        hits, counted = right.cumsum(), easy.cumsum()
        with np.errstate(invalid='ignore'):
            exists = len(chosen) or (there == label).any()
            prec.append(hits / counted if exists else None)
        rec.append(hits / positive if positive else None)
    return prec, rec


def calc_detection_voc_ap(prec: Sequence[np.ndarray | None], rec: Sequence[np.ndarray | None],
                          use_07_metric: bool = False) -> np.ndarray:
    """The average of precisions over recalls, for each class.

    Args:
        prec: Precisions, as `calc_detection_voc_prec_rec` returns them.
        rec: The recalls that go with them.
        use_07_metric: Whether to take the mean of those at the recalls 0, 0.1, ..., 1, as in 2007, rather than the area
            under the curve. Either way, the precision at a recall is the greatest at this or a higher one.

    Returns:
        One for each class, NaN where one of its arrays is None; float64, shape (classes,).

    Example:
        >>> from autograd_nn.evaluation import calc_detection_voc_ap
        >>> calc_detection_voc_ap([np.array([1., 0.5, 2 / 3]), None], [np.array([0.5, 0.5, 1.]), None]).round(3)
        array([0.833,   nan])
    """
    average = _eleven_points if use_07_metric else _area
    return np.array([np.nan if p is None or r is None else average(np.nan_to_num(p), r)
                     for p, r in zip(prec, rec, strict=True)], np.float64)


def _matches(data: list[tuple[Found, Objects]], iou_thresh: float) -> np.ndarray:
    """For each box that was found the number of the object it is for, counted over all images; -1 for none."""
    result, before = [np.empty(0, np.intp)], 0
    for found, objects in data:
        numbers = np.full(len(found.labels), -1)
        if len(found.labels) and len(objects.labels):
            same = found.labels[:, None] == objects.labels
            overlaps = np.where(same, box_iou(found.boxes, objects.boxes), -1)
            enough = (overlaps.max(axis=1) >= iou_thresh) & same.any(axis=1)
            numbers = np.where(enough, before + overlaps.argmax(axis=1), -1)
        result.append(numbers)
        before += len(objects.labels)
    return np.concatenate(result)


def _is_first(numbers: np.ndarray) -> np.ndarray:
    """Whether each element is the first one with its value."""
    first = np.zeros(len(numbers), bool)
    first[np.unique(numbers, return_index=True)[1]] = True
    return first


def _eleven_points(prec: np.ndarray, rec: np.ndarray) -> float:
    return float(np.mean([prec[rec >= recall].max(initial=0) for recall in np.arange(0, 1.1, 0.1)]))


def _area(prec: np.ndarray, rec: np.ndarray) -> float:
    highest = np.maximum.accumulate(prec[::-1])[::-1]
    return float((np.diff(rec, prepend=0) * highest).sum())
