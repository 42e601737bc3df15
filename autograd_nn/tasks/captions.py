"""Writing sentences about pictures."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import autograd_nn
from autograd_nn import datasets, models
from autograd_nn.backend import Device
from autograd_nn.dataset import Converter, to_device
from autograd_nn.datasets import CaptionDataset, DigitSceneCaptions, SentenceVocabulary, split_sentence
from autograd_nn.datasets.sentences import MARKS
from autograd_nn.evaluation import bleu, cider_d
from autograd_nn.tasks.network_input import find_lacking, load_fitting_weights, run_once
from autograd_nn.tasks.options import check_at_least, find_vocabulary
from autograd_nn.tasks.sample_task import SampleTask, sheet
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.training.run_folder import VOCABULARY, load_weights

SIDE = 160
BEAM_WIDTH, MAX_LENGTH = 3, 24


def _scenes() -> tuple[Any, Any, Sequence[str]]:
    return DigitSceneCaptions(10_000, fresh=True), DigitSceneCaptions(500, 'test')[:], ()


class Captioning(SampleTask):
    """Writing sentences about pictures.

    Samples are images, float32 RGB from 0 to 255 of shape (3, H, W), with lists of sentences.

    Attributes:
        vocabulary: The words that the network knows.
    """

    embedded: ClassVar[dict[str, Any]] = {'scenes': _scenes}
    folders = ('a folder with captions.json, that is {"photo.jpg": ["a sentence", "another"]}, or with those of COCO '
               '(annotations/captions_*.json)')
    measures: ClassVar[dict[str, str]] = {'bleu4': 'BLEU-4', 'cider_d': 'CIDEr-D'}
    fixed = (*SampleTask.fixed, 'vocabulary_size', 'min_count', 'encoder_weights', 'freeze_encoder')
    n_drawn = 12
    vocabulary: SentenceVocabulary

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--vocabulary-size', type=int, default=10_000, help='how many words to know at most')
        parser.add_argument('--min-count', type=int, default=1, help='how often a word has to occur to be known')
        parser.add_argument('--encoder-weights', metavar='FILE', help='weights of the classifier whose convolutions '
                                                                      'the encoder has, such as those of vgg16')
        parser.add_argument('--freeze-encoder', action='store_true', help='keep the encoder as its weights have it')
        parser.add_argument('--beam-width', type=int, default=BEAM_WIDTH, help='how many beginnings of a sentence go '
                                                                               'on when one is written')

    def check(self) -> None:
        super().check()
        check_at_least(self.options, vocabulary_size=4, min_count=1, beam_width=1)
        if self.options.freeze_encoder and not self.options.encoder_weights:
            raise ValueError('--freeze-encoder: an encoder that is not trained needs --encoder-weights')

    def load_data(self) -> None:
        super().load_data()
        if self.options.dataset in self.embedded:
            # A thousand scenes have every word.
            self.sentences = [sentence for _, each in self.train_data[:1000] for sentence in each]
            self.train_data.easy_epochs = (self.options.epochs or self.entry.recipe.epochs) // 3
        self.vocabulary = self.choose_vocabulary()

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        size = self.entry.input_shape[1], self.entry.input_shape[2]
        found = find_captions(folder)
        train, *others = (CaptionDataset(file, images, size) for file, images in found)
        order, held_out = np.random.RandomState(self.options.seed).permutation(len(train)), 0
        if not others:
            held_out = max(1, len(train) // 10)
            if len(train) < 2:
                raise ValueError(f'{found[0][0]}: expected captions of at least two pictures, one of them to test with')
            print(f'{found[0][0]}: of {len(train)} pictures, {held_out} are kept to test with')
        self.sentences = [sentence for i in order[held_out:] for sentence in train.sentences[i]]
        test = others[0] if others else datasets.SubDataset(train, 0, held_out, order)
        return datasets.SubDataset(train, held_out, len(train), order), test, ()

    def choose_vocabulary(self) -> SentenceVocabulary:
        """The words of the training data, or those that belong to the weights that the run starts from."""
        options = self.options
        found = SentenceVocabulary.of_sentences(self.sentences, options.vocabulary_size, options.min_count)
        path = find_vocabulary(options)
        if path is None:
            if len(found) == len(MARKS):
                raise ValueError(f'--min-count: expected words that occur at least {options.min_count} times in '
                                 f'{options.dataset}, found none')
            return found
        known = SentenceVocabulary.load(path)
        if options.resume and not options.initial_weights and known.tokens != found.tokens:
            raise ValueError(f'--resume: {options.dataset} has other words than the run in {path.parent} began with')
        return known

    def network_arguments(self) -> dict[str, Any]:
        return {'vocabulary_size': len(self.vocabulary)}

    def make_model(self) -> Any:
        self.converter = CaptionConverter(self.vocabulary, self.network.preprocessing)
        return super().make_model()

    def fit_data(self) -> None:
        """Scales pictures to the size that the network was designed for, and loads the encoder's weights."""
        shape = self.entry.input_shape
        if self.test[0][0].shape != shape:
            self.train_data, self.test = (datasets.TransformDataset(data, ToSize(shape[1:]))
                                          for data in (self.train_data, self.test))
        self.find_shapes(self.network, shape)
        if self.options.encoder_weights and not self.options.resume:
            load_encoder(self.options.encoder_weights, self.network.encoder, self.entry.options['encoder'])
        if self.options.freeze_encoder:
            self.network.encoder.freeze()

    @classmethod
    def find_shapes(cls, network: Any, shape: tuple[int, ...]) -> None:
        run_once(network, np.zeros((1, *shape), autograd_nn.get_dtype()), np.ones((1, 1), np.int32))

    def describe_data(self) -> dict[str, Any]:
        return {'words': len(self.vocabulary)}

    def announce(self) -> None:
        super().announce()
        print(f'a vocabulary of {len(self.vocabulary):,}')

    def augment(self, train: Any) -> Any:
        """In each epoch another sentence about each picture; always the first one, otherwise."""
        return datasets.RandomSentences(train, self.options.seed)

    def write_more(self, out: Path) -> None:
        self.vocabulary.save(out / VOCABULARY)

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """The sentences that the network writes."""
        images, *_ = self.converter(samples, self.device)
        return [self.vocabulary.decode(hypotheses[0].tokens)
                for hypotheses in self.network.write(images, self.options.beam_width, MAX_LENGTH)]

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        references = [[' '.join(split_sentence(sentence)) for sentence in sentences] for _, sentences in data]
        return {'bleu4': float(bleu(answers, references).scores[3]),
                'cider_d': float(cider_d(answers, references).mean())}

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        return sheet([draw_caption(image, sentence, sentences)
                      for (image, sentences), sentence in zip(samples, answers)], columns=4)

    def save_results(self, out: Path) -> dict[str, str]:
        return {**super().save_results(out), VOCABULARY: 'the words of the weights'}

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--beam-width', type=int, metavar='N',
                            help=f'how many beginnings of a caption go on (default: {BEAM_WIDTH})')

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        if options.beam_width is not None:
            check_at_least(options, beam_width=1)
        vocabulary = SentenceVocabulary.load(weights.with_name(VOCABULARY))
        network: Any = entry.build(vocabulary_size=len(vocabulary))
        cls.find_shapes(network, entry.input_shape)
        load_weights(weights, network)
        network.to_device(device)
        converter = CaptionConverter(vocabulary, network.preprocessing)
        _, height, width = entry.input_shape

        def describe(path: str) -> Answer:
            image = datasets.read_image(path, color=True, size=(height, width), dtype=np.float32)
            images, *_ = converter([(image, '')], device)
            found = network.write(images, options.beam_width or BEAM_WIDTH, MAX_LENGTH)[0][0]
            sentence = vocabulary.decode(found.tokens)
            if not hasattr(network, 'look'):
                return Answer(sentence)
            _, words, _ = converter([(image, sentence)], device)
            return Answer(sentence, {'attention': draw_attention(image, sentence, network.look(images, words)[0])})

        return describe


