"""Words of a text with those near them: what word vectors are learned from."""
from __future__ import annotations

import copy

import numpy as np

from autograd_nn.dataset.dataset_mixin import DatasetMixin


class ContextWindows(DatasetMixin):
    """The words of a text, each with those up to a distance before and behind it in the same sentence.

    An example is a word and an array of the words near it, int32 of shape (2 `window`,), -1 where there is none. In
    training, each epoch has other ones: distances are drawn from 1 to `window` for each word, so that near words count
    more, and words are left out the more often, the more frequent they are; of one that is left out, word and all words
    near it are -1. What is drawn depends on the seed and the number of the epoch alone.

    Reference: T. Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality, 2013,
    https://arxiv.org/abs/1310.4546, section 2.3.

    Args:
        words: The text: int32 of shape (N,).
        sentences: Of which sentence each word is, rising integers of shape (N,).
        window: The largest distance.
        keep: How probable it is that a word stays, for each of the words there are; None to keep all and to have all
            words within the largest distance.
        seed: Chooses; not negative.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.datasets import ContextWindows
        >>> windows = ContextWindows(np.array([5, 6, 7, 8]), np.array([0, 0, 0, 1]), window=1)
        >>> [(int(word), near.tolist()) for word, near in windows[:]]
        [(5, [-1, 6]), (6, [5, 7]), (7, [6, -1]), (8, [-1, -1])]
    """

    def __init__(self, words: np.ndarray, sentences: np.ndarray, window: int, keep: np.ndarray | None = None,
                 seed: int = 0) -> None:
        self.words, self.sentences = words, sentences
        self.window = window
        self.keep = keep
        self.seed = seed
        self.epoch = 0
        # Iterators ask for the epoch of each minibatch.
        self._drawn: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.words)

    def at_epoch(self, epoch: int) -> ContextWindows:
        moved = copy.copy(self)
        moved.epoch = epoch
        return moved

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        centers, contexts = self.draw()
        return centers[i], contexts[i]

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        """All examples of the epoch: words (N,) and those near them (N, 2 `window`)."""
        if self.epoch not in self._drawn:
            for epoch in [epoch for epoch in self._drawn if epoch != self.epoch - 1]:
                del self._drawn[epoch]
            self._drawn[self.epoch] = self._draw()
        return self._drawn[self.epoch]

    def _draw(self) -> tuple[np.ndarray, np.ndarray]:
        n, window = len(self.words), self.window
        reach, stays = np.full(n, window), np.ones(n, bool)
        if self.keep is not None:
            rng = np.random.default_rng([self.seed, self.epoch])
            stays = rng.random(n) < self.keep[self.words]
            reach = rng.integers(1, window + 1, n)
        # Those that stay move together before distances are counted.
        words, sentences, reach = self.words[stays], self.sentences[stays], reach[stays]
        near = np.full((len(words), 2 * window), -1, np.int32)
        for column, offset in enumerate([*range(-window, 0), *range(1, window + 1)]):
            here = np.arange(max(0, -offset), max(0, min(len(words), len(words) - offset)))
            here = here[(sentences[here] == sentences[here + offset]) & (abs(offset) <= reach[here])]
            near[here, column] = words[here + offset]
        centers, contexts = np.full(n, -1, np.int32), np.full((n, 2 * window), -1, np.int32)
        centers[stays], contexts[stays] = words, near
        return centers, contexts


def keep_probabilities(counts: np.ndarray, threshold: float) -> np.ndarray:
    """How probable it is that a word stays, where frequent words are left out at random.

    Args:
        counts: How often each word occurs, of shape (V,).
        threshold: The part of the text from which on a word is frequent; 0 to keep all words.

    Returns:
        float64 of shape (V,): the root of threshold over frequency, 1 at most.

    Example:
        >>> keep_probabilities(np.array([90, 10]), 0.1).round(2).tolist()
        [0.33, 1.0]
    """
    if not threshold:
        return np.ones(len(counts))
    return np.minimum(1, np.sqrt(threshold * counts.sum() / np.maximum(counts, 1)))
