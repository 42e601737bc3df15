"""Translating texts."""
from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from autograd_nn import datasets, iterators, models
from autograd_nn.backend import Device
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset import Converter, to_device
from autograd_nn.datasets import DateSpellings, MarkedVocabulary, SubwordVocabulary
from autograd_nn.evaluation import bleu
from autograd_nn.tasks.attention_picture import draw_attention
from autograd_nn.tasks.options import check_at_least, find_vocabulary
from autograd_nn.tasks.sample_task import SampleTask, sheet
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.tasks.text_input import texts_of
from autograd_nn.tasks.token_task import check_vocabulary, fingerprint
from autograd_nn.training.run_folder import MODEL, VOCABULARY, load_weights
from autograd_nn.training.standard_trainer import Speed

BEAM_WIDTH, LENGTH_PENALTY = 4, 0.6
# As in section 6.1 of Attention Is All You Need, from which the two above are, too: how many tokens longer than what
# was read a translation may be.
LONGER = 50
MOST_HELD_OUT = 2000
BATCH_OF_TEXTS = 64

Pair = tuple[str, str]


def _dates() -> tuple[Any, Any, Sequence[str]]:
    return DateSpellings(25_000)[:], DateSpellings(1000, 'test')[:], ()


class Translation(SampleTask):
    """Translating texts.

    Samples are pairs of texts.

    Attributes:
        vocabulary: The characters, words or parts of words of both languages.
    """

    embedded: ClassVar[dict[str, Any]] = {'dates': _dates}
    folders = ('a folder with train.src and train.tgt, whose lines are translations of each other (other ends with '
               '--languages), and, for testing, test.src and test.tgt')
    measures: ClassVar[dict[str, str]] = {'exact': 'exact matches', 'bleu4': 'BLEU-4'}
    fixed = (*SampleTask.fixed, 'level', 'subwords', 'vocabulary_size', 'min_count', 'max_length')
    can_vary = False
    n_drawn = 6
    vocabulary: MarkedVocabulary

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--languages', nargs=2, metavar=('FROM', 'TO'),
                            help='the ends of the names of files in the folder, such as en and de')
        parser.add_argument('--source', metavar='FILE', help='instead of --dataset: texts, one a line')
        parser.add_argument('--target', metavar='FILE', help='their translations, one a line')
        parser.add_argument('--level', choices=MarkedVocabulary.levels,
                            help='read and write words or characters (default: words; characters for dates)')
        parser.add_argument('--subwords', type=int, metavar='N',
                            help='read and write N frequent parts of words instead (byte pair encoding)')
        parser.add_argument('--vocabulary-size', type=int, help='how many words or characters to know at most')
        parser.add_argument('--min-count', type=int, default=1, help='how often one has to occur to be known')
        parser.add_argument('--max-length', type=int, default=100, metavar='N',
                            help='leave out texts of more words, characters or parts of words in training')
        parser.add_argument('--label-smoothing', type=float, metavar='PART',
                            help='how much of each label is spread evenly over the vocabulary')
        parser.add_argument('--beam-width', type=int, default=BEAM_WIDTH,
                            help='how many beginnings of a translation go on when one is written')
        parser.add_argument('--length-penalty', type=float, default=LENGTH_PENALTY, metavar='POWER',
                            help='the power of its length that the logarithm of its probability is divided by')
        parser.set_defaults(dataset=None)

    def check(self) -> None:
        options = self.options
        if (options.source is None) != (options.target is None):
            given, missing = ('source', 'target') if options.target is None else ('target', 'source')
            raise ValueError(f'--{given}: expected --{missing}, too')
        if options.source is not None:
            if options.dataset not in (None, options.source) and not self.moved():
                raise ValueError(f'--dataset: expected it, or --source and --target; got {options.dataset} and '
                                 f'{options.source}')
            if options.languages:
                raise ValueError('--languages: not with --source and --target, which are files')
            options.dataset = options.source
        elif options.dataset is None:
            options.dataset = next(iter(self.embedded))
        super().check()
        self.check_part('label_smoothing')
        check_at_least(options, min_count=1, max_length=1, beam_width=1, length_penalty=0)
        if options.vocabulary_size is not None:
            check_at_least(options, vocabulary_size=4)
        if options.subwords is not None:
            check_at_least(options, subwords=4)
            for name in 'level', 'vocabulary_size':
                if getattr(options, name) is not None:
                    raise ValueError(f'--{name.replace("_", "-")}: not with --subwords, got '
                                     f'{getattr(options, name)} and {options.subwords}')
        elif options.level is None:
            options.level = 'char' if options.dataset in self.embedded else 'word'

    def moved(self) -> bool:
        """Whether the files of a run that goes on have other names now: ``dataset`` is the name that one had."""
        name = self.options.dataset
        return self.options.resume is not None and name not in self.embedded and not Path(name).is_dir()

    def load_data(self) -> None:
        options = self.options
        if options.source is None:
            super().load_data()
        else:
            self.train_data, self.test = self.hold_out(
                datasets.read_parallel_texts(options.source, options.target), options.source)
        self.texts = zlib.crc32('\n'.join(text for pair in self.train_data for text in pair).encode())
        self.vocabulary = self.choose_vocabulary()
        self.leave_out_long_texts()

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        found = datasets.find_parallel_texts(folder, self.options.languages)
        train = datasets.read_parallel_texts(*found['train'])
        if 'test' in found:
            return train, datasets.read_parallel_texts(*found['test']), ()
        return *self.hold_out(train, str(folder)), ()

    def hold_out(self, pairs: list[Pair], name: str) -> tuple[list[Pair], list[Pair]]:
        """Keeps a tenth of the pairs to test with, and says so.

        Args:
            pairs: All pairs.
            name: Where they are from.

        Returns:
            Those to train with, and those to test with.
        """
        if len(pairs) < 2:
            raise ValueError(f'{name}: expected at least two pairs of texts, one of them to test with')
        order = np.random.RandomState(self.options.seed).permutation(len(pairs)).tolist()
        count = min(MOST_HELD_OUT, max(1, len(pairs) // 10))
        print(f'{name}: of {len(pairs):,} pairs of texts, {count:,} are kept to test with')
        return [pairs[i] for i in order[count:]], [pairs[i] for i in order[:count]]

    def choose_vocabulary(self) -> MarkedVocabulary:
        """What the training data are made of, or what belongs to the weights that the run starts from."""
        options = self.options
        path = find_vocabulary(options)
        if path is not None:
            return datasets.load_vocabulary(path)
        texts = [text for pair in self.train_data for text in pair]
        if options.subwords is not None:
            return SubwordVocabulary.of_texts(texts, size=options.subwords, min_count=options.min_count)
        return MarkedVocabulary.of_texts(texts, options.level, options.vocabulary_size, options.min_count)

    def leave_out_long_texts(self) -> None:
        """Removes pairs with a text that is too long from the training data, and says so."""
        longest, before = self.options.max_length, len(self.train_data)
        self.train_data = [pair for pair in self.train_data
                           if max(len(self.vocabulary.split(text)) for text in pair) <= longest]
        if len(self.train_data) < before:
            print(f'{before - len(self.train_data):,} pairs of texts with more than {longest} {self.unit_of_texts} are '
                  'left out in training (--max-length)')
        if not self.train_data:
            raise ValueError(f'--max-length: expected more than {longest}, all texts to train with are longer')

    @property
    def unit_of_texts(self) -> str:
        """What texts are made of, in words."""
        return {'char': 'characters', 'word': 'words', 'subword': 'parts of words'}[self.vocabulary.level]

    def network_arguments(self) -> dict[str, Any]:
        return {'vocabulary_size': len(self.vocabulary)}

    def make_model(self) -> Any:
        self.network.label_smoothing = self.options.label_smoothing
        self.converter = PairConverter(self.vocabulary)
        return super().make_model()

    def describe_data(self) -> dict[str, Any]:
        return {'texts': self.texts, 'vocabulary': fingerprint(self.vocabulary)}

    def announce(self) -> None:
        super().announce()
        print(f'a vocabulary of {len(self.vocabulary):,} {self.unit_of_texts}, both languages together')

    def order_sampler(self) -> iterators.OrderSampler:
        """Texts of a minibatch are about equally long."""
        lengths = [sum(len(self.vocabulary.split(text)) for text in pair) for pair in self.train_data]
        return iterators.LengthOrderSampler(lengths, self.batch_size)

    @property
    def speed(self) -> Speed:
        return Speed('texts/s', self.batch_size)

    def describe_speed(self, iterations: int, seconds: float) -> str:
        return f'{iterations * self.batch_size / seconds:,.0f} texts a second'

    def write_more(self, out: Path) -> None:
        self.vocabulary.save(out / VOCABULARY)

    def answer(self, samples: Sequence[Any]) -> list[str]:
        """The translations that the network writes."""
        source = self.converter.convert_sources([text for text, _ in samples], self.device)
        return translate(self.network, self.vocabulary, source, self.options.beam_width, self.options.length_penalty)

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        """How many answers are right to the last character, and BLEU: of words, or else of characters."""
        references = [target for _, target in data]
        split = list if self.vocabulary.level == 'char' else str.split
        found = bleu([split(text) for text in answers], [[split(text)] for text in references])
        return {'exact': float(np.mean([answer == text for answer, text in zip(answers, references)])),
                'bleu4': float(found.scores[3])}

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        return sheet([draw_translation(self.network, self.vocabulary, source, answer, self.device, answer == target)
                      for (source, target), answer in zip(samples, answers)], columns=2, gap=24)

    def save_results(self, out: Path) -> dict[str, str]:
        unit = self.unit_of_texts
        return {**super().save_results(out), MODEL: 'weights, for autograd-nn predict and --initial-weights',
                VOCABULARY: f'the {unit} of the weights'}

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--beam-width', type=int, metavar='N',
                            help='how many beginnings of a text that is written go on (default: as in training)')
        parser.add_argument('--length-penalty', type=float, metavar='POWER',
                            help='the power of its length that the logarithm of its probability is divided by '
                                 '(default: as in training)')

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        saved = config['arguments']
        width, penalty = ((saved if given is None else vars(options))[name] for name, given in (
            ('beam_width', options.beam_width), ('length_penalty', options.length_penalty)))
        check_at_least(argparse.Namespace(beam_width=width, length_penalty=penalty), beam_width=1, length_penalty=0)
        vocabulary = datasets.load_vocabulary(weights.with_name(VOCABULARY))
        check_vocabulary(vocabulary, weights, config)
        network: Any = entry.build(vocabulary_size=len(vocabulary))
        load_weights(weights, network)
        network.to_device(device)
        converter = PairConverter(vocabulary)

        def answer(source: str) -> Answer:
            texts, found = texts_of(source), []
            for i in range(0, len(texts), BATCH_OF_TEXTS):
                part = converter.convert_sources(texts[i:i + BATCH_OF_TEXTS], device)
                found += translate(network, vocabulary, part, width, penalty)
            if len(texts) > 1:
                return Answer(''.join(f'\n  {text} → {translation}' for text, translation in zip(texts, found)))
            picture = draw_translation(network, vocabulary, texts[0], found[0], device)
            return Answer(found[0], {'attention': picture})

        return answer


class PairConverter(Converter):
    """Makes arrays of a minibatch: texts, translations from ``<bos>`` on, and the tokens that follow.

    Args:
        vocabulary: What texts are made of.
    """

    def __init__(self, vocabulary: MarkedVocabulary) -> None:
        self.vocabulary = vocabulary

    def __call__(self, batch: Any, device: Any = None) -> Any:
        sources, targets = zip(*batch)
        numbers = [self.vocabulary.encode(text) for text in targets]
        written, following = (datasets.pad_sentences(each) for each in ([row[:-1] for row in numbers],
                                                                        [row[1:] for row in numbers]))
        return to_device(device, (self._pad(sources), written, following))

    def convert_sources(self, texts: Sequence[str], device: Any) -> Any:
        """The array of texts to translate, int32 of shape (N, S)."""
        return to_device(device, self._pad(texts))

    def _pad(self, texts: Iterable[str]) -> np.ndarray:
        return datasets.pad_sentences([self.vocabulary.encode(text)[1:] for text in texts])


def translate(network: models.TranslationNetwork, vocabulary: MarkedVocabulary, source: Any, width: int,
              penalty: float) -> list[str]:
    """Translates texts.

    Args:
        network: The network.
        vocabulary: Its vocabulary.
        source: Texts, int32 of shape (N, S), on its device.
        width: The width of the beam.
        penalty: The length penalty (see `models.beam_search`).
    """
    found = network.write(source, width, source.shape[1] + LONGER, penalty)
    return [vocabulary.decode(hypotheses[0].tokens) for hypotheses in found]


def draw_translation(network: models.TranslationNetwork, vocabulary: MarkedVocabulary, text: str, translation: str,
                     device: Device, right: bool = True) -> Image.Image:
    """Where a network looked as it translated a text.

    Args:
        network: The network.
        vocabulary: Its vocabulary.
        text: The text.
        translation: What the network has made of it.
        device: Where to compute.
        right: Whether that is right; otherwise it is red.
    """
    source, written = vocabulary.encode(text)[None, 1:], vocabulary.encode(translation)[None, :-1]
    with using_config('train', False), no_backprop_mode():
        weights = network.look(*to_device(device, (source, written)))[0]
    ends = ['<eos>']
    return draw_attention([*vocabulary.split(text), *ends], [*vocabulary.split(translation), *ends], weights,
                          f'{text} → {translation}', 'black' if right else '#c00000')
