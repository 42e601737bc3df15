"""Losses that ask for a margin, between classes or between distances, and losses that decorrelate."""
from __future__ import annotations

from autograd_nn.functions.activation.rectifier import relu
from autograd_nn.functions.checks import check_choice, check_same_shape
from autograd_nn.functions.loss.reduce import reduced
from autograd_nn.functions.math.exponential import sqrt, square
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


@in_single_precision
def hinge(x: ArrayLike, t: ArrayLike, norm: str = 'L1', reduce: str = 'mean') -> Variable:
    """The hinge loss of one-against-rest classifiers: how far scores are from their class's side of the margin.

    The score of the true class should be at least 1 and all others at most -1; what is missing is the loss.

    Args:
        x: Variable or array of scores, shape (N, C), floating-point.
        t: Variable or array of labels from 0 to C - 1, shape (N,), integers.
        norm: ``'L1'`` takes what is missing as it is, ``'L2'`` squares it.
        reduce: ``'mean'`` sums over the classes and averages over N; ``'no'`` gives each element's loss.

    Returns:
        A Variable of shape ``()``, or that of `x` with ``reduce='no'``.

    Raises:
        ValueError: Shapes do not fit, a label is out of range, or an option is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.hinge(np.array([[0.5, -2., 0.]]), np.array([0]), reduce='no')
        variable([[0.5, 0. , 1. ]])
    """
    check_choice('hinge', 'norm', norm, ('L1', 'L2'))
    check_choice('hinge', 'reduce', reduce, ('mean', 'no'))
    x, labels = as_variable(x), as_array(t)
    if x.ndim != 2 or labels.shape != x.shape[:1]:
        raise ShapeError(f'hinge: expected x of shape (N, C) and t of shape (N,), got {x.shape} and {labels.shape}')
    if labels.size and not (labels.min() >= 0 and labels.max() < x.shape[1]):
        raise ValueError(f'hinge: t must be from 0 to {x.shape[1] - 1}, got {labels.min()} to {labels.max()}')
    side = x.xp.ones_like(x.array)
    side[x.xp.arange(len(x)), labels] = -1
    loss = relu(1 + x * side)
    if norm == 'L2':
        loss = square(loss)
    return loss if reduce == 'no' else loss.sum() / max(len(x), 1)


@in_single_precision
def contrastive(x0: ArrayLike, x1: ArrayLike, y: ArrayLike, margin: float = 1, reduce: str = 'mean') -> Variable:
    """The contrastive loss of pairs: pulls similar ones together, pushes others apart to at least a margin.

    With the Euclidean distance `d`, it is ``d ** 2 / 2`` for similar pairs, ``max(margin - d, 0) ** 2 / 2`` for others.

    See Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006.

    Args:
        x0: Variable or array of shape (N, K), floating-point.
        x1: Variable or array of the same shape.
        y: Variable or array of shape (N,): 1 for similar pairs, 0 for others.
        margin: The distance beyond which different ones have no loss, positive.
        reduce: ``'mean'``, or ``'no'`` for the loss of each pair.

    Returns:
        A Variable of shape ``()``, or (N,) with ``reduce='no'``.

    Raises:
        ValueError: Shapes do not fit, `margin` is not positive, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x0, x1 = np.zeros((2, 2)), np.array([[0.6, 0.], [0.6, 0.]])
        >>> F.contrastive(x0, x1, np.array([1, 0]), reduce='no')
        variable([0.18, 0.08])
    """
    check_choice('contrastive', 'reduce', reduce, ('mean', 'no'))
    x0, x1, similar = as_variable(x0), as_variable(x1), as_array(y)
    check_same_shape('contrastive', x0=x0, x1=x1)
    if x0.ndim != 2 or similar.shape != x0.shape[:1]:
        raise ShapeError(f'contrastive: expected x0 of shape (N, K) and y of shape (N,), got {x0.shape} and '
                         f'{similar.shape}')
    if margin <= 0:
        raise ValueError(f'contrastive: margin must be positive, not {margin}')
    similar = similar.astype(x0.dtype)
    squared = square(x0 - x1).sum(axis=1)
    # The root has no slope at 0; there the distance is taken as constant.
    coincide = (squared.array == 0).astype(x0.dtype)
    missing = relu(margin - sqrt(squared + coincide) * (1 - coincide))
    loss = (similar * squared + (1 - similar) * square(missing)) * 0.5
    return reduced('contrastive', loss, reduce)


@in_single_precision
def triplet(anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike, margin: float = 0.2,
            reduce: str = 'mean') -> Variable:
    """The triplet loss: the anchor should be closer to the positive than to the negative, by a margin.

    It is ``max(d(anchor, positive) - d(anchor, negative) + margin, 0)`` with `d` the squared Euclidean distance.

    See Schroff et al., FaceNet, https://arxiv.org/abs/1503.03832.

    Args:
        anchor: Variable or array of shape (N, K), floating-point.
        positive: Variable or array of the same shape, examples of the anchor's class.
        negative: Variable or array of the same shape, examples of other classes.
        margin: The margin, positive.
        reduce: ``'mean'``, or ``'no'`` for the loss of each triple.

    Returns:
        A Variable of shape ``()``, or (N,) with ``reduce='no'``.

    Raises:
        ValueError: Shapes do not fit, `margin` is not positive, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.triplet(np.array([[0., 0.]]), np.array([[0., 1.]]), np.array([[1., 0.]]))
        variable(0.2)
    """
    check_choice('triplet', 'reduce', reduce, ('mean', 'no'))
    anchor, positive, negative = as_variable(anchor), as_variable(positive), as_variable(negative)
    check_same_shape('triplet', anchor=anchor, positive=positive, negative=negative)
    if anchor.ndim != 2:
        raise ShapeError(f'triplet: expected anchor of shape (N, K), got {anchor.shape}')
    if margin <= 0:
        raise ValueError(f'triplet: margin must be positive, not {margin}')
    distance = (square(anchor - positive) - square(anchor - negative)).sum(axis=1)
    return reduced('triplet', relu(distance + margin), reduce)
