"""Connectionist temporal classification: the loss of a sequence of labels of which nobody knows where they begin.

Graves et al., Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with Recurrent Neural
Networks, ICML 2006. The labels, with a blank before, between and after them, are states. Each step of the input stays
in a state, goes to the next one, or leaves out the blank between two different labels.
"""
from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import beside, elementwise, get_array_module, kernels
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.activation.softmax import log_softmax
from autograd_nn.functions.array.joining import concat, separate, stack
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.array.shape import reshape, transpose
from autograd_nn.functions.checks import check_choice, check_float, check_indices
from autograd_nn.functions.connection.embedding import embed_id
from autograd_nn.functions.kernel_gradients import FunctionGradients
from autograd_nn.functions.loss.reduce import reduced
from autograd_nn.functions.math.reduction import logsumexp
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable

# The logarithm of probability zero: unlike infinity it can be subtracted from itself.
IMPOSSIBLE = -1e30

# How many steps are prepared together on the way back: few enough for the cache, as they take thrice the memory.
_STEPS = 16


@elementwise('T stay, T step, T leap, T barrier', 'T score', '''
    const T leap_score = leap + barrier;
    const T largest = max(stay, max(step, leap_score));
    score = largest + log(exp(stay - largest) + exp(step - largest) + exp(leap_score - largest))''')
def _together(stay: Array, step: Array, leap: Array, barrier: Array) -> Any:
    leap = leap + barrier
    largest = np.maximum(np.maximum(stay, step), leap)
    total = np.exp(stay - largest)
    total += np.exp(step - largest)
    total += np.exp(leap - largest)
    total = np.log(total)
    total += largest
    return total


class AlignmentScore(FunctionNode):
    """The logarithm of the probability of all alignments, from log-probabilities ``(T, S, B)`` of the states' labels.

    Args:
        barrier: Where a leap over the state before is not allowed, `IMPOSSIBLE`, and 0 elsewhere: of shape (S, B).
        input_length: The number of steps of each sequence.
        label_length: The number of labels of each sequence.
    """

    def __init__(self, barrier: Array, input_length: Array, label_length: Array) -> None:
        xp = get_array_module(barrier)
        self.barrier = barrier
        # The last state, or the one before; rows of states begin with two that do not exist.
        ends = 2 * label_length + xp.array([[2], [1]])
        self.places = input_length, ends, xp.arange(len(label_length))

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        y, = inputs
        xp = get_array_module(y)
        length, states, n = y.shape
        self.scores = scores = xp.full((length + 1, states + 2, n), IMPOSSIBLE, y.dtype)
        scores[0, 2] = 0
        xp.maximum(y, IMPOSSIBLE, out=scores[1:, 2:])
        for t in range(length):
            a = scores[t]
            scores[t + 1, 2:] += _together(a[2:], a[1:-1], a[:-2], self.barrier)
        score = xp.logaddexp(*scores[self.places])
        self.possible = score > IMPOSSIBLE / 2
        return xp.where(self.possible, score, -np.inf).astype(y.dtype, copy=False),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return AlignmentScoreGrad(self).apply((*self.get_retained_inputs(), *grad_outputs))

    def formula(self, y: Variable) -> Variable:
        """What `forward` computes, in functions; 0 where it is infinite."""
        edge = self.scores[0, :2]
        scores = [as_variable(self.scores[0])]
        for y_t in separate(y):
            a = scores[-1]
            moves = stack((a[2:], a[1:-1], a[:-2] + self.barrier))
            scores.append(concat((edge, logsumexp(moves, 0) + y_t), 0))
        return where(self.possible, logsumexp(stack(scores)[self.places], 0), 0)


class AlignmentScoreGrad(FunctionGradients):

    def __init__(self, node: AlignmentScore) -> None:
        self.node = node

    def forward(self, inputs: Arrays) -> Arrays:
        """Takes what arrives at the end back along the ways on which it came, each by its share."""
        self.retain_inputs((0, 1))
        node, gy = self.node, inputs[1]
        xp = get_array_module(gy)
        scores, softmax = node.scores, kernels(gy).softmax
        g = xp.zeros_like(scores)
        g[node.places] = xp.where(node.possible, gy, 0) * softmax(scores[node.places], 0)
        for start in range(0, len(scores) - 1, _STEPS)[::-1]:
            before = scores[start:-1][:_STEPS]
            shares = softmax(xp.stack((before[:, 2:], before[:, 1:-1], before[:, :-2] + node.barrier), 1), 1)
            for t in range(len(shares))[::-1]:
                stay, step, leap = shares[t] * g[start + t + 1, 2:]
                g[start + t, 2:] += stay
                g[start + t, 1:-1] += step
                g[start + t, :-2] += leap
        return g[1:, 2:],

    def function(self, *inputs: Variable) -> tuple[Variable, ...]:
        return self.node.formula(*inputs),


