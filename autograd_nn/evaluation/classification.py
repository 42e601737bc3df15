"""Metrics of classifiers: which class is taken for which."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd_nn.types import BareArray


def confusion_matrix(labels: Sequence[int] | BareArray, predictions: Sequence[int] | BareArray,
                     n_classes: int) -> np.ndarray:
    """Counts which class is taken for which.

    Args:
        labels: The true classes: N integers from 0 on.
        predictions: What was said of them.
        n_classes: The number C of classes.

    Returns:
        int64 of shape (C, C): row i and column j have how many of class i were said to be of class j.

    Raises:
        ValueError: The numbers differ, or there is no such class.

    Example:
        >>> from autograd_nn.evaluation import confusion_matrix
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2)
        array([[1, 1],
               [0, 1]])
    """
    true, said = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    if true.ndim != 1 or true.shape != said.shape:
        raise ValueError('confusion_matrix: expected labels and predictions of one shape (N,), got '
                         f'{true.shape} and {said.shape}')
    if len(true) and not 0 <= min(true.min(), said.min()) <= max(true.max(), said.max()) < n_classes:
        raise ValueError(f'confusion_matrix: expected classes from 0 to {n_classes - 1}')
    return np.bincount(true * n_classes + said, minlength=n_classes ** 2).reshape(n_classes, n_classes)


def f1_scores(confusion: np.ndarray) -> np.ndarray:
    """Of each class the harmonic mean of precision and recall.

    Args:
        confusion: A confusion matrix of shape (C, C) (see `confusion_matrix`).

    Returns:
        float64 of shape (C,), from 0 to 1; NaN for a class that neither occurs nor was said.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.evaluation import f1_scores
        >>> f1_scores(np.array([[1, 1], [0, 1]])).round(3).tolist()
        [0.667, 0.667]
    """
    with np.errstate(invalid='ignore'):
        return 2 * np.diagonal(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1))
