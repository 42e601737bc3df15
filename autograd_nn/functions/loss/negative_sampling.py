"""Negative sampling: a label against a few others that are drawn, for vocabularies too large for a sum over all."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.backend import beside, get_array_module
from autograd_nn.functions.activation.smooth_rectifier import softplus
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.checks import check_choice, check_indices
from autograd_nn.functions.loss.reduce import reduced
from autograd_nn.functions.loss.sampled import check_labelled, scores_of
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


def negative_sampling(x: ArrayLike, t: ArrayLike, W: ArrayLike, sampler: Callable[[tuple[int, ...]], ArrayLike],
                      sample_size: int, reduce: str = 'sum', *, return_samples: bool = False) -> Any:
    """The loss of telling labels from others that are drawn: ``-log s(W[t] x) - sum(log s(-W[k] x) for drawn k)``.

    Here s is the sigmoid function.

    Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality,
    https://arxiv.org/abs/1310.4546.

    Args:
        x: Variable or array of vectors, shape (N, D), floating-point.
        t: Variable or array of labels from 0 to V - 1, integers of shape (N,); a vector with label -1 has no loss.
        W: Variable or array of the weights of all labels, shape (V, D).
        sampler: A function that takes a shape and returns an array of labels of that shape, such as the method `sample`
            of a `utils.WalkerAlias`.
        sample_size: How many labels are drawn for each vector.
        reduce: ``'sum'``, or ``'no'`` for the loss of each vector.
        return_samples: Whether to return the labels, too.

    Returns:
        A Variable of shape ``()``, or (N,) with ``reduce='no'``; with `return_samples`, a tuple of it and an array of
        shape (N, sample_size + 1): in each row the label, then those drawn.

    Raises:
        TypeError: `x` or `W` is not floating-point.
        ValueError: Shapes do not fit, a label is out of range, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> W = np.array([[0., 0.], [9., 0.], [-9., 0.]])
        >>> F.negative_sampling(np.array([[1., 0.]]), np.array([1]), W, lambda shape: np.full(shape, 2), 3)
        variable(0.00049361)
    """
    check_choice('negative_sampling', 'reduce', reduce, ('sum', 'no'))
    x, W, t = as_variable(x), as_variable(W), as_array(t)
    check_labelled('negative_sampling', x, t, W)
    shape = len(x), sample_size + 1
    drawn = as_array(sampler(shape))
    if drawn.shape != shape or drawn.dtype.kind not in 'iu':
        raise ShapeError(f'negative_sampling: expected of the sampler integers of shape {shape}, got {drawn.shape} of '
                         f'{drawn.dtype}')
    xp = get_array_module(x.array)
    drawn = beside(x.array, drawn)
    if drawn.dtype.kind == 'u' or drawn.dtype.itemsize < 4:
        drawn = drawn.astype(np.int32)  # which has place for -1 and for the labels of `t`
    samples = xp.concatenate((beside(x.array, t)[:, None].astype(drawn.dtype), drawn[:, 1:]), 1)
    loss = _loss(x, W, samples, reduce)
    return (loss, samples) if return_samples else loss


@in_single_precision
def _loss(x: Variable, W: Variable, samples: Array, reduce: str) -> Variable:
    xp = get_array_module(samples)
    valid = samples[:, :1] != -1
    words = xp.where(valid, samples, 0)
    check_indices('negative_sampling', 't, or what was drawn,', words, len(W), f'W has the shape {W.shape}')
    # The label's own score is to be large, the others small.
    side = xp.ones(samples.shape[1], x.dtype)
    side[0] = -1
    loss = where(valid, softplus(scores_of(words, x, W) * side), 0).sum(axis=1)
    return reduced('negative_sampling', loss, reduce)
