"""Classifying pictures."""
from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

import autograd_nn
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets, models, training
from autograd_nn.backend import Device, GpuDevice, to_cpu
from autograd_nn.dataset import Converter, concat_examples, to_device
from autograd_nn.datasets import transforms
from autograd_nn.reports import Gallery, Picture, Section, class_sections, count_pairs
from autograd_nn.tasks.class_names import Captions
from autograd_nn.tasks.network_input import DIGITS, input_of_run, load_all_weights, settle, show_to_network
from autograd_nn.tasks.picture_folder import find_parts, load_folder
from autograd_nn.tasks.sample_task import MeasuringEvaluator, SampleTask, sheet
from autograd_nn.tasks.task import Answer, Member, Predictor
from autograd_nn.training import extensions
from autograd_nn.training.run_folder import MISTAKES, MODEL, RESULTS_PICTURE, save_quickly
from autograd_nn.utils.atomic import atomic_write

SIDE = 112


def _known(get: Callable[..., Any], labels: Sequence[str]) -> Callable[[], tuple[Any, Any, Sequence[str]]]:
    return lambda: (*get(ndim=3), labels)


class Classification(SampleTask):
    """Saying which of some classes a picture is of."""

    takes_pictures = True
    few = 50_000
    columns = ('main/loss', 'validation/main/loss', 'main/accuracy', 'validation/main/accuracy')
    curves = ('loss', 'accuracy')
    n_drawn = 24
    embedded = {
        'digits': _known(datasets.get_digits, DIGITS),
        'mnist': _known(datasets.get_mnist, DIGITS),
        'fashion_mnist': _known(datasets.get_fashion_mnist, datasets.get_fashion_mnist_labels()),
        'cifar10': _known(datasets.get_cifar10, datasets.get_cifar10_labels()),
        'cifar100': _known(datasets.get_cifar100, datasets.get_cifar100_labels()),
    }
    folders = ('a folder with pictures (class/name.jpg, optionally under train/ and val/ or test/), or with the four '
               'MNIST files')

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--label-smoothing', type=float, metavar='PART',
                            help='how much of each label is spread evenly over all classes')
        parser.add_argument('--cuda-graph', action='store_true', help='launch the steps as CUDA graphs; for GPUs')

    def check(self) -> None:
        super().check()
        self.check_part('label_smoothing')
        if self.options.cuda_graph and not isinstance(self.device, GpuDevice):
            raise ValueError(f'--cuda-graph: expected a GPU as --device, got {self.options.device}')
        if self.options.cuda_graph and self.processes.size > 1:
            raise ValueError('--cuda-graph: steps of several processes, which exchange gradients, cannot be captured; '
                             'expected one process')

    @property
    def tested_with(self) -> str:
        folder = Path(self.options.dataset)
        if folder.is_dir() and (has_mnist_files(folder) or find_parts(folder)[1] is not None):
            return str(folder.resolve())
        return super().tested_with

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        if has_mnist_files(folder):
            return *datasets.get_mnist(ndim=3, directory=folder), DIGITS
        return load_folder(folder, self.entry, self.options.seed)

    def make_model(self) -> Any:
        self.network.label_smoothing = self.options.label_smoothing
        self.converter = PictureConverter(self.network.preprocessing)
        return L.Classifier(self.network, self.network.lossfun)

    def fit_data(self) -> None:
        """Makes pictures large enough for the network."""
        self.shape_found = self.shape = self.train_data[0][0].shape
        if min(self.shape[1:]) < self.network.minsize:
            enlarge = Enlarge(self.network.minsize)
            self.train_data, self.test = (datasets.TransformDataset(data, enlarge)
                                          for data in (self.train_data, self.test))
            self.shape = self.train_data[0][0].shape

    def describe_data(self) -> dict[str, Any]:
        return {'input_shape': self.shape, 'labels': self.labels, 'preprocessing': asdict(self.network.preprocessing)}

    def announce(self) -> None:
        options, (height, width) = self.options, self.shape_found[1:]
        if self.shape != self.shape_found:
            least = self.network.minsize
            print(f'{options.model} needs {least} x {least} pixels: pictures of {height} x {width} are enlarged')
        print(f'{options.model} on {options.dataset}: {len(self.train_data):,} training and {len(self.test):,} '
              f'test samples of shape {self.shape}, {len(self.labels)} classes')
        self.announce_validation()
        autograd_nn.summary(self.network, self.shape)

    def settle(self) -> int:
        settle(self.network, self.shape)
        return len(self.labels)

    def augment(self, train: Any) -> Any:
        return datasets.AugmentedDataset(train, datasets.standard_augmentation(self.shape), seed=self.options.seed)

    def updater_options(self) -> dict[str, Any]:
        return {'cuda_graph': self.options.cuda_graph}

    def make_evaluator(self) -> extensions.Evaluator:
        self.evaluator = ClassifyingEvaluator(self)
        return self.evaluator

    def report_sections(self) -> Sequence[Section]:
        found = self.evaluator.found
        if not len(found):
            return []
        truth, predicted, confidence = found['truth'], found['predicted'], found['confidence']
        sections = class_sections(count_pairs(truth, predicted, len(self.labels)), self.labels)
        worst = worst_mistakes(truth, predicted, confidence)
        shown = [(Picture(as_picture(self.validation[i][0], SIDE), self.labels[truth[i]]),
                  f'{self.labels[truth[i]]}, taken for {self.labels[predicted[i]]}: {confidence[i]:.1%}')
                 for i in worst.tolist()]
        note = 'What it gets wrong with most confidence.' if shown else 'There are none.'
        return [*sections, Section('Mistakes', [Gallery(shown)], note)]

    def extend(self, trainer: training.Trainer) -> None:
        super().extend(trainer)
        trainer.extend(PointOutGuessing(len(self.labels), self.options))

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """The true classes, and the probabilities of all."""
        x, t = self.converter(samples, self.device)
        return list(zip(np.asarray(autograd_nn.as_variable(t)).tolist(), np.asarray(F.softmax(self.network(x)))))

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        return {'accuracy': float(np.mean([p.argmax() == t for t, p in answers]))}

    def combine(self, answers: Sequence[Sequence[Any]]) -> list[Any]:
        return [(each[0][0], np.mean([p for _, p in each], axis=0)) for each in zip(*answers, strict=True)]

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        captions = Captions(self.labels, size=13)
        return sheet((draw_answer(x, t, p, captions) for (x, _), (t, p) in zip(samples, answers)), columns=6)

    def save_results(self, out: Path) -> dict[str, str]:
        found = self.measure_all(self.test)
        if found is None:
            return {}
        labels, probabilities = map(np.array, zip(*found[0]))
        correct = int((probabilities.argmax(axis=1) == labels).sum())
        print(f'\ntest accuracy: {correct / len(labels):.2%} ({correct} of {len(labels)})')
        draw_mistakes(out / MISTAKES, self.test, probabilities, labels, self.labels)
        save_quickly(out / MODEL, self.network)  # last: then the run is complete
        return {MODEL: 'weights, for autograd-nn predict and --initial-weights', 'loss.png': 'curves',
                'accuracy.png': 'curves', RESULTS_PICTURE: 'what it says of the first validation samples',
                MISTAKES: 'what it gets wrong with most confidence'}

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--top', type=int, metavar='N',
                            help='how many classes, or words, to show (default: 3 classes, 10 words)')

    @classmethod
    def published_config(cls, entry: models.Entry, labels: Sequence[str] | None, weights: Path) -> dict[str, Any]:
        network: Any = entry.build()
        shape = network.preprocessing.channels, network.insize, network.insize
        if labels is None:
            count = network.predict(np.zeros((1, *shape), np.float32)).shape[1]
            labels = [f'class {i}' for i in range(count)]
        return {'labels': labels, 'input_shape': shape, 'preprocessing': asdict(network.preprocessing)}

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        return cls.make_ensemble([Member(entry, config, weights)], options, device)

    @classmethod
    def load_network(cls, member: Member) -> Any:
        labels, shape, _ = input_of_run(member.config)
        network: Any = member.entry.build(num_classes=len(labels))
        settle(network, shape)
        load_all_weights(member.weights, network, member.entry.name)
        return network

    @classmethod
    def make_ensemble(cls, members: Sequence[Member], options: argparse.Namespace, device: Device) -> Predictor:
        """What answers by the mean of the probabilities."""
        first, = input_of_run(members[0].config)[:1]
        recognizers = []
        for member in members:
            labels, shape, preprocessing = input_of_run(member.config)
            if labels != first:
                raise ValueError(f'{member.weights}: expected the classes of {members[0].weights}, which are '
                                 f'{in_short(first)}; got {in_short(labels)}')
            network = cls.load_network(member)
            network.to_device(device)
            recognizers.append(recognizer(network, labels, shape, preprocessing))
        return classifier(recognizers, first, options.top)


