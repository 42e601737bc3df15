"""What training runs of all kinds have in common: options, the optimizer, the trainer, and what is written."""
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import autograd_nn
from autograd_nn import models, serializers, training
from autograd_nn.commands import optimization
from autograd_nn.commands.command_line import check_at_least
from autograd_nn.commands.fine_tuning import freeze, load_initial_weights
from autograd_nn.commands.list_models import ListModels
from autograd_nn.commands.run_folder import (
    BEST,
    CONFIG,
    LOG,
    MODEL,
    SNAPSHOT,
    ChosenRates,
    Progress,
    RunFolder,
    refuse_changes,
)
from autograd_nn.training import extensions, triggers

MIXED = {'float16': autograd_nn.mixed16, 'bfloat16': autograd_nn.mixed_bfloat16}
DEFAULT_MODEL = 'lenet'
# With fewer updates than these a network has hardly begun to learn.
LEAST_UPDATES = 100
# By what it is decided which weights are best, and when to stop.
MONITOR = 'validation/main/loss'
# Weights hardly shrink, and compressing them takes many times as long as writing them.
save_quickly = partial(serializers.save_npz, compression=False)


class TrainingRun:
    """One run of the training program; a subclass says what is trained on what.

    To make one checks everything and writes nothing; `run` does the rest.

    Args:
        arguments: The command line.

    Attributes:
        arguments: As given.
        config: What was written down of the run that is continued; empty for a new one.
        progress: How far that is.
        about: What is to be known of model and data besides the options. It may not change when a run is continued.
        trainer: The training loop, ready to run. A subclass makes it with `make_trainer`.
        schedule: That of the learning rate.
    """

    about: dict[str, Any]
    trainer: training.Trainer
    schedule: extensions.Shift
    # The usual learning rates of the optimizers, for those that the model's recipe does not name.
    learning_rates: dict[str, float]
    # The options that make up a run: with others it could not be continued.
    fixed: tuple[str, ...] = ('model', 'optimizer', 'amp', 'seed', 'initial_weights', 'freeze')

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        recipe = models.get(arguments.model).recipe
        if arguments.lr is None:
            arguments.lr = (recipe.lr if arguments.optimizer == recipe.optimizer
                            else self.learning_rates[arguments.optimizer])
        self.config: dict[str, Any] = {}
        self.progress = Progress()
        self.folder = RunFolder(arguments.out)
        self.folder.check()
        if arguments.resume:
            self.config, self.progress = RunFolder(arguments.resume).read()
            self.check_resumption(self.config['arguments'])
        if arguments.amp:
            autograd_nn.global_config.dtype = MIXED[arguments.amp]
            autograd_nn.get_dtype()  # an error now if it is not installed

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the options of this kind of run.

        Args:
            parser: The parser.
        """
        raise NotImplementedError

    @classmethod
    def check_arguments(cls, arguments: argparse.Namespace) -> None:
        """Raises a ValueError that names the first option with an impossible value."""
        optimization.check_arguments(arguments)
        check_at_least(arguments, batch_size=1, seed=0, early_stopping=0)
        if arguments.epochs is not None:
            check_at_least(arguments, epochs=1)
        if arguments.seed >= 2 ** 32:
            raise ValueError(f'--seed: expected less than 2 ** 32, got {arguments.seed}')
        if arguments.freeze and not arguments.initial_weights:
            raise ValueError('--freeze: layers that are not trained need --initial-weights')
        if arguments.amp and not autograd_nn.get_device(arguments.device).name.startswith('cuda'):
            raise ValueError('--amp: half precision is for GPUs, a CPU takes 7 to 30 times as long with it; expected a '
                             f'GPU as --device, got {arguments.device}')

    def check_resumption(self, saved: dict[str, Any]) -> None:
        """Makes sure that the run which --resume names can be continued with these options.

        Args:
            saved: Its options.

        Raises:
            ValueError: It cannot.
        """
        refuse_changes(RunFolder(self.arguments.resume), saved, vars(self.arguments), self.fixed)

    def speed(self, iterations: int, seconds: float) -> str:
        """How fast the training was, in words."""
        raise NotImplementedError

    def save_results(self) -> None:
        """Evaluates, writes what is to be kept beside the snapshot, and says what was written."""
        raise NotImplementedError

    def run(self) -> None:
        """Trains, evaluates, and writes everything."""
        arguments, updater = self.arguments, self.trainer.updater
        if arguments.resume:
            self.load_snapshot()
        with self.folder:
            self.folder.make_room(arguments.resume, arguments.overwrite, [arguments.dataset])
            self.write_config()
            with self.folder.telling_how_to_continue(self.trainer):
                start, iteration = time.perf_counter(), updater.iteration
                self.trainer.run(show_loop_exception_msg=False)
                seconds = time.perf_counter() - start
                if updater.iteration > iteration:
                    print(f'{seconds:.1f} s, {self.speed(updater.iteration - iteration, seconds)} (with evaluation)')
                self.save_results()

    def load_snapshot(self) -> None:
        """Brings the trainer to where the run is that --resume names.

        Raises:
            ValueError: The data are others, the snapshot is damaged, or the run is complete.
        """
        folder, epochs, updater = RunFolder(self.arguments.resume), self.arguments.epochs, self.trainer.updater
        folder.check_data(self.about, self.arguments.dataset)
        if self.progress.epoch > epochs or (self.progress.epoch == epochs and folder.has_results()):
            raise ValueError(f'--resume: the run in {folder.path} is complete, with {self.progress.epoch} epochs; a '
                             f'larger --epochs than {epochs} goes on with it')
        folder.load_snapshot(self.trainer)
        iterator = updater.get_iterator('main')
        self.schedule.continue_at(self.progress.updates(len(iterator.dataset), iterator.batch_size))
        print(f'continuing after epoch {updater.epoch_detail:.2f}')

    def write_config(self) -> None:
        """Writes down what is run, for --resume, for other programs and for people."""
        self.folder.write_config(self.arguments, self.about)

    def settle_epochs(self, size: int, batch_size: int) -> int:
        """Decides on the number of epochs, if the command line does not, and says how the parameters are updated.

        Args:
            size: The number of samples in an epoch.
            batch_size: How many of them an update takes.

        Returns:
            The number of updates in all epochs.
        """
        arguments, note = self.arguments, ''
        if arguments.epochs is None:
            usual = models.get(arguments.model).recipe.epochs
            arguments.epochs = max(usual, -(-LEAST_UPDATES * batch_size // size))
            if arguments.epochs > usual:
                note = f' (more than the usual {usual}, as there is little to train with: --epochs)'
        updates = -(-arguments.epochs * size // batch_size)
        print(f'{arguments.epochs} epochs, {updates:,} updates{note}')
        print(optimization.describe(arguments, updates))
        return updates

    def make_trainer(self, updater: Any, rate: str, evaluator: Any, network: Any, columns: list[str],
                     curves: list[str], speed: Speed,
                     postprocess: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Puts together the training loop and its extensions.

        Args:
            updater: The updater.
            rate: The attribute of its optimizer that holds the learning rate.
            evaluator: The extension that evaluates the model.
            network: What is trained, whose best weights are kept.
            columns: What to print after each epoch, besides epoch and time.
            curves: What to plot over the epochs.
            speed: What measures the speed of the training.
            postprocess: What adds figures to the log's entry of an epoch (see `extensions.LogReport`).
        """
        arguments, optimizer, iterator = self.arguments, updater.get_optimizer('main'), updater.get_iterator('main')
        updates = self.settle_epochs(len(iterator.dataset), iterator.batch_size)
        self.schedule = optimization.make_schedule(arguments, rate, updates)
        # Without --early-stopping it is the same trigger, so that a run can be continued with another choice.
        stop = triggers.EarlyStoppingTrigger(monitor=MONITOR, patience=arguments.early_stopping or sys.maxsize,
                                             max_trigger=(arguments.epochs, 'epoch'))
        self.trainer = trainer = training.Trainer(updater, stop, out=arguments.out)
        trainer.extend(evaluator)
        trainer.extend(self.schedule, trigger=(1, 'iteration'))
        trainer.extend(extensions.observe_value('lr', lambda trainer: getattr(optimizer, rate)))
        trainer.extend(speed)
        trainer.extend(extensions.LogReport(postprocess=postprocess, filename=LOG))
        trainer.extend(ChosenRates(optimizer, {rate: arguments.lr,
                                               'weight_decay_rate': arguments.weight_decay}))
        trainer.extend(extensions.PrintReport(['epoch', *columns, speed.key, 'elapsed_time']))
        if extensions.PlotReport.available():
            for what in curves:
                trainer.extend(extensions.PlotReport([f'main/{what}', f'validation/main/{what}'], 'epoch',
                                                     filename=f'{what}.png'), name=f'plot_{what}')
        trainer.extend(extensions.FailOnNonNumber())
        trainer.extend(extensions.ProgressBar())
        trainer.extend(extensions.snapshot_object(network, BEST, save_quickly),
                       trigger=triggers.MinValueTrigger(MONITOR))
        trainer.extend(extensions.snapshot(save_quickly, SNAPSHOT, snapshot_on_error=True), trigger=(1, 'epoch'))

    def load_initial_weights(self, network: Any, outputs: int | None = None) -> None:
        """Fills a fresh run's network with the weights that --initial-weights names, and freezes what --freeze says.

        Args:
            network: The network, whose shapes are settled.
            outputs: How many outputs it has, if the weights may be those of a network with another number.
        """
        arguments = self.arguments
        fresh: set[str] = set()
        if arguments.initial_weights and not arguments.resume:
            fresh = load_initial_weights(arguments.initial_weights, network, outputs)
        if arguments.freeze:
            freeze(network, arguments.freeze, fresh)

    def list_files(self, others: dict[str, str]) -> None:
        """Says what was written.

        Args:
            others: What this kind of run writes besides the files that all do: meanings by name.
        """
        out = Path(self.arguments.out)
        about = {MODEL: 'weights, for --initial-weights', BEST: 'weights of the epoch with the least validation loss',
                 CONFIG: 'what was run', SNAPSHOT: 'the state of the training, for --resume',
                 LOG: 'figures of every epoch', **others}
        print(f'written to {out}/:')
        for name, meaning in about.items():
            if (out / name).exists():
                print(f'  {name:15} {meaning}')
        if not extensions.PlotReport.available():
            print("  no curves: they need matplotlib (pip install 'autograd_nn[plot]')")


