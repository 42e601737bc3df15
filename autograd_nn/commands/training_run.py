"""A training run: the steps from its options to what is written, whatever the task is."""
from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import autograd_nn
import autograd_nn.links as L
from autograd_nn import models, reports, tasks, training
from autograd_nn.commands.fine_tuning import freeze, load_initial_weights
from autograd_nn.commands.run_folders import make_room, options_of_run, refuse_changes
from autograd_nn.commands.training_options import LEAST_UPDATES, MIXED, SCALED_WARMUP, SCALES, read_optimization
from autograd_nn.tasks.options import check_at_least
from autograd_nn.training import extensions
from autograd_nn.training.optimization import Optimization
from autograd_nn.training.processes import Processes
from autograd_nn.training.run_folder import (
    BEST,
    CONFIG,
    LOG,
    MODEL,
    REPORT,
    RESULTS_PICTURE,
    SNAPSHOT,
    TENSORBOARD,
    Progress,
    RunFolder,
)
from autograd_nn.training.standard_trainer import count_updates, extension_name, standard_trainer

# The options that make up a run, whatever its task: with others it could not be continued.
FIXED = 'model', 'optimizer', 'amp', 'seed', 'initial_weights', 'freeze', 'prune', 'prune_per_layer', 'swa'
# How many steps there are of pruning.
PRUNING_STEPS = 100