def has_mnist_files(folder: Path) -> bool:
    """Whether a folder has the files of MNIST, which say what to train and what to test with."""
    return any(folder.glob('*-idx3-ubyte*'))


Recognizer = Callable[[str], np.ndarray]
"""What says of a file how probable each class is."""


def recognizer(network: Any, labels: Sequence[str], shape: tuple[int, int, int],
               preprocessing: models.Preprocessing) -> Recognizer:
    """What says of a file how probable each class is: an array of shape (classes,).

    Args:
        network: A network that returns logits, on its device.
        labels: The names of the classes.
        shape: What it takes: channels, height and width.
        preprocessing: How it saw its training data.
    """
    def recognize(path: str) -> np.ndarray:
        x = preprocessing.normalize(show_to_network(path, labels, shape, preprocessing))
        with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
            return np.asarray(F.softmax(network(network.device.send(x[None]))))[0]

    return recognize


def classifier(recognizers: Sequence[Recognizer], labels: Sequence[str], count: int | None) -> Predictor:
    """What says of a file what it shows.

    Args:
        recognizers: Whose probabilities are averaged.
        labels: The names of the classes.
        count: How many classes to name (see `name_best`).
    """
    def classify(path: str) -> Answer:
        return Answer(name_best(labels, np.mean([recognize(path) for recognize in recognizers], axis=0), count))

    return classify


