"""Linear-chain conditional random fields: sequences of labels in which neighbours depend on each other.

Lafferty et al., Conditional Random Fields: Probabilistic Models for Segmenting and Labeling Sequence Data, ICML 2001.

The steps of all sequences lie one after the other, packed: the rows of a step are those of the sequences that have not
ended, which are the first ones.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import beside, get_array_module, kernels
from autograd_nn.dtypes import at_least_float32
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.indexing import get_item, scatter_add, select_item
from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.checks import check_choice, check_float, check_indices
from autograd_nn.functions.kernel_gradients import FunctionGradients
from autograd_nn.functions.loss.reduce import reduced
from autograd_nn.functions.math.reduction import logsumexp
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike, Ints
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable

# What stands for minus infinity, which cannot be subtracted from itself.
_LOWEST = -1e30


class Packing:
    """Where the steps of packed sequences are.

    Args:
        batch_sizes: The number of sequences that take part in each step, not rising.

    Attributes:
        sizes: As given.
        starts: The first row of each step.
        sequence: The sequence of each row.
        before: For each row from the second step on, the row of the step before.
        ends: The last row of each sequence.
    """

    def __init__(self, batch_sizes: Ints) -> None:
        self.sizes = batch_sizes
        self.starts = np.cumsum(batch_sizes) - batch_sizes
        step = np.arange(len(batch_sizes)).repeat(batch_sizes)
        self.sequence = np.arange(len(step)) - self.starts[step]
        self.before = (self.starts[step - 1] + self.sequence)[batch_sizes[0]:]
        self.ends = self.starts[np.bincount(self.sequence) - 1] + np.arange(batch_sizes[0])

    def moves(self) -> Iterator[tuple[slice, slice]]:
        """For each step but the first: the rows of the sequences that take part in it in the step before, and in it."""
        for last, start, n in zip(self.starts, self.starts[1:], self.sizes[1:]):
            yield slice(last, last + n), slice(start, start + n)


class LogPartition(FunctionNode):
    """The logarithm of the sum of the exponential scores of all sequences of labels.

    Its inputs are the scores of transitions (K, K) and those of labels, packed (M, K).
    """

    def __init__(self, packing: Packing) -> None:
        self.packing = packing

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        cost, x = inputs
        xp = get_array_module(x)
        # With the sequences along the last axis, NumPy adds whole blocks up.
        self.scores = scores = xp.maximum(xp.array(x.T, order='C'), _LOWEST)
        self.cost = xp.maximum(cost, _LOWEST)[:, :, None]
        for before, rows in self.packing.moves():
            moves = scores[:, None, before] + self.cost
            scores[:, rows] += _log_sum_exp(xp, moves)
        return _log_sum_exp(xp, scores[:, self.packing.ends]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return LogPartitionGrad(self).apply((*self.get_retained_inputs(), *grad_outputs))

    def formula(self, cost: Variable, x: Variable) -> Variable:
        """What `forward` computes, in functions."""
        scores = [x[:self.packing.sizes[0]]]
        for _, rows in self.packing.moves():
            a = scores[-1][:rows.stop - rows.start]
            scores.append(logsumexp(a[:, :, None] + cost, 1) + x[rows])
        return logsumexp(concat(scores, 0)[self.packing.ends], 1)


def _log_sum_exp(xp: Any, x: Array) -> Any:
    """The logarithm of the sum of exponentials along the first axis; `x` is overwritten."""
    largest = x.max(0)
    x -= largest
    return xp.log(xp.exp(x, out=x).sum(0)) + largest


class LogPartitionGrad(FunctionGradients):

    def __init__(self, node: LogPartition) -> None:
        self.node = node

    def forward(self, inputs: Arrays) -> Arrays:
        """Takes what arrives at the ends back to the labels before, by the share that each had in the sum."""
        self.retain_inputs((0, 1, 2))
        scores, cost, packing = self.node.scores, self.node.cost, self.node.packing
        softmax, xp = kernels(scores).softmax, get_array_module(scores)
        g, gcost = xp.zeros_like(scores), xp.zeros_like(cost[:, :, 0])
        g[:, packing.ends] = inputs[2] * softmax(scores[:, packing.ends], 0)
        for before, rows in reversed([*packing.moves()]):
            shares = softmax(scores[:, None, before] + cost, 0)
            shares *= g[:, rows]
            # BLAS adds faster than NumPy where it is not along the first axis.
            g[:, before] += xp.ones(len(g), g.dtype) @ shares
            gcost += shares @ xp.ones(shares.shape[2], g.dtype)
        return gcost, g.T

    def function(self, *inputs: Variable) -> tuple[Variable, ...]:
        return self.node.formula(*inputs),


def crf1d(cost: ArrayLike, xs: Sequence[ArrayLike], ys: Sequence[ArrayLike], reduce: str = 'mean') -> Variable:
    """The negative log-likelihood of sequences of labels in a linear-chain conditional random field.

    The score of a sequence is the sum of the scores of its labels and of the transitions between them; its probability
    is the exponential of the score over the sum of those of all sequences.

    Lafferty et al., Conditional Random Fields, ICML 2001.

    Args:
        cost: Variable or array of the scores of transitions, shape (K, K), floating-point: row i and column j have that
            of label j after label i.
        xs: For each step a Variable or array of the scores of its labels, shape (B, K). Sequences may have different
            lengths: with the longest first, B is the number of those that have not ended (`transpose_sequence` makes
            steps of sequences).
        ys: For each step a Variable or array of the true labels from 0 to K - 1, integers of shape (B,).
        reduce: ``'mean'``, or ``'no'`` for the loss of each sequence.

    Returns:
        A Variable of shape ``()``, or (B,) of the first step with ``reduce='no'``.

    Raises:
        TypeError: Scores are not floating-point.
        ValueError: Shapes do not fit, a label is out of range, the number of sequences rises, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> cost = np.array([[0., 0.], [0., np.log(5.)]])
        >>> xs, ys = [np.zeros((1, 2))] * 2, [np.array([1])] * 2
        >>> bool(np.isclose(F.crf1d(cost, xs, ys).array, np.log(8 / 5)))
        True
    """
    check_choice('crf1d', 'reduce', reduce, ('mean', 'no'))
    cost, x, packing = _packed('crf1d', cost, xs)
    ys = [as_array(y) for y in ys]
    if [y.shape for y in ys] != [(n,) for n in packing.sizes] or any(y.dtype.kind not in 'iu' for y in ys):
        raise ShapeError('crf1d: expected for each step integers y of shape (B,), as xs have the shapes '
                         f'{_listed(xs)}; got {_listed(ys)}')
    labels = get_array_module(x.array).concatenate([beside(x.array, y) for y in ys])
    check_indices('crf1d', 'ys', labels, len(cost), f'cost has the shape {cost.shape}')
    return _loss(cost, x, labels, packing, reduce)


def argmax_crf1d(cost: ArrayLike, xs: Sequence[ArrayLike]) -> tuple[Variable, list[Any]]:
    """The sequences of labels with the highest scores in a linear-chain conditional random field (see `crf1d`).

    Args:
        cost: Variable or array of the scores of transitions, shape (K, K), floating-point.
        xs: For each step a Variable or array of the scores of its labels, shape (B, K).

    Returns:
        A Variable with the score of each sequence, of shape (B,) of the first step, through which gradients pass; and
        for each step an array of the labels, int32 of shape (B,).

    Raises:
        TypeError: Scores are not floating-point.
        ValueError: Shapes do not fit, or the number of sequences rises.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.argmax_crf1d(np.array([[0., 9.], [9., 0.]]), [np.array([[1., 0.]]), np.array([[2., 0.]])])
        (variable([11.]), [array([1], dtype=int32), array([0], dtype=int32)])
    """
    cost, x, packing = _packed('argmax_crf1d', cost, xs)
    path = _best_path(at_least_float32(cost.array), at_least_float32(x.array), packing)
    labels = get_array_module(x.array).concatenate(path)
    return _score(cost, x, labels, packing), path


def _packed(function: str, cost: ArrayLike, xs: Sequence[ArrayLike]) -> tuple[Variable, Variable, Packing]:
    cost = as_variable(cost)
    check_float(function, 'cost', cost)
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
        raise ShapeError(f'{function}: expected cost of shape (K, K), got {cost.shape}')
    if not len(xs) or any(x.ndim != 2 or x.shape[1] != len(cost) for x in xs):
        raise ShapeError(f'{function}: expected for each step x of shape (B, {len(cost)}), as cost has the shape '
                         f'{cost.shape}; got {_listed(xs)}')
    sizes = tuple([len(x) for x in xs])
    if sorted(sizes, reverse=True) != [*sizes]:
        raise ShapeError(f'{function}: expected the longest sequences first, so that fewer are left at each step, got '
                         f'{_listed(xs)}')
    x = concat([*xs], 0)
    check_float(function, 'xs', x)
    return cost, x, Packing(sizes)


def _listed(xs: Sequence[ArrayLike]) -> str:
    return ', '.join([str(x.shape) for x in xs])


@in_single_precision
def _loss(cost: Variable, x: Variable, labels: Array, packing: Packing, reduce: str) -> Variable:
    log_partition, = LogPartition(packing).apply((cost, x))
    return reduced('crf1d', log_partition - _score(cost, x, labels, packing), reduce)


@in_single_precision
def _score(cost: Variable, x: Variable, labels: Array, packing: Packing) -> Variable:
    """The score of each sequence of labels."""
    n = packing.sizes[0]
    score = scatter_add(x.xp.zeros(n, x.dtype), packing.sequence, select_item(x, labels))
    return scatter_add(score, packing.sequence[n:], get_item(cost, (labels[packing.before], labels[n:])))


def _best_path(cost: Array, x: Array, packing: Packing) -> list[Any]:
    """The labels of each step by the algorithm of Viterbi: the best label before each, then back from the best end."""
    xp = get_array_module(x)
    scores = xp.array(x.T, order='C')  # a copy, which xp.ascontiguousarray may not make
    best = []
    for before, rows in packing.moves():
        moves = scores[:, None, before] + cost[:, :, None]
        best.append(moves.argmax(0))
        scores[:, rows] += moves.max(0)
    path = [scores[:, packing.starts[-1]:].argmax(0)]
    for choice, (before, _), start in zip(best[::-1], [*packing.moves()][::-1], packing.starts[1:][::-1]):
        labels = choice[path[-1], xp.arange(len(path[-1]))]
        path.append(xp.concatenate((labels, scores[:, before.stop:start].argmax(0))))
    return [labels.astype(np.int32) for labels in path[::-1]]
