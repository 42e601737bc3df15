"""Metrics of sentences that are compared with references: captions and translations."""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Sentence = str | Sequence[str]
Grams = Counter[tuple[str, ...]]


class Bleu(NamedTuple):
    """What `bleu` found.

    Attributes:
        scores: BLEU-1 to BLEU-N, float64 of shape (N,), from 0 to 1.
        precisions: What part of the candidates' n-grams occurs in references, for n from 1 to N, shape (N,).
        brevity_penalty: What the scores were multiplied by, as candidates were too short; 1 if they were not.
        candidate_length: The number of words of all candidates.
        reference_length: That of the references nearest to them in length.
    """

    scores: np.ndarray
    precisions: np.ndarray
    brevity_penalty: float
    candidate_length: int
    reference_length: int


def bleu(candidates: Sequence[Sentence], references: Sequence[Sequence[Sentence]], max_n: int = 4) -> Bleu:
    """Computes BLEU of a corpus: how many n-grams of candidates occur in references, less a penalty for brevity.

    Matches are summed over the corpus before they are divided, and nothing is smoothed: where no n-gram of a length
    matches, the scores from that length on are 0. A candidate is compared in length with the nearest of its references,
    the shorter of two that are equally near. Reference: K. Papineni et al., BLEU: a Method for Automatic Evaluation of
    Machine Translation, ACL 2002, https://aclanthology.org/P02-1040.

    Args:
        candidates: N sentences: strings, which are split at white space, or lists of words.
        references: For each candidate at least one such sentence.
        max_n: The length of the longest n-grams.

    Returns:
        A `Bleu`.

    Raises:
        ValueError: The numbers differ, there are no candidates, one has no reference, or `max_n` is not positive.

    Example:
        >>> from autograd_nn.evaluation import bleu
        >>> found = bleu(['the cat sat on the mat'], [['the cat sat on a mat', 'a cat sat on the mat']])
        >>> found.scores.round(3).tolist(), found.brevity_penalty
        ([0.833, 0.913, 0.941, 0.955], 1.0)
    """
    split = _split('bleu', candidates, references)
    if max_n < 1:
        raise ValueError(f'bleu: expected max_n of at least 1, got {max_n}')
    matches, totals = np.zeros(max_n), np.zeros(max_n)
    c = r = 0
    for candidate, others in split:
        c += len(candidate)
        r += min((abs(len(other) - len(candidate)), len(other)) for other in others)[1]
        for n in range(1, max_n + 1):
            most: Grams = Counter()
            for other in others:
                most |= _grams(other, n)
            grams = _grams(candidate, n)
            matches[n - 1] += (grams & most).total()
            totals[n - 1] += grams.total()
    precisions = matches / np.maximum(totals, 1)
    penalty = float(np.exp(min(0., 1 - r / c))) if c else 0.
    with np.errstate(divide='ignore'):
        means = np.exp(np.cumsum(np.log(precisions)) / np.arange(1, max_n + 1))
    return Bleu(penalty * means, precisions, penalty, c, r)


def cider(candidates: Sequence[Sentence], references: Sequence[Sequence[Sentence]], max_n: int = 4) -> np.ndarray:
    """Computes CIDEr: the mean cosine of TF-IDF vectors of n-grams, so that rare words weigh more than common ones.

    How rare an n-gram is, the references say: in those of how many candidates it occurs. Reference: R. Vedantam,
    C. L. Zitnick, D. Parikh, CIDEr: Consensus-based Image Description Evaluation, CVPR 2015,
    https://arxiv.org/abs/1411.5726, section 4.

    Args:
        candidates: N sentences: strings, which are split at white space, or lists of words.
        references: For each candidate at least one such sentence. All of them together are the corpus.
        max_n: The length of the longest n-grams.

    Returns:
        The score of each candidate, from 0 to 10, float64 of shape (N,); what papers report is the mean.

    Raises:
        ValueError: The numbers differ, there are no candidates, one has no reference, or `max_n` is not positive.

    Example:
        >>> from autograd_nn.evaluation import cider
        >>> cider(['a red bus', 'a dog'], [['a red bus', 'a bus'], ['a cat']]).round(2).tolist()
        [4.63, 0.0]
    """
    return _cider('cider', candidates, references, max_n, None)


