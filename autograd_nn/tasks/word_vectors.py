"""Vectors of words: what is learned from the company that words keep."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw

from autograd_nn import models
from autograd_nn.backend import Device, to_cpu
from autograd_nn.dataset import Converter, to_device
from autograd_nn.datasets import (
    ContextWindows,
    Vocabulary,
    WordVectors,
    make_analogy_corpus,
    read_analogies,
    read_text,
)
from autograd_nn.datasets.context_windows import keep_probabilities
from autograd_nn.models.sequence.word2vec import LOSSES
from autograd_nn.tasks.options import check_at_least
from autograd_nn.tasks.sample_task import sheet
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.tasks.text_input import texts_of
from autograd_nn.tasks.token_task import TokenTask, arguments_of, load_network, normalized
from autograd_nn.training.run_folder import VECTORS
from autograd_nn.utils.fonts import load_font

LANGUAGES = {'analogies': 'en', 'analogies_ja': 'ja'}
# How many words, or pairs of words, a picture shows.
SHOWN, SIDE, SIZE, TOP = 100, 440, 13, 10


def _corpus(language: str) -> tuple[Any, Any, Sequence[str]]:
    """Sentences to train with and to test with; there are no classes."""
    sentences, _ = make_analogy_corpus(8000, language)
    return sentences[:7200], sentences[7200:], ()


class WordVectorLearning(TokenTask):
    """Learning vectors of words from the words near them.

    A sample is a place in a text: a word, and those near it.

    Attributes:
        analogies: By which vectors are measured: four words each.
    """

    embedded: ClassVar[dict[str, Any]] = {name: partial(_corpus, language) for name, language in LANGUAGES.items()}
    folders = 'a text file in UTF-8, or a folder with .txt files; no sentence goes on in the next line'
    measures: ClassVar[dict[str, str]] = {'analogies': 'analogies that come out right'}
    fixed = (*TokenTask.fixed, 'level', 'loss', 'window', 'negatives', 'subsample')
    n_drawn = 1
    things = 'words'
    analogies: Sequence[Sequence[str]]

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--level', choices=('word', 'char'), default='word',
                            help='vectors of words, or of characters as in Japanese without white space')
        parser.add_argument('--loss', choices=LOSSES, default='negative',
                            help='negative: tell words from others that are drawn; hierarchical: decide at the forks '
                                 'of a Huffman tree; softmax: choose from all words')
        parser.add_argument('--negatives', type=int, default=5, help='words that are drawn for each one')
        parser.add_argument('--window', type=int, default=4, help='how far words may be apart that are near each other')
        parser.add_argument('--subsample', type=float, default=0.01, metavar='PART',
                            help='words that make up more of the text are left out at random, the more often, the more '
                                 'frequent they are; 0 to keep all')
        parser.add_argument('--analogies', metavar='FILE',
                            help='a file with four words in each line, such as questions-words.txt of word2vec, by '
                                 'which vectors are measured (default: those that were planted in embedded texts)')
        parser.set_defaults(min_count=2)

    def check(self) -> None:
        super().check()
        check_at_least(self.options, window=1, negatives=1, subsample=0)

    def load_data(self) -> None:
        super().load_data()
        options, level = self.options, self.options.level
        train, test = ([normalized(line, level) for line in lines] for lines in (self.train_data, self.test))
        self.vocabulary = self.choose_vocabulary(train, level)
        if len(self.vocabulary) < 3:
            raise ValueError(f'{options.dataset}: expected words that occur at least {options.min_count} times '
                             f'(--min-count), found {len(self.vocabulary) - 1}')
        self.analogies = self.load_analogies()
        train_words, test_words = (numbered(lines, self.vocabulary) for lines in (train, test))
        self.counts = np.bincount(train_words[0], minlength=len(self.vocabulary))
        keep = keep_probabilities(self.counts, options.subsample)
        self.train_data = ContextWindows(*train_words, options.window, keep, options.seed)
        self.test = ContextWindows(*test_words, options.window)
        if not len(self.train_data) or not len(self.test):
            raise ValueError(f'{options.dataset}: expected words to train with, and in the last tenth of the lines '
                             'words to test with')

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        files = [folder] if folder.is_file() else sorted(folder.glob('*.txt'))
        lines = [line for file in files for line in read_text(file).split('\n') if line.strip()]
        if len(lines) < 2:
            raise ValueError(f'{folder}: expected a text of at least 2 lines, one of which to test with, found '
                             f'{len(lines)}')
        count = max(1, len(lines) // 10)
        print(f'{folder}: the last {count:,} of {len(lines):,} lines are held out to test with')
        return lines[:-count], lines[-count:], ()

    def load_analogies(self) -> list[Any]:
        """The analogies by which vectors are measured, of words that are known; says how many there are."""
        options = self.options
        if options.analogies is None:
            return make_analogy_corpus(0, LANGUAGES[options.dataset])[1] if options.dataset in LANGUAGES else []
        found = [[normalized(word, options.level) for word in words] for words in read_analogies(options.analogies)]
        known = [words for words in found if {*words} <= {*self.vocabulary.tokens}]
        print(f'{options.analogies}: {len(known):,} of {len(found):,} analogies are of words that are known')
        return known

    def network_arguments(self) -> dict[str, Any]:
        return {**arguments_of(self.vocabulary, vars(self.options)), 'loss': self.options.loss, 'counts': self.counts,
                'negatives': self.options.negatives}

    def fit_data(self) -> None:
        self.converter = PairConverter(self.network)

    def vectors(self) -> WordVectors:
        """The vectors as they are."""
        return vectors_of(self.network, self.vocabulary)

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """Nothing: it is vectors that are measured, and not what is said of samples."""
        return [None] * len(samples)

    def answer_all(self, data: Any) -> list[Any]:
        return []

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        if not self.analogies:
            return {}
        found = self.vectors().solve(self.analogies)
        return {'analogies': sum(word == words[3] for word, words in zip(found, self.analogies)) / len(found)}

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        """Words in the plane in which they differ most: the pairs of each relation, or the most frequent words."""
        vectors = self.vectors()
        groups = pairs_of(self.analogies) or [[(word,) for word in vectors.words[:SHOWN]]]
        return sheet([draw_words(vectors, group) for group in groups], columns=3)

    def save_results(self, out: Path) -> dict[str, str]:
        if self.processes.is_first:
            self.vectors().save(out / VECTORS)
        return {**super().save_results(out), VECTORS: "the vectors of words, in word2vec's text format"}

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--top', type=int, metavar='N',
                            help='how many classes, or words, to show (default: 3 classes, 10 words)')

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        network, vocabulary = load_network(entry, config, weights, device, loss=config['arguments']['loss'])
        vectors = vectors_of(network, vocabulary)

        def near(source: str) -> Answer:
            found = [vectors.calculate(text if vocabulary.level == 'char' else text.lower(), options.top or TOP)
                     for text in texts_of(source)]
            return Answer('\n'.join(['; '.join([f'{word} {cosine:.2f}' for word, cosine in each]) for each in found]))

        return near


class PairConverter(Converter):
    """Makes arrays of a minibatch: what goes into a network, and what is to come out.

    Args:
        network: The network, which knows that.
    """

    def __init__(self, network: models.Word2Vec) -> None:
        self.pairs = network.pairs

    def __call__(self, batch: Sequence[Any], device: Any = None) -> Any:
        centers, contexts = zip(*batch)
        return to_device(device, self.pairs(np.array(centers), np.stack(contexts)))


def numbered(lines: Sequence[str], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the words of some lines, without those that are not known, and in which line each is."""
    numbers = [vocabulary.encode(line) for line in lines]
    words = np.concatenate(numbers)
    sentences = np.repeat(np.arange(len(numbers)), [len(each) for each in numbers])
    return words[words > 0], sentences[words > 0]


