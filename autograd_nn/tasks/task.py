"""What a task is: the interface between networks of one kind and the programs that train and use them."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from autograd_nn.backend import Device
from autograd_nn.link import Link
from autograd_nn.models import Entry
from autograd_nn.reports.elements import Section
from autograd_nn.training.extensions import Evaluator
from autograd_nn.training.processes import Processes
from autograd_nn.training.run_folder import Progress
from autograd_nn.training.standard_trainer import MONITOR, Speed
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.updaters import StandardUpdater
from autograd_nn.utils import Animation


@dataclass
class Answer:
    """What a network says of a file.

    Attributes:
        text: In words, as a rule one line.
        pictures: What it has drawn: pictures, or animations, by what they show, such as ``{'boxes': picture}``.
    """

    text: str
    pictures: Mapping[str, Image.Image | Animation] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """A network that was trained, as one of those that answer together.

    Attributes:
        entry: Its entry in the registry.
        config: The configuration of its run.
        weights: The file of its weights.
    """

    entry: Entry
    config: dict[str, Any]
    weights: Path


Predictor = Callable[[str], Answer]
"""What answers for a file, given its path (see `Task.needs_files`); `OSError` or `ValueError` if it is of no use."""


class Task:
    """A task: data, network, targets and loss, measure, and what is shown of results.

    Programs that train make one of the options, and call its methods in the order in which they stand here. What
    concerns all tasks alike (the folder of the run, the optimizer, resuming, other processes) is theirs. A task of
    independent samples derives from `SampleTask`, which needs less.

    Args:
        entry: The network's entry in the registry.
        options: The options, as `add_arguments` defines them; `check` may settle some.
        processes: Those that train together.
        device: Where it is trained.

    Attributes:
        network: What is trained.
        model: The network with its loss, a link that takes a minibatch and reports ``loss``.
        total_batch_size: The number of samples or streams in a minibatch that the options ask for, in all processes;
            the program sets it before `load_data`.
        batch_size: How many there are.
        about: What is to be known of model and data besides the options, as JSON has it. It may not change when a run
            is continued, and `make_predictor` reads it.
    """

    learning_rates: ClassVar[dict[str, float]]
    """The usual learning rates of the optimizers, for those that a network's recipe does not name."""
    unit: ClassVar[str] = 'samples'
    """What minibatches consist of."""
    fixed: ClassVar[Sequence[str]] = ()
    """The options that make up a run besides those of all tasks: with others it could not be continued."""
    columns: Sequence[str] = ('main/loss', 'validation/main/loss')
    """The figures of an epoch that are printed, besides epoch, speed and time."""
    curves: Sequence[str] = ('loss',)
    """Those of which curves are drawn, on training and on validation data."""

    monitor: ClassVar[str] = MONITOR
    """The figure by which it is decided which weights are best, and when to stop early."""
    larger_is_better: ClassVar[bool] = False
    """Whether the best `monitor` is the largest."""

    takes_pictures: ClassVar[bool] = False
    """Whether networks are called with pictures alone, of the shape in the registry: their work can be counted."""

    needs_files: ClassVar[bool] = True
    """Whether predictors answer for files alone; others make something up when the path is empty."""

    network: Any
    model: Any
    total_batch_size: int
    batch_size: int
    about: dict[str, Any]

    def __init__(self, entry: Entry, options: argparse.Namespace, processes: Processes, device: Device) -> None:
        self.entry = entry
        self.options = options
        self.processes = processes
        self.device = device

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the options of this task to those of a program that trains.

        Args:
            parser: The parser.
        """
        raise NotImplementedError

    def check(self) -> None:
        """Makes sure that the options are possible.

        Raises:
            ValueError: One is not; the message names it.
        """

    def fixed_options(self, saved: dict[str, Any], progress: Progress) -> Sequence[str]:
        """The names of options of which a run that goes on must have the values that it began with.

        Args:
            saved: The options that it began with.
            progress: How far it is.
        """
        return self.fixed

    def load_data(self) -> None:
        """Loads what is trained and tested with.

        Raises:
            OSError: It cannot be read.
            ValueError: It is not what the task needs.
        """
        raise NotImplementedError

    def build(self) -> None:
        """Makes network and model, with fresh weights, and settles `batch_size` and `about`."""
        raise NotImplementedError

    def announce(self) -> None:
        """Prints what is trained on what."""
        raise NotImplementedError

    @classmethod
    def find_shapes(cls, network: Any, shape: tuple[int, ...]) -> None:
        """Lets a network find out the shapes of all its parameters, where it does not know them from the start.

        Args:
            network: The network, on the CPU.
            shape: That of a sample (see `Entry.input_shape`).
        """

    def settle(self) -> int | None:
        """Lets the network find out the shapes of all its parameters, for weights that are loaded into it.

        Returns:
            How many outputs it has, if weights of a network with another number are welcome.
        """
        return None

    def optimized(self) -> dict[str, Link]:
        """What optimizers update, by their names; one of them is ``'main'``."""
        return {'main': self.model}

    def make_updater(self, optimizers: dict[str, Any]) -> StandardUpdater:
        """Makes what updates the parameters.

        Args:
            optimizers: The optimizers, set up for what `optimized` says.
        """
        raise NotImplementedError

    def make_evaluator(self) -> Evaluator:
        """Makes the extension that evaluates after each epoch, and reports what `monitor` names."""
        raise NotImplementedError

    @property
    def speed(self) -> Speed:
        """What measures how much a second is worked off."""
        raise NotImplementedError

    def postprocess(self, entry: dict[str, Any]) -> None:
        """Adds figures to an entry of the log.

        Args:
            entry: The figures of an epoch.
        """

    def prepare_snapshot(self) -> None:
        """What all processes do before the first one takes a snapshot."""

    def extend(self, trainer: Trainer) -> None:
        """Adds extensions of this task to the training loop.

        Args:
            trainer: The training loop.
        """

    def report_sections(self) -> Sequence[Section]:
        """What a report of the run shows of this task, besides figures, results and layers; after an epoch."""
        return []

    def try_sample(self) -> None:
        """Has the network work on one sample, in inference, for those that watch its layers; by default it rests."""

    def write_more(self, out: Path) -> None:
        """Writes, at the start, what belongs to the weights besides the configuration.

        Args:
            out: The folder of the run.
        """

    def refresh_statistics(self) -> None:
        """Has what the network keeps of the data, such as averages of batch normalization, be that of its weights now.

        It is called after weights were averaged; by all processes, each of which sees all data, so that they agree.
        """

    def describe_speed(self, iterations: int, seconds: float) -> str:
        """How fast the training was, in words.

        Args:
            iterations: The number of updates.
            seconds: How long they took.
        """
        raise NotImplementedError

    def save_results(self, out: Path) -> dict[str, str]:
        """Evaluates, prints figures, and writes what is to be kept; the weights last: then the run is complete.

        All processes evaluate; the first one prints and writes.

        Args:
            out: The folder of the run.

        Returns:
            What was written, besides the files that all runs have: meanings by name.
        """
        raise NotImplementedError

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        """Adds options of this task to those of the program that uses networks; their defaults are None.

        Args:
            parser: The parser, or a group of it.
        """

    @classmethod
    def published_config(cls, entry: Entry, labels: Sequence[str] | None, weights: Path) -> dict[str, Any]:
        """What `make_predictor` needs to know where weights come from no run, but from whoever has published them.

        Args:
            entry: The network's entry in the registry.
            labels: The names of the classes; None if nobody has said them.
            weights: The file.

        Raises:
            OSError: It cannot be read.
            ValueError: It is damaged, or this task makes no use of published weights.
        """
        raise ValueError(f'--model: expected a network with published weights, got {entry.name}')

    @classmethod
    def make_predictor(cls, entry: Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        """Makes what answers for a file: loads a network.

        Args:
            entry: The network's entry in the registry.
            config: The configuration of the run that the weights come from: `about`, and the options as ``arguments``.
            weights: The file.
            options: The options of the program.
            device: Where to compute.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is damaged, or does not fit.
            KeyError: The configuration lacks something (so does `TypeError`).
        """
        raise ValueError(f'{weights} has the weights of {entry.name}, which has nothing to say of files')

    @classmethod
    def load_network(cls, member: Member) -> Link:
        """A network that was trained, with its weights.

        Args:
            member: Which.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is damaged, or the task has no network of its own for its weights.
            KeyError: The configuration lacks something (so does `TypeError`).
        """
        raise ValueError(f'{member.weights}: expected the weights of a classifier of pictures, got those of '
                         f'{member.entry.name}')

    @classmethod
    def make_ensemble(cls, members: Sequence[Member], options: argparse.Namespace, device: Device) -> Predictor:
        """Makes what answers for a file by what several networks say of it.

        Args:
            members: The networks, two or more.
            options: The options of the program.
            device: Where to compute.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is damaged, or the networks cannot answer together.
            KeyError: A configuration lacks something (so does `TypeError`).
        """
        raise ValueError(f'{members[1].weights}: networks such as {members[0].entry.name} do not answer together; '
                         'expected a file to answer for')

    @classmethod
    def evaluate(cls, members: Sequence[Member], device: Device) -> list[str]:
        """How good networks are on the test data of their runs, and if there are several, how good they are together.

        Args:
            members: The networks.
            device: Where to compute.

        Returns:
            The lines to show.

        Raises:
            OSError: The data or a file cannot be read.
            ValueError: They are not what is expected, or have no test data that they share.
            KeyError: A configuration lacks something (so does `TypeError`).
        """
        raise ValueError(f'--evaluate: not for {members[0].entry.name}')
