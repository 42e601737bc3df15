"""From what a network says of each step to the labels, for networks trained with connectionist temporal classification.

A network says at each step which label is there, or none (a blank). What it says comes down to labels by two rules:
repeated labels are one, then blanks go. Graves et al., Connectionist Temporal Classification, ICML 2006.
"""
from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from autograd_nn.backend import to_cpu
from autograd_nn.models.layers.beam_search import Hypothesis
from autograd_nn.types import ArrayLike
from autograd_nn.variable import as_array


def ctc_greedy(log_p: ArrayLike, blank: int) -> list[list[int]]:
    """Takes the likeliest label of each step.

    Args:
        log_p: Logits, or logarithms of probabilities, of N sequences: shape (N, T, V).
        blank: The number that stands for no label.

    Returns:
        The labels of each sequence.

    Raises:
        ValueError: `log_p` has another shape, a number is NaN, or `blank` is none of the labels.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import ctc_greedy
        >>> said = np.eye(3)[[[1, 1, 0, 1, 2, 2, 0]]]       # a label at each of seven steps; 0 is none
        >>> ctc_greedy(said, blank=0)
        [[1, 1, 2]]
    """
    best = _checked('ctc_greedy', log_p, blank).argmax(axis=2)
    new = np.concatenate([np.ones((len(best), 1), bool), best[:, 1:] != best[:, :-1]], axis=1) & (best != blank)
    return [row[keep].tolist() for row, keep in zip(best, new)]


def ctc_beam_search(log_p: ArrayLike, blank: int, width: int = 10) -> list[list[Hypothesis]]:
    """Searches likely labels: adds up all ways to say the same, for the `width` likeliest beginnings at each step.

    The likeliest way to say something need not be one of the likeliest labels: many less likely ways may come down to
    others. Prefix search with a beam: A. Hannun et al., First-Pass Large Vocabulary Continuous Speech Recognition using
    Bi-Directional Recurrent DNNs, 2014, https://arxiv.org/abs/1408.2873, algorithm 1, without a language model.

    Args:
        log_p: The logarithms of the probabilities of V labels at T steps, for N sequences: shape (N, T, V).
        blank: The number that stands for no label.
        width: How many beginnings go on.

    Returns:
        For each sequence at most `width` hypotheses, the best first. Their scores are logarithms of probabilities: of
        all ways whose beginnings were kept.

    Raises:
        ValueError: `width` is not positive, `log_p` has another shape, a number is NaN or infinite, all labels of a
            step are impossible, or `blank` is none of the labels.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import ctc_beam_search, ctc_greedy
        >>> log_p = np.log([[[.6, .4], [.6, .4]]])          # nothing, twice, has .36; but 1 0, 0 1 and 1 1 have .64
        >>> tokens, score = ctc_beam_search(log_p, blank=0)[0][0]
        >>> tokens, round(float(np.exp(score)), 2), ctc_greedy(log_p, blank=0)
        ([1], 0.64, [[]])
    """
    if width < 1:
        raise ValueError(f'ctc_beam_search: expected a width of at least 1, got {width}')
    values = _checked('ctc_beam_search', log_p, blank).astype(np.float64)
    largest = values.max(axis=2)
    if not np.isfinite(largest).all():
        sequence, step = np.argwhere(~np.isfinite(largest))[0]
        raise ValueError(f'ctc_beam_search: expected logarithms of probabilities, got {largest[sequence, step]} as the '
                         f'largest of sequence {sequence} at step {step}')
    # The likeliest label of a step counts as 1, so that logits of any size have an exponential.
    scales = largest.sum(axis=1).tolist()
    return [_search(steps, blank, width, scale) for steps, scale in zip(values - largest[..., None], scales)]


def _checked(function: str, log_p: ArrayLike, blank: int) -> np.ndarray:
    """What the network says, on the CPU."""
    values = to_cpu(as_array(log_p))
    if values.ndim != 3:
        raise ValueError(f'{function}: expected log_p of shape (N, T, V), got {values.shape}')
    if not 0 <= blank < values.shape[2]:
        raise ValueError(f'{function}: expected a blank from 0 to {values.shape[2] - 1}, got {blank}')
    if np.isnan(values).any():
        raise ValueError(f'{function}: expected logarithms of probabilities, got NaN at step '
                         f'{np.argwhere(np.isnan(values))[0][1]}')
    return values


def _search(log_p: np.ndarray, blank: int, width: int, scale: float) -> list[Hypothesis]:
    # For each beginning the probability of the ways that end with a blank, and of those that end with its last label;
    # divided by the largest so far, whose logarithm is in `scale`.
    beams: dict[tuple[int, ...], list[float]] = {(): [1., 0.]}
    labels = [label for label in range(log_p.shape[1]) if label != blank]
    for p in np.exp(log_p).tolist():
        found: defaultdict[tuple[int, ...], list[float]] = defaultdict(lambda: [0., 0.])
        for beginning, (with_blank, with_label) in beams.items():
            total, last = with_blank + with_label, beginning[-1] if beginning else None
            same = found[beginning]
            same[0] += total * p[blank]
            if last is not None:
                same[1] += with_label * p[last]
            for label in labels:
                # The label once more is another one only behind a blank.
                longer = (*beginning, label)
                found[longer][1] += (with_blank if label == last else total) * p[label]
        best = sorted(found.items(), key=lambda item: -sum(item[1]))[:width]
        largest = sum(best[0][1])
        scale += math.log(largest)
        beams = {beginning: [each / largest for each in ways] for beginning, ways in best}
    return [Hypothesis([*beginning], math.log(sum(ways)) + scale) for beginning, ways in beams.items() if sum(ways)]
