"""Tasks whose samples are words: what they share."""
from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from autograd_nn import models
from autograd_nn.backend import Device
from autograd_nn.datasets import Vocabulary, split_sentence
from autograd_nn.tasks.options import check_at_least, find_vocabulary
from autograd_nn.tasks.sample_task import SampleTask
from autograd_nn.training.run_folder import VOCABULARY, load_weights
from autograd_nn.training.standard_trainer import Speed


class TokenTask(SampleTask):
    """A task whose samples are words, which a vocabulary numbers.

    A subclass settles `vocabulary` in `load_data`, as a rule by `choose_vocabulary`.

    Attributes:
        vocabulary: The words or characters that the network knows.
    """

    takes_files = True
    can_vary = False
    fixed = (*SampleTask.fixed, 'vocabulary_size', 'min_count', 'units')
    things: ClassVar[str] = 'texts'
    """What samples are, in words."""
    vocabulary: Vocabulary

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--vocabulary-size', type=int, default=10_000, help='how many words to know at most')
        parser.add_argument('--min-count', type=int, default=1, help='how often a word has to occur to be known')
        parser.add_argument('--units', type=int, help='size of the layers (default: that of the network)')

    def check(self) -> None:
        super().check()
        check_at_least(self.options, vocabulary_size=2, min_count=1)
        if self.options.units is not None:
            check_at_least(self.options, units=1)

    def choose_vocabulary(self, texts: Iterable[str], level: str = 'word') -> Vocabulary:
        """The vocabulary of the training texts, or the one that belongs to the weights that the run starts from.

        Args:
            texts: The texts.
            level: ``'word'`` or ``'char'``.

        Raises:
            ValueError: A run that goes on began with another one.
        """
        options = self.options
        found = Vocabulary.of_text(' '.join(texts), level, options.vocabulary_size, options.min_count)
        path = find_vocabulary(options)
        if path is None:
            return found
        known = Vocabulary.load(path)
        if options.resume and not options.initial_weights and fingerprint(known) != fingerprint(found):
            raise ValueError(f'--resume: {options.dataset} has other words than the run in {path.parent} began with')
        return known

    def network_arguments(self) -> dict[str, Any]:
        return {**super().network_arguments(), **arguments_of(self.vocabulary, vars(self.options))}

    def describe_data(self) -> dict[str, Any]:
        return {**super().describe_data(), 'vocabulary': fingerprint(self.vocabulary)}

    def announce(self) -> None:
        super().announce()
        print(f'a vocabulary of {len(self.vocabulary):,}')

    def write_more(self, out: Path) -> None:
        self.vocabulary.save(out / VOCABULARY)

    @property
    def speed(self) -> Speed:
        return Speed(f'{self.things}/s', self.batch_size)

    def describe_speed(self, iterations: int, seconds: float) -> str:
        return f'{iterations * self.batch_size / seconds:,.0f} {self.things} a second'

    def save_results(self, out: Path) -> dict[str, str]:
        return {**super().save_results(out), VOCABULARY: 'the words of the weights'}


def arguments_of(vocabulary: Vocabulary, options: dict[str, Any]) -> dict[str, Any]:
    """What a network's constructor takes because of its vocabulary and of ``--units``, if that was given."""
    units = {} if options['units'] is None else {'units': int(options['units'])}
    return {'vocabulary_size': len(vocabulary), **units}


def normalized(text: str, level: str) -> str:
    """A text as networks read it: its words in lower case, without punctuation, or all of its characters.

    Example:
        >>> normalized('Not bad,  really!', 'word')
        'not bad really'
    """
    return ' '.join(split_sentence(text)) if level == 'word' else ''.join(text.lower().split())


def fingerprint(vocabulary: Vocabulary) -> int:
    """A number by which vocabularies are told apart."""
    return zlib.crc32('\n'.join([vocabulary.level, *vocabulary.tokens]).encode())


def load_vocabulary(weights: Path, config: dict[str, Any]) -> Vocabulary:
    """Loads the vocabulary that belongs to weights.

    Args:
        weights: The file of the weights.
        config: The configuration of their run.

    Raises:
        OSError: There is none beside the weights.
        ValueError: It is damaged, or that of another run.
    """
    vocabulary = Vocabulary.load(weights.with_name(VOCABULARY))
    check_vocabulary(vocabulary, weights, config)
    return vocabulary


def load_network(entry: models.Entry, config: dict[str, Any], weights: Path, device: Device,
                 **arguments: Any) -> tuple[Any, Vocabulary]:
    """Loads a network of a run, and its vocabulary.

    Args:
        entry: The network's entry in the registry.
        config: The configuration of the run.
        weights: The file of the weights.
        device: Where to compute.
        arguments: What the network's constructor takes besides what the vocabulary and ``--units`` decide on.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is damaged, or that of another run.
    """
    vocabulary = load_vocabulary(weights, config)
    network: Any = entry.build(**arguments, **arguments_of(vocabulary, config['arguments']))
    load_weights(weights, network)
    return network.to_device(device), vocabulary


def check_vocabulary(vocabulary: Vocabulary, weights: Path, config: dict[str, Any]) -> None:
    """Makes sure that the vocabulary beside weights belongs to them.

    Args:
        vocabulary: The vocabulary.
        weights: The file of the weights.
        config: The configuration of their run.

    Raises:
        ValueError: It is that of another run.
    """
    if fingerprint(vocabulary) != config['vocabulary']:
        raise ValueError(f'{weights.with_name(VOCABULARY)}: expected the vocabulary that {weights.name} was trained '
                         'with, got another one')
