"""A training loop with all that a run needs: evaluation, rates, log, table, curves, best weights and snapshots."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autograd_nn.link import Link
from autograd_nn.reporter import report
from autograd_nn.training import extensions, triggers
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.optimization import Optimization
from autograd_nn.training.processes import Processes
from autograd_nn.training.run_folder import BEST, LOG, SNAPSHOT, save_quickly
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.updaters import StandardUpdater

# By what it is decided, as a rule, which weights are best, and when to stop.
MONITOR = 'validation/main/loss'


class Speed(Extension):
    """Reports how much a second the updates of an epoch work off, apart from evaluation and the like.

    Args:
        key: The name of the figure, such as ``'images/s'``.
        amount: How much one update works off.
    """

    priority = PRIORITY_WRITER + 1  # first after the update, so that the time of the others does not count

    def __init__(self, key: str, amount: float) -> None:
        self.key = key
        self.amount = amount
        self._start: tuple[int, float] | None = None

    def __call__(self, trainer: Trainer) -> None:
        iteration, now = trainer.updater.iteration, time.perf_counter()
        first, start = self._start = self._start or (iteration, now)
        if trainer.updater.is_new_epoch:
            self._start = None
            if iteration > first:
                report({self.key: (iteration - first) * self.amount / (now - start)})


def count_updates(iterator: Any, epochs: int) -> int:
    """The number of updates in some epochs.

    Args:
        iterator: That of the training data.
        epochs: The number of epochs.

    Example:
        >>> from autograd_nn.iterators import SerialIterator
        >>> count_updates(SerialIterator(range(10), batch_size=4), epochs=2)
        5
    """
    return -(-epochs * len(iterator.dataset) // iterator.batch_size)


def extension_name(kind: str, optimizer: str) -> str:
    """The name of an extension that each optimizer has one of.

    Args:
        kind: What it is.
        optimizer: The optimizer's name.

    Example:
        >>> extension_name('Schedule', 'main'), extension_name('Schedule', 'critic')
        ('Schedule', 'Schedule_critic')
    """
    return kind if optimizer == 'main' else f'{kind}_{optimizer}'


def standard_trainer(updater: StandardUpdater, evaluator: Extension, network: Link, optimization: Optimization,
                     epochs: int, speed: Speed, columns: Sequence[str] = ('main/loss', MONITOR),
                     curves: Sequence[str] = ('loss',), patience: int = 0, out: str | Path = 'result',
                     postprocess: Callable[[dict[str, Any]], None] | None = None, processes: Processes | None = None,
                     prepare: Callable[[], Any] = lambda: None, monitor: str = MONITOR,
                     larger_is_better: bool = False) -> Trainer:
    """Puts together a training loop and its extensions; what it writes makes a `run_folder.RunFolder` complete.

    Args:
        updater: The updater, whose optimizers `optimization` has made; all follow the same schedule.
        evaluator: The extension that evaluates the model after each epoch, and reports what `monitor` names.
        network: What is trained, whose best weights are kept.
        optimization: How parameters are updated.
        epochs: How long.
        speed: What measures the speed of the training.
        columns: What to print after each epoch, besides epoch, speed and time.
        curves: What to plot over the epochs, on training and on validation data.
        patience: After how many epochs that were not the best to end; 0 for never.
        out: The folder to write to.
        postprocess: What adds figures to the log's entry of an epoch (see `extensions.LogReport`).
        processes: Those that train together, of which the first one writes and prints; by default this one alone.
        prepare: What all of them do before a snapshot.
        monitor: The figure by which it is decided which weights are best, and when to stop.
        larger_is_better: Whether the best is the largest; otherwise it is the smallest.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> from autograd_nn import iterators, training
        >>> data = [(np.zeros(2, 'f'), np.int32(0))] * 10
        >>> model = L.Classifier(L.Linear(2, 3))
        >>> optimization = Optimization('adam', lr=0.01)
        >>> updater = training.StandardUpdater(iterators.SerialIterator(data, 5), optimization.make_optimizer(model))
        >>> evaluator = training.extensions.Evaluator(iterators.SerialIterator(data, 5, repeat=False), model)
        >>> trainer = standard_trainer(updater, evaluator, model.predictor, optimization, 20, Speed('samples/s', 5))
        >>> trainer.get_extension('Schedule').value(0.01, 20)       # after half of the 40 updates
        0.005
    """
    processes = processes or Processes()
    optimizers = updater.get_all_optimizers()
    # With endless patience it is the same trigger, so that a run can be continued with another choice.
    stop = triggers.EarlyStoppingTrigger(monitor=monitor, patience=patience or sys.maxsize,
                                         mode='max' if larger_is_better else 'min', max_trigger=(epochs, 'epoch'))
    trainer = Trainer(updater, stop, out=out)
    trainer.extend(evaluator)
    updates = count_updates(updater.get_iterator('main'), epochs)
    for name, optimizer in optimizers.items():
        trainer.extend(optimization.make_schedule(updates, optimizer), name=extension_name('Schedule', name),
                       trigger=(1, 'iteration'))
    trainer.extend(extensions.observe_value('lr', lambda trainer: getattr(optimizers['main'], optimization.rate)))
    trainer.extend(speed)
    for extension in processes.make_extensions(network, prepare):
        trainer.extend(extension)
    trainer.extend(extensions.LogReport(postprocess=postprocess, filename=LOG if processes.is_first else None,
                                        summary=processes.make_log_summary))
    for name, optimizer in optimizers.items():
        trainer.extend(optimization.remember(optimizer), name=extension_name('ChosenRates', name))
    trainer.extend(extensions.PrintReport(['epoch', *columns, speed.key, 'elapsed_time']))
    if processes.is_first and extensions.PlotReport.available():
        for what in curves:
            trainer.extend(extensions.PlotReport([f'main/{what}', f'validation/main/{what}'], 'epoch',
                                                 filename=f'{what}.png'), name=f'plot_{what}')
    trainer.extend(extensions.FailOnNonNumber())
    trainer.extend(extensions.ProgressBar())
    if processes.is_first:
        trainer.extend(extensions.snapshot_object(network, BEST, save_quickly),
                       trigger=(triggers.MaxValueTrigger if larger_is_better else triggers.MinValueTrigger)(monitor))
        trainer.extend(extensions.snapshot(save_quickly, SNAPSHOT, snapshot_on_error=True), trigger=(1, 'epoch'))
    return trainer
