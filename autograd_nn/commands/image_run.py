"""Training a network that classifies pictures."""
from __future__ import annotations

import argparse
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

import autograd_nn
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets, iterators, models, training
from autograd_nn.commands.captions import Captions
from autograd_nn.commands.command_line import check_at_least
from autograd_nn.commands.fine_tuning import settle
from autograd_nn.commands.picture_folder import load_folder
from autograd_nn.commands.pictures import DIGITS
from autograd_nn.commands.run_folders import refuse_changes
from autograd_nn.commands.training_run import TrainingRun
from autograd_nn.dataset import Converter, concat_examples, to_device
from autograd_nn.datasets import transforms
from autograd_nn.training import extensions
from autograd_nn.training.run_folder import MISTAKES, MODEL, RunFolder, save_quickly
from autograd_nn.training.standard_trainer import Speed, standard_trainer
from autograd_nn.utils.atomic import atomic_write

# Each data set with the names of its classes.
DATASETS: dict[str, tuple[Any, list[str]]] = {
    'digits': (datasets.get_digits, DIGITS),
    'mnist': (datasets.get_mnist, DIGITS),
    'fashion_mnist': (datasets.get_fashion_mnist, datasets.get_fashion_mnist_labels()),
    'cifar10': (datasets.get_cifar10, datasets.get_cifar10_labels()),
    'cifar100': (datasets.get_cifar100, datasets.get_cifar100_labels()),
}
FEW = 50_000


