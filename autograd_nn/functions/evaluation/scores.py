"""Measures of how good predictions are. They have no gradient."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.functions.checks import check_choice, check_float, check_same_shape
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike, DTypeLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


def _constant(xp: Any, value: Array, dtype: DTypeLike | None = None) -> Variable:
    return Variable(xp.asarray(value, dtype), requires_grad=False)


def _predicted_labels(function: str, y: Variable, t: Variable) -> Any:
    """The class with the highest score at each position of `t`, an array of its shape."""
    if y.ndim < 2 or y.shape[:1] + y.shape[2:t.ndim + 1] != t.shape or y.size != y.shape[1] * t.size:
        raise ShapeError(f'{function}: expected y of shape (N, C, ...) and t of shape (N, ...), '
                         f'got {y.shape} and {t.shape}')
    if not y.shape[1]:
        raise ShapeError(f'{function}: y of shape {y.shape} has no classes')
    return y.array.argmax(axis=1).reshape(t.shape)


def accuracy(y: ArrayLike, t: ArrayLike, ignore_label: int | None = None) -> Variable:
    """The share of correct predictions.

    Args:
        y: Variable or array of scores (logits, probabilities), shape (N, C) or (N, C, d1, d2, ...), floating-point.
        t: Variable or array of labels, shape (N,) or (N, d1, d2, ...), integers.
        ignore_label: Positions with this label do not count.

    Returns:
        A Variable of shape ``()`` and the dtype of `y`; 0 if no position counts.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.accuracy(np.array([[2., 1.], [0., 1.], [3., 4.]]), np.array([0, 0, 1]))
        variable(0.66666667)
    """
    y, t = as_variable(y), as_variable(t)
    check_float('accuracy', 'y', y)
    correct = _predicted_labels('accuracy', y, t) == t.array
    count: Any = t.size
    if ignore_label is not None:
        counts = t.array != ignore_label
        correct &= counts
        count = counts.sum()
    return _constant(y.xp, correct.sum() / y.xp.maximum(count, 1), y.dtype)


def binary_accuracy(y: ArrayLike, t: ArrayLike) -> Variable:
    """The share of correct yes-or-no predictions, given as logits.

    Args:
        y: Variable or array of any shape, floating-point; yes where it is not negative.
        t: Variable or array of the same shape, integers: 1 for yes, 0 for no, -1 for elements that do not count.

    Returns:
        A Variable of shape ``()`` and the dtype of `y`; 0 if no element counts.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.binary_accuracy(np.array([[-2., 3., 1.]]), np.array([[0, 0, -1]]))
        variable(0.5)
    """
    y, t = as_variable(y), as_variable(t)
    check_float('binary_accuracy', 'y', y)
    check_same_shape('binary_accuracy', y=y, t=t)
    counts = t.array != -1
    correct = ((y.array >= 0) == t.array) & counts
    return _constant(y.xp, correct.sum() / y.xp.maximum(counts.sum(), 1), y.dtype)


def _count_labels(function: str, y: Array, t: Array, label_num: int | None, ignore_label: int) -> tuple[Variable, Any]:
    """The scores as a Variable, and how often each true label (row) was predicted as each label (column)."""
    y, t = as_variable(y), as_variable(t)
    check_float(function, 'y', y)
    predicted, true = _predicted_labels(function, y, t).ravel(), t.array.ravel()
    if label_num is None:
        label_num = max(int(true.max()) + 1, 0) if true.size else 0
    counts = true != ignore_label
    predicted, true = predicted[counts], true[counts]
    if true.size and not (true.min() >= 0 and true.max() < label_num):
        raise ValueError(f'{function}: labels in t must be from 0 to {label_num - 1}, '
                         f'got {true.min()} to {true.max()}')
    # Predictions of classes beyond the labels only matter as wrong ones: one more column holds them.
    columns = label_num + 1
    pairs = true * columns + y.xp.minimum(predicted, label_num)
    return y, y.xp.bincount(pairs, minlength=label_num * columns).reshape(label_num, columns)


def confusion_matrix(y: ArrayLike, t: ArrayLike, label_num: int | None = None, ignore_label: int = -1) -> Variable:
    """How often each class was taken for each.

    Args:
        y: Variable or array of scores, shape (N, C) or (N, C, d1, d2, ...), floating-point.
        t: Variable or array of labels, shape (N,) or (N, d1, d2, ...), integers.
        label_num: The number of classes; C by default.
        ignore_label: Positions with this label do not count.

    Returns:
        A Variable of shape (label_num, label_num), integers, with a row for each true and a column for each
        predicted label.

    Raises:
        ValueError: The shapes do not fit, or there are labels or predictions beyond `label_num`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.confusion_matrix(np.array([[2., 1.], [0., 1.], [3., 4.]]), np.array([0, 0, 1]))
        variable([[1, 1],
                  [0, 1]])
    """
    y = as_variable(y)
    if label_num is None:
        label_num = y.shape[1] if y.ndim > 1 else 0
    y, table = _count_labels('confusion_matrix', y, t, label_num, ignore_label)
    if table[:, -1].any():
        raise ValueError(f'confusion_matrix: y of shape {y.shape} predicts classes beyond label_num {label_num}')
    return _constant(y.xp, table[:, :-1])


def _share(xp: Any, part: Array, whole: Array) -> Any:
    """`part` over `whole`, NaN where that is 0."""
    return xp.where(whole == 0, np.nan, part / xp.where(whole == 0, 1, whole))


def _summary(function: str, y: Array, t: Array, label_num: int | None, beta: float,
             ignore_label: int) -> tuple[Variable, Variable, Variable, Variable]:
    y, table = _count_labels(function, y, t, label_num, ignore_label)
    xp = y.xp
    hits = table.diagonal()
    support = table.sum(axis=1)
    precision = _share(xp, hits, table[:, :-1].sum(axis=0))
    recall = _share(xp, hits, support)
    fbeta = _share(xp, (1 + beta * beta) * precision * recall, beta * beta * precision + recall)
    return (_constant(xp, precision, np.float64), _constant(xp, recall, np.float64), _constant(xp, fbeta, np.float64),
            _constant(xp, support, np.int64))


def classification_summary(y: ArrayLike, t: ArrayLike, label_num: int | None = None, beta: float = 1.0,
                           ignore_label: int = -1) -> tuple[Variable, Variable, Variable, Variable]:
    """Precision, recall, their weighted harmonic mean (F-beta score) and support of each class.

    Precision is the share of a class's predictions that are right, recall the share of its members that are found.
    Without any prediction, or any member, they are NaN.

    Args:
        y: Variable or array of scores, shape (N, C) or (N, C, d1, d2, ...), floating-point.
        t: Variable or array of labels, shape (N,) or (N, d1, d2, ...), integers.
        label_num: The number of classes; the largest label plus one by default.
        beta: How much more recall counts than precision.
        ignore_label: Positions with this label do not count.

    Returns:
        Four Variables of shape (label_num,): precision, recall and F-beta score, float64, and the number of members of
        each class, int64.

    Raises:
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> y, t = np.array([[2., 1.], [0., 1.], [3., 4.]]), np.array([0, 0, 1])
        >>> for measure in F.classification_summary(y, t):
        ...     print(measure)
        variable([1.  0.5])
        variable([0.5 1. ])
        variable([0.66666667 0.66666667])
        variable([2 1])
    """
    return _summary('classification_summary', y, t, label_num, beta, ignore_label)


def precision(y: ArrayLike, t: ArrayLike, label_num: int | None = None,
              ignore_label: int = -1) -> tuple[Variable, Variable]:
    """Precision and support of each class; see `classification_summary`.

    Args:
        y: Variable or array of scores, shape (N, C) or (N, C, d1, d2, ...), floating-point.
        t: Variable or array of labels, shape (N,) or (N, d1, d2, ...), integers.
        label_num: The number of classes; the largest label plus one by default.
        ignore_label: Positions with this label do not count.

    Returns:
        Two Variables of shape (label_num,).
    """
    values = _summary('precision', y, t, label_num, 1.0, ignore_label)
    return values[0], values[3]


def recall(y: ArrayLike, t: ArrayLike, label_num: int | None = None,
           ignore_label: int = -1) -> tuple[Variable, Variable]:
    """Recall and support of each class; see `classification_summary`.

    Args:
        y: Variable or array of scores, shape (N, C) or (N, C, d1, d2, ...), floating-point.
        t: Variable or array of labels, shape (N,) or (N, d1, d2, ...), integers.
        label_num: The number of classes; the largest label plus one by default.
        ignore_label: Positions with this label do not count.

    Returns:
        Two Variables of shape (label_num,).
    """
    values = _summary('recall', y, t, label_num, 1.0, ignore_label)
    return values[1], values[3]


def f1_score(y: ArrayLike, t: ArrayLike, label_num: int | None = None,
             ignore_label: int = -1) -> tuple[Variable, Variable]:
    """F1 score (the harmonic mean of precision and recall) and support of each class; see `classification_summary`.

    Args:
        y: Variable or array of scores, shape (N, C) or (N, C, d1, d2, ...), floating-point.
        t: Variable or array of labels, shape (N,) or (N, d1, d2, ...), integers.
        label_num: The number of classes; the largest label plus one by default.
        ignore_label: Positions with this label do not count.

    Returns:
        Two Variables of shape (label_num,).
    """
    values = _summary('f1_score', y, t, label_num, 1.0, ignore_label)
    return values[2], values[3]


@in_single_precision
def r2_score(pred: ArrayLike, true: ArrayLike, sample_weight: Any = None,
             multioutput: str = 'uniform_average') -> Variable:
    """The coefficient of determination: the share of the variance of `true` that `pred` explains.

    Args:
        pred: Variable or array of predictions, shape (N,) or (N, ...), floating-point.
        true: Variable or array of true values, of the same shape.
        sample_weight: Not supported: must be None.
        multioutput: ``'uniform_average'`` averages over all columns, ``'raw_values'`` gives each column's score.

    Returns:
        A Variable of shape ``()``, or ``pred.shape[1:]`` with ``'raw_values'``; a column without variance scores 0.

    Raises:
        ValueError: The shapes differ, or an option is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.r2_score(np.array([1., 2., 4.]), np.array([1., 2., 3.]))
        variable(0.5)
    """
    pred, true = as_variable(pred), as_variable(true)
    check_float('r2_score', 'pred', pred)
    check_same_shape('r2_score', pred=pred, true=true)
    if sample_weight is not None:
        raise ValueError('r2_score: sample_weight must be None; weights are not supported')
    check_choice('r2_score', 'multioutput', multioutput, ('uniform_average', 'raw_values'))
    xp = pred.xp
    residual = xp.square(true.array - pred.array).sum(axis=0)
    total = xp.square(true.array - true.array.mean(axis=0)).sum(axis=0)
    score = xp.where(total == 0, 0, 1 - residual / xp.where(total == 0, 1, total))
    return _constant(xp, score if multioutput == 'raw_values' else score.mean(), pred.dtype)