def in_short(labels: Sequence[str], count: int = 3) -> str:
    """The names of classes, in words.

    Args:
        labels: The names.
        count: How many to name at most.

    Example:
        >>> in_short('0123456789'), in_short(['cat', 'dog'])
        ('0, 1, 2 and 7 more', 'cat, dog')
    """
    more = f' and {len(labels) - count} more' if len(labels) > count else ''
    return ', '.join(labels[:count]) + more


def name_best(labels: Sequence[str], probabilities: np.ndarray, count: int | None = None) -> str:
    """The most probable classes, in words.

    Args:
        labels: The names of the classes.
        probabilities: Theirs, shape (classes,).
        count: How many to name; 3 by default.

    Example:
        >>> name_best(['cat', 'dog', 'bird'], np.array([0.25, 0.7, 0.05]), 2)
        'dog 70.0%, cat 25.0%'
    """
    # Names such as those of ImageNet have commas themselves.
    separator = '; ' if any(',' in label for label in labels) else ', '
    best = np.argsort(-probabilities)[:count or 3]
    return separator.join(f'{labels[i]} {probabilities[i]:.1%}' for i in best)


class ClassifyingEvaluator(MeasuringEvaluator):
    """Evaluates loss and accuracy, and remembers what the samples were taken for.

    Attributes:
        found: Of each validation sample, in their order: ``truth``, ``predicted`` and ``confidence``, the probability
            of what was predicted; empty before the first evaluation, and in all processes but the first one.
    """

    def __init__(self, task: Classification) -> None:
        super().__init__(task)
        self.found = np.zeros(0, [('truth', np.int64), ('predicted', np.int64), ('confidence', np.float32)])
        self._batches: list[tuple[Any, Any, Any]] = []

    def evaluate(self) -> dict[str, float]:
        self._batches = []
        figures = super().evaluate()
        own = np.zeros(sum(len(truth) for truth, _, _ in self._batches), self.found.dtype)
        for name, parts in zip(own.dtype.names or (), zip(*self._batches)):
            own[name] = np.concatenate([to_cpu(part) for part in parts])
        self._batches = []
        found = self.task.processes.collect(own)
        if found is not None:
            self.found = np.concatenate(found)
        return figures

    def _evaluate_batch(self, batch: Any) -> None:
        super()._evaluate_batch(batch)
        probabilities = F.softmax(self.task.model.y).array
        self._batches.append((np.array([label for _, label in batch]), probabilities.argmax(axis=1),
                              probabilities.max(axis=1)))


