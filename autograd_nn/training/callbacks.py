"""What runs beside the updates of `Learner.fit`: extensions of the trainer, some of which have names."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from autograd_nn.serializer import AbstractSerializer
from autograd_nn.serializers.npz import collect_arrays, load_from
from autograd_nn.training import extensions, triggers
from autograd_nn.training.extension import Extension
from autograd_nn.training.objective import look_up, rate_of
from autograd_nn.training.optimization import SCHEDULES, Schedule
from autograd_nn.training.progress import Progress
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import StatefulTrigger, get_trigger, serialize_trigger

_PATIENCE = 3


@dataclass
class Course:
    """What callbacks are made for.

    Attributes:
        model: What is trained.
        optimizer: What trains it.
        monitor: The figure that tells which weights are best: the smaller, the better.
        updates: How many updates the whole training has.
        first_update: How many of them were before.
    """

    model: Any
    optimizer: Any
    monitor: str
    updates: int
    first_update: int


class BestWeights(Extension):
    """Remembers the weights of the epoch in which a figure was smallest, and brings them back at the end.

    Args:
        model: Whose weights.
        monitor: The figure's key.
    """

    def __init__(self, model: Any, monitor: str) -> None:
        self.trigger = triggers.MinValueTrigger(monitor)
        self._model = model
        self._best: Any = None

    def __call__(self, trainer: Trainer) -> None:
        self._best = {key: array.copy() for key, array in collect_arrays(self._model).items()}

    def finalize(self) -> None:
        if self._best is not None:
            load_from(self._best, self._model, '', True, None)


class _PassingSchedule(Schedule):
    """A course of the learning rate after which that is what it was: the next training begins with it."""

    def finalize(self) -> None:
        if self._init is not None:
            setattr(self._optimizer, self._attr, self._init)


def _schedule(name: str) -> Callable[[Course], Any]:
    def make(course: Course) -> Any:
        schedule = _PassingSchedule(rate_of(course.optimizer), name, 0, course.updates, course.optimizer)
        schedule.continue_at(course.first_update)
        return schedule

    return make


CALLBACKS: dict[str, Callable[[Course], Any]] = {
    'early_stopping': lambda course: triggers.EarlyStoppingTrigger(
        monitor=course.monitor, patience=_PATIENCE, mode='min', max_trigger=None),
    'best_weights': lambda course: BestWeights(course.model, course.monitor),
    'checkpoint': lambda course: (extensions.snapshot_object(course.model, 'best.npz'),
                                  triggers.MinValueTrigger(course.monitor)),
    'snapshot': lambda course: extensions.snapshot(filename='snapshot.npz'),
    'plot': lambda course: extensions.PlotReport(['main/loss', 'validation/main/loss'], 'epoch', filename='loss.png'),
    'log': lambda course: extensions.LogReport(filename='log.json'),
    'fail_on_non_number': lambda course: extensions.FailOnNonNumber(),
    **{name: _schedule(name) for name in SCHEDULES},
}
"""The callbacks that have names.

``'early_stopping'`` ends a training whose loss on the validation data has not fallen for three epochs;
``'best_weights'`` leaves the model with the weights of the epoch in which it was least, ``'checkpoint'`` writes these
to ``best.npz``; ``'snapshot'`` writes the whole state to ``snapshot.npz`` after each epoch, ``'plot'`` the curves of
the loss to ``loss.png``, ``'log'`` the figures to ``log.json``; ``'fail_on_non_number'`` ends a training that diverges;
and ``'cosine'``, ``'linear'``, ``'step'`` and ``'constant'`` are the courses of the learning rate in
`optimization.SCHEDULES`.
"""


_WRITERS = 'checkpoint', 'snapshot', 'plot', 'log'


class FirstOf(StatefulTrigger):
    """A stop trigger that fires as soon as one of several does.

    Args:
        length: When to stop in any case: the number of epochs.
        others: Triggers.
    """

    def __init__(self, length: int, others: Iterable[Any]) -> None:
        self._length = length
        self._triggers = [get_trigger((length, 'epoch')), *others]

    def fires(self, trainer: Progress) -> bool:
        """Whether one of them fires; all are asked in every iteration."""
        return any(trigger(trainer) for trigger in self._triggers)

    def get_training_length(self) -> tuple[int, str]:
        """The length of a training that is not stopped early."""
        return self._length, 'epoch'

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state of all in a serializer, or restores it."""
        for i, trigger in enumerate(self._triggers):
            serialize_trigger(trigger, serializer[str(i)])


def resolve(callbacks: Any, course: Course) -> tuple[list[tuple[Any, Any]], list[Any], bool]:
    """Sorts callbacks into extensions and triggers that end the training.

    Args:
        callbacks: Names of `CALLBACKS`, extensions or functions of the trainer, pairs of these and their trigger, and
            `triggers.EarlyStoppingTrigger` objects; one or a list.
        course: What they are for.

    Returns:
        Pairs of an extension and its trigger, None for its own; the triggers; and whether something may write files.

    Raises:
        ValueError: There is no callback of that name.
        TypeError: Something cannot be called.
    """
    found, stops, writes = [], [], False
    for each in [callbacks] if isinstance(callbacks, str) or callable(callbacks) else callbacks:
        made = look_up('callbacks', each, CALLBACKS)(course) if isinstance(each, str) else each
        extension, trigger = made if isinstance(made, tuple) else (made, None)
        if not callable(extension):
            raise TypeError(f'callbacks: expected a name, an extension or a function of the trainer, got '
                            f'{type(extension).__name__}')
        if isinstance(extension, triggers.EarlyStoppingTrigger):
            stops.append(extension)
        else:
            found.append((extension, trigger))
            writes |= not isinstance(each, str) or each in _WRITERS
    return found, stops, writes