def vectors_of(network: models.Word2Vec, vocabulary: Vocabulary) -> WordVectors:
    """The vectors of the words that are known."""
    return WordVectors(vocabulary.tokens[1:], to_cpu(network.embed.W.array)[1:])


def pairs_of(analogies: Sequence[Sequence[str]]) -> list[list[tuple[str, ...]]]:
    """The pairs of words of which analogies are made, those of each relation together.

    Example:
        >>> pairs_of([('a', 'b', 'c', 'd'), ('x', 'y', 'z', 'w'), ('c', 'd', 'e', 'f')])
        [[('a', 'b'), ('c', 'd'), ('e', 'f')], [('x', 'y'), ('z', 'w')]]
    """
    groups: list[dict[tuple[str, ...], None]] = []
    for a, b, c, d in analogies:
        pairs: dict[tuple[str, ...], None] = {(a, b): None, (c, d): None}
        same = [group for group in groups if group.keys() & pairs.keys()]
        if same:
            same[0].update(pairs)
            for group in same[1:]:
                same[0].update(group)
                groups.remove(group)
        else:
            groups.append(pairs)
    return [[*group] for group in groups]


def draw_words(vectors: WordVectors, groups: Sequence[tuple[str, ...]]) -> Image.Image:
    """Words in the plane in which their vectors differ most, with a line from the first word of a pair to the second.

    Args:
        vectors: The vectors.
        groups: Pairs of words, or single words.
    """
    words = [word for group in groups[:SHOWN] for word in group]
    places = vectors.in_plane(words)
    lowest, extent = places.min(axis=0), np.maximum(np.ptp(places, axis=0), 1e-9)
    font = load_font(''.join(words), SIZE)
    edge = np.array([max(map(font.getlength, words)) + SIZE, 3 * SIZE])
    points = dict(zip(words, (edge / 2 + (SIDE - edge) * (places - lowest) / extent).tolist()))
    picture = Image.new('RGB', (SIDE, SIDE), 'white')
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, SIDE - 1, SIDE - 1), outline='#c0c0c0')
    for first, *others in groups[:SHOWN]:
        for other in others:
            draw.line([*points[first], *points[other]], '#a0c0e0')
    for group in groups[:SHOWN]:
        for word, colour in zip(group, ('#2050a0', '#b03030')):
            draw.text(points[word], word, colour, font, 'mm')
    return picture
