"""BlackOut: softmax over a label and a few others, for vocabularies that are too large for a sum over all."""
from __future__ import annotations

import numpy as np

from autograd_nn.backend import beside, get_array_module
from autograd_nn.functions.activation.softmax import log_softmax
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.checks import check_choice, check_indices
from autograd_nn.functions.loss.reduce import reduced
from autograd_nn.functions.loss.sampled import check_labelled, scores_of
from autograd_nn.functions.math.exponential import exp, log1p
from autograd_nn.functions.math.reduction import logsumexp
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


@in_single_precision
def black_out(x: ArrayLike, t: ArrayLike, W: ArrayLike, samples: ArrayLike, reduce: str = 'mean') -> Variable:
    """The loss of labels among a few others, which are sampled: ``-log p(t) - sum(log(1 - p(s)) for s in samples)``.

    Here p is the softmax of the scores ``W x`` of the label and the samples alone.

    Ji et al., BlackOut: Speeding up Recurrent Neural Network Language Models With Very Large Vocabularies,
    https://arxiv.org/abs/1511.06909.

    Args:
        x: Variable or array of vectors, shape (N, D), floating-point.
        t: Variable or array of labels from 0 to V - 1, integers of shape (N,).
        W: Variable or array of the weights of all labels, shape (V, D).
        samples: Variable or array of other labels for each vector, integers of shape (N, S).
        reduce: ``'mean'``, or ``'no'`` for the loss of each vector.

    Returns:
        A Variable of shape ``()``, or (N,) with ``reduce='no'``.

    Raises:
        TypeError: `x` or `W` is not floating-point.
        ValueError: Shapes do not fit, a label is out of range, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> loss = F.black_out(np.zeros((1, 3)), np.array([0]), np.ones((9, 3)), np.array([[5]]))
        >>> bool(np.isclose(loss.array, 2 * np.log(2)))
        True
    """
    check_choice('black_out', 'reduce', reduce, ('mean', 'no'))
    x, W, t, samples = as_variable(x), as_variable(W), as_array(t), as_array(samples)
    check_labelled('black_out', x, t, W)
    if samples.ndim != 2 or len(samples) != len(x) or samples.dtype.kind not in 'iu':
        raise ShapeError(f'black_out: expected integers samples of shape ({len(x)}, S) for x of shape {x.shape}, got '
                         f'{samples.shape} of {samples.dtype}')
    for name, labels in (('t', t), ('samples', samples)):
        check_indices('black_out', name, labels, len(W), f'W has the shape {W.shape}')
    xp = get_array_module(x.array)
    words = xp.concatenate((beside(x.array, t)[:, None], beside(x.array, samples)), 1, dtype=np.int64)
    scores = scores_of(words, x, W)
    log_p = log_softmax(scores)
    # Of the largest probability, the difference from one would be lost: it is the sum of the others.
    largest = xp.arange(scores.shape[1]) == scores.array.argmax(1)[:, None]
    log_others = logsumexp(where(largest, -1e30, scores), 1) - logsumexp(scores, 1)
    log_rest = where(largest, log_others[:, None], log1p(-exp(where(largest, -1e30, log_p))))
    return reduced('black_out', -log_p[:, 0] - log_rest[:, 1:].sum(axis=1), reduce)
