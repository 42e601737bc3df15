"""How much boxes overlap, and which of those that overlap are kept; on arrays of NumPy and of CuPy.

A box is (y_min, x_min, y_max, x_max) in pixels, the last two just behind it.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import check_same_device, get_array_module, kernels
from autograd_nn.types import Array
from autograd_nn.utils.type_check import DTypeError, ShapeError


def box_iou(a: Array, b: Array) -> Any:
    """The area of the intersection of boxes over that of their union: the Jaccard index.

    Args:
        a: Boxes, shape (A, 4).
        b: Boxes, shape (B, 4).

    Returns:
        That of each pair, shape (A, B), from 0 to 1, in single precision at least; 0 where both are empty.

    Raises:
        ValueError: These are no boxes.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import box_iou
        >>> box_iou(np.array([[0., 0., 2., 2.]]), np.array([[0., 0., 2., 2.], [1., 0., 3., 2.], [2., 2., 3., 3.]]))
        array([[1.        , 0.33333333, 0.        ]])
    """
    xp = get_array_module(a, b)
    for name, boxes in ('a', a), ('b', b):
        check_boxes('box_iou', name, boxes)
    # Areas go beyond half precision and small integers, differences below unsigned ones.
    dtype = np.promote_types(np.promote_types(a.dtype, b.dtype), np.float32)
    a, b = a[:, None].astype(dtype, copy=False), b.astype(dtype, copy=False)
    sides = xp.minimum(a[..., 2:], b[:, 2:]) - xp.maximum(a[..., :2], b[:, :2])
    common = (sides * (sides > 0)).prod(axis=2)
    union = (a[..., 2:] - a[..., :2]).prod(axis=2) + (b[:, 2:] - b[:, :2]).prod(axis=1) - common
    return common / (union + (union == 0))


def non_maximum_suppression(boxes: Array, threshold: float, scores: Array | None = None,
                            limit: int | None = None) -> Any:
    """Which boxes are left where of several that overlap only the best one is.

    From the highest score on, a box is kept if it overlaps none that is kept already.

    Args:
        boxes: Shape (R, 4), floating-point.
        threshold: Two boxes overlap if the area of their intersection over that of their union is at least this.
        scores: Shape (R,), floating-point; of two that are equal the first one counts as higher. By default boxes are
            taken in their order.
        limit: How many boxes to keep at most.

    Returns:
        The numbers of the boxes that are kept, from the highest score on; int32, shape (K,).

    Raises:
        TypeError: Boxes or scores are not floating-point, or not on one device.
        ValueError: The shapes are others, or the limit is negative.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils import non_maximum_suppression
        >>> boxes = np.array([[0., 0., 8., 8.], [1., 0., 9., 8.], [5., 5., 9., 9.]])
        >>> non_maximum_suppression(boxes, 0.5, np.array([0.6, 0.9, 0.2]))
        array([1, 2], dtype=int32)
    """
    check_boxes('non_maximum_suppression', 'boxes', boxes)
    for name, x in ('boxes', boxes), ('scores', scores):
        if x is not None and x.dtype.kind in 'biuc':
            raise DTypeError(f'non_maximum_suppression: expected floating-point {name}, got {x.dtype}')
    if limit is not None and limit < 0:
        raise ValueError(f'non_maximum_suppression: expected a limit of at least 0, got {limit}')
    if scores is None:
        return kernels(boxes).non_maximum_suppression(boxes, threshold, limit)
    if scores.shape != boxes.shape[:1]:
        raise ShapeError(f'non_maximum_suppression: expected scores of shape {boxes.shape[:1]} for boxes of shape '
                         f'{boxes.shape}, got {scores.shape}')
    check_same_device('non_maximum_suppression', (boxes, scores))
    order = (-scores).argsort(kind='stable')
    return order[kernels(boxes).non_maximum_suppression(boxes[order], threshold, limit)].astype('i')


def check_boxes(function: str, name: str, boxes: Array) -> None:
    """Requires an array of boxes (R, 4).

    Args:
        function: The function whose argument it is.
        name: The argument.
        boxes: The array.

    Raises:
        ValueError: It has another shape.
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ShapeError(f'{function}: expected {name} of shape (R, 4), got {boxes.shape}')
