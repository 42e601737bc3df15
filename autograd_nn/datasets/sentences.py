"""Sentences for networks that write them: words, and a vocabulary with marks for beginning and end."""
from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from autograd_nn.datasets.text import END_OF_LINE, UNKNOWN, Vocabulary

BEGINNING = '<bos>'
MARKS = [UNKNOWN, BEGINNING, END_OF_LINE]
_Marked = TypeVar('_Marked', bound='MarkedVocabulary')
# What splits words and is none; apostrophes and hyphens within words stay.
_WORD = re.compile(r"\w[\w\u0300]*(?:['’-]\w[\w\u0300]*)*")
_NEITHER_ASCII_NOR_LETTER = re.compile(r'[^\w\x00-\x7f]')


def split_sentence(sentence: str) -> list[str]:
    """The words of a sentence in lower case, without punctuation: what captions are compared by.

    Args:
        sentence: The sentence. How its accents are encoded does not matter: words have them as Unicode's NFC does.

    Example:
        >>> split_sentence("A man's well-worn bicycle, leaning on a wall.")
        ['a', "man's", 'well-worn', 'bicycle', 'leaning', 'on', 'a', 'wall']
    """
    sentence = unicodedata.normalize('NFC', sentence).lower()
    # Vowel signs and the like are no letters to re: one mark, of the same length, stands for all of them.
    pattern = _NEITHER_ASCII_NOR_LETTER.sub(lambda found: '\u0300' if _is_mark(found[0]) else found[0], sentence)
    return [sentence[found.start():found.end()] for found in _WORD.finditer(pattern)]


def _is_mark(character: str) -> bool:
    """Whether a character belongs to the letter before it: an accent, a vowel sign, or what joins letters."""
    return unicodedata.category(character) in ('Mn', 'Mc') or character in '\u200c\u200d'


class MarkedVocabulary(Vocabulary):
    """The words or characters of texts that a network reads and writes one by one, and their numbers.

    Number 0 is ``<unk>``, for what is not in it, 1 is ``<bos>``, before a text, 2 is ``<eos>``, at its end. Words are
    what white space separates.

    Args:
        tokens: The words or characters; the first three are ``<unk>``, ``<bos>`` and ``<eos>``.
        level: ``'word'`` or ``'char'``.

    Raises:
        ValueError: There is no such `level`, the first three tokens are others, or one comes twice.

    Example:
        >>> from autograd_nn.datasets import MarkedVocabulary
        >>> vocabulary = MarkedVocabulary.of_texts(['3-Mar', '4-Mar'], 'char')
        >>> vocabulary.tokens
        ['<unk>', '<bos>', '<eos>', '-', 'M', 'a', 'r', '3', '4']
        >>> vocabulary.encode('5-Mar')
        array([1, 0, 3, 4, 5, 6, 2], dtype=int32)
        >>> vocabulary.decode([4, 5, 6, 2])
        'Mar'
    """

    unk, bos, eos = range(3)

    def __init__(self, tokens: Iterable[str], level: str) -> None:
        super().__init__(tokens, level)
        if self.tokens[:3] != MARKS:
            raise ValueError(f'{type(self).__name__}: expected {", ".join(MARKS)} as the first three tokens, got '
                             f'{", ".join(self.tokens[:3])}')
        for mark in MARKS:  # in a text it is no mark
            del self._numbers[mark]

    @classmethod
    def of_texts(cls: type[_Marked], texts: Iterable[str], level: str, size: int | None = None,
                 min_count: int = 1) -> _Marked:
        """The vocabulary of some texts: their words or characters, the most frequent ones first.

        Args:
            texts: The texts.
            level: ``'word'`` or ``'char'``.
            size: How many tokens at most, the three marks included; None for all.
            min_count: How often a word or character has to occur.

        Raises:
            ValueError: There is no such `level`.
        """
        vocabulary = cls(MARKS, level)
        counts = Counter(token for text in texts for token in vocabulary.split(text))
        # What is as frequent comes in alphabetical order, whatever the order of the texts.
        tokens = sorted([token for token in counts if counts[token] >= min_count and token not in MARKS],
                        key=lambda token: (-counts[token], token))
        return cls([*MARKS, *tokens][:size], level)

    def split(self, text: str) -> list[str]:
        """The words or characters of a text."""
        return text.split() if self.level == 'word' else list(text)

    def join(self, tokens: Sequence[str]) -> str:
        """The text of some words or characters."""
        return (' ' if self.level == 'word' else '').join(tokens)

    def encode(self, text: str) -> np.ndarray:
        """The numbers of a text's tokens, between those of ``<bos>`` and ``<eos>``: int32, shape (n + 2,)."""
        return np.array([self.bos, *[self._numbers.get(token, self.unk) for token in self.split(text)], self.eos],
                        np.int32)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some numbers: up to the first ``<eos>``, without ``<bos>``."""
        tokens: list[str] = []
        for number in numbers:
            if number == self.eos:
                break
            if number != self.bos:
                tokens.append(self.tokens[number])
        return self.join(tokens)


class SentenceVocabulary(MarkedVocabulary):
    """The words that a network knows which writes sentences, and their numbers.

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

    levels = 'word',

    def __init__(self, tokens: Iterable[str], level: str = 'word') -> None:
        super().__init__(tokens, level)

    @classmethod
    def of_sentences(cls, sentences: Iterable[str], size: int | None = None, min_count: int = 1) -> SentenceVocabulary:
        """The vocabulary of some sentences: their words, the most frequent ones first.

        Args:
            sentences: The sentences.
            size: How many tokens at most, the three marks included; None for all.
            min_count: How often a word has to occur.
        """
        return cls.of_texts(sentences, 'word', size, min_count)

    def split(self, text: str) -> list[str]:
        """The words of a sentence (see `split_sentence`)."""
        return split_sentence(text)


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