class TrainingRun:
    """One run of the training program; its task says what is trained on what.

    The program calls its methods one after the other; until `open_folder`, nothing is written.

    Args:
        arguments: The options.
        processes: Those that train together.

    Attributes:
        optimization: How parameters are updated.
        entry: The model's entry in the registry.
        device: Where it is trained.
        task: What is trained on what.
        folder: What is written to.
        source: The folder of the run that is continued; None for a new one.
        progress: How far that is.
        trainer: The training loop.
        averaging: What averages weights, with --swa.
        pruning: What prunes weights, with --prune.
        prolonged: Whether there are more epochs than usual, as there is little to train with.
    """

    optimization: Optimization
    trainer: training.Trainer

    def __init__(self, arguments: argparse.Namespace, processes: Processes) -> None:
        self.arguments = arguments
        self.processes = processes
        self.entry = models.get(arguments.model)
        self.device = processes.get_device(arguments.device)
        self.task = tasks.get(self.entry.task)(self.entry, arguments, processes, self.device)
        self.folder = RunFolder(arguments.out, '--out')
        self.source = RunFolder(arguments.resume, '--resume') if arguments.resume else None
        self.progress = Progress()
        self.averaging: extensions.WeightAveraging | None = None
        self.pruning: extensions.MagnitudePruning | None = None
        self.prolonged = False

    def check(self) -> None:
        """Makes sure that the options are possible, that there is a place to write to and, with --resume, a run.

        Where there is no --lr, it becomes the usual one of the optimizer.

        Raises:
            ValueError: Something is not; the message names the option.
        """
        arguments = self.arguments
        check_at_least(arguments, batch_size=1, seed=0, early_stopping=0)
        if arguments.processes is not None:
            check_at_least(arguments, processes=1)
        if arguments.epochs is not None:
            check_at_least(arguments, epochs=1)
        if arguments.seed >= 2 ** 32:
            raise ValueError(f'--seed: expected less than 2 ** 32, got {arguments.seed}')
        if arguments.freeze and not arguments.initial_weights:
            raise ValueError('--freeze: layers that are not trained need --initial-weights')
        if arguments.tensorboard and not extensions.TensorBoardReport.available():
            raise ValueError("--tensorboard: it needs tensorboardX: pip install 'autograd_nn[tensorboard]'")
        if not 0 <= arguments.prune < 1:
            raise ValueError(f'--prune: expected a part of the weights, from 0 to less than 1, got {arguments.prune}')
        if arguments.prune_per_layer and not arguments.prune:
            raise ValueError('--prune-per-layer: expected --prune PART as well')
        if arguments.amp and not isinstance(self.device, autograd_nn.GpuDevice):
            raise ValueError('--amp: half precision is for GPUs, a CPU takes 7 to 30 times as long with it; expected a '
                             f'GPU as --device, got {arguments.device}')
        recipe, optimizer = self.entry.recipe, arguments.optimizer
        if arguments.betas is None and optimizer == recipe.optimizer:
            arguments.betas = recipe.betas
        if arguments.lr is None:
            arguments.lr = recipe.lr if optimizer == recipe.optimizer else self.task.learning_rates[optimizer]
        if arguments.processes is not None and arguments.processes != self.processes.size:
            raise ValueError(f'--processes: expected {self.processes.size}, as many as were started, got '
                             f'{arguments.processes}')
        saved: dict[str, Any] = {}
        if self.source is not None:
            config, self.progress = self.source.read()
            saved = config['arguments']
        self.settle_batch_size(saved)
        self.task.check()
        self.optimization = self.scaled(read_optimization(arguments))
        self.folder.check()
        if self.source is not None:
            names = [*self.task.fixed_options(saved, self.progress), *FIXED]
            refuse_changes(self.source, saved, vars(arguments), names)

    def settle_batch_size(self, saved: dict[str, Any]) -> None:
        """Decides how large minibatches are: as many times --batch-size as there are processes.

        A run that goes on keeps the size, however many processes there are now, unless --batch-size has another value.

        Args:
            saved: The options of the run that goes on; empty for a new one.
        """
        options = vars(self.arguments)
        own = options['batch_size']
        total = own * self.processes.size
        if saved.get('batch_size') == own:
            total = saved.get('total_batch_size', own)
        options.pop('total_batch_size', None)
        if total != own:
            options['total_batch_size'] = total
        self.task.total_batch_size = total

    def scaled(self, optimization: Optimization) -> Optimization:
        """An optimization with the learning rate that --scale-lr asks for.

        Args:
            optimization: That for minibatches of --batch-size.
        """
        factor = SCALES[self.arguments.scale_lr](self.task.total_batch_size / self.arguments.batch_size)
        if factor == 1:
            return optimization
        return dataclasses.replace(optimization, lr=optimization.lr * factor,
                                   warmup=optimization.warmup or SCALED_WARMUP)

    def prepare_device(self) -> None:
        """Has the device and the precision of --amp used from now on."""
        self.device.use()
        if self.arguments.amp:
            autograd_nn.global_config.dtype = MIXED[self.arguments.amp]
            autograd_nn.get_dtype()  # an error now if it is not installed

    def prepare_task(self) -> None:
        """Loads the data, makes network and model, and says what is trained on what."""
        self.task.load_data()
        self.task.build()
        self.task.announce()

    def load_initial_weights(self) -> None:
        """Fills a fresh run's network with the weights that --initial-weights names, and freezes what --freeze says."""
        arguments, network = self.arguments, self.task.network
        fresh: set[str] = set()
        if arguments.initial_weights:
            outputs = self.task.settle()
            if self.source is None:
                fresh = load_initial_weights(arguments.initial_weights, network, outputs, self.entry.name)
        if arguments.freeze:
            freeze(network, arguments.freeze, fresh)

    def build_trainer(self) -> None:
        """Makes the training loop, and decides on the number of epochs."""
        arguments, task = self.arguments, self.task
        trained = task.optimized()
        for model in trained.values():
            model.to_device(self.device)
        if arguments.sync_bn:
            links = [link for model in trained.values() for link in model.links()]
            if not any(isinstance(link, L.BatchNormalization) for link in links):
                raise ValueError(f'--sync-bn: expected a network with batch normalization, {arguments.model} has none')
            for model in trained.values():
                self.processes.synchronize_normalization(model)
        optimizers = {name: self.processes.make_optimizer(self.optimization.make_optimizer(model),
                                                          arguments.shard_state)
                      for name, model in trained.items()}
        updater = task.make_updater(optimizers)
        iterator = updater.get_iterator('main')
        if arguments.epochs is None:
            least = -(-LEAST_UPDATES * iterator.batch_size // len(iterator.dataset))
            self.prolonged = least > self.entry.recipe.epochs
            arguments.epochs = max(self.entry.recipe.epochs, least)
        self.trainer = standard_trainer(updater, task.make_evaluator(), task.network, self.optimization,
                                        arguments.epochs, task.speed, task.columns, task.curves,
                                        arguments.early_stopping, arguments.out, task.postprocess, self.processes,
                                        task.prepare_snapshot, task.monitor, task.larger_is_better)
        updates = count_updates(iterator, arguments.epochs)
        if arguments.swa:
            self.averaging = extensions.WeightAveraging(task.network, self.optimization.start_of_averaging(updates))
            self.trainer.extend(self.averaging, trigger=(1, 'iteration'))
        if arguments.prune:
            half = max(1, updates // 2)
            self.pruning = extensions.MagnitudePruning(task.network, arguments.prune, half,
                                                       max(1, half // PRUNING_STEPS), arguments.prune_per_layer)
            self.trainer.extend(self.pruning)
        task.extend(self.trainer)

    def add_report(self, command: str) -> None:
        """Has a report written after each epoch, and files for TensorBoard, if they are wanted.

        Args:
            command: What repeats the run.
        """
        task = self.task
        if self.arguments.report and self.processes.is_first:
            config = {'arguments': options_of_run(self.arguments), **task.about}
            self.trainer.extend(reports.HtmlReport(str(self.folder.path), config, command, lambda: [
                *task.report_sections(), *reports.inspect_layers(task.network, task.try_sample)]))
        if self.arguments.tensorboard and self.processes.is_first:
            self.trainer.extend(extensions.TensorBoardReport(TENSORBOARD, pictures=[RESULTS_PICTURE]))

    def announce_training(self) -> None:
        """Says for how long, and how, the parameters are updated."""
        task = self.task
        if task.batch_size < task.total_batch_size:
            print(f'minibatches have {task.batch_size} {task.unit} instead of {task.total_batch_size} (--batch-size): '
                  'there are no more')
        if divided := self.processes.describe(task.unit, task.batch_size):
            print(divided)
        updates = count_updates(self.trainer.updater.get_iterator('main'), self.arguments.epochs)
        usual = self.entry.recipe.epochs
        note = f' (more than the usual {usual}, as there is little to train with: --epochs)' if self.prolonged else ''
        print(f'{self.arguments.epochs} epochs, {updates:,} updates{note}')
        rate = f'; --scale-lr {self.arguments.scale_lr}: it was {self.arguments.lr:g}'
        print(self.optimization.describe(updates) + (rate if self.optimization.lr != self.arguments.lr else ''))

    def load_state(self) -> None:
        """With --resume, brings the trainer to where that run is.

        Raises:
            ValueError: The data are others, the snapshot is damaged, or the run is complete.
        """
        if self.source is None:
            return
        epochs, updater, done = self.arguments.epochs, self.trainer.updater, self.progress
        self.source.check_data(self.task.about, self.arguments.dataset)
        if done.epoch > epochs or (done.epoch == epochs and self.source.has_results()):
            raise ValueError(f'--resume: the run in {self.source.path} is complete, with {done.epoch} epochs; a '
                             f'larger --epochs than {epochs} goes on with it')
        self.source.load_snapshot(self.trainer)
        iterator = updater.get_iterator('main')
        updates = done.updates(len(iterator.dataset), iterator.batch_size)
        for name in updater.get_all_optimizers():
            self.trainer.get_extension(extension_name('ChosenRates', name)).apply_changes()
            self.trainer.get_extension(extension_name('Schedule', name)).continue_at(updates)
        print(f'continuing after epoch {updater.epoch_detail:.2f}')

    @contextmanager
    def open_folder(self) -> Iterator[None]:
        """A context in which the folder is this run's: the first process prepares it, and writes down what is run."""
        with ExitStack() as stack:
            with self.processes.together():
                if self.processes.is_first:
                    stack.enter_context(self.folder)
                    self.make_room()
                    self.write_config()
            yield

    def make_room(self) -> None:
        """Prepares the folder, and says what became of a run that was there."""
        make_room(self.folder, self.source, self.arguments.overwrite, [self.arguments.dataset])

    def write_config(self) -> None:
        """Writes down what is run, for --resume, for other programs and for people."""
        self.task.write_more(self.folder.path)
        self.folder.write_config(options_of_run(self.arguments), self.task.about)

    def train(self) -> None:
        """Trains, and says how fast."""
        updater = self.trainer.updater
        start, iteration = time.perf_counter(), updater.iteration
        self.trainer.run(show_loop_exception_msg=False)
        seconds = time.perf_counter() - start
        if updater.iteration > iteration:
            speed = self.task.describe_speed(updater.iteration - iteration, seconds)
            print(f'{seconds:.1f} s, {speed} (with evaluation)')

    def settle_weights(self) -> None:
        """Makes of the last weights those that the run is for: averages, or with zeros in place of the least."""
        if self.averaging is not None and self.averaging.count:
            self.averaging.apply()
            if self.pruning is not None:
                self.pruning.apply()
            self.task.refresh_statistics()
            print(f'averaged: the weights after each of the last {self.averaging.count:,} updates (--swa)')
        elif self.averaging is not None:
            print('nothing is averaged: the training ended before its last part (--swa)')
        if self.pruning is not None:
            zeros = self.pruning.zeros()
            count, of = (sum(column) for column in zip(*zeros.values()))
            parts = ', '.join(f'{path.strip("/")} {count / of:.1%}' for path, (count, of) in zeros.items())
            print(f'pruned: {count / of:.1%} of {of:,} weights are zero ({parts})')

    def save_results(self) -> None:
        """Evaluates, writes what is to be kept beside the snapshot, and says what was written."""
        out = self.folder.path
        others = self.task.save_results(out)
        if not self.processes.is_first:
            return
        best = ('largest ' if self.task.larger_is_better else 'least ') + self.task.monitor.replace('/main/', ' ')
        about = {MODEL: 'weights, for --initial-weights', BEST: f'weights of the epoch with the {best}',
                 CONFIG: 'what was run', SNAPSHOT: 'the state of the training, for --resume',
                 LOG: 'figures of every epoch', REPORT: 'all of this to look at, in a browser',
                 TENSORBOARD: f'for tensorboard --logdir {out}', **others}
        print(f'written to {out}/:')
        for name, meaning in about.items():
            if (out / name).exists():
                print(f'  {name:15} {meaning}')
        if not extensions.PlotReport.available():
            print("  no curves: they need matplotlib (pip install 'autograd_nn[plot]')")
