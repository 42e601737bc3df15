"""Vectors of words: which are near each other, analogies, and the files that word2vec has."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd_nn.datasets.text import read_text
from autograd_nn.types import PathLike
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.hints import find_close


class WordVectors:
    """Words with a vector each.

    Args:
        words: The words, V of them.
        vectors: Their vectors, of shape (V, D), floating-point.

    Raises:
        ValueError: The numbers differ, or a word comes twice.

    Attributes:
        words: As given.
        vectors: As given.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.datasets import WordVectors
        >>> vectors = WordVectors(['man', 'woman', 'king', 'queen', 'cup'],
        ...                       np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [-1, -1, 0.]]))
        >>> [word for word, cosine in vectors.nearest('king', 2)]
        ['man', 'queen']
        >>> vectors.calculate('king - man + woman', 1)[0][0]
        'queen'
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray) -> None:
        self.words = list(words)
        self.vectors = vectors
        self.numbers = {word: i for i, word in enumerate(self.words)}
        if vectors.ndim != 2 or len(vectors) != len(self.words) or len(self.numbers) < len(self.words):
            raise ValueError('WordVectors: expected vectors of shape (V, D) for V different words, got '
                             f'{vectors.shape} for {len(self.words)}')
        lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
        self._unit = vectors / np.maximum(lengths, 1e-12)

    def number(self, word: str) -> int:
        """The number of a word.

        Raises:
            ValueError: There is no such word; the message names a similar one if there is.
        """
        if word not in self.numbers:
            close = find_close(word, self.words)
            raise ValueError(f'there is no {word!r} among the {len(self.words):,} words'
                             + (f' (did you mean {close[0]!r}?)' if close else ''))
        return self.numbers[word]

    def nearest(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """The words whose vectors have the smallest angles with that of a word.

        Args:
            word: The word.
            n: How many.

        Returns:
            Words with the cosines of these angles, the nearest first.

        Raises:
            ValueError: There is no such word.
        """
        return self._nearest([self.number(word)], [], n)

    def calculate(self, expression: str, n: int = 10) -> list[tuple[str, float]]:
        """The words nearest to a sum of words, such as ``king - man + woman``; those of the sum are left out.

        Args:
            expression: Words, with white space, ``+`` or ``-`` between them; vectors are added with length 1.
            n: How many.

        Returns:
            Words with cosines, the nearest first.

        Raises:
            ValueError: There is no such word, or the expression is something else.

        Reference: T. Mikolov, W. Yih, G. Zweig, Linguistic Regularities in Continuous Space Word Representations, NAACL
        2013, https://aclanthology.org/N13-1090.
        """
        plus: list[int] = []
        minus: list[int] = []
        terms = expression.split()
        signs = ['+', *terms[1::2]] if terms[:1] != ['-'] else terms[::2]
        names = terms[::2] if terms[:1] != ['-'] else terms[1::2]
        if not terms or len(signs) != len(names) or not {*signs} <= {'+', '-'} or {*names} & {'+', '-'}:
            raise ValueError(f'expected a word, or words with + or - between them, such as "king - man + woman", got '
                             f'{expression!r}')
        for sign, name in zip(signs, names):
            (plus if sign == '+' else minus).append(self.number(name))
        return self._nearest(plus, minus, n)

    def _nearest(self, plus: list[int], minus: list[int], n: int) -> list[tuple[str, float]]:
        target = self._unit[plus].sum(axis=0) - self._unit[minus].sum(axis=0)
        cosines = self._unit @ (target / max(1e-12, float(np.linalg.norm(target))))
        cosines[[*plus, *minus]] = -np.inf
        best = np.argsort(-cosines, kind='stable')[:max(0, min(n, len(cosines) - len({*plus, *minus})))]
        return [(self.words[i], float(cosines[i])) for i in best.tolist()]

    def solve(self, analogies: Sequence[Sequence[str]]) -> list[str]:
        """What completes analogies: of *man*, *woman*, *king* the word nearest to king - man + woman.

        Args:
            analogies: The three first words of each, or more, which do not count.

        Returns:
            A word for each.

        Raises:
            ValueError: There is no such word.
        """
        if not len(analogies):
            return []
        numbers = np.array([[self.number(word) for word in words[:3]] for words in analogies])
        a, b, c = self._unit[numbers.T]
        cosines = (c - a + b) @ self._unit.T
        cosines[np.arange(len(cosines))[:, None], numbers] = -np.inf
        return [self.words[i] for i in cosines.argmax(axis=1).tolist()]

    def in_plane(self, words: Sequence[str]) -> np.ndarray:
        """Places of words in the plane in which their vectors differ most (principal components).

        Args:
            words: Some of the words.

        Returns:
            float64 of shape (number of words, 2).

        Raises:
            ValueError: There is no such word.
        """
        chosen = self.vectors[[self.number(word) for word in words]].astype(np.float64)
        chosen -= chosen.mean(axis=0)
        _, _, axes = np.linalg.svd(chosen, full_matrices=False)
        # The sign of an axis says nothing, and rounding could turn it.
        axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
        places = np.zeros((len(chosen), 2))
        places[:, :len(axes[:2])] = chosen @ axes[:2].T
        return places

    def save(self, path: PathLike) -> None:
        """Writes a file in word2vec's text format: the numbers V and D, then a word and its vector in each line."""
        with atomic_write(path) as file:
            file.write(f'{self.vectors.shape[0]} {self.vectors.shape[1]}\n'.encode())
            for word, vector in zip(self.words, self.vectors):
                file.write(' '.join([word, *[f'{x:.6g}' for x in vector.tolist()]]).encode() + b'\n')

    @classmethod
    def load(cls, path: PathLike) -> WordVectors:
        """Reads a file in word2vec's text format.

        Args:
            path: The file, in UTF-8.

        Raises:
            OSError: There is no such file.
            ValueError: It is damaged; the message names the line.
        """
        first, *lines = read_text(path).rstrip('\n').split('\n')
        try:
            count, size = map(int, first.split())
        except ValueError:
            raise ValueError(f'{path}, line 1: expected the numbers of words and of their dimensions, got '
                             f'{first[:60]!r}') from None
        if len(lines) != count:
            raise ValueError(f'{path}: expected {count} words, as its first line says, found {len(lines)}')
        words, vectors = [], np.empty((count, size), np.float32)
        for i, line in enumerate(lines):
            word, *numbers = line.rstrip(' ').split(' ')
            try:
                vectors[i] = np.array(numbers, np.float32).reshape(size)
            except ValueError:
                raise ValueError(f'{path}, line {i + 2}: expected a word and {size} numbers, got '
                                 f'{line[:60]!r}') from None
            words.append(word)
        return cls(words, vectors)


def read_analogies(path: PathLike) -> list[tuple[str, str, str, str]]:
    """Reads analogies: four words in each line; lines with a colon in front, which name sections, do not count.

    Args:
        path: A file in UTF-8, such as ``questions-words.txt`` of word2vec.

    Raises:
        OSError: There is no such file.
        ValueError: A line has more or fewer words; the message names it.
    """
    found = []
    for number, line in enumerate(read_text(path).split('\n'), 1):
        words = line.split()
        if words and not line.startswith(':'):
            if len(words) != 4:
                raise ValueError(f'{path}, line {number}: expected four words, got {line[:60]!r}')
            found.append((words[0], words[1], words[2], words[3]))
    return found
