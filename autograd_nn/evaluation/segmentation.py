"""How well label maps agree with the truth: metrics of semantic segmentation, with ChainerCV's names."""
from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

import numpy as np


def calc_semantic_segmentation_confusion(pred_labels: Iterable[np.ndarray], gt_labels: Iterable[np.ndarray],
                                         num_classes: int = 0) -> np.ndarray:
    """Counts which classes pixels were taken for.

    Args:
        pred_labels: Label maps that were predicted, integers, each of shape (H, W): arrays or nested lists.
        gt_labels: True label maps of the same shapes; pixels of a class below 0 are not counted.
        num_classes: The least number of classes; there are as many as the largest label asks for.

    Returns:
        How many pixels of each class (row) were predicted as each class (column); int64, shape (C, C).

    Raises:
        ValueError: Shapes differ, there are more maps of one kind than of the other, or a predicted class is negative
            where the true one is not.

    Example:
        >>> calc_semantic_segmentation_confusion([np.array([[0, 1, 1]])], [np.array([[0, 0, -1]])])
        array([[1, 1],
               [0, 0]])
    """
    confusion = np.zeros((num_classes, num_classes), np.int64)
    for i, (predicted, true) in enumerate(zip_longest(pred_labels, gt_labels)):
        if predicted is None or true is None:
            raise ValueError(f'calc_semantic_segmentation_confusion: expected as many pred_labels as gt_labels, got '
                             f'{i} {"pred" if predicted is None else "gt"}_labels and more of the others')
        predicted, true = np.asarray(predicted), np.asarray(true)
        if predicted.ndim != 2 or predicted.shape != true.shape:
            raise ValueError(f'calc_semantic_segmentation_confusion: expected label maps {i} of one shape (H, W), got '
                             f'pred_labels of shape {predicted.shape} and gt_labels of shape {true.shape}')
        counted = true >= 0
        rows, columns = true[counted].astype(np.int64), predicted[counted].astype(np.int64)
        if not rows.size:
            continue
        if columns.min() < 0:
            raise ValueError(f'calc_semantic_segmentation_confusion: expected classes of at least 0 in pred_labels, '
                             f'got {columns.min()} in map {i}')
        more = max(rows.max(), columns.max()) + 1 - len(confusion)
        if more > 0:
            confusion = np.pad(confusion, (0, more))
        size = len(confusion)
        confusion += np.bincount(size * rows + columns, minlength=size * size).reshape(size, size)
    return confusion


def calc_semantic_segmentation_iou(confusion: np.ndarray) -> np.ndarray:
    """Computes for each class its intersection over union: how much of what is it, or was taken for it, is both.

    Args:
        confusion: What `calc_semantic_segmentation_confusion` returns, shape (C, C).

    Returns:
        Numbers from 0 to 1, NaN for classes that neither occur nor were predicted; float64, shape (C,).

    Example:
        >>> calc_semantic_segmentation_iou(np.array([[3, 1], [0, 4]]))
        array([0.75, 0.8 ])
    """
    both = np.diag(confusion)
    return _share(both, confusion.sum(axis=0) + confusion.sum(axis=1) - both)


def eval_semantic_segmentation(pred_labels: Iterable[np.ndarray], gt_labels: Iterable[np.ndarray],
                               num_classes: int = 0) -> dict[str, Any]:
    """Computes the usual metrics of semantic segmentation.

    Reference: J. Long, E. Shelhamer, T. Darrell, Fully Convolutional Networks for Semantic Segmentation, 2014,
    https://arxiv.org/abs/1411.4038, section 5. Means are taken over the classes that occur.

    Args:
        pred_labels: Label maps that were predicted, integers, each of shape (H, W): arrays or nested lists.
        gt_labels: True label maps of the same shapes; pixels of a class below 0 are not counted.
        num_classes: The least number of classes (see `calc_semantic_segmentation_confusion`).

    Returns:
        ``'iou'`` and ``'class_accuracy'``, float64 of shape (C,), NaN for classes that do not occur; their means
        ``'miou'`` and ``'mean_class_accuracy'``; ``'pixel_accuracy'``, the part of all pixels that is right; and
        ``'frequency_weighted_iou'``, the mean of the IoU over pixels instead of classes.

    Raises:
        ValueError: Label maps do not fit together.

    Example:
        >>> result = eval_semantic_segmentation([np.array([[0, 1], [1, 1]])], [np.array([[0, 0], [1, -1]])])
        >>> {name: np.round(value, 2).tolist() for name, value in result.items()}
        {'iou': [0.5, 0.5], 'miou': 0.5, 'pixel_accuracy': 0.67, 'class_accuracy': [0.5, 1.0],
         'mean_class_accuracy': 0.75, 'frequency_weighted_iou': 0.5}
    """
    return metrics_of_confusion(calc_semantic_segmentation_confusion(pred_labels, gt_labels, num_classes))


def metrics_of_confusion(confusion: np.ndarray) -> dict[str, Any]:
    """Computes what `eval_semantic_segmentation` does from a confusion matrix, which may be a sum of several.

    Args:
        confusion: What `calc_semantic_segmentation_confusion` returns, shape (C, C).
    """
    iou = calc_semantic_segmentation_iou(confusion)
    pixels = confusion.sum(axis=1)
    class_accuracy = _share(np.diag(confusion), pixels)
    frequency = _share(pixels, pixels.sum())
    return {'iou': iou, 'miou': _mean(iou), 'pixel_accuracy': float(_share(np.trace(confusion), confusion.sum())),
            'class_accuracy': class_accuracy, 'mean_class_accuracy': _mean(class_accuracy),
            'frequency_weighted_iou': float((frequency * np.nan_to_num(iou)).sum())}


def _share(part: Any, whole: Any) -> Any:
    """`part` / `whole`, NaN where there is nothing."""
    with np.errstate(invalid='ignore'):
        return np.true_divide(part, whole)


def _mean(values: np.ndarray) -> float:
    """The mean of the numbers among `values`."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if numbers.size else float('nan')