class CaptionConverter(Converter):
    """Makes arrays of a minibatch: images as the network expects them, words, and the words that follow.

    Of several sentences about a picture, the first is taken.

    Args:
        vocabulary: The words.
        preprocessing: The network's preprocessing.
    """

    def __init__(self, vocabulary: SentenceVocabulary, preprocessing: models.Preprocessing) -> None:
        self.vocabulary = vocabulary
        self.preprocessing = preprocessing

    def __call__(self, batch: Any, device: Any = None) -> Any:
        images, sentences = zip(*batch)
        x = self.preprocessing.normalize(np.stack(images), 255).astype(autograd_nn.get_dtype(), copy=False)
        numbers = [self.vocabulary.encode(each if isinstance(each, str) else each[0]) for each in sentences]
        words, following = (datasets.pad_sentences(each) for each in ([row[:-1] for row in numbers],
                                                                      [row[1:] for row in numbers]))
        return to_device(device, (x, words, following))


class ToSize:
    """Scales the pictures of samples.

    Args:
        size: Height and width.
    """

    def __init__(self, size: Sequence[int]) -> None:
        self.resize = datasets.transforms.Resize((size[0], size[1]))

    def __call__(self, sample: Any) -> Any:
        image, sentences = sample
        return self.resize(image), sentences