class Speed(training.Extension):
    """Reports how much a second the updates of an epoch work off, apart from evaluation and the like.

    Args:
        key: The name of the figure, such as ``'images/s'``.
        amount: How much one update works off.
    """

    priority = training.PRIORITY_WRITER + 1  # first after the update, so that the time of the others does not count

    def __init__(self, key: str, amount: float) -> None:
        self.key = key
        self.amount = amount
        self._start: tuple[int, float] | None = None

    def __call__(self, trainer: training.Trainer) -> None:
        iteration, now = trainer.updater.iteration, time.perf_counter()
        first, start = self._start = self._start or (iteration, now)
        if trainer.updater.is_new_epoch:
            self._start = None
            if iteration > first:
                autograd_nn.report({self.key: (iteration - first) * self.amount / (now - start)})


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of all kinds of runs; kinds and the models' recipes give some of them their defaults."""
    parser.add_argument('--model', metavar='NAME', default=DEFAULT_MODEL, choices=models.names(),
                        help='which network, see --list-models')
    parser.add_argument('--list-models', action=ListModels, nargs=0, dest=argparse.SUPPRESS,
                        help='say how large each network is, and how long it trains here, and end')
    parser.add_argument('--epochs', type=int, help='passes over the training data (default: that of the model, or more '
                                                   f'if these make fewer than {LEAST_UPDATES} updates)')
    optimization.add_arguments(parser)
    parser.add_argument('--early-stopping', type=int, default=0, metavar='N',
                        help='end when the validation loss has not fallen for N epochs; 0: never')
    parser.add_argument('--device', default='cpu', help='cpu or cuda:N')
    parser.add_argument('--amp', nargs='?', choices=MIXED, const='float16',
                        help='mixed precision: float16, or bfloat16, where that does; for GPUs')
    parser.add_argument('--seed', type=int, default=0, help='start of the random numbers')
    parser.add_argument('--out', default='result', metavar='DIR', help='where to write')
    parser.add_argument('--overwrite', action='store_true', help='replace the run in that folder, if there is one, '
                                                                 'instead of moving it aside')
    parser.add_argument('--resume', metavar='DIR', help='continue the interrupted run in this folder, there or in '
                                                        'that of --out')
    parser.add_argument('--initial-weights', metavar='FILE', help='start from these weights (.npz), with a new '
                                                                  'classifier if they have another number of classes')
    parser.add_argument('--freeze', metavar='LAYER', help='keep all layers up to this one as the weights have them')