def connectionist_temporal_classification(x: Sequence[ArrayLike], t: ArrayLike, blank_symbol: int,
                                          input_length: ArrayLike | None = None,
                                          label_length: ArrayLike | None = None, reduce: str = 'mean') -> Variable:
    """The loss of sequences of labels that are shorter than their inputs, wherever in the input the labels are.

    A network says for each step of the input which label, or none (a blank), it hears there. The loss is the negative
    logarithm of the probability of all ways to say the labels in their order.

    Graves et al., Connectionist Temporal Classification, ICML 2006.

    Args:
        x: For each of T steps a Variable or array of logits, shape (B, V), floating-point: `softmax` is part of the
            function.
        t: Variable or array of labels from 0 to V - 1, integers of shape (B, M).
        blank_symbol: The number that stands for no label, from 0 to V - 1.
        input_length: Variable or array of integers of shape (B,): how many steps of each sequence count; by default
            all.
        label_length: Variable or array of integers of shape (B,): how many labels of each row count; by default all.
        reduce: ``'mean'``, or ``'no'`` for the loss of each sequence.

    Returns:
        A Variable of the dtype of `x`, of shape ``()``, or (B,) with ``reduce='no'``. It is infinite, and has no
        gradient, where the labels do not fit in the steps.

    Raises:
        TypeError: `x` is no list or not floating-point, or there is a number in place of an integer.
        ValueError: Shapes do not fit, a label or length is out of range, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = [np.zeros((1, 3))] * 2                      # any of three at each of two steps
        >>> loss = F.connectionist_temporal_classification(x, np.array([[1]]), blank_symbol=0)
        >>> bool(np.isclose(loss.array, np.log(9 / 3)))     # of 9 ways 3 come down to the label: 1 1, 1 -, - 1
        True
    """
    check_choice('connectionist_temporal_classification', 'reduce', reduce, ('mean', 'no'))
    if not isinstance(x, (list, tuple)) or not x:
        raise TypeError('connectionist_temporal_classification: expected as x a list with a Variable of shape (B, V) '
                        f'for each step, got {x if isinstance(x, (list, tuple)) else type(x).__name__}')
    return _loss(stack(x), as_array(t), blank_symbol, as_array(input_length), as_array(label_length), reduce)


@in_single_precision
def _loss(x: Variable, t: Array, blank: int, input_length: Array, label_length: Array, reduce: str) -> Variable:
    name = 'connectionist_temporal_classification'
    check_float(name, 'x', x)
    if x.ndim != 3:
        raise ShapeError(f'{name}: expected x of shape (B, V) at each step, got {x.shape[1:]}')
    length, n, labels = x.shape
    xp = get_array_module(x.array)
    if t.ndim != 2 or len(t) != n or t.dtype.kind not in 'iu':
        raise ShapeError(f'{name}: expected integers t of shape ({n}, M) for x of shape {x.shape}, got {t.shape} of '
                         f'{t.dtype}')
    if not 0 <= operator.index(blank) < labels:
        raise ValueError(f'{name}: blank_symbol must be from 0 to {labels - 1}, not {blank}')
    padded = input_length is not None
    input_length = _lengths('input_length', input_length, n, length, x)
    if padded:
        # What is there may not even be a number, of which softmax would make gradients.
        x = where((xp.arange(length)[:, None] < input_length)[:, :, None], x, 0)
    label_length = _lengths('label_length', label_length, n, t.shape[1], x)
    t = xp.where(xp.arange(t.shape[1]) < label_length[:, None], beside(x.array, t), blank)
    check_indices(name, 't', t, labels, f'x has the shape {x.shape}')
    states = xp.full((2 * t.shape[1] + 1, n), blank)
    states[1::2] = t.T
    barrier = xp.zeros(states.shape, x.dtype)
    barrier[2:] = xp.where(states[2:] == states[:-2], IMPOSSIBLE, 0)
    log_p = reshape(transpose(log_softmax(x, 2), (1, 2, 0)), (n * labels, length))
    y = transpose(embed_id(states + xp.arange(n) * labels, log_p), (2, 0, 1))
    score, = AlignmentScore(barrier, input_length, label_length).apply((y,))
    return reduced(name, -score, reduce)


def _lengths(argument: str, lengths: Array, n: int, longest: int, x: Variable) -> Any:
    """Lengths beside `x`, by default the longest."""
    if lengths is None:
        return get_array_module(x.array).full(n, longest)
    if lengths.shape != (n,) or lengths.dtype.kind not in 'iu':
        raise ShapeError(f'connectionist_temporal_classification: expected integers {argument} of shape ({n},), got '
                         f'{lengths.shape} of {lengths.dtype}')
    check_indices('connectionist_temporal_classification', argument, lengths, longest + 1, f'the longest is {longest}')
    return beside(x.array, lengths).astype(np.int64, copy=False)
