"""Saying which class a text is of: whether a review praises, what a message is about."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw

import autograd_nn
import autograd_nn.functions as F
from autograd_nn import datasets, models
from autograd_nn.backend import Device, to_cpu
from autograd_nn.dataset import Converter, to_device
from autograd_nn.datasets import Vocabulary, get_reviews, pad_sentences, read_text
from autograd_nn.datasets.image_folder import visible
from autograd_nn.datasets.text_files import read_columns
from autograd_nn.evaluation import confusion_matrix, f1_scores
from autograd_nn.tasks.picture_folder import find_parts
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.tasks.text_folder import find_files, hold_out
from autograd_nn.tasks.text_input import texts_of
from autograd_nn.tasks.token_task import TokenTask, load_network, normalized
from autograd_nn.utils import draw_confusion
from autograd_nn.utils.fonts import load_font

SUFFIXES = '.tsv', '.csv', '.txt'
# How many mistakes are shown below the confusion matrix.
SHOWN = 10


class TextClassification(TokenTask):
    """Saying which class a text is of.

    A sample is a text and the number of its class.
    """

    embedded: ClassVar[dict[str, Any]] = {'reviews': get_reviews}
    folders = ('a file with a label, a tab and a text in each line (.csv: a comma); or a folder with train.tsv and '
               'test.tsv, or with a folder of .txt files for each class (optionally under train/ and val/ or test/)')
    measures: ClassVar[dict[str, str]] = {'accuracy': 'accuracy', 'f1': 'mean F1 of the classes'}
    fixed = (*TokenTask.fixed, 'level')
    n_drawn = 1000

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--level', choices=('word', 'char'), default='word',
                            help='read word by word, or character by character as in Japanese')

    def load_data(self) -> None:
        super().load_data()
        level = self.options.level
        self.vocabulary = self.choose_vocabulary([normalized(text, level) for text, _ in self.train_data], level)
        self.converter = TextConverter(self.vocabulary)

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        train, test = load_texts(folder)
        labels = sorted({label for label, _ in train})
        if len(labels) < 2:
            raise ValueError(f'{folder}: expected texts of at least 2 classes, found only {labels[0]}')
        if test is None:
            train, test = hold_out(folder, train, 'texts', self.options.seed)
        numbers = {label: i for i, label in enumerate(labels)}
        if unknown := sorted({label for label, _ in test} - numbers.keys()):
            raise ValueError(f'{folder}: there are texts to test with of classes without texts to train with: '
                             f'{", ".join(unknown)}')
        train_data, test_data = ([(text, numbers[label]) for label, text in rows] for rows in (train, test))
        return train_data, test_data, labels

    def answer(self, samples: Sequence[Any]) -> list[int]:
        """The classes that the network says."""
        x, _ = self.converter(samples, self.device)
        return to_cpu(self.network(x).array.argmax(axis=1)).tolist()

    def measure(self, data: Any, answers: Sequence[int]) -> dict[str, float]:
        confusion = self.confusion(data, answers)
        return {'accuracy': float(np.trace(confusion) / confusion.sum()), 'f1': float(np.nanmean(f1_scores(confusion)))}

    def confusion(self, data: Any, answers: Sequence[int]) -> np.ndarray:
        """Which class is taken for which."""
        return confusion_matrix([label for _, label in data], answers, len(self.labels))

    def draw(self, samples: Sequence[Any], answers: Sequence[int]) -> Image.Image:
        """Which class is taken for which, and some texts of which another class was said."""
        matrix = draw_confusion(self.confusion(samples, answers), self.labels)
        wrong = [f'{text}  ({self.labels[label]}, not {self.labels[found]})'
                 for (text, label), found in zip(samples, answers) if found != label][:SHOWN]
        font = load_font(''.join(wrong), 13)
        picture = Image.new('RGB', (max([matrix.width, *[round(font.getlength(line)) + 20 for line in wrong]]),
                                    matrix.height + 20 * len(wrong) + 10), 'white')
        picture.paste(matrix, (0, 0))
        for i, line in enumerate(wrong):
            ImageDraw.Draw(picture).text((10, matrix.height + 20 * i), line, '#c00000', font)
        return picture

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        labels = list(config['labels'])
        network, vocabulary = load_network(entry, config, weights, device, num_classes=len(labels))
        converter = TextConverter(vocabulary)

        def classify(source: str) -> Answer:
            x, _ = converter([(text, 0) for text in texts_of(source)], device)
            with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
                p = to_cpu(F.softmax(network(x)).array)
            return Answer('\n'.join([f'{labels[row.argmax()]} {row.max():.1%}' for row in p]))

        return classify


class TextConverter(Converter):
    """Makes arrays of a minibatch: the words of texts, and labels.

    Args:
        vocabulary: The words.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __call__(self, batch: Sequence[Any], device: Any = None) -> Any:
        encode, level = self.vocabulary.encode, self.vocabulary.level
        # A text without words has one that is not known.
        tokens = [encode(normalized(text, level) or datasets.text.UNKNOWN) for text, _ in batch]
        return to_device(device, (pad_sentences(tokens), np.array([label for _, label in batch], np.int32)))


def load_texts(path: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]] | None]:
    """Loads labels and texts to train with, and to test with if there are any.

    Args:
        path: A file with a label and a text in each line, or a folder with ``train`` and ``test`` (or ``val``) of such
            files, or one with a folder of text files for each class, perhaps under ``train`` and ``test``.

    Raises:
        OSError: A file cannot be read.
        ValueError: There are no texts, or a line is wrong.
    """
    if path.is_file():
        return read_columns(path, ('a label', 'a text')), None
    train, test = find_files(path, SUFFIXES)
    if train is not None:
        return load_texts(train)[0], load_texts(test)[0] if test else None
    train_folder, test_folder = find_parts(path)
    return read_classes(train_folder), read_classes(test_folder) if test_folder else None


def read_classes(folder: Path) -> list[tuple[str, str]]:
    """Reads a folder with a folder of ``.txt`` files for each class: labels and texts.

    Raises:
        OSError: A file cannot be read.
        ValueError: There are none.
    """
    rows = [(file.parent.name, read_text(file).strip()) for each in sorted(visible(folder)) if each.is_dir()
            for file in sorted(each.glob('*.txt'))]
    if not rows:
        raise ValueError(f'{folder}: expected train.tsv, or a folder of .txt files for each class; found neither')
    return rows
