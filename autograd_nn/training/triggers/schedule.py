"""Triggers at certain times."""
from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from autograd_nn.serializer import AbstractSerializer, serialize_if_there, serialize_real
from autograd_nn.training.progress import Progress
from autograd_nn.training.triggers.interval import EPOCH_TOLERANCE, PeriodTrigger, StatefulTrigger


class ManualScheduleTrigger(PeriodTrigger):
    """Fires when one of the given times has come.

    Args:
        points: A number of epochs or iterations, or a list of such numbers; epochs may be fractions.
        unit: ``'epoch'`` or ``'iteration'``.

    Raises:
        ValueError: No such unit.
    """

    def __init__(self, points: float | Sequence[float], unit: str) -> None:
        super().__init__(unit)
        self.points = list(points) if hasattr(points, '__iter__') else [points]

    def fires(self, trainer: Progress) -> bool:
        """Whether one of the times has come since the last call."""
        previous, current = self._step(trainer)
        return any(previous < point - EPOCH_TOLERANCE <= current for point in self.points)

    @property
    def finished(self) -> bool:
        """Whether it will not fire any more."""
        now = self._previous_epoch_detail if self.unit == 'epoch' else self._previous_iteration
        return all(point - EPOCH_TOLERANCE <= now for point in self.points)

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        serialize_if_there(serializer, 'finished', self.finished)  # which Chainer looks for


class OnceTrigger(StatefulTrigger):
    """Fires in the first iteration only.

    Args:
        call_on_resume: Whether to fire once more in each run that continues from a snapshot.
    """

    def __init__(self, call_on_resume: bool = False) -> None:
        self._first = True
        self._resumed = call_on_resume

    def fires(self, trainer: Progress) -> bool:
        """Whether this is the first iteration."""
        fire = not self.finished
        self._first = self._resumed = False
        return fire

    @property
    def finished(self) -> bool:
        """Whether it will not fire any more."""
        return not (self._first or self._resumed)

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one."""
        try:
            self._first = bool(serializer('_flag_first', self._first))
        except KeyError:
            self._first = False
            warnings.warn('OnceTrigger: the file does not say whether it has fired; it is taken to have', stacklevel=2)


class TimeTrigger(StatefulTrigger):
    """Fires each time a number of seconds of training has passed, those before a resumption included.

    Args:
        period: The number of seconds.

    Raises:
        ValueError: `period` is not positive.
    """

    def __init__(self, period: float) -> None:
        if not period > 0:
            raise ValueError(f'TimeTrigger: the period must be positive, got {period}')
        self.period = period
        self._next_time = float(period)

    def fires(self, trainer: Progress) -> bool:
        """Whether a multiple of the period has been reached since the last call."""
        elapsed = trainer.elapsed_time
        if elapsed < self._next_time:
            return False
        # What a long iteration has missed is not made up for.
        self._next_time = (math.floor(elapsed / self.period) + 1) * self.period
        return True

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one."""
        self._next_time = serialize_real(serializer, 'next_time', self._next_time)
