"""Finding likely sequences of a network that writes them token by token."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_nn.backend import to_cpu
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

Step = Callable[[np.ndarray, tuple[Any, ...]], tuple[ArrayLike, Sequence[ArrayLike]]]


class Hypothesis(NamedTuple):
    """A sequence that `beam_search` found.

    Attributes:
        tokens: Its tokens, without those for beginning and end.
        score: The logarithm of its probability, the end included, divided by the number of tokens (with the end) to the
            power of the length penalty.
    """

    tokens: list[int]
    score: float


def beam_search(step: Step, states: Sequence[ArrayLike], begin: int, end: int, width: int = 3, max_length: int = 20,
                length_penalty: float = 0.0, exclude: Sequence[int] = ()) -> list[list[Hypothesis]]:
    """Searches likely sequences, for several inputs at once: the best `width` beginnings go on at each step.

    With a width of 1 the likeliest token is taken at each step (greedy search); where the width is the number of all
    sequences, the search is exhaustive. It ends early where nothing better can come. References: I. Sutskever,
    O. Vinyals, Q. V. Le, Sequence to Sequence Learning with Neural Networks, 2014, https://arxiv.org/abs/1409.3215,
    section 3.2; for the penalty, Y. Wu et al., Google's Neural Machine Translation System, 2016,
    https://arxiv.org/abs/1609.08144, section 7, here in its simplest form.

    Args:
        step: Takes the last token of each of M sequences, int32 of shape (M,), and a tuple of arrays, the states of
            these sequences, with M rows; returns the logarithms of the probabilities of the V tokens that may be next,
            shape (M, V), and the new states.
        states: The states before the first step: arrays or Variables with a row for each of N inputs.
        begin: The token that comes before all others.
        end: The token that ends a sequence.
        width: How many beginnings are kept for each input.
        max_length: The largest number of tokens, the end included; what has not ended by then counts as it is.
        length_penalty: 0 compares probabilities, which favours short sequences; 1 compares the mean over the tokens.
        exclude: Tokens that must not come.

    Returns:
        For each of the N inputs at most `width` sequences, the best first.

    Raises:
        ValueError: `width` or `max_length` is not positive, there are no states, or `length_penalty` is negative; or
            a logarithm is NaN.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import beam_search
        >>> p = np.array([[.1, .6, .3], [.5, .3, .2], [.9, .05, .05]])   # p[i, j]: token j comes behind token i
        >>> def step(tokens, states):
        ...     return np.log(p[tokens]), states
        >>> for tokens, score in beam_search(step, [np.zeros((1, 0))], begin=0, end=0, width=2)[0]:
        ...     print(tokens, round(float(np.exp(score)), 2))
        [1] 0.3
        [2] 0.27
    """
    if width < 1 or max_length < 1 or length_penalty < 0 or not len(states):
        raise ValueError('beam_search: expected states, width and max_length of at least 1, and length_penalty of at '
                         f'least 0; got {len(states)} states, {width}, {max_length} and {length_penalty}')
    now = tuple(_as_array(state) for state in states)
    beams = [_Beam(width, max_length ** length_penalty) for _ in range(len(now[0]))]
    owners = np.arange(len(beams))  # the beam that each row belongs to
    tokens = np.empty((len(beams), 0), np.int32)
    sums = np.zeros(len(beams))
    last = np.full(len(beams), begin, np.int32)
    for length in range(1, max_length + 1):
        log_p, after = step(last, now)
        scores = to_cpu(_as_array(log_p)).astype(np.float64)
        scores[:, list(exclude)] = -np.inf
        if np.isnan(scores).any():
            raise ValueError(f'beam_search: expected logarithms of probabilities, got NaN at step {length}')
        rows, last, sums = _best(sums[:, None] + scores, owners, width)
        tokens, owners = np.concatenate([tokens[rows], last[:, None]], axis=1), owners[rows]
        for row in np.flatnonzero((last == end) | (length == max_length)).tolist():
            found = tokens[row].tolist()
            beams[owners[row]].add(found[:-1] if last[row] == end else found, sums[row] / length ** length_penalty)
        going = np.array([token != end and beams[owner].may_gain(total)
                          for token, owner, total in zip(last, owners, sums)], bool)
        if length == max_length or not going.any():
            break
        tokens, owners, sums, last, rows = tokens[going], owners[going], sums[going], last[going], rows[going]
        now = tuple(_as_array(state)[rows] for state in after)
    return [beam.finished for beam in beams]


class _Beam:
    """The sequences that were found for one input.

    Args:
        width: How many are kept.
        divisor: What the largest score of a sequence that goes on is divided by.
    """

    def __init__(self, width: int, divisor: float) -> None:
        self.width = width
        self.divisor = divisor
        self.finished: list[Hypothesis] = []

    def add(self, tokens: list[int], score: float) -> None:
        self.finished = sorted([*self.finished, Hypothesis(tokens, float(score))],
                               key=lambda hypothesis: -hypothesis.score)[:self.width]

    def may_gain(self, total: float) -> bool:
        """Whether a beginning of this logarithm of its probability, which can only fall, may still get in."""
        return len(self.finished) < self.width or total / self.divisor > self.finished[-1].score


def _best(scores: np.ndarray, owners: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows, tokens and scores of the best possible continuations of each owner, at most `width`, the best first."""
    found = []
    for owner in np.unique(owners):
        rows = np.flatnonzero(owners == owner)
        flat = scores[rows].ravel()
        # Of a large vocabulary only those are sorted that may be among them.
        last = max(0, len(flat) - width)
        likely = np.flatnonzero(flat >= np.partition(flat, last)[last])
        best = likely[np.argsort(-flat[likely], kind='stable')][:width]
        best = best[flat[best] > -np.inf]
        found.append((rows[best // scores.shape[1]], best % scores.shape[1], flat[best]))
    rows, tokens, totals = (np.concatenate(column) for column in zip(*found))
    return rows, tokens.astype(np.int32), totals


def _as_array(x: ArrayLike) -> Any:
    return x.array if isinstance(x, Variable) else x
