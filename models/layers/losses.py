"""Losses that networks of several kinds are trained with."""
from __future__ import annotations

import autograd_nn.functions as F
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


def smoothed_cross_entropy(y: ArrayLike, t: ArrayLike, smoothing: float = 0.0) -> Variable:
    """The mean cross entropy of labels of which a part is spread evenly over all classes.

    It is that of the labels, plus `smoothing` times how far the logit of the label is above the mean of all. Reference:
    C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016,
    https://arxiv.org/abs/1512.00567, section 7.

    Args:
        y: Logits of shape (N, C), floating-point.
        t: Labels from 0 to C - 1, or -1 where there is none: integers of shape (N,).
        smoothing: The part.

    Returns:
        A scalar: the mean over all labels.

    Example:
        >>> import numpy as np
        >>> y, t = np.array([[2., 0.], [1., 0.], [5., 5.]]), np.array([0, 1, -1])
        >>> round(smoothed_cross_entropy(y, t, 0.2).item(), 4), round(smoothed_cross_entropy(y, t).item(), 4)
        (0.7701, 0.7201)
    """
    y, labels = as_variable(y), as_variable(t).array
    loss = F.softmax_cross_entropy(y, labels)
    if not smoothing:
        return loss
    known = labels != -1
    above = F.select_item(y, labels * known) - F.mean(y, axis=1)
    weight = known.astype(y.dtype) / y.xp.maximum(known.sum(), 1)
    return loss + smoothing * F.sum(above * weight.astype(y.dtype))
