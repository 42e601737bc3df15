"""Stopping when a value gets better no more."""
from __future__ import annotations

import math
import warnings
from typing import Any

from autograd_nn.reporter import Summary
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.progress import Progress
from autograd_nn.training.triggers.interval import StatefulTrigger, TriggerLike, get_trigger, serialize_trigger


class EarlyStoppingTrigger(StatefulTrigger):
    """Stop trigger that fires when a reported value has not got better for a number of checks.

    Args:
        check_trigger: When to check: the value's average since the last check counts.
        monitor: The value's key in the observation.
        patience: How many checks in a row may pass without a new best value.
        mode: ``'max'`` if larger is better, ``'min'`` if smaller is, ``'auto'`` for larger if the key contains
            ``accuracy`` and smaller otherwise.
        verbose: Whether to print each check that brings no new best value.
        max_trigger: When to stop in any case.
        patients: An older name of `patience`.

    Attributes:
        best: The best value so far; before the first, infinity, or minus infinity if larger is better.
        count: How many checks have passed since.

    Raises:
        ValueError: No such mode.
        TypeError: `patience` and `patients` are both given.

    Example:
        >>> from autograd_nn.training import triggers
        >>> stop = triggers.EarlyStoppingTrigger(monitor='validation/main/loss', patience=5, max_trigger=(50, 'epoch'))
    """

    def __init__(self, check_trigger: TriggerLike = (1, 'epoch'), monitor: str = 'main/loss', patience: int = 3,
                 mode: str = 'auto', verbose: bool = False, max_trigger: TriggerLike = (100, 'epoch'), *,
                 patients: int | None = None) -> None:
        if mode not in ('auto', 'max', 'min'):
            raise ValueError(f"EarlyStoppingTrigger: mode must be 'auto', 'max' or 'min', got {mode!r}")
        if patients is not None and patience != 3:
            raise TypeError('EarlyStoppingTrigger: patients is an older name of patience; give one of them')
        self.monitor = monitor
        self.patience = patience if patients is None else patients
        self.verbose = verbose
        self.count = 0
        self._larger_is_better = mode == 'max' or (mode == 'auto' and 'accuracy' in monitor)
        self.best = -math.inf if self._larger_is_better else math.inf
        self._check_trigger = get_trigger(check_trigger)
        self._max_trigger = get_trigger(max_trigger)
        self._summary = Summary()

    def fires(self, trainer: Progress) -> bool:
        """Whether to stop: the value has not improved for too long, or the longest training is over."""
        observation = trainer.observation
        if self.monitor in observation:
            self._summary.add(observation[self.monitor])
        # Both triggers see every iteration.
        check, over = self._check_trigger(trainer), self._max_trigger(trainer)
        if over or not check:
            return bool(over)
        summary, self._summary = self._merge(self._summary), Summary()
        if summary.is_empty:
            warnings.warn(f'EarlyStoppingTrigger: {self.monitor!r} was not reported before this check; the last '
                          f'iteration reported {", ".join(observation) or "nothing"}', stacklevel=2)
            return False
        value = summary.compute_mean()
        if value > self.best if self._larger_is_better else value < self.best:
            self.best, self.count = value, 0
            return False
        self.count += 1
        if self.verbose:
            print(f'{self.monitor} is {value:g}, not better than {self.best:g}: {self.count} of {self.patience}')
        return self.count >= self.patience

    def _merge(self, summary: Summary) -> Summary:
        """What the mean is of; a multi-node trigger adds what other processes have observed."""
        return summary

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one; a file of Chainer has none."""
        serialize_trigger(self._check_trigger, serializer['check_trigger'])
        serialize_trigger(self._max_trigger, serializer['max_trigger'])
        try:
            self._summary.serialize(serializer['summary'])
            self.best = float(serializer('best', self.best))
            self.count = int(serializer('count', self.count))
        except KeyError:
            warnings.warn('EarlyStoppingTrigger: the file has no best value; the count begins anew', stacklevel=2)

    def get_training_length(self) -> Any:
        """The length of a training that is not stopped early: period and unit; None where that is not known."""
        length = getattr(self._max_trigger, 'get_training_length', None)
        return None if length is None else length()
