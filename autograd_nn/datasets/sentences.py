"""Sentences for networks that write them: words, and a vocabulary with marks for beginning and end."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from autograd_nn.datasets.text import END_OF_LINE, UNKNOWN, Vocabulary

BEGINNING = '<bos>'
MARKS = [UNKNOWN, BEGINNING, END_OF_LINE]
# What splits words and is none; apostrophes and hyphens within words stay.
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


def split_sentence(sentence: str) -> list[str]:
    """The words of a sentence in lower case, without punctuation: what captions are compared by.

    Args:
        sentence: The sentence.

    Example:
        >>> split_sentence("A man's well-worn bicycle, leaning on a wall.")
        ['a', "man's", 'well-worn', 'bicycle', 'leaning', 'on', 'a', 'wall']
    """
    return _WORD.findall(sentence.lower())


class SentenceVocabulary(Vocabulary):
    """The words that a network knows which writes sentences, and their numbers.

    Number 0 is ``<unk>``, for words that are not in it, 1 is ``<bos>``, before a sentence, 2 is ``<eos>``, at its end.
    Words are those of `split_sentence`.

    Args:
        tokens: The words; the first three are ``<unk>``, ``<bos>`` and ``<eos>``.
        level: ``'word'``, as for any `Vocabulary`.

    Raises:
        ValueError: The first three tokens are others, one comes twice, or the level is another one.

    Example:
        >>> from autograd_nn.datasets import SentenceVocabulary
        >>> vocabulary = SentenceVocabulary.of_sentences(['A dog runs.', 'A dog sleeps.'], min_count=2)
        >>> vocabulary.tokens
        ['<unk>', '<bos>', '<eos>', 'a', 'dog']
        >>> vocabulary.encode('A dog barks.')
        array([1, 3, 4, 0, 2], dtype=int32)
        >>> vocabulary.decode([3, 4, 2])
        'a dog'
    """

    unk, bos, eos = range(3)

    def __init__(self, tokens: Iterable[str], level: str = 'word') -> None:
        super().__init__(tokens, level)
        if level != 'word' or self.tokens[:3] != MARKS:
            raise ValueError(f'SentenceVocabulary: expected words, the first three of them {", ".join(MARKS)}; got '
                             f'{", ".join(self.tokens[:3])} of level {level}')

    @classmethod
    def of_sentences(cls, sentences: Iterable[str], size: int | None = None, min_count: int = 1) -> SentenceVocabulary:
        """The vocabulary of some sentences: their words, the most frequent ones first.

        Args:
            sentences: The sentences.
            size: How many tokens at most, the three marks included; None for all.
            min_count: How often a word has to occur.
        """
        counts = Counter(word for sentence in sentences for word in split_sentence(sentence))
        # Words that are as frequent come in alphabetical order, whatever the order of the sentences.
        words = sorted([word for word in counts if counts[word] >= min_count], key=lambda word: (-counts[word], word))
        return cls([*MARKS, *words][:size])

    def encode(self, text: str) -> np.ndarray:
        """The numbers of a sentence's words, between those of ``<bos>`` and ``<eos>``: int32, shape (n + 2,)."""
        return np.array([self.bos, *[self._numbers.get(word, self.unk) for word in split_sentence(text)], self.eos],
                        np.int32)

    def decode(self, numbers: Iterable[int]) -> str:
        """The sentence of some numbers: up to the first ``<eos>``, without ``<bos>``."""
        words: list[str] = []
        for number in numbers:
            if number == self.eos:
                break
            if number != self.bos:
                words.append(self.tokens[number])
        return ' '.join(words)


def pad_sentences(sentences: Sequence[np.ndarray], padding: int = -1) -> np.ndarray:
    """Puts sentences of several lengths into one array.

    Args:
        sentences: N arrays of integers of shape (n,), each with its own length.
        padding: What stands behind the shorter ones; -1 is what `functions.softmax_cross_entropy` and `links.EmbedID`
            (with ``ignore_label=-1``) pass over.

    Returns:
        An int32 array of shape (N, length of the longest).

    Example:
        >>> pad_sentences([np.array([1, 5, 2]), np.array([1, 2])])
        array([[ 1,  5,  2],
               [ 1,  2, -1]], dtype=int32)
    """
    padded = np.full((len(sentences), max(map(len, sentences), default=0)), padding, np.int32)
    for row, sentence in zip(padded, sentences):
        row[:len(sentence)] = sentence
    return padded
