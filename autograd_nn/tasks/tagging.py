"""Tagging words: which part of speech each word of a sentence is."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw

import autograd_nn
from autograd_nn import models
from autograd_nn.backend import Device
from autograd_nn.dataset import Converter, to_device
from autograd_nn.datasets import Vocabulary, get_tagged_sentences, pad_sentences, read_tagged_sentences
from autograd_nn.tasks.sample_task import sheet
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.tasks.text_folder import find_files, hold_out
from autograd_nn.tasks.text_input import texts_of
from autograd_nn.tasks.token_task import TokenTask, load_network
from autograd_nn.utils.fonts import load_font

SUFFIXES = '.tsv', '.txt', '.conll'


class Tagging(TokenTask):
    """Tagging the words of sentences.

    A sample is a list of words and a list of as many tags. The classes are tags.
    """

    embedded: ClassVar[dict[str, Any]] = {'sentences': get_tagged_sentences}
    folders = ('a file with a word, a tab and its tag in each line, and an empty line behind each sentence; or a '
               'folder with train.tsv and test.tsv (or .txt or .conll)')
    measures: ClassVar[dict[str, str]] = {'accuracy': 'accuracy of tags', 'exact': 'sentences without a wrong tag'}
    n_drawn = 16
    things = 'sentences'

    def load_data(self) -> None:
        super().load_data()
        self.vocabulary = self.choose_vocabulary([' '.join(words).lower() for words, _ in self.train_data])
        self.converter = TagConverter(self.vocabulary, self.labels)

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        train_file, test_file = (folder, None) if folder.is_file() else find_files(folder, SUFFIXES)
        if train_file is None:
            raise ValueError(f'{folder}: expected train.tsv, train.txt or train.conll; found none of them')
        train = read_tagged_sentences(train_file)
        labels = sorted({tag for _, tags in train for tag in tags})
        if test_file is None:
            return *hold_out(folder, train, 'sentences', self.options.seed), labels
        test = read_tagged_sentences(test_file)
        if unknown := sorted({tag for _, tags in test for tag in tags} - {*labels}):
            raise ValueError(f'{test_file}: there are tags that {train_file.name} does not have: {", ".join(unknown)}')
        return train, test, labels

    def answer(self, samples: Sequence[Any]) -> list[list[str]]:
        """The tags that the network says."""
        x, _ = self.converter(samples, self.device)
        return [[self.labels[tag] for tag in tags] for tags in self.network.tag(x)]

    def measure(self, data: Any, answers: Sequence[list[str]]) -> dict[str, float]:
        right = [[a == b for a, b in zip(found, tags, strict=True)] for (_, tags), found in zip(data, answers)]
        return {'accuracy': sum(map(sum, right)) / sum(map(len, right)), 'exact': sum(map(all, right)) / len(right)}

    def draw(self, samples: Sequence[Any], answers: Sequence[list[str]]) -> Image.Image:
        return sheet([draw_tags(words, found, tags) for (words, tags), found in zip(samples, answers)], columns=1)

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        labels = list(config['labels'])
        network, vocabulary = load_network(entry, config, weights, device, num_classes=len(labels))
        converter = TagConverter(vocabulary, labels)

        def tag(source: str) -> Answer:
            sentences = [text.split() for text in texts_of(source)]
            x, _ = converter([(words, []) for words in sentences], device)
            with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
                found = network.tag(x)
            return Answer('\n'.join([' '.join([f'{word}/{labels[tag]}' for word, tag in zip(words, tags)])
                                     for words, tags in zip(sentences, found)]))

        return tag


class TagConverter(Converter):
    """Makes arrays of a minibatch: the words of sentences in lower case, and their tags.

    Args:
        vocabulary: The words.
        labels: The tags.
    """

    def __init__(self, vocabulary: Vocabulary, labels: Sequence[str]) -> None:
        self.words = {word: i for i, word in enumerate(vocabulary.tokens)}
        self.tags = {tag: i for i, tag in enumerate(labels)}

    def __call__(self, batch: Sequence[Any], device: Any = None) -> Any:
        return to_device(device, (
            pad_sentences([np.array([self.words.get(word.lower(), 0) for word in words]) for words, _ in batch]),
            pad_sentences([np.array([self.tags[tag] for tag in tags], np.int32) for _, tags in batch])))


def draw_tags(words: Sequence[str], found: Sequence[str], tags: Sequence[str]) -> Image.Image:
    """A sentence with a network's tags below its words, in red with the true one where that is another.

    Args:
        words: The words.
        found: The network's tags.
        tags: The true ones.
    """
    font, small = load_font(''.join(words), 15), load_font(''.join({*found, *tags}), 11)
    below = [a if a == b else f'{a} ({b})' for a, b in zip(found, tags)]
    widths = [max(font.getlength(word), small.getlength(tag)) + 10 for word, tag in zip(words, below)]
    picture = Image.new('RGB', (round(sum(widths)), 36), 'white')
    draw, x = ImageDraw.Draw(picture), 0.
    for word, tag, is_right, width in zip(words, below, map(str.__eq__, found, tags), widths):
        draw.text((x, 0), word, 'black', font)
        draw.text((x, 20), tag, '#3060a0' if is_right else '#c00000', small)
        x += width
    return picture
