"""Ending trials early that promise little."""
from __future__ import annotations

import math
from typing import Any

import optuna

from autograd_nn.training.extension import PRIORITY_READER, Extension
from autograd_nn.training.progress import Progress
from autograd_nn.training.trainer import Trainer


class Pruning(Extension):
    """Tells a trial, after each epoch, how good the model is, and ends the training when the trial is to be pruned.

    It reads the last entry of the trainer's `LogReport`. The training ends as one that has reached its last epoch does,
    with all extensions; who runs it looks at `is_pruned` afterwards.

    Args:
        trial: The trial, an ``optuna.Trial``.
        key: The figure of the log that says how good the model is.
        log_report: The name under which the trainer has its `LogReport`.

    Attributes:
        is_pruned: Whether the trial was to be pruned.

    Raises:
        KeyError: When it is called, the log has no such figure.
    """

    priority = PRIORITY_READER - 40  # after the log

    def __init__(self, trial: optuna.Trial, key: str, log_report: str = 'LogReport') -> None:
        self._trial = trial
        self._key = key
        self._log_report = log_report
        self.is_pruned = False

    def trigger(self, trainer: Trainer) -> bool:
        """Fires after each epoch."""
        return bool(trainer.updater.is_new_epoch)

    def initialize(self, trainer: Trainer) -> None:
        trainer.stop_trigger = PrunedTrigger(trainer.stop_trigger, self)

    def __call__(self, trainer: Trainer) -> None:
        entry = trainer.get_extension(self._log_report).log[-1]
        value = float(entry[self._key])
        if math.isfinite(value):
            self._trial.report(value, trainer.updater.epoch)
            self.is_pruned = self._trial.should_prune()
        else:
            self.is_pruned = True  # it does not come back from there


class PrunedTrigger:
    """Stops a training that is pruned, and where another trigger does.

    Args:
        trigger: The other trigger.
        pruning: What knows whether it is pruned.
    """

    def __init__(self, trigger: Any, pruning: Pruning) -> None:
        self._trigger = trigger
        self._pruning = pruning

    def __call__(self, trainer: Progress) -> bool:
        return bool(self._trigger(trainer)) or self._pruning.is_pruned

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trigger, name)