def load_encoder(path: str, encoder: models.ImageNetwork, name: str) -> None:
    """Loads the weights of a classifier into an encoder, which has no layers that classify, and says what was loaded.

    Args:
        path: A file of a run, or one that somebody has published (see `models.load_published`).
        encoder: The encoder, whose shapes are settled.
        name: The classifier's name in the zoo.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or has not all of the encoder's weights.
    """
    report = load_fitting_weights(path, encoder, name)
    if find_lacking(report):
        raise ValueError(f'--encoder-weights: {path} does not fit {type(encoder).__name__}: ' + f'{report}'.replace(
            '\n', '; '))
    print(f'the encoder starts from {path}: {len(report.loaded)} arrays')


def find_captions(folder: Path) -> list[tuple[Path, Path]]:
    """The files of captions in a folder, each with the folder of its pictures: for training, and for testing if any.

    Args:
        folder: With ``captions.json``, or ``train/captions.json`` and the same in ``val/`` or ``test/``, beside the
            pictures; or with COCO's ``annotations/captions_train2017.json`` and ``captions_val2017.json``, the folders
            ``train2017`` and ``val2017`` beside them (or any other year).

    Raises:
        ValueError: There are none.
    """
    if (folder / 'captions.json').is_file():
        return [(folder / 'captions.json', folder)]
    for train, test in ('train', 'val'), ('train', 'test'):
        files = [folder / part / 'captions.json' for part in (train, test)]
        if all(file.is_file() for file in files):
            return [(file, file.parent) for file in files]
    coco = sorted([*folder.glob('captions_*.json'), *folder.glob('annotations/captions_*.json')])
    found = {part: next((file for file in coco if file.stem.startswith(f'captions_{part}')), None)
             for part in ('train', 'val')}
    if found['train'] is None:
        raise ValueError(f'{folder}: expected captions.json, train/captions.json and val/captions.json, or '
                         'annotations/captions_train*.json of COCO; found none of them')
    return [(file, folder / file.stem.removeprefix('captions_')) for file in found.values() if file is not None]


def draw_caption(image: np.ndarray, sentence: str, references: Sequence[str]) -> Image.Image:
    """A picture above the sentence that was written about it, and the reference that has most words in common with it.

    Args:
        image: Shape (3, H, W), values from 0 to 255.
        sentence: The sentence; red if it is none of the references.
        references: What people, or a grammar, say.
    """
    words = split_sentence(sentence)
    nearest = max(references, key=lambda other: bleu([words], [[split_sentence(other)]], 2).scores.sum())
    right = any(split_sentence(other) == words for other in references)
    cell = Image.new('RGB', (SIDE, SIDE + 96), 'white')
    cell.paste(as_picture(image, SIDE), (0, 0))
    draw = ImageDraw.Draw(cell)
    written = write_lines(draw, sentence or '(nothing)', SIDE + 3, 'black' if right else '#c00000')
    if not right:
        write_lines(draw, nearest, written + 3, '#707070')
    return cell


def draw_attention(image: np.ndarray, sentence: str, weights: np.ndarray) -> Image.Image:
    """Where a network looks as it writes each word: bright is where its weights are large.

    Args:
        image: Shape (3, H, W), values from 0 to 255.
        sentence: The words that it wrote, n of them.
        weights: Those of the places for each word, and for the end: shape (n + 1, H', W').
    """
    picture, cells = as_picture(image, SIDE), []
    for word, seen in zip(['', *sentence.split()], [None, *weights]):
        cell = Image.new('RGB', (SIDE, SIDE + 20), 'white')
        if seen is None:
            cell.paste(picture, (0, 0))
        else:
            scaled = Image.fromarray((seen / seen.max()).astype(np.float32)).resize(picture.size,
                                                                                    Image.Resampling.BICUBIC)
            light = 0.2 + 0.8 * np.clip(np.asarray(scaled), 0, 1)[:, :, None]
            cell.paste(Image.fromarray((np.asarray(picture) * light).astype(np.uint8)), (0, 0))
        ImageDraw.Draw(cell).text((2, SIDE + 2), word, 'black', ImageFont.load_default(14))
        cells.append(cell)
    return sheet(cells, columns=6)


def as_picture(image: np.ndarray, side: int) -> Image.Image:
    """An image of shape (3, H, W), values from 0 to 255, as a picture whose longer side has a length."""
    pixels = np.rint(image).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
    ratio = side / max(pixels.shape[:2])
    size = round(pixels.shape[1] * ratio), round(pixels.shape[0] * ratio)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)


def write_lines(draw: ImageDraw.ImageDraw, text: str, y: int, colour: str, size: int = 12) -> int:
    """Writes a text in lines that are no longer than a picture is wide, and returns where the last one ends."""
    font, lines = ImageFont.load_default(size), ['']
    for word in text.split():
        longer = f'{lines[-1]} {word}'.strip()
        if font.getlength(longer) > SIDE and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    for line in lines:
        draw.text((0, y), line, colour, font)
        y += size + 2
    return y
