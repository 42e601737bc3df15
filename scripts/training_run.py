"""What training runs of all kinds have in common: options, the optimizer, the trainer, and what is written."""
from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cli import check_at_least
from fine_tuning import freeze, load_initial_weights

import autograd_nn
from autograd_nn import models, optimizer_hooks, optimizers, serializers, training
from autograd_nn.training import extensions
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import to_json

OPTIMIZERS: dict[str, Any] = {
    'sgd': optimizers.SGD, 'momentum': optimizers.MomentumSGD, 'nesterov': optimizers.NesterovAG,
    'adagrad': optimizers.AdaGrad, 'rmsprop': optimizers.RMSprop, 'adam': optimizers.Adam, 'adamw': optimizers.AdamW,
}
MIXED = {'float16': autograd_nn.mixed16, 'bfloat16': autograd_nn.mixed_bfloat16}
SNAPSHOT = 'snapshot.npz'
MODEL = 'model.npz'
DEFAULT_MODEL = 'lenet'
# Weights hardly shrink, and compressing them takes many times as long as writing them.
save_quickly = partial(serializers.save_npz, compression=False)


class TrainingRun:
    """One run of the training program; a subclass says what is trained on what.

    Args:
        arguments: The command line.

    Attributes:
        arguments: As given.
        trainer: The training loop, ready to run. A subclass makes it with `make_trainer`.
    """

    trainer: training.Trainer
    # Learning rates that suit small networks and the schedule of this program.
    learning_rates: dict[str, float]

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
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
        check_at_least(arguments, epochs=1, batch_size=1, seed=0, weight_decay=0)
        if arguments.seed >= 2 ** 32:
            raise ValueError(f'--seed: expected less than 2 ** 32, got {arguments.seed}')
        if arguments.lr is not None and not 0 < arguments.lr < float('inf'):
            raise ValueError(f'--lr: expected a positive number, got {arguments.lr}')
        if arguments.freeze and not arguments.initial_weights:
            raise ValueError('--freeze: layers that are not trained need --initial-weights')
        if arguments.optimizer not in OPTIMIZERS:
            raise ValueError(f'--optimizer: expected one of {", ".join(OPTIMIZERS)}; got {arguments.optimizer}')

    def speed(self, iterations: int, seconds: float) -> str:
        """How fast the training was, in words."""
        raise NotImplementedError

    def save_results(self) -> None:
        """Evaluates, writes what is to be kept beside the snapshot, and says what was written."""
        raise NotImplementedError

    def make_optimizer(self, model: Any) -> tuple[Any, str]:
        """Sets up the optimizer; returns it and the name of the attribute that holds its learning rate."""
        arguments = self.arguments
        kind = OPTIMIZERS[arguments.optimizer]
        lr = self.learning_rates[arguments.optimizer] if arguments.lr is None else arguments.lr
        if arguments.optimizer == 'adamw':
            # With alpha = 1, eta is the learning rate of step and decay alike, as in the paper's algorithm 2.
            return kind(alpha=1.0, eta=lr, weight_decay_rate=arguments.weight_decay).setup(model), 'eta'
        attribute = 'alpha' if arguments.optimizer == 'adam' else 'lr'
        optimizer = kind(**{attribute: lr}).setup(model)
        if arguments.weight_decay:
            optimizer.add_hook(optimizer_hooks.WeightDecay(arguments.weight_decay))
        return optimizer, attribute

    def make_trainer(self, updater: Any, rate: str, iterations: int, evaluator: Any, columns: list[str],
                     curves: list[str], speed: Speed,
                     postprocess: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Puts together the training loop and its extensions.

        Args:
            updater: The updater.
            rate: The attribute of its optimizer that holds the learning rate.
            iterations: The number of updates in all epochs.
            evaluator: The extension that evaluates the model.
            columns: What to print after each epoch, besides epoch and time.
            curves: What to plot over the epochs.
            speed: What measures the speed of the training.
            postprocess: What adds figures to the log's entry of an epoch (see `extensions.LogReport`).
        """
        optimizer = updater.get_optimizer('main')
        self.trainer = trainer = training.Trainer(updater, (self.arguments.epochs, 'epoch'), out=self.arguments.out)
        trainer.extend(evaluator)
        trainer.extend(extensions.CosineShift(rate, iterations), trigger=(1, 'iteration'))
        trainer.extend(extensions.observe_value('lr', lambda trainer: getattr(optimizer, rate)))
        trainer.extend(speed)
        trainer.extend(extensions.LogReport(postprocess=postprocess, filename='log.json'))
        trainer.extend(extensions.PrintReport(['epoch', *columns, speed.key, 'elapsed_time']))
        if extensions.PlotReport.available():
            for what in curves:
                trainer.extend(extensions.PlotReport([f'main/{what}', f'validation/main/{what}'], 'epoch',
                                                     filename=f'{what}.png'), name=f'plot_{what}')
        trainer.extend(extensions.FailOnNonNumber())
        trainer.extend(extensions.ProgressBar())
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

    def load_snapshot(self) -> None:
        """Continues the run that --resume names, if it does."""
        if self.arguments.resume:
            serializers.load_npz(Path(self.arguments.resume) / SNAPSHOT, self.trainer)
            print(f'continuing after epoch {self.trainer.updater.epoch_detail:.2f}')

    def write_config(self, **about: Any) -> None:
        """Writes down what is run, for --resume, for other programs and for people.

        Args:
            about: What is to be known of the model besides the options.
        """
        saved = {name: value for name, value in vars(self.arguments).items() if name not in ('resume', 'out')}
        config = {'arguments': saved, **about, 'autograd_nn': autograd_nn.__version__}
        out = Path(self.arguments.out)
        out.mkdir(parents=True, exist_ok=True)
        with atomic_write(out / 'config.json') as file:
            file.write(to_json(config) + b'\n')

    def list_files(self, others: dict[str, str]) -> None:
        """Says what was written.

        Args:
            others: What this kind of run writes besides the files that all do: meanings by name.
        """
        out = Path(self.arguments.out)
        about = {MODEL: 'weights, for --initial-weights', 'config.json': 'what was run',
                 SNAPSHOT: 'the state of the training, for --resume', 'log.json': 'figures of every epoch', **others}
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
    """Adds the options of all kinds of runs; the kinds give some of them their defaults."""
    parser.add_argument('--model', metavar='NAME', default=DEFAULT_MODEL, choices=models.names(),
                        help=f'which network: {", ".join(models.names())}')
    parser.add_argument('--epochs', type=int, help='passes over the training data')
    parser.add_argument('--optimizer', default='adam', choices=OPTIMIZERS, help='how parameters are updated')
    parser.add_argument('--lr', type=float, help='learning rate at the start, which falls to 0 along a cosine '
                                                 '(default: the usual one of the optimizer)')
    parser.add_argument('--weight-decay', type=float, default=0., help='L2 regularization, decoupled with adamw')
    parser.add_argument('--device', default='cpu', help='cpu or cuda:N')
    parser.add_argument('--amp', nargs='?', choices=MIXED, const='float16',
                        help='mixed precision: float16, or bfloat16, where that does; for GPUs')
    parser.add_argument('--seed', type=int, default=0, help='start of the random numbers')
    parser.add_argument('--out', default='result', metavar='DIR', help='where to write')
    parser.add_argument('--resume', metavar='DIR', help='continue the interrupted run in this folder')
    parser.add_argument('--initial-weights', metavar='FILE', help='start from these weights (.npz), with a new '
                                                                  'classifier if they have another number of classes')
    parser.add_argument('--freeze', metavar='LAYER', help='keep all layers up to this one as the weights have them')
