"""Reading lines of characters in pictures."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import autograd_nn
import autograd_nn.functions as F
from autograd_nn import datasets, models
from autograd_nn.backend import Device
from autograd_nn.dataset import Converter, DatasetMixin, to_device
from autograd_nn.datasets import DigitStrips, pad_sentences, prepare_line
from autograd_nn.datasets.text_files import read_columns
from autograd_nn.evaluation import character_error_rate
from autograd_nn.tasks.network_input import DIGITS, run_once
from autograd_nn.tasks.options import check_at_least
from autograd_nn.tasks.picture_folder import find_parts
from autograd_nn.tasks.sample_task import SampleTask, sheet
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.training.run_folder import load_weights

TABLE = 'lines.tsv'
BEAM_WIDTH = 10


class LinePictures(DatasetMixin):
    """Pictures of lines in a folder, with what they say.

    An example is a picture as `datasets.prepare_line` makes it, and a string.

    Args:
        folder: The folder, with ``lines.tsv``: in each line the name of a picture, a tab, and what it says.

    Raises:
        OSError: The table cannot be read.
        ValueError: It is damaged, or there is no such picture.
    """

    def __init__(self, folder: Path) -> None:
        rows = read_columns(folder / TABLE, ('the name of a picture', 'what it says'))
        self.paths, self.texts = [folder / name for name, _ in rows], [text for _, text in rows]
        for path in self.paths:
            if not path.is_file():
                raise ValueError(f'{folder / TABLE}: there is no picture {path}')

    def __len__(self) -> int:
        return len(self.paths)

    def get_example(self, i: int) -> tuple[np.ndarray, str]:
        return read_line(self.paths[i]), self.texts[i]


def read_line(path: str | Path) -> np.ndarray:
    """Reads a picture of a line as networks see it (see `datasets.prepare_line`)."""
    try:
        return prepare_line(datasets.read_image(path, color=False, dtype=np.float32))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None


def digit_strips() -> tuple[Any, Any, Sequence[str]]:
    """Training data, test data and characters: lines of handwritten digits."""
    return DigitStrips(4000, fresh=True), DigitStrips(1000, 'test')[:], DIGITS


class Transcription(SampleTask):
    """Reading lines of characters in pictures.

    A sample is a picture, bright on dark from 0 to 1, of shape (1, 28, W), and a string. The classes are characters.
    """

    embedded = {'digit_strips': digit_strips}
    folders = ('a folder with pictures of a line each and lines.tsv, that has in each line the name of a picture, a '
               'tab, and what the picture says (optionally under train/ and val/ or test/)')
    measures: ClassVar[dict[str, str]] = {'exact': 'lines read without a mistake', 'cer': 'character error rate'}
    can_vary = False
    n_drawn = 24

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        train_folder, test_folder = (folder, None) if (folder / TABLE).is_file() else find_parts(folder)
        lines = LinePictures(train_folder)
        characters = sorted({*''.join(lines.texts)})
        if test_folder is not None:
            print(f'{train_folder} is trained with, {test_folder} is tested with')
            return lines, LinePictures(test_folder), characters
        count = max(1, len(lines) // 5)
        if count == len(lines):
            raise ValueError(f'{folder / TABLE}: expected at least 2 pictures, one of which to test with')
        test, train = datasets.split_dataset_random(lines, count, seed=self.options.seed)
        print(f'{folder}: {count:,} of {len(lines):,} pictures, about a fifth, are held out to test with '
              '(--seed chooses them)')
        return train, test, characters

    def fit_data(self) -> None:
        settle(self.network)
        self.converter = LineConverter(self.labels)

    def settle(self) -> int:
        return len(self.labels)

    def answer(self, samples: Sequence[Any]) -> list[str]:
        """What the network reads, its likeliest character at each place."""
        x, widths, _ = self.converter(samples, self.device)
        return [self.decode(line) for line in models.ctc_greedy(self.network(x, widths), self.network.blank)]

    def decode(self, numbers: Sequence[int]) -> str:
        """The string of some numbers of characters."""
        return ''.join([self.labels[i] for i in numbers])

    def measure(self, data: Any, answers: Sequence[str]) -> dict[str, float]:
        texts = [text for _, text in data]
        return {'exact': sum(map(str.__eq__, answers, texts)) / len(texts), 'cer': character_error_rate(answers, texts)}

    def draw(self, samples: Sequence[Any], answers: Sequence[str]) -> Image.Image:
        return sheet([draw_line(image, found, text) for (image, text), found in zip(samples, answers)], columns=3)

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--beam-width', type=int, metavar='N',
                            help=f'how many beginnings of what is read or written go on (default: {BEAM_WIDTH})')

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        if options.beam_width is not None:
            check_at_least(options, beam_width=1)
        characters = list(config['labels'])
        network: Any = entry.build(num_classes=len(characters))
        settle(network)
        load_weights(weights, network)
        network.to_device(device)
        converter = LineConverter(characters)

        def read(path: str) -> Answer:
            x, widths, _ = converter([(read_line(path), '')], device)
            with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
                log_p = F.log_softmax(network(x, widths), axis=2)
            found = models.ctc_beam_search(log_p, network.blank, options.beam_width or BEAM_WIDTH)[0][0]
            return Answer(''.join([characters[i] for i in found.tokens]) or '(nothing)')

        return read


class LineConverter(Converter):
    """Makes arrays of a minibatch: pictures with zeros behind the end of the shorter ones, widths, and characters.

    Args:
        characters: The characters that there are.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        self.numbers = {character: i for i, character in enumerate(characters)}

    def __call__(self, batch: Sequence[Any], device: Any = None) -> Any:
        widths = np.array([image.shape[2] for image, _ in batch])
        x = np.zeros((len(batch), *batch[0][0].shape[:2], widths.max()), autograd_nn.get_dtype())
        for row, (image, _) in zip(x, batch):
            row[:, :, :image.shape[2]] = image
        # A character that the network does not know is one that it gets wrong.
        t = pad_sentences([np.array([self.numbers.get(character, 0) for character in text], np.int32)
                           for _, text in batch])
        return to_device(device, (x, widths, t))


def settle(network: Any) -> None:
    """Lets a network find out the shapes of its parameters."""
    run_once(network, np.zeros((1, 1, network.height, 8), autograd_nn.get_dtype()), np.array([8]))


def draw_line(image: np.ndarray, found: str, text: str) -> Image.Image:
    """A picture of a line above what a network reads, in red with what it says if that is something else.

    Args:
        image: Shape (1, H, W), values from 0 to 1.
        found: What the network reads.
        text: What the picture says.
    """
    pixels = np.rint(255 * image[0]).astype(np.uint8)
    picture = Image.fromarray(pixels).resize((2 * pixels.shape[1], 2 * pixels.shape[0]), Image.Resampling.BILINEAR)
    font, right = ImageFont.load_default(16), found == text
    caption = found if right else f'{found or "(nothing)"} (it is {text})'
    width = max(picture.width, int(font.getlength(caption)) + 1)
    cell = Image.new('RGB', (width, picture.height + 22), 'white')
    cell.paste(picture, (0, 0))
    ImageDraw.Draw(cell).text((0, picture.height + 1), caption, 'black' if right else '#c00000', font)
    return cell
