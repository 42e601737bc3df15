"""Translation of pictures: making pictures of one kind of those of another, as pairs show it."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import autograd_nn
from autograd_nn import datasets, models
from autograd_nn.backend import Device
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset import Converter, to_device
from autograd_nn.datasets.transforms import ExampleTransform
from autograd_nn.tasks.adversaries import FiguresEvaluator, make_adversarial_updater, plot_losses
from autograd_nn.tasks.digit_judge import load_digit_judge
from autograd_nn.tasks.generated_pictures import as_image, draw_rows
from autograd_nn.tasks.picture_data import fit_pictures, hold_out_fifth, read_fitting
from autograd_nn.tasks.picture_folder import find_parts
from autograd_nn.tasks.picture_task import Learner, load_network
from autograd_nn.tasks.sample_task import SampleTask
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.training import extensions
from autograd_nn.training.run_folder import RESULTS_PICTURE
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.updaters import StandardUpdater

OUTLINES = 'outlines'


def digit_outlines() -> tuple[Any, Any, Sequence[str]]:
    """Training data, test data and no names of classes: outlines of handwritten digits, and the digits."""
    train, test = map(datasets.DigitOutlines, datasets.get_digits(ndim=3, dtype=np.float32))
    return train, test, ()


class PictureTranslation(SampleTask):
    """Making pictures of one kind of those of another.

    A sample is a pair of pictures, values from 0 to 1, of outlines with the class of the digit behind.
    """

    embedded = {OUTLINES: digit_outlines}
    folders = ('a folder with pictures in inputs/ and pictures of the same names in targets/, or one with files that '
               'show both side by side (optionally under train/ and val/ or test/)')
    fixed = (*SampleTask.fixed, 'reverse')
    measures = {'l1': 'mean absolute difference', 'read': 'part of the pictures that a LeNet reads right'}
    monitor = 'validation/main/l1'
    columns = ('main/loss', 'main/l1', 'discriminator/loss', *(f'validation/main/{name}' for name in measures))
    curves = ()
    n_drawn = 12
    vary_embedded = False

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--reverse', action='store_true', help='make inputs of targets')

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        channels, height, width = self.entry.input_shape
        train_folder, test_folder = find_parts(folder)
        load = lambda root: datasets.PicturePairDataset(root, (height, width), channels == 3)  # noqa: E731
        pairs = load(train_folder)
        if test_folder is None:
            return *hold_out_fifth(pairs, folder, self.options.seed), ()
        print(f'{train_folder} is trained with, {test_folder} is tested with')
        return pairs, load(test_folder), ()

    def network_arguments(self) -> dict[str, Any]:
        return {}

    def make_model(self) -> Any:
        self.converter = PairConverter(self.network.preprocessing)
        self.adversary = Learner(self.network.discriminator, self.network.adversary_losses)
        return Learner(self.network.generator, self.network.losses)

    def fit_data(self) -> None:
        """Brings pairs to the shape and the order that are wanted, and calls for the judge if they are digits."""
        self.train_data, self.test = (fit_pictures(data, self.network.shape, count=2)
                                      for data in (self.train_data, self.test))
        if self.options.reverse:
            self.train_data, self.test = (datasets.TransformDataset(data, exchange)
                                          for data in (self.train_data, self.test))
        digits = self.options.dataset == OUTLINES and not self.options.reverse
        self.judge = load_digit_judge(self.device) if digits else None

    def describe_data(self) -> dict[str, Any]:
        return {}

    def augment(self, train: Any) -> Any:
        return datasets.AugmentedDataset(train, PairTransform(self.network.shape), seed=self.options.seed)

    def optimized(self) -> dict[str, Any]:
        return {'main': self.model, 'discriminator': self.adversary}

    def make_updater(self, optimizers: dict[str, Any]) -> StandardUpdater:
        return make_adversarial_updater(self, optimizers)

    def make_evaluator(self) -> extensions.Evaluator:
        return FiguresEvaluator(self)

    def extend(self, trainer: Trainer) -> None:
        super().extend(trainer)
        plot_losses(self, trainer)

    def answer(self, samples: Sequence[Any]) -> list[np.ndarray]:
        """What the network makes of the first picture of each pair, values from 0 to 1."""
        return list(translate(self.network, np.stack([sample[0] for sample in samples])))

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        truth = [data[i][1:] for i in range(len(data))]
        figures = {'l1': float(np.mean([np.abs(made - y).mean() for made, (y, *_) in zip(answers, truth)]))}
        if self.judge is not None:
            read = self.judge(np.stack(answers))[1].argmax(axis=1)
            figures['read'] = float((read == np.array([t for _, t in truth])).mean())
        return figures

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        """Rows of what is given, what the network makes of it, and what would be right."""
        return draw_rows([[x for x, *_ in samples], list(answers), [y for _, y, *_ in samples]])

    def save_results(self, out: Path) -> dict[str, str]:
        return {**super().save_results(out), RESULTS_PICTURE: 'what it makes of some validation samples'}

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        network: Any = entry.build()
        load_network(weights, network)
        network.to_device(device)

        def predict(path: str) -> Answer:
            made, = translate(network, read_fitting(path, network.shape)[None])
            return Answer(f'translated, {made.shape[2]} x {made.shape[1]} pixels',
                          {'translation': as_image(made, least=1)})

        return predict


def translate(network: Any, x: np.ndarray) -> np.ndarray:
    """What a network makes of pictures in inference: float32, of their shape (N, C, H, W), values from 0 to 1."""
    prepared = network.preprocessing.normalize(x).astype(autograd_nn.get_dtype(), copy=False)
    with using_config('train', False), no_backprop_mode():
        return network.to_pictures(network.translate(network.device.send(prepared)))


def exchange(sample: Any) -> Any:
    """A sample whose first two elements have changed places."""
    x, y, *more = sample
    return y, x, *more


class PairTransform(ExampleTransform):
    """Varies both pictures of a sample alike (see `datasets.standard_augmentation`).

    Args:
        shape: Of a picture: channels, height and width.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.channels = shape[0]
        self.transform = datasets.standard_augmentation(shape)

    def __call__(self, example: Any, rng: np.random.Generator | None = None) -> Any:
        x, y, *more = example
        both = self.transform(np.concatenate([x, y]), rng)
        return both[:self.channels], both[self.channels:], *more


class PairConverter(Converter):
    """Makes arrays of the two pictures of each sample.

    Args:
        preprocessing: The network's preprocessing.
    """

    def __init__(self, preprocessing: models.Preprocessing) -> None:
        self.preprocessing = preprocessing

    def __call__(self, batch: Sequence[Any], device: Any = None) -> Any:
        pictures = (np.stack([sample[i] for sample in batch]) for i in range(2))
        return to_device(device, tuple(self.preprocessing.normalize(x).astype(autograd_nn.get_dtype(), copy=False)
                                       for x in pictures))
