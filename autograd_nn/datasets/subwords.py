"""Parts of words: byte pair encoding, by the library tokenizers."""
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from autograd_nn.datasets.sentences import MARKS, MarkedVocabulary
from autograd_nn.datasets.text import UNKNOWN
from autograd_nn.types import PathLike
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import to_json


class SubwordVocabulary(MarkedVocabulary):
    """Parts of words, and their numbers: frequent words are whole, rare ones in pieces, so that hardly any is unknown.

    Byte pair encoding begins with characters, and joins the two that are most frequent side by side, again and again. A
    mark, ``▁``, stands for the space before a word. It takes the library tokenizers
    (``pip install 'autograd_nn[text]'``). Reference: R. Sennrich, B. Haddow, A. Birch, Neural Machine Translation of
    Rare Words with Subword Units, ACL 2016, https://arxiv.org/abs/1508.07909.

    Args:
        tokens: The parts; the first three are ``<unk>``, ``<bos>`` and ``<eos>``.
        merges: The pairs of neighbours that are joined, in this order.

    Attributes:
        merges: As given.

    Raises:
        ImportError: There is no such library.
        ValueError: The first three tokens are others, one comes twice, or a pair does not make a token of tokens.

    Example:
        >>> from autograd_nn.datasets import SubwordVocabulary
        >>> vocabulary = SubwordVocabulary.of_texts(['low lower lowest', 'new newer newest'], size=20)
        >>> vocabulary.split('lowest newer')
        ['▁lo', 'west', '▁ne', 'wer']
        >>> vocabulary.decode(vocabulary.encode('lowest newer'))
        'lowest newer'
    """

    levels = 'subword',

    def __init__(self, tokens: Iterable[str], merges: Iterable[Sequence[str]]) -> None:
        super().__init__(tokens, 'subword')
        self.merges = [(first, second) for first, second in merges]
        tokenizers = _import_tokenizers()
        numbers = {token: i for i, token in enumerate(self.tokens)}
        try:
            model = tokenizers.models.BPE(numbers, self.merges, unk_token=UNKNOWN)
        except Exception as error:  # the library has no class of its own for this
            raise ValueError(f'SubwordVocabulary: expected merges of tokens: {error}') from None
        self._tokenizer = _make_tokenizer(tokenizers, model)

    @classmethod
    def of_texts(cls, texts: Iterable[str], level: str = 'subword', size: int | None = 10_000,
                 min_count: int = 1) -> SubwordVocabulary:
        """The vocabulary of some texts.

        Args:
            texts: The texts.
            level: ``'subword'``.
            size: How many tokens at most, the three marks and all characters included; None for all.
            min_count: How often two neighbours have to occur to be joined.
        """
        tokenizers = _import_tokenizers()
        tokenizer = _make_tokenizer(tokenizers, tokenizers.models.BPE(unk_token=UNKNOWN))
        texts = list(texts)
        # The library takes memory for as many as it is asked for, and no text has more parts than this.
        most = len(MARKS) + sum(len(text) + 1 for text in texts)
        tokenizer.train_from_iterator(texts, tokenizers.trainers.BpeTrainer(
            vocab_size=most if size is None else min(size, most), min_frequency=min_count, special_tokens=MARKS,
            show_progress=False))
        model = json.loads(tokenizer.to_str())['model']
        return cls(sorted(model['vocab'], key=model['vocab'].get), model['merges'])

    def split(self, text: str) -> list[str]:
        """The parts of the words of a text."""
        return self._tokenizer.encode(text).tokens

    def join(self, tokens: Sequence[str]) -> str:
        """The text of some parts of words."""
        return self._tokenizer.decoder.decode(list(tokens))

    def save(self, path: PathLike) -> None:
        with atomic_write(path) as file:
            file.write(to_json({'level': self.level, 'tokens': self.tokens, 'merges': self.merges}, indent=0))


def load_vocabulary(path: PathLike) -> MarkedVocabulary:
    """Reads a vocabulary of characters, words or parts of words that its `save` wrote.

    Args:
        path: The file.

    Raises:
        OSError: There is no such file.
        ImportError: It is one of parts of words, and the library tokenizers is missing.
        ValueError: It is damaged.
    """
    try:
        content = json.loads(Path(path).read_bytes())
        if content['level'] == 'subword':
            return SubwordVocabulary(content['tokens'], content['merges'])
        return MarkedVocabulary(content['tokens'], content['level'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is no vocabulary, or damaged: {error}') from None


def _import_tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise ImportError("parts of words need the library tokenizers: pip install 'autograd_nn[text]'") from None
    return tokenizers


def _make_tokenizer(tokenizers: Any, model: Any) -> Any:
    """A tokenizer with a model of byte pair encoding, which has ``▁`` for spaces."""
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer, tokenizer.decoder = tokenizers.pre_tokenizers.Metaspace(), tokenizers.decoders.Metaspace()
    return tokenizer
