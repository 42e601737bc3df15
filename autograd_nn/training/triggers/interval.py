"""Triggers at regular intervals."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.progress import Progress

TriggerLike: TypeAlias = Callable[[Any], Any] | tuple[float, str] | None
"""A trigger (any function of a trainer), a pair such as ``(1, 'epoch')``, or None for never."""

# Epochs with a fraction are rounded: three tenths of one may be a little less than the literal 0.3.
EPOCH_TOLERANCE = 1e-9


def check_unit(unit: str, name: str) -> None:
    """Raises a ValueError unless `unit` is ``'epoch'`` or ``'iteration'``."""
    if unit not in ('epoch', 'iteration'):
        raise ValueError(f"{name}: the unit must be 'epoch' or 'iteration', got {unit!r}")


class StatefulTrigger:
    """Base class of triggers whose answer depends on earlier calls.

    Asked several times in one iteration, they give one answer, so that one trigger may serve several extensions. A
    subclass overrides `fires`, which is called once in an iteration, and `serialize`.
    """

    _asked_at: int | None = None
    _answer = False

    def __call__(self, trainer: Progress) -> bool:
        """Whether to call the extension, or to stop, in this iteration."""
        answer = self.given_answer(trainer)
        if answer is None:
            answer = self.fires(trainer)
            self.remember(trainer, answer)
        return answer

    def given_answer(self, trainer: Progress) -> bool | None:
        """What it has answered in this iteration already; None if it has not been asked."""
        return self._answer if self._asked_at == trainer.updater.iteration else None

    def remember(self, trainer: Progress, answer: bool) -> None:
        """Settles its answer in this iteration."""
        self._asked_at, self._answer = trainer.updater.iteration, answer

    def fires(self, trainer: Progress) -> bool:
        """Whether it fires in this iteration."""
        raise NotImplementedError(f'{type(self).__name__} does not override fires')

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one; without the answer of this iteration."""
        raise NotImplementedError(f'{type(self).__name__} does not override serialize')


class PeriodTrigger(StatefulTrigger):
    """Base class of triggers that fire for what lies between the last call and this one.

    Args:
        unit: ``'epoch'`` or ``'iteration'``.

    Raises:
        ValueError: No such unit.
    """

    def __init__(self, unit: str) -> None:
        check_unit(unit, type(self).__name__)
        self.unit = unit
        # Of the last call; below 0 if that is not known.
        self._previous_iteration = 0
        self._previous_epoch_detail = 0.0

    def _step(self, trainer: Progress) -> tuple[float, float]:
        """When it was called last, and what time it is now, in its unit."""
        updater: Any = trainer.updater
        iteration, epoch_detail = self._previous_iteration, self._previous_epoch_detail
        if iteration < 0:
            iteration = updater.iteration - 1
        self._previous_iteration = updater.iteration
        if self.unit == 'iteration':
            self._previous_epoch_detail = getattr(updater, 'epoch_detail', 0.0)
            return iteration, updater.iteration
        if epoch_detail < 0:
            epoch_detail = updater.previous_epoch_detail or 0.0
        self._previous_epoch_detail = updater.epoch_detail
        return epoch_detail, updater.epoch_detail

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one.

        Where a file does not have it, the last call is taken to have been in the last iteration, with a warning.
        """
        missing = []
        for name, kind in ('previous_iteration', int), ('previous_epoch_detail', float):
            try:
                setattr(self, f'_{name}', kind(serializer(name, getattr(self, f'_{name}'))))
            except KeyError:
                setattr(self, f'_{name}', kind(-1))
                missing.append(name)
        if missing:
            warnings.warn(f'{type(self).__name__}: the file has no {" and ".join(missing)}; it is taken to have been '
                          'called in the iteration before', stacklevel=2)


class IntervalTrigger(PeriodTrigger):
    """Fires each time a number of epochs or iterations has passed.

    Args:
        period: The length of the interval. Epochs may be fractions, such as 0.1 for ten times in each epoch.
        unit: ``'epoch'`` or ``'iteration'``.

    Raises:
        ValueError: No such unit, or `period` is not positive.
    """

    def __init__(self, period: float, unit: str) -> None:
        super().__init__(unit)
        if not period > 0:
            raise ValueError(f'IntervalTrigger: the period must be positive, got {period}')
        self.period = period

    def fires(self, trainer: Progress) -> bool:
        """Whether a multiple of the period has been reached since the last call."""
        previous, current = self._step(trainer)
        return self._count(previous) != self._count(current)

    def _count(self, time: float) -> int:
        return math.floor((time + EPOCH_TOLERANCE) / self.period)

    def get_training_length(self) -> tuple[float, str]:
        """Period and unit: the length of a training that this trigger stops."""
        return self.period, self.unit

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.period}, {self.unit!r})'


def _never(trainer: Progress) -> bool:
    return False


def get_trigger(trigger: TriggerLike) -> Callable[[Progress], Any]:
    """The trigger that is meant.

    Args:
        trigger: A trigger, which is any function of a trainer; a pair of period and unit for an `IntervalTrigger`; or
            None for one that never fires.

    Raises:
        TypeError: None of these.

    Example:
        >>> from autograd_nn import training
        >>> training.get_trigger((1, 'epoch'))
        IntervalTrigger(1, 'epoch')
    """
    if trigger is None:
        return _never
    if callable(trigger):
        return trigger
    if not isinstance(trigger, (tuple, list)) or len(trigger) != 2:
        raise TypeError(f"get_trigger: expected a function, None or a pair such as (1, 'epoch'), got {trigger!r}")
    return IntervalTrigger(*trigger)


def serialize_trigger(trigger: Callable[[Any], Any], serializer: AbstractSerializer) -> None:
    """Stores a trigger's state, or restores it, if it has any."""
    if hasattr(trigger, 'serialize'):
        trigger.serialize(serializer)
