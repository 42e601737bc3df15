"""Triggers at the best value so far."""
from __future__ import annotations

import math
from collections.abc import Callable

from autograd_nn.reporter import DictSummary
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.progress import Progress
from autograd_nn.training.triggers.interval import StatefulTrigger, TriggerLike, get_trigger, serialize_trigger


class BestValueTrigger(StatefulTrigger):
    """Fires when a reported value, averaged over an interval, is the best so far.

    Args:
        key: The value's key in the observation, such as ``'validation/main/loss'``.
        compare: Called with the best value so far and a new one; returns whether the new one is better.
        trigger: The interval.

    Raises:
        KeyError: At the end of an interval in which the value was not reported.
    """

    def __init__(self, key: str, compare: Callable[[float, float], bool], trigger: TriggerLike = (1, 'epoch')) -> None:
        self._key = key
        self._compare = compare
        self._trigger = get_trigger(trigger)
        self._summary = DictSummary()
        self._best_value: float | None = None

    @property
    def best_value(self) -> float | None:
        """The best value so far, None before the first."""
        return self._best_value

    def fires(self, trainer: Progress) -> bool:
        """Whether an interval has ended with the best value so far. NaN is never the best."""
        observation = trainer.observation
        if self._key in observation:
            self._summary.add({self._key: observation[self._key]})
        if not self._trigger(trainer):
            return False
        means, self._summary = self._summary.compute_mean(), DictSummary()
        if self._key not in means:
            raise KeyError(f'{type(self).__name__}: {self._key!r} was not reported in this interval; '
                           f'the last iteration reported {", ".join(observation) or "nothing"}')
        value = means[self._key]
        if math.isnan(value) or (self._best_value is not None and not self._compare(self._best_value, value)):
            return False
        self._best_value = value
        return True

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one."""
        serialize_trigger(self._trigger, serializer['interval_trigger'])
        self._summary.serialize(serializer['summary'])
        value = serializer('best_value', self._best_value)
        self._best_value = None if value is None else float(value)


class MaxValueTrigger(BestValueTrigger):
    """Fires when a reported value, averaged over an interval, is the largest so far.

    Args:
        key: The value's key in the observation, such as ``'validation/main/accuracy'``.
        trigger: The interval.
    """

    def __init__(self, key: str, trigger: TriggerLike = (1, 'epoch')) -> None:
        super().__init__(key, lambda best, new: new > best, trigger)


class MinValueTrigger(BestValueTrigger):
    """Fires when a reported value, averaged over an interval, is the smallest so far.

    Args:
        key: The value's key in the observation, such as ``'validation/main/loss'``.
        trigger: The interval.
    """

    def __init__(self, key: str, trigger: TriggerLike = (1, 'epoch')) -> None:
        super().__init__(key, lambda best, new: new < best, trigger)
