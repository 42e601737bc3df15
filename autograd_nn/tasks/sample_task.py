"""Tasks of independent samples: what they share."""
from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

import autograd_nn
from autograd_nn import datasets, iterators, links
from autograd_nn.backend import Device
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset import concat_examples
from autograd_nn.iterators import ShuffleOrderSampler
from autograd_nn.tasks.network_input import load_all_weights
from autograd_nn.tasks.options import add_dataset_argument, check_at_least
from autograd_nn.tasks.task import Member, Task
from autograd_nn.training import extensions
from autograd_nn.training.extension import Extension
from autograd_nn.training.processes import Processes
from autograd_nn.training.run_folder import MODEL, RESULTS_PICTURE, save_quickly
from autograd_nn.training.standard_trainer import Speed
from autograd_nn.training.statistics import recompute_statistics
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.updaters import StandardUpdater
from autograd_nn.utils.atomic import atomic_write


class SampleTask(Task):
    """A task whose data sets consist of independent samples.

    A subclass says, as a rule, no more than this:

    - `embedded`: its data sets by name, and `load_folder`: those that people have;
    - `make_model`: the network with its loss; `converter`: what makes arrays of samples; `augment`;
    - `answer`: what the network says of samples, `measure`: how good that is, `draw`: how it looks;
    - `make_predictor`: how it answers for a file.

    Attributes:
        train_data: What is trained with.
        test: The test data.
        validation: What is evaluated after each epoch: a part of the training data, or the test data.
        labels: The names of the classes, if there are any.
        converter: What makes arrays of a minibatch.
    """

    learning_rates = {'sgd': 0.05, 'momentum': 0.01, 'nesterov': 0.01, 'adagrad': 0.01, 'rmsprop': 0.001,
                      'adam': 0.003, 'adamw': 0.003}
    fixed: ClassVar[Sequence[str]] = ('val_split',)
    embedded: ClassVar[dict[str, Callable[[], tuple[Any, Any, Sequence[str]]]]] = {}
    """By name, what loads each data set that needs no files of the user: training data, test data, names of classes.
    The first is the one that is trained on where nothing else is asked for."""
    folders: ClassVar[str] = ''
    """What folders `load_folder` understands, in words."""
    takes_files: ClassVar[bool] = False
    """Whether `load_folder` understands some files, too."""
    few: ClassVar[float] = float('inf')
    """Training data of fewer samples than these are varied at random, unless the options say otherwise."""
    can_vary: ClassVar[bool] = True
    """Whether there is a way to vary training data (see `augment`), and an option that says whether to."""
    vary_embedded: ClassVar[bool] = True
    """Whether this holds for the data sets of `embedded`, too; otherwise only data from folders are varied."""
    measures: ClassVar[dict[str, str]] = {}
    """What `measure` returns, by name, in words."""
    plotted: ClassVar[Sequence[str] | None] = None
    """Of which of these curves are drawn: those of one order of magnitude; None for all."""
    n_drawn: ClassVar[int] = 12
    """How many samples the picture of results shows."""

    labels: Sequence[str] = ()
    converter: Any = staticmethod(concat_examples)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.measures and 'columns' not in vars(cls):
            cls.columns = (*Task.columns, *(f'validation/main/{name}' for name in cls.measures))

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        add_dataset_argument(parser, cls.embedded, 'NAME|DIR', cls.folders)
        parser.add_argument('--batch-size', type=int, help='samples in a minibatch')
        parser.add_argument('--val-split', type=float, default=0., metavar='PART',
                            help='part of the training samples, chosen by --seed, to evaluate after each epoch; '
                                 '0: the test samples are evaluated')
        parser.add_argument('--workers', type=int, default=0, help='processes that prepare minibatches')
        parser.set_defaults(dataset=next(iter(cls.embedded)), augment=None if cls.can_vary else False)
        if not cls.can_vary:
            return
        usual = '' if cls.few == float('inf') else f' (default: if there are fewer than {cls.few:,})'
        parser.add_argument('--augment', action=argparse.BooleanOptionalAction,
                            help=f'vary the training samples at random{usual}')

    def check(self) -> None:
        check_at_least(self.options, workers=0)
        self.check_part('val_split')
        if self.options.augment is None and not self.vary_embedded:
            self.options.augment = self.options.dataset not in self.embedded

    def check_part(self, name: str) -> None:
        """Requires an option to be a part of a whole.

        Args:
            name: Its name.

        Raises:
            ValueError: It is not.
        """
        value = getattr(self.options, name)
        if not 0 <= value < 1:
            raise ValueError(f'--{name.replace("_", "-")}: expected a part, from 0 to less than 1, got {value}')

    def fixed_options(self, saved: dict[str, Any], progress: Any) -> Sequence[str]:
        named = {self.options.dataset, saved.get('dataset')} <= self.embedded.keys()  # a folder may have been moved
        return [*self.fixed, 'dataset'] if named else self.fixed

    def load_data(self) -> None:
        name, known = self.options.dataset, ', '.join(self.embedded)
        if name in self.embedded:
            self.train_data, self.test, self.labels = self.embedded[name]()
        elif not self.folders:
            raise ValueError(f'--dataset: expected one of {known}, got {name}')
        elif not (Path(name).is_dir() or (self.takes_files and Path(name).is_file())):
            files = ', a file' if self.takes_files else ''
            raise ValueError(f'--dataset: expected one of {known}{files} or a folder, got {name}')
        else:
            self.train_data, self.test, self.labels = self.load_folder(Path(name))

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        """Loads training data, test data and names of classes from a folder, and prints what becomes of them.

        Args:
            folder: The folder, or with `takes_files` a file.

        Raises:
            OSError: A file cannot be read.
            ValueError: There are no such data.
        """
        raise NotImplementedError

    def build(self) -> None:
        autograd_nn.random.seed(self.options.seed)
        self.network = self.entry.build(**self.network_arguments())
        self.model = self.make_model()
        self.fit_data()
        self.train_data, self.validation = split(self.train_data, self.test, self.options.val_split, self.options.seed)
        self.batch_size = min(self.total_batch_size, len(self.train_data))
        self.processes.divide(self.batch_size)
        self.about = {'samples': [len(self.train_data), len(self.test)], **self.describe_data()}

    def network_arguments(self) -> dict[str, Any]:
        """What the network's constructor takes because of the data."""
        return {'num_classes': len(self.labels)}

    def make_model(self) -> Any:
        """Makes the network's loss: a link that takes arrays of a minibatch, and reports ``loss``."""
        model = links.Classifier(self.network, self.network.lossfun)
        model.compute_accuracy = False
        return model

    def fit_data(self) -> None:
        """Changes the data sets as the network needs it."""

    def describe_data(self) -> dict[str, Any]:
        """What is to be known of the data besides the number of samples (see `Task.about`)."""
        return {'labels': list(self.labels)}

    def announce(self) -> None:
        classes = f', {len(self.labels)} classes' if self.labels else ''
        print(f'{self.options.model} on {self.options.dataset}: {len(self.train_data):,} training and '
              f'{len(self.test):,} test samples{classes}; {self.network.count_params():,} parameters')
        self.announce_validation()

    def announce_validation(self) -> None:
        """Prints how many samples are kept to evaluate after each epoch, if any are."""
        if self.options.val_split:
            print(f'{len(self.validation):,} further samples are kept to evaluate after each epoch (--val-split)')

    def make_updater(self, optimizers: dict[str, Any]) -> StandardUpdater:
        loss = self.processes.make_loss(self.model, optimizers['main'], self.options.seed)
        return StandardUpdater(self.make_iterator(), optimizers, self.converter, self.device, loss,
                               **self.updater_options())

    def make_iterator(self) -> Any:
        """The iterator of the training data, varied if the options say so: this process's part of minibatches."""
        options, train = self.options, self.train_data
        if len(train) < self.few if options.augment is None else options.augment:
            train = self.augment(train)
        if options.workers:
            iterator: Any = iterators.MultiprocessIterator(train, self.batch_size, n_processes=options.workers,
                                                           order_sampler=self.order_sampler())
        else:
            iterator = iterators.SerialIterator(train, self.batch_size, order_sampler=self.order_sampler())
        iterator.read_part(self.processes.part(self.batch_size))
        return iterator

    def order_sampler(self) -> iterators.OrderSampler | None:
        """What makes the order of training samples in each epoch; None for a random one."""
        return None

    def updater_options(self) -> dict[str, Any]:
        """Further arguments of the updater."""
        return {}

    def augment(self, train: Any) -> Any:
        """Varies training data at random (see `datasets.AugmentedDataset`).

        Args:
            train: The training data.
        """
        return train

    def make_evaluator(self) -> extensions.Evaluator:
        return MeasuringEvaluator(self)

    @property
    def speed(self) -> Speed:
        return Speed('images/s', self.batch_size)

    def describe_speed(self, iterations: int, seconds: float) -> str:
        return f'{iterations * self.batch_size / seconds:,.0f} images a second'

    def refresh_statistics(self) -> None:
        # In a random order, since samples in a folder are sorted by classes, whose batches would be too much alike.
        order = ShuffleOrderSampler(np.random.RandomState(self.options.seed))
        iterator = iterators.SerialIterator(self.train_data, self.batch_size, order_sampler=order)
        if self.options.sync_bn:
            iterator.read_part(self.processes.part(self.batch_size))
        batches = itertools.islice(iterator, len(self.train_data) // self.batch_size)
        recompute_statistics(self.model, (self.converter(batch, self.device) for batch in batches))

    def extend(self, trainer: Trainer) -> None:
        if not self.processes.is_first:
            return
        trainer.extend(ResultsPicture(self))
        if self.measures and extensions.PlotReport.available():
            trainer.extend(extensions.PlotReport([f'validation/main/{name}' for name in self.plotted or self.measures],
                                                 'epoch', filename='metric.png'), name='plot_metric')

    def try_sample(self) -> None:
        self.answer(self.validation[:1])

    def iterate_once(self, data: Any) -> iterators.SerialIterator:
        """An iterator that goes once over this process's part of a data set.

        Args:
            data: The data set.
        """
        part = self.processes.part(self.batch_size, rank=-1 % self.processes.size)
        return iterators.SerialIterator(self.processes.part_of(data), part.stop - part.start, repeat=False,
                                        shuffle=False)

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """What the network says of samples, in inference.

        Args:
            samples: Some samples.

        Returns:
            What `measure` and `draw` need of each, on the CPU.
        """
        raise NotImplementedError

    def answer_all(self, data: Any) -> list[Any]:
        """What the network says of this process's part of a data set (see `answer`).

        Args:
            data: The data set.
        """
        with using_config('train', False), no_backprop_mode():
            return [each for batch in self.iterate_once(data) for each in self.answer(batch)]

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        """How good answers are, over a whole data set.

        Args:
            data: The data set.
            answers: What the network says of its samples.

        Returns:
            The figures that `measures` names.
        """
        return {}

    def measure_all(self, data: Any) -> tuple[list[Any], dict[str, float]] | None:
        """Answers and figures for a data set, which the processes share; None in all but the first one.

        Args:
            data: The data set.
        """
        parts = self.processes.collect(self.answer_all(data))
        if parts is None:
            return None
        answers = [each for part in parts for each in part]
        return answers, self.measure(data, answers)

    def combine(self, answers: Sequence[Sequence[Any]]) -> list[Any]:
        """What several networks say together of samples.

        Args:
            answers: What each of them says (see `answer`).

        Raises:
            ValueError: They cannot answer together.
        """
        raise ValueError(f'--evaluate: networks such as {self.entry.name} do not answer together; expected the weights '
                         'of one')

    @property
    def tested_with(self) -> str:
        """What the test data are, in words that are the same for the same data."""
        name = self.options.dataset
        return name if name in self.embedded else f'{name} (of which --seed {self.options.seed} chooses the samples)'

    @classmethod
    def of_run(cls, member: Member, device: Device) -> Any:
        """The task of a run, with its data and its network.

        Args:
            member: The network.
            device: Where to compute.
        """
        parser = argparse.ArgumentParser()
        cls.add_arguments(parser)
        options = parser.parse_args([])
        # As for a run that goes on: what belongs to the weights is beside them, and is not made from the data again.
        vars(options).update(member.config['arguments'], resume=str(member.weights.parent))
        task = cls(member.entry, options, Processes(), device)
        task.total_batch_size = options.batch_size
        task.load_data()
        task.build()
        if list(task.labels) != list(member.config.get('labels', task.labels)):
            raise ValueError(f'--evaluate: {options.dataset} is not the data that the run of {member.weights} had: its '
                             'classes differ')
        task.settle()
        load_all_weights(member.weights, task.network, member.entry.name)
        task.model.to_device(device)
        return task

    @classmethod
    def evaluate(cls, members: Sequence[Member], device: Device) -> list[str]:
        tasks = [cls.of_run(member, device) for member in members]
        first = tasks[0]
        for task, member in zip(tasks, members):
            if task.tested_with != first.tested_with:
                raise ValueError(f'--evaluate: {member.weights} is of a run that is tested with {task.tested_with}, '
                                 f'{members[0].weights} of one with {first.tested_with}; expected the same')
        answers = [task.answer_all(task.test) for task in tasks]
        figures = [task.measure(task.test, each) for task, each in zip(tasks, answers)]
        lines = [f'{len(first.test):,} test samples of {first.options.dataset}']
        lines += [f'{member.weights}: ' + ', '.join(f'{name} {value:.4f}' for name, value in each.items())
                  for member, each in zip(members, figures)]
        if len(members) > 1:
            for name, value in first.measure(first.test, first.combine(answers)).items():
                values = [each[name] for each in figures]
                mean, best = sum(values) / len(values), max(values)
                lines.append(f'together: {name} {value:.4f}: {value - mean:+.4f} against their mean of {mean:.4f}, '
                             f'{value - best:+.4f} against the best of them')
        return lines

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        """The picture of results: samples, and what the network says of them.

        Args:
            samples: The first of the validation data.
            answers: What the network says of them.
        """
        raise NotImplementedError

    def save_results(self, out: Path) -> dict[str, str]:
        found = self.measure_all(self.test)
        if found is None:
            return {}
        _, figures = found
        print()
        for name, value in figures.items():
            print(f'test {self.measures[name]}: {value:.4f}')
        save_quickly(out / MODEL, self.network)  # last: then the run is complete
        return {MODEL: 'weights, for autograd-nn predict and --initial-weights', 'loss.png': 'curves',
                'metric.png': 'curves', RESULTS_PICTURE: 'what it says of some validation samples'}


class MeasuringEvaluator(extensions.Evaluator):
    """Evaluates the loss, and what a task measures over the whole validation data.

    Args:
        task: The task.
    """

    def __init__(self, task: SampleTask) -> None:
        super().__init__(task.iterate_once(task.validation), task.model, task.converter, task.device,
                         summary=task.processes.make_summary)
        self.task = task

    def evaluate(self) -> dict[str, float]:
        return {**super().evaluate(), **self.measure()}

    def measure(self) -> dict[str, float]:
        """What the task measures, by the names that evaluators report."""
        found = self.task.measure_all(self.task.validation) if self.task.measures else None
        prefix = '' if self.name is None else f'{self.name}/'
        return {} if found is None else {f'{prefix}main/{name}': value for name, value in found[1].items()}


class ResultsPicture(Extension):
    """Draws, after each epoch, what a network says of the first validation samples.

    Args:
        task: The task.
    """

    trigger = (1, 'epoch')

    def __init__(self, task: SampleTask) -> None:
        self.task = task

    def __call__(self, trainer: Trainer) -> None:
        samples = self.task.validation[:self.task.n_drawn]
        with using_config('train', False), no_backprop_mode():
            picture = self.task.draw(samples, self.task.answer(samples))
        with atomic_write(Path(trainer.out) / RESULTS_PICTURE) as file:
            picture.save(file, 'PNG')


def split(train: Any, test: Any, part: float, seed: int) -> tuple[Any, Any]:
    """What to train with, and what to evaluate after each epoch: a part of the training data, or the test data.

    Args:
        train: The training data.
        test: The test data.
        part: What part of the training data is evaluated; 0 for the test data.
        seed: Chooses it.

    Raises:
        ValueError: The part has no sample, or all of them.
    """
    if not part:
        return train, test
    count = round(part * len(train))
    if not 0 < count < len(train):
        raise ValueError(f'--val-split: {part:g} of {len(train)} training samples is {count}; expected at least one '
                         'to evaluate, and one to train with')
    validation, rest = datasets.split_dataset_random(train, count, seed=seed)
    return rest, validation


def sheet(pictures: Iterable[Image.Image], columns: int, gap: int = 12) -> Image.Image:
    """Puts pictures on a white sheet, row by row.

    Args:
        pictures: The pictures; cells are as large as the largest.
        columns: How many stand in a row, at most.
        gap: The room around each, in pixels.

    Example:
        >>> sheet([Image.new('RGB', (50, 40))] * 3, columns=2, gap=10).size
        (130, 110)
    """
    pictures = list(pictures)
    columns = min(columns, max(1, len(pictures)))
    width, height = (max([picture.size[axis] for picture in pictures], default=1) + gap for axis in (0, 1))
    whole = Image.new('RGB', (columns * width + gap, max(1, -(-len(pictures) // columns)) * height + gap), 'white')
    for i, picture in enumerate(pictures):
        whole.paste(picture, (gap + i % columns * width, gap + i // columns * height))
    return whole