class PointOutGuessing(training.Extension):
    """Says so, once, if a network has not begun to learn: its loss is what guessing with equal probabilities gives.

    Args:
        n_classes: The number of classes.
        arguments: The options of the run.
    """

    trigger = (1, 'epoch')

    def __init__(self, n_classes: int, arguments: argparse.Namespace) -> None:
        self.guess = math.log(n_classes)
        self.n_classes = n_classes
        self.arguments = arguments
        self.said = False

    def __call__(self, trainer: training.Trainer) -> None:
        log, epochs = trainer.get_extension('LogReport').log, self.arguments.epochs
        # Long trainings have time to begin; the loss in training may have further parts, which make it larger.
        if (not self.said and len(log) >= min(5, max(2, epochs // 4), epochs)
                and all(abs(row['validation/main/loss'] / self.guess - 1) < 0.02
                        and row['main/loss'] > 0.98 * self.guess for row in log[-2:])):
            self.said = True
            tqdm.write(f'the loss is ln({self.n_classes}) = {self.guess:.3f}, as of guessing: nothing is learned yet; '
                       f'a smaller --lr than {self.arguments.lr:g}, --warmup 0.1 or --clip 1 may help', file=sys.stdout)


class PictureConverter(Converter):
    """Makes arrays of a minibatch, with the values that a network's published weights expect.

    Args:
        preprocessing: The network's preprocessing.
    """

    def __init__(self, preprocessing: models.Preprocessing) -> None:
        self.preprocessing = preprocessing

    def __call__(self, batch: Any, device: Any = None) -> Any:
        x, t = concat_examples(batch)
        return to_device(device, (self.preprocessing.normalize(x).astype(autograd_nn.get_dtype(), copy=False), t))


class Enlarge:
    """Scales the pictures of samples so that their shorter side has a length.

    Args:
        length: The length.
    """

    def __init__(self, length: int) -> None:
        self.length = length

    def __call__(self, sample: Any) -> Any:
        x, t = sample
        height, width = x.shape[1:]
        size = [-(-side * self.length // min(height, width)) for side in (height, width)]
        return transforms.Resize((size[0], size[1]))(x), t


def worst_mistakes(truth: np.ndarray, predicted: np.ndarray, confidence: np.ndarray, most: int = 24) -> np.ndarray:
    """The samples that were classified wrongly with most confidence.

    Args:
        truth: The true classes, of shape (N,).
        predicted: What they were taken for, of shape (N,).
        confidence: The probabilities of that, of shape (N,).
        most: How many to name, at most.

    Example:
        >>> worst_mistakes(np.array([0, 1, 2, 1]), np.array([0, 2, 1, 0]), np.array([0.9, 0.5, 0.8, 0.6]))
        array([2, 3, 1])
    """
    wrong = np.flatnonzero(predicted != truth)
    return wrong[np.argsort(-confidence[wrong], kind='stable')][:most]


def draw_mistakes(path: Path, test: Any, probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> int:
    """Draws the test pictures that the model gets wrong with most confidence, at most 24; returns how many."""
    worst = worst_mistakes(labels, probabilities.argmax(axis=1), probabilities.max(axis=1))
    captions = Captions(names, size=13)
    cells = [draw_answer(test[i][0], int(labels[i]), probabilities[i], captions) for i in worst.tolist()]
    if not cells:
        cells = [Image.new('RGB', (SIDE, 34), 'white')]
        ImageDraw.Draw(cells[0]).text((0, 0), 'no mistakes', 'black', ImageFont.load_default(13))
    with atomic_write(path) as file:
        sheet(cells, columns=6).save(file, 'PNG')
    if captions.undrawable:
        print(f'{path.name}: {captions.explanation()}')
    return len(worst)


def draw_answer(x: np.ndarray, label: int, probabilities: np.ndarray, captions: Captions) -> Image.Image:
    """A sample above its true class and the one that was predicted, which is red if it is wrong."""
    cell = Image.new('RGB', (SIDE, SIDE + 34), 'white')
    cell.paste(as_picture(x, SIDE), (0, 0))
    draw, answer = ImageDraw.Draw(cell), int(probabilities.argmax())
    captions.write(draw, (0, SIDE + 2), SIDE + 6, 'black', label, 'true ')
    captions.write(draw, (0, SIDE + 17), SIDE + 6, 'black' if answer == label else '#c00000', answer,
                   after=f': {probabilities[answer]:.1%}')
    return cell


def as_picture(x: np.ndarray, side: int) -> Image.Image:
    """A sample of shape (C, H, W), values from 0 to 1, as a square picture."""
    pixels = (np.clip(x, 0, 1) * 255).astype(np.uint8)
    channels = pixels[:3] if len(pixels) >= 3 else pixels[[0, 0, 0]]
    return Image.fromarray(channels.transpose(1, 2, 0)).resize((side, side), Image.Resampling.NEAREST)