def cider_d(candidates: Sequence[Sentence], references: Sequence[Sequence[Sentence]], max_n: int = 4,
            sigma: float = 6.0) -> np.ndarray:
    """Computes CIDEr-D: `cider` that cannot be gamed by repeating words or by another length.

    An n-gram counts no more often than it occurs in the reference, and a Gaussian of the difference of lengths is
    multiplied by. Reference: Vedantam et al. (see `cider`), section 7; this is what COCO's evaluation calls CIDEr. As
    in the authors' program, what is compared are counts, and not their parts of a sentence.

    Args:
        candidates: N sentences: strings, which are split at white space, or lists of words.
        references: For each candidate at least one such sentence. All of them together are the corpus.
        max_n: The length of the longest n-grams.
        sigma: The standard deviation of that Gaussian, in words.

    Returns:
        The score of each candidate, from 0 to 10, float64 of shape (N,).

    Raises:
        ValueError: The numbers differ, there are no candidates, one has no reference, or `max_n` or `sigma` is not
            positive.

    Example:
        >>> from autograd_nn.evaluation import cider_d
        >>> cider_d(['a red bus', 'a dog'], [['a red bus', 'a bus'], ['a cat']]).round(2).tolist()
        [4.62, 0.0]
    """
    if sigma <= 0:
        raise ValueError(f'cider_d: expected a positive sigma, got {sigma}')
    return _cider('cider_d', candidates, references, max_n, sigma)


def _cider(function: str, candidates: Sequence[Sentence], references: Sequence[Sequence[Sentence]], max_n: int,
           sigma: float | None) -> np.ndarray:
    """CIDEr, or CIDEr-D where there is a `sigma`."""
    split = _split(function, candidates, references)
    if max_n < 1:
        raise ValueError(f'{function}: expected max_n of at least 1, got {max_n}')
    scores = np.zeros(len(split))
    for n in range(1, max_n + 1):
        documents = Counter(gram for _, others in split for gram in set().union(*[_grams(each, n) for each in others]))
        for i, (candidate, others) in enumerate(split):
            vector = _weigh(candidate, n, documents, len(split))
            for other in others:
                cosine = _cosine(vector, _weigh(other, n, documents, len(split)), clip=sigma is not None)
                if sigma is not None:
                    cosine *= math.exp(-(len(candidate) - len(other)) ** 2 / (2 * sigma ** 2))
                scores[i] += cosine / len(others)
    return scores * 10 / max_n


def _weigh(sentence: Sequence[str], n: int, documents: Grams, size: int) -> dict[tuple[str, ...], float]:
    """How often each n-gram occurs, times the logarithm of how rare it is in a corpus of this size."""
    return {gram: count * (math.log(size) - math.log(max(1, documents[gram])))
            for gram, count in _grams(sentence, n).items()}


def _cosine(x: dict[tuple[str, ...], float], y: dict[tuple[str, ...], float], clip: bool) -> float:
    """The cosine of two vectors; with `clip`, no element of the first counts for more than that of the second."""
    norm = math.sqrt(sum(value ** 2 for value in x.values()) * sum(value ** 2 for value in y.values()))
    product = sum((min(value, y[gram]) if clip else value) * y[gram] for gram, value in x.items() if gram in y)
    return product / norm if norm else 0.


def _grams(sentence: Sequence[str], n: int) -> Grams:
    """How often each n-gram occurs in a sentence."""
    return Counter(zip(*[sentence[i:] for i in range(n)]))


def _split(function: str, candidates: Sequence[Sentence], references: Sequence[Sequence[Sentence]],
           ) -> list[tuple[list[str], list[list[str]]]]:
    """Each candidate with its references, as lists of words."""
    if not len(candidates) or len(candidates) != len(references):
        raise ValueError(f'{function}: expected sentences with references for each, got {len(candidates)} and '
                         f'{len(references)}')
    for i, others in enumerate(references):
        if isinstance(others, str) or not len(others):
            raise ValueError(f'{function}: references[{i}]: expected a list of at least one sentence, got {others!r}')
    return [(_words(candidate), [_words(other) for other in others])
            for candidate, others in zip(candidates, references)]


def _words(sentence: Sentence) -> list[str]:
    return sentence.split() if isinstance(sentence, str) else list(sentence)