class ImageRun(TrainingRun):
    """A training run of a classifier of pictures.

    Args:
        arguments: The options.

    Attributes:
        train_data: What is trained with.
        test: The test data.
        validation: What is evaluated after each epoch.
        labels: The names of the classes.
        shape: That of a sample, enlarged if that is needed; `shape_found` is what it was before.
        batch_size: The number of samples in a minibatch: no more than there are.
        converter: What makes arrays of minibatches.
    """

    learning_rates = {'sgd': 0.05, 'momentum': 0.01, 'nesterov': 0.01, 'adagrad': 0.01, 'rmsprop': 0.001,
                      'adam': 0.003, 'adamw': 0.003}
    fixed = *TrainingRun.fixed, 'val_split'

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument('--dataset', metavar='NAME|DIR',
                            help=f'one of {", ".join(DATASETS)}; or a folder with pictures (class/name.jpg, optionally '
                                 'under train/ and val/ or test/), or with the four MNIST files')
        parser.add_argument('--batch-size', type=int, help='samples in a minibatch')
        parser.add_argument('--val-split', type=float, default=0., metavar='PART',
                            help='part of the training pictures, chosen by --seed, to evaluate after each epoch; '
                                 '0: the test pictures are evaluated')
        parser.add_argument('--label-smoothing', type=float, metavar='PART',
                            help='how much of each label is spread evenly over all classes')
        parser.add_argument('--augment', action=argparse.BooleanOptionalAction,
                            help=f'vary the training pictures at random (default: if there are fewer than {FEW:,})')
        parser.add_argument('--workers', type=int, default=0, help='processes that prepare minibatches')
        parser.add_argument('--cuda-graph', action='store_true', help='launch the steps as CUDA graphs; for GPUs')
        parser.set_defaults(dataset='digits')

    def check(self) -> None:
        super().check()
        arguments = self.arguments
        check_at_least(arguments, workers=0)
        for name in 'val_split', 'label_smoothing':
            if not 0 <= getattr(arguments, name) < 1:
                raise ValueError(f'--{name.replace("_", "-")}: expected a part, from 0 to less than 1, '
                                 f'got {getattr(arguments, name)}')
        if arguments.cuda_graph and not isinstance(self.device, autograd_nn.GpuDevice):
            raise ValueError(f'--cuda-graph: expected a GPU as --device, got {arguments.device}')
        if arguments.cuda_graph and self.processes.size > 1:
            raise ValueError('--cuda-graph: steps of several processes, which exchange gradients, cannot be captured; '
                             'expected one process')

    def check_resumption(self, source: RunFolder, saved: dict[str, Any]) -> None:
        if {self.arguments.dataset, saved.get('dataset')} <= DATASETS.keys():  # a folder may have been moved
            refuse_changes(source, saved, vars(self.arguments), ['dataset'])
        super().check_resumption(source, saved)

    def load_data(self) -> None:
        self.train_data, self.test, self.labels = load_data(self.arguments.dataset, self.entry, self.arguments.seed)

    def build_model(self) -> None:
        arguments = self.arguments
        autograd_nn.random.seed(arguments.seed)
        network: Any = self.entry.build(num_classes=len(self.labels))
        self.network = network
        network.label_smoothing = arguments.label_smoothing
        self.model = L.Classifier(network, network.lossfun)
        self.converter = PictureConverter(network.preprocessing)
        self.fit_data()

    def fit_data(self) -> None:
        """Makes pictures large enough for the network, and splits them as the options say."""
        arguments, train = self.arguments, self.train_data
        self.shape_found = self.shape = train[0][0].shape
        if min(self.shape[1:]) < self.network.minsize:
            enlarge = Enlarge(self.network.minsize)
            train, self.test = (datasets.TransformDataset(data, enlarge) for data in (train, self.test))
            self.shape = train[0][0].shape
        self.train_data, self.validation = split(train, self.test, arguments.val_split, arguments.seed)
        self.batch_size = min(self.total_batch_size, len(self.train_data))
        self.processes.divide(self.batch_size)
        self.about = {'samples': [len(self.train_data), len(self.test)], 'input_shape': self.shape,
                      'labels': self.labels, 'preprocessing': asdict(self.network.preprocessing)}

    def announce(self) -> None:
        arguments, (height, width) = self.arguments, self.shape_found[1:]
        if self.shape != self.shape_found:
            least = self.network.minsize
            print(f'{arguments.model} needs {least} x {least} pixels: pictures of {height} x {width} are enlarged')
        print(f'{arguments.model} on {arguments.dataset}: {len(self.train_data):,} training and {len(self.test):,} '
              f'test samples of shape {self.shape}, {len(self.labels)} classes')
        if arguments.val_split:
            print(f'{len(self.validation):,} further samples are kept to evaluate after each epoch (--val-split)')
        autograd_nn.summary(self.network, self.shape)

    def load_initial_weights(self, outputs: int | None = None) -> None:
        if self.arguments.initial_weights:
            settle(self.network, self.shape)
        super().load_initial_weights(len(self.labels))

    def make_updater(self, optimizer: Any) -> training.StandardUpdater:
        arguments, train = self.arguments, self.train_data
        if len(train) < FEW if arguments.augment is None else arguments.augment:
            train = datasets.AugmentedDataset(train, datasets.standard_augmentation(self.shape), seed=arguments.seed)
        if arguments.workers:
            iterator: Any = iterators.MultiprocessIterator(train, self.batch_size, n_processes=arguments.workers)
        else:
            iterator = iterators.SerialIterator(train, self.batch_size)
        iterator.read_part(self.processes.part(self.batch_size))
        return training.StandardUpdater(iterator, optimizer, self.converter, self.device,
                                        self.processes.make_loss(self.model, optimizer, arguments.seed),
                                        cuda_graph=arguments.cuda_graph)

    def make_trainer(self, updater: training.StandardUpdater) -> training.Trainer:
        arguments = self.arguments
        evaluator = extensions.Evaluator(self.iterate_once(self.validation), self.model, self.converter, self.device,
                                         summary=self.processes.make_summary)
        columns = ['main/loss', 'validation/main/loss', 'main/accuracy', 'validation/main/accuracy']
        trainer = standard_trainer(updater, evaluator, self.network, self.optimization, arguments.epochs,
                                   Speed('images/s', self.batch_size), columns, ['loss', 'accuracy'],
                                   arguments.early_stopping, arguments.out, processes=self.processes)
        trainer.extend(PointOutGuessing(len(self.labels), arguments))
        return trainer

    def announce_training(self) -> None:
        if self.batch_size < self.total_batch_size:
            print(f'minibatches have {self.batch_size} samples instead of {self.total_batch_size} (--batch-size): '
                  'there are no more')
        super().announce_training()

    def speed(self, iterations: int, seconds: float) -> str:
        return f'{iterations * self.batch_size / seconds:,.0f} images a second'

    def save_results(self) -> None:
        out = self.folder.path
        answers = self.processes.collect(self.predict())
        if answers is None:  # The first process has them all.
            return
        probabilities, labels = map(np.concatenate, zip(*answers))
        correct = int((probabilities.argmax(axis=1) == labels).sum())
        print(f'\ntest accuracy: {correct / len(labels):.2%} ({correct} of {len(labels)})')
        draw_mistakes(out / MISTAKES, self.test, probabilities, labels, self.labels)
        save_quickly(out / MODEL, self.network)  # last: then the run is complete
        self.list_files({MODEL: 'weights, for autograd-nn predict and --initial-weights', 'loss.png': 'curves',
                         'accuracy.png': 'curves', MISTAKES: 'what it gets wrong with most confidence'})

    def iterate_once(self, data: Any) -> iterators.SerialIterator:
        """An iterator that goes once over this process's part of a data set."""
        part = self.processes.part(self.batch_size, rank=-1 % self.processes.size)
        return iterators.SerialIterator(self.processes.part_of(data), part.stop - part.start, repeat=False,
                                        shuffle=False)

    def predict(self) -> tuple[np.ndarray, np.ndarray]:
        """Class probabilities (N, classes) and true labels (N,) of the test data, or of this process's part of them."""
        probabilities, labels = [], []
        with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
            for batch in self.iterate_once(self.test):
                x, t = self.converter(batch, self.device)
                probabilities.append(np.asarray(F.softmax(self.network(x))))
                labels.append(np.asarray(autograd_nn.as_variable(t)))
        return np.concatenate(probabilities), np.concatenate(labels)


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


