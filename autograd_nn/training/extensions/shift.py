"""Schedules of learning rates and other hyperparameters: steps, lines, exponentials, cosines, warm-up."""
from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import Any

from autograd_nn.optimizer import Hyperparameter, Optimizer
from autograd_nn.serializer import AbstractSerializer, serialize_if_there
from autograd_nn.training.extension import Extension
from autograd_nn.training.state import serialize_number
from autograd_nn.training.trainer import Trainer


class Shift(Extension):
    """Base class of extensions that change a hyperparameter, each time they are called, by a schedule.

    A subclass overrides `value`, the schedule. The trigger given to `Trainer.extend` determines the unit of its time:
    by default iterations.

    A training that is resumed goes on with the value of its snapshot. If another one is set between loading and
    `Trainer.run` (``optimizer.lr = 0.01``), the schedule continues from that: whatever it plans from there on is
    multiplied by the ratio of the two. A schedule that has come to zero begins again.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        init: The initial value; None for the one that the optimizer has before the training.
        optimizer: The optimizer; None for the updater's main one.
    """

    def __init__(self, attr: str, init: float | None = None, optimizer: Optimizer | None = None) -> None:
        self._attr = attr
        self._init = init
        self._optimizer = optimizer
        self._t = 0
        self._factor = 1.0
        self._last_value: float | None = None
        # Whose attribute it is, as soon as the training runs; and what that was in the snapshot.
        self._subject: Any = None
        self._value_in_snapshot: float | None = None

    def value(self, init: float, t: int) -> float | None:
        """The value after `t` calls.

        Args:
            init: The initial value.
            t: The number of calls.

        Returns:
            The value, or None to leave it alone.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override value')

    def initialize(self, trainer: Trainer) -> None:
        optimizer = self._get_optimizer(trainer)
        if not hasattr(optimizer, self._attr):
            raise AttributeError(f'{type(self).__name__}: {type(optimizer).__name__} has no {self._attr!r}')
        if self._init is None:
            self._init = getattr(optimizer, self._attr)
        self._subject = optimizer
        if self._value_in_snapshot is None:
            self._update(optimizer)
            return
        if not self._is_part_of_snapshots(trainer, optimizer):
            setattr(optimizer, self._attr, self._value_in_snapshot)
        value = getattr(optimizer, self._attr)
        if value != self._value_in_snapshot:
            self._continue_from(value)
        elif self._planned() != self._last_value:
            self._update(optimizer)  # the schedule itself is another one now

    def _is_part_of_snapshots(self, trainer: Trainer, optimizer: Any) -> bool:
        """Whether a snapshot of the trainer restores the attribute."""
        return (any(optimizer is each for each in trainer.updater.get_all_optimizers().values())
                and self._attr in getattr(optimizer, 'hyperparam', Hyperparameter()).get_dict())

    def _continue_from(self, value: float) -> None:
        if self._planned() == 0:
            self._t = 0
        planned = self._planned()
        if planned:
            self._factor *= value / planned
            self._last_value = value

    def continue_at(self, t: int) -> None:
        """Goes on as after `t` calls: for a training that is resumed with batches of another size.

        Args:
            t: The number of calls.
        """
        self._t = t

    def __call__(self, trainer: Trainer) -> None:
        self._t += 1
        self._update(self._get_optimizer(trainer))

    def _get_optimizer(self, trainer: Trainer) -> Any:
        return self._optimizer or trainer.updater.get_optimizer('main')

    def _update(self, optimizer: Any) -> None:
        self._last_value = self._planned()
        if self._last_value is not None:
            setattr(optimizer, self._attr, self._last_value)

    def _planned(self) -> float | None:
        """The value that the schedule has for now; None to leave it alone."""
        assert self._init is not None
        value = self.value(self._init, self._t)
        return None if value is None else value * self._factor

    def serialize(self, serializer: AbstractSerializer) -> None:
        self._t = int(serializer('_t', self._t))
        # A file of Chainer has no more than the last value, and that not of every schedule.
        self._init = serialize_number(serializer, '_init', self._init)
        self._last_value = serialize_number(serializer, '_last_value', self._last_value)
        if self._subject is not None:
            self._value_in_snapshot = float(getattr(self._subject, self._attr))
        self._factor = float(serialize_if_there(serializer, '_factor', self._factor))
        self._value_in_snapshot = serialize_number(serializer, '_value_in_snapshot', self._value_in_snapshot)


def _up_to(value: float, init: float, target: float | None) -> float:
    """`value`, or `target` where it has gone beyond that from `init`."""
    if target is None:
        return value
    return min(value, target) if init <= target else max(value, target)


class ExponentialShift(Shift):
    """Multiplies the value by `rate` at each call: ``init * rate ** t``.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        rate: The factor.
        init: The initial value; None for the one that the optimizer has before the training.
        target: The value at which to stop; None for none.
        optimizer: The optimizer; None for the updater's main one.

    Raises:
        ValueError: `rate` is negative.

    Example:
        >>> from autograd_nn.training import extensions
        >>> halve = extensions.ExponentialShift('lr', 0.5)
        >>> [halve.value(0.4, t) for t in range(3)]
        [0.4, 0.2, 0.1]
    """

    def __init__(self, attr: str, rate: float, init: float | None = None, target: float | None = None,
                 optimizer: Optimizer | None = None) -> None:
        if rate < 0:
            raise ValueError(f'ExponentialShift: the rate must not be negative, got {rate}')
        super().__init__(attr, init, optimizer)
        self._rate = rate
        self._target = target

    def value(self, init: float, t: int) -> float:
        return _up_to(init * self._rate ** t, init, self._target)


class StepShift(Shift):
    """Multiplies the value by `gamma` every `step` calls: ``init * gamma ** floor(t / step)``.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        gamma: The factor.
        step: The number of calls between two changes.
        init: The initial value; None for the one that the optimizer has before the training.
        target: The value at which to stop; None for none.
        optimizer: The optimizer; None for the updater's main one.
    """

    def __init__(self, attr: str, gamma: float, step: int, init: float | None = None, target: float | None = None,
                 optimizer: Optimizer | None = None) -> None:
        super().__init__(attr, init, optimizer)
        self._gamma = gamma
        self._step = step
        self._target = target

    def value(self, init: float, t: int) -> float:
        return _up_to(init * self._gamma ** (t // self._step), init, self._target)


class MultistepShift(Shift):
    """Multiplies the value by `gamma` at certain calls.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        gamma: The factor.
        step_value: The numbers of the calls at which it is applied.
        init: The initial value; None for the one that the optimizer has before the training.
        optimizer: The optimizer; None for the updater's main one.
    """

    def __init__(self, attr: str, gamma: float, step_value: Sequence[int], init: float | None = None,
                 optimizer: Optimizer | None = None) -> None:
        super().__init__(attr, init, optimizer)
        self._gamma = gamma
        self._step_value = sorted(step_value)

    def value(self, init: float, t: int) -> float:
        return init * self._gamma ** self._step_at(t)

    def _step_at(self, t: int) -> int:
        return bisect.bisect_right(self._step_value, t)

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        serialize_if_there(serializer, '_current_step', self._step_at(self._t))  # which Chainer looks for


class LinearShift(Shift):
    """Moves the value along a straight line.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        value_range: The first and the last value.
        time_range: The numbers of the calls at which the line begins and ends; the value is constant before and after.
        optimizer: The optimizer; None for the updater's main one.
    """

    def __init__(self, attr: str, value_range: tuple[float, float], time_range: tuple[int, int],
                 optimizer: Optimizer | None = None) -> None:
        super().__init__(attr, value_range[0], optimizer)
        self._value_range = value_range
        self._time_range = time_range

    def value(self, init: float, t: int) -> float:
        (v1, v2), (t1, t2) = self._value_range, self._time_range
        if t <= t1:
            return v1
        return v2 if t >= t2 else v1 + (v2 - v1) * (t - t1) / (t2 - t1)


class PolynomialShift(Shift):
    """Lowers the value to zero along a power: ``init * (1 - t / max_count) ** rate``.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        rate: The exponent.
        max_count: The number of calls after which the value is zero.
        init: The initial value; None for the one that the optimizer has before the training.
        target: The value at which to stop; None for none.
        optimizer: The optimizer; None for the updater's main one.
    """

    def __init__(self, attr: str, rate: float, max_count: int, init: float | None = None,
                 target: float | None = None, optimizer: Optimizer | None = None) -> None:
        super().__init__(attr, init, optimizer)
        self._rate = rate
        self._max_count = max_count
        self._target = target

    def value(self, init: float, t: int) -> float:
        return _up_to(init * max(1 - t / self._max_count, 0) ** self._rate, init, self._target)


class InverseShift(Shift):
    """Lowers the value hyperbolically: ``init * (1 + gamma * t) ** -power``.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        gamma: How fast.
        power: The exponent.
        init: The initial value; None for the one that the optimizer has before the training.
        target: The value at which to stop; None for none.
        optimizer: The optimizer; None for the updater's main one.
    """

    def __init__(self, attr: str, gamma: float, power: float, init: float | None = None,
                 target: float | None = None, optimizer: Optimizer | None = None) -> None:
        super().__init__(attr, init, optimizer)
        self._gamma = gamma
        self._power = power
        self._target = target

    def value(self, init: float, t: int) -> float:
        return _up_to(init * (1 + self._gamma * t) ** -self._power, init, self._target)


class WarmupShift(Shift):
    """Raises the value along a straight line at the beginning, and then leaves it alone.

    See Goyal et al., Accurate, large minibatch SGD, 2017, https://arxiv.org/abs/1706.02677.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        warmup_start: The first value.
        warmup_iter: The number of calls until `init` is reached.
        init: The last value.
        optimizer: The optimizer; None for the updater's main one.
    """

    def __init__(self, attr: str, warmup_start: float, warmup_iter: int, init: float,
                 optimizer: Optimizer | None = None) -> None:
        super().__init__(attr, init, optimizer)
        self._warmup_start = warmup_start
        self._warmup_iter = warmup_iter

    def value(self, init: float, t: int) -> float | None:
        if t > self._warmup_iter:
            return None
        if t == self._warmup_iter:
            return init
        return self._warmup_start + (init - self._warmup_start) / self._warmup_iter * t


class CosineShift(Shift):
    """Lowers the value along half a wave of a cosine, once or, with warm restarts, again and again.

    ``target + (init - target) * (1 + cos(pi * t / period)) / 2``. See Loshchilov and Hutter, SGDR: stochastic gradient
    descent with warm restarts, 2016, https://arxiv.org/abs/1608.03983.

    Args:
        attr: The optimizer's attribute, such as ``'lr'``.
        period: The number of calls until `target` is reached.
        init: The initial value; None for the one that the optimizer has before the training.
        target: The last value.
        optimizer: The optimizer; None for the updater's main one.
        restart: Whether to begin again at `init` after each period; otherwise the value stays at `target`.
        multiplier: How many times as long as the last one each period is after a restart.

    Raises:
        ValueError: `period` is not positive, or `multiplier` is below 1.

    Example:
        >>> from autograd_nn.training import extensions
        >>> cosine = extensions.CosineShift('lr', 4)
        >>> [round(cosine.value(1.0, t), 3) for t in range(6)]
        [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __init__(self, attr: str, period: int, init: float | None = None, target: float = 0.0,
                 optimizer: Optimizer | None = None, *, restart: bool = False, multiplier: float = 1) -> None:
        if not period > 0 or multiplier < 1:
            raise ValueError(f'CosineShift: expected a positive period and a multiplier of at least 1, '
                             f'got {period} and {multiplier}')
        super().__init__(attr, init, optimizer)
        self._period = period
        self._target = target
        self._restart = restart
        self._multiplier = multiplier

    def value(self, init: float, t: int) -> float:
        time: float = t
        period: float = self._period
        while self._restart and time >= period:
            time -= period
            period *= self._multiplier
        wave = (1 + math.cos(math.pi * time / period)) / 2 if time < period else 0.0
        return self._target + (init - self._target) * wave
