"""Text: files, vocabularies, and streams for recurrent networks."""
from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from autograd_nn.datasets.tuple_dataset import TupleDataset
from autograd_nn.types import PathLike
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import to_json

UNKNOWN = '<unk>'
END_OF_LINE = '<eos>'
_Vocabulary = TypeVar('_Vocabulary', bound='Vocabulary')


def read_text(path: PathLike) -> str:
    """Reads a text file in UTF-8, with line ends of any system.

    Args:
        path: The file.

    Raises:
        OSError: There is no such file, or it cannot be read.
        ValueError: It is no text in UTF-8.
    """
    data = Path(path).read_bytes()
    try:
        text = data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected text in UTF-8, but byte {error.start} is '
                         f'0x{data[error.start]:02x}') from None
    if '\0' in text:
        raise ValueError(f'{path}: expected text; byte {data.index(0)} is zero, as in binary files')
    return text.replace('\r\n', '\n').replace('\r', '\n')


class Vocabulary:
    """The words or characters that a language model knows, and their numbers.

    Words are what white space separates; the end of a line is a word, too. What the vocabulary does not have is encoded
    as number 0, ``<unk>``.

    Args:
        tokens: The words or characters; the first is ``<unk>``.
        level: ``'word'`` or ``'char'``.

    Attributes:
        tokens: A list of the words or characters, in the order of their numbers.
        level: As given.

    Raises:
        ValueError: There is no such `level`, the first token is another one, or one comes twice.

    Example:
        >>> from autograd_nn.datasets import Vocabulary
        >>> vocabulary = Vocabulary.of_text('to be or not to be', 'word')
        >>> vocabulary.tokens
        ['<unk>', 'to', 'be', 'or', 'not']
        >>> vocabulary.encode('not to see')
        array([4, 1, 0], dtype=int32)
        >>> vocabulary.decode([1, 2])
        'to be'
    """

    levels: ClassVar[Sequence[str]] = ('word', 'char')

    def __init__(self, tokens: Iterable[str], level: str) -> None:
        self.tokens = list(tokens)
        self.level = level
        self._numbers = {token: i for i, token in enumerate(self.tokens)}
        if level not in self.levels:
            raise ValueError(f'{type(self).__name__}: expected level {" or ".join(self.levels)}, got {level!r}')
        if self.tokens[:1] != [UNKNOWN] or len(self._numbers) < len(self.tokens):
            raise ValueError(f'Vocabulary: expected {UNKNOWN} as the first token, and none twice')

    @classmethod
    def of_text(cls, text: str, level: str, size: int | None = None, min_count: int = 1) -> Vocabulary:
        """The vocabulary of a text: its words or characters, the most frequent ones first.

        Args:
            text: The text.
            level: ``'word'`` or ``'char'``.
            size: How many at most, ``<unk>`` included; None for all.
            min_count: How often a word or character has to occur.

        Raises:
            ValueError: There is no such `level`.
        """
        counts = Counter(_split(text, level))
        counts.pop(UNKNOWN, None)
        return cls([UNKNOWN, *[token for token, count in counts.most_common() if count >= min_count]][:size], level)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> np.ndarray:
        """The numbers of the words or characters of a text: int32, shape (n,)."""
        numbers = self._numbers
        return np.array([numbers.get(token, 0) for token in _split(text, self.level)], np.int32)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some numbers."""
        tokens = [self.tokens[i] for i in numbers]
        if self.level == 'char':
            return ''.join(tokens)
        return re.sub(' ?\n ?', '\n', ' '.join(['\n' if token == END_OF_LINE else token for token in tokens]))

    def save(self, path: PathLike) -> None:
        """Writes the vocabulary to a file (JSON)."""
        with atomic_write(path) as file:
            file.write(to_json({'level': self.level, 'tokens': self.tokens}, indent=0))

    @classmethod
    def load(cls: type[_Vocabulary], path: PathLike) -> _Vocabulary:
        """Reads a vocabulary that `save` wrote.

        Raises:
            OSError: There is no such file.
            ValueError: It is damaged.
        """
        try:
            content = json.loads(Path(path).read_bytes())
            return cls(content['tokens'], content['level'])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is no vocabulary, or damaged: {error}') from None


def _split(text: str, level: str) -> Iterable[str]:
    """The words or characters of a text."""
    return text.replace('\n', f' {END_OF_LINE} ').split() if level == 'word' else text


def parallel_streams(numbers: np.ndarray, n_streams: int, n_steps: int = 1) -> TupleDataset:
    """Cuts a text into streams that a recurrent network reads side by side, and pairs each token with the next one.

    An example is a step: the tokens at one place of all streams, and those that follow them. An iterator that does not
    shuffle makes batches of consecutive steps, so that a network that keeps its state from batch to batch reads on
    where it stopped: truncated backpropagation through time.

    Args:
        numbers: The text as integers of shape (n,), as `Vocabulary.encode` returns them.
        n_streams: The number of streams B.
        n_steps: The length of a batch: the number of steps T is cut to a multiple of it, so that no batch reaches from
            one epoch into the next.

    Returns:
        A `TupleDataset` of T pairs of integers of shape (B,): inputs, and targets.

    Raises:
        ValueError: The text is too short for one batch.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.datasets import parallel_streams
        >>> streams = parallel_streams(np.arange(9), n_streams=2)
        >>> len(streams), streams[0], streams[1]
        (4, (array([0, 4]), array([1, 5])), (array([1, 5]), array([2, 6])))
    """
    numbers = np.asarray(numbers)
    if n_streams < 1 or n_steps < 1:
        raise ValueError(f'parallel_streams: expected positive n_streams and n_steps, got {n_streams} and {n_steps}')
    # Each stream is a stretch of the text, at whose end fewer than n_steps tokens are left out.
    stretch = max(0, len(numbers) - 1) // n_streams
    length = stretch // n_steps * n_steps
    if not length:
        raise ValueError(f'parallel_streams: expected at least {n_streams * n_steps + 1} tokens for {n_streams} '
                         f'streams of {n_steps} steps, got {len(numbers)}')
    starts = np.arange(n_streams) * stretch
    places = np.arange(length)[:, None] + starts
    return TupleDataset(numbers[places], numbers[places + 1])