def split(train: Any, test: Any, part: float, seed: int) -> tuple[Any, Any]:
    """What to train with, and what to evaluate after each epoch: a part of the training data, or the test data.

    Args:
        train: The training data.
        test: The test data.
        part: What part of the training data is evaluated; 0 for the test data.
        seed: Chooses it.
    """
    if not part:
        return train, test
    count = round(part * len(train))
    if not 0 < count < len(train):
        raise ValueError(f'--val-split: {part:g} of {len(train)} training samples is {count}; expected at least one '
                         'to evaluate, and one to train with')
    validation, rest = datasets.split_dataset_random(train, count, seed=seed)
    return rest, validation


def load_data(name: str, entry: models.Entry, seed: int) -> tuple[Any, Any, list[str]]:
    """Loads training data, test data and the names of the classes.

    Args:
        name: One of `DATASETS`, or a folder.
        entry: The model, whose input shape pictures from a folder take.
        seed: Chooses the pictures of a folder that are held out (see `load_folder`).
    """
    folder = Path(name)
    if name in DATASETS:
        get, labels = DATASETS[name]
        return *get(ndim=3), labels
    if not folder.is_dir():
        raise ValueError(f'--dataset: expected one of {", ".join(DATASETS)} or a folder, got {name}')
    if any(folder.glob('*-idx3-ubyte*')):
        return *datasets.get_mnist(ndim=3, directory=folder), DIGITS
    return load_folder(folder, entry, seed)


def draw_mistakes(path: Path, test: Any, probabilities: np.ndarray, labels: np.ndarray, names: list[str]) -> int:
    """Draws the test pictures that the model gets wrong with most confidence, at most 24; returns how many."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-probabilities[wrong, predicted[wrong]])][:24]
    columns, side, caption = 6, 112, 34
    rows = max(1, -(-len(worst) // columns))
    sheet = Image.new('RGB', (columns * (side + 12) + 12, rows * (side + caption + 12) + 12), 'white')
    draw = ImageDraw.Draw(sheet)
    captions = Captions(names, size=13)
    for i, index in enumerate(worst):
        left, top = 12 + i % columns * (side + 12), 12 + i // columns * (side + caption + 12)
        sheet.paste(as_picture(test[index][0], side), (left, top))
        answer = predicted[index]
        captions.write(draw, (left, top + side + 2), side + 6, 'black', labels[index], 'true ')
        captions.write(draw, (left, top + side + 17), side + 6, '#c00000', answer,
                       after=f': {probabilities[index, answer]:.1%}')
    if not len(worst):
        draw.text((12, 12), 'no mistakes', 'black', ImageFont.load_default(13))
    with atomic_write(path) as file:
        sheet.save(file, 'PNG')
    if captions.undrawable:
        print(f'{path.name}: {captions.explanation()}')
    return len(worst)


def as_picture(x: np.ndarray, side: int) -> Image.Image:
    """A sample of shape (C, H, W), values from 0 to 1, as a square picture."""
    pixels = (np.clip(x, 0, 1) * 255).astype(np.uint8)
    channels = pixels[:3] if len(pixels) >= 3 else pixels[[0, 0, 0]]
    return Image.fromarray(channels.transpose(1, 2, 0)).resize((side, side), Image.Resampling.NEAREST)
