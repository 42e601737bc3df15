"""How a training updates parameters: the optimizer, and the course of the learning rate."""
from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_nn import optimizer_hooks, optimizers
from autograd_nn.link import Link
from autograd_nn.serializer import serialize_if_there
from autograd_nn.training import extensions
from autograd_nn.training.extension import Extension
from autograd_nn.training.trainer import Trainer

OPTIMIZERS: dict[str, Any] = {
    'sgd': optimizers.SGD, 'momentum': optimizers.MomentumSGD, 'nesterov': optimizers.NesterovAG,
    'adagrad': optimizers.AdaGrad, 'rmsprop': optimizers.RMSprop, 'adam': optimizers.Adam, 'adamw': optimizers.AdamW,
}
ADAMS = 'adam', 'adamw'
# What part of the highest learning rate there is when a part of the training, from 0 to 1, is done.
SCHEDULES: dict[str, Callable[[float], float]] = {
    'cosine': lambda done: (1 + math.cos(math.pi * done)) / 2,
    'linear': lambda done: 1 - done,
    'step': lambda done: 0.1 ** ((done >= 0.5) + (done >= 0.75)),
    'constant': lambda done: 1.0,
}
COURSES = {'cosine': 'falls to 0 along a cosine', 'linear': 'falls to 0 along a line',
           'step': 'is divided by 10 after a half and after three quarters', 'constant': 'stays'}


class Schedule(extensions.Shift):
    """The course of a learning rate: it rises along a line to its highest value, and then follows one of `SCHEDULES`.

    Args:
        attr: The optimizer's attribute, which has the highest value at first.
        course: Which of `SCHEDULES`.
        warmup: The number of updates before the highest value.
        updates: The number of all updates.
        optimizer: The optimizer; None for the updater's main one.
        end: The number of updates after which the rate stays as it is; None for that of all.
    """

    def __init__(self, attr: str, course: str, warmup: int, updates: int, optimizer: Any = None,
                 end: int | None = None) -> None:
        super().__init__(attr, optimizer=optimizer)
        self._course = SCHEDULES[course]
        self._warmup = warmup
        self._updates = updates
        self._end = updates if end is None else end

    def value(self, init: float, t: int) -> float:
        t = min(t, self._end)
        if t < self._warmup:
            return init * (t + 1) / (self._warmup + 1)
        return init * self._course(min(1.0, (t - self._warmup) / (self._updates - self._warmup)))


@dataclass(frozen=True)
class Optimization:
    """How parameters are updated: an optimizer, and the course of its learning rate.

    Args:
        optimizer: One of `OPTIMIZERS`.
        lr: The highest learning rate.
        schedule: How the rate goes on from there, one of `SCHEDULES`.
        warmup: The part of the training, from 0 to less than 1, in which the rate rises to the highest.
        clip: The largest norm of the gradient; 0 for any.
        weight_decay: L2 regularization, decoupled with ``adamw``.
        swa: The last part of the training, from 0 to less than 1, in which the rate stays as it is, and weights are
            averaged (see `extensions.WeightAveraging`).
        betas: Of ``adam`` and ``adamw``: which part of the running means of gradients and of their squares remains in
            an update; None for the usual ones.

    Raises:
        ValueError: A value is impossible; the message begins with its name.

    Example:
        >>> import autograd_nn.links as L
        >>> optimization = Optimization('momentum', lr=0.1, warmup=0.1)
        >>> optimizer = optimization.make_optimizer(L.Linear(3, 2))
        >>> optimizer.lr
        0.1
        >>> schedule = optimization.make_schedule(updates=100)
        >>> [round(schedule.value(0.1, t), 3) for t in (0, 10, 55, 100)]
        [0.009, 0.1, 0.05, 0.0]
        >>> print(optimization.describe(updates=100))
        momentum: the learning rate rises to 0.1 in 10 updates, then falls to 0 along a cosine
    """

    optimizer: str
    lr: float
    schedule: str = 'cosine'
    warmup: float = 0.
    clip: float = 0.
    weight_decay: float = 0.
    swa: float = 0.
    betas: Sequence[float] | None = None

    def __post_init__(self) -> None:
        for name, known in ('optimizer', OPTIMIZERS), ('schedule', SCHEDULES):
            if getattr(self, name) not in known:
                raise ValueError(f'{name}: expected one of {", ".join(known)}; got {getattr(self, name)}')
        for possible, text in (
                (self.weight_decay >= 0, f'weight_decay: expected at least 0, got {self.weight_decay}'),
                (0 < self.lr < math.inf, f'lr: expected a positive number, got {self.lr}'),
                (0 <= self.warmup < 1, 'warmup: expected a part of the training, from 0 to less than 1, got '
                                       f'{self.warmup}'),
                (0 <= self.swa < 1, f'swa: expected a part of the training, from 0 to less than 1, got {self.swa}'),
                (self.warmup + self.swa < 1 or not self.swa, f'swa: {self.swa} of the training leave no part for the '
                                                             f'rate to fall after a warmup of {self.warmup}'),
                (not self.betas or self.optimizer in ADAMS,
                 f'betas: expected {" or ".join(ADAMS)} as optimizer, got {self.optimizer}'),
                (all(0 <= beta < 1 for beta in self.betas or ()),
                 f'betas: expected two numbers from 0 to less than 1, got {self.betas}'),
                (0 <= self.clip < math.inf, f'clip: expected a positive number, or 0 for no limit, got {self.clip}')):
            if not possible:
                raise ValueError(text)

    @property
    def rate(self) -> str:
        """The attribute of the optimizer that holds the learning rate."""
        return {'adam': 'alpha', 'adamw': 'eta'}.get(self.optimizer, 'lr')

    @property
    def _memory(self) -> dict[str, float]:
        return dict(zip(('beta1', 'beta2'), self.betas or ()))

    def make_optimizer(self, model: Link) -> Any:
        """The optimizer, set up for a model.

        Args:
            model: The model.
        """
        kind = OPTIMIZERS[self.optimizer]
        if self.optimizer == 'adamw':
            # With alpha = 1, eta is the learning rate of step and decay alike, as in the paper's algorithm 2.
            optimizer = kind(alpha=1.0, eta=self.lr, weight_decay_rate=self.weight_decay, **self._memory).setup(model)
        else:
            optimizer = kind(**{self.rate: self.lr}, **self._memory).setup(model)
            if self.weight_decay:
                optimizer.add_hook(optimizer_hooks.WeightDecay(self.weight_decay))
        if self.clip:
            optimizer.add_hook(optimizer_hooks.GradientClipping(self.clip))
        return optimizer

    def make_schedule(self, updates: int, optimizer: Any = None) -> Schedule:
        """The extension that sets the learning rate, to call after every update.

        Args:
            updates: The number of updates in the training.
            optimizer: Whose; None for the updater's main one.
        """
        return Schedule(self.rate, self.schedule, int(self.warmup * updates), updates, optimizer,
                        self.start_of_averaging(updates))

    def start_of_averaging(self, updates: int) -> int:
        """After how many updates the rate stays, and weights are averaged.

        Args:
            updates: The number of updates in the training.
        """
        return updates - round(self.swa * updates)

    def remember(self, optimizer: Any) -> ChosenRates:
        """The extension that keeps with a snapshot what was chosen here.

        Args:
            optimizer: What `make_optimizer` made.
        """
        return ChosenRates(optimizer, {self.rate: self.lr, 'weight_decay_rate': self.weight_decay, **self._memory})

    def describe(self, updates: int) -> str:
        """In words, how parameters will be updated.

        Args:
            updates: The number of updates in the training.
        """
        warmup = int(self.warmup * updates)
        rise = f'rises to {self.lr:g} in {warmup:,} updates, then ' if warmup else f'is {self.lr:g} at first and '
        more = [f'{text} {value:g}' for text, value in (('gradients are clipped at norm', self.clip),
                                                       ('weight decay', self.weight_decay)) if value]
        if self.swa:
            start = self.start_of_averaging(updates)
            stays = self.make_schedule(updates).value(self.lr, start)
            more.append(f'after {start:,} updates it stays at {stays:.3g}, and weights are averaged')
        if self.betas:
            more.append(f'betas {" and ".join(format(beta, "g") for beta in self.betas)}')
        return '; '.join([f'{self.optimizer}: the learning rate {rise}{COURSES[self.schedule]}', *more])


class ChosenRates(Extension):
    """Remembers with a snapshot which hyperparameters the options set, for a resumption with others.

    Args:
        optimizer: The optimizer.
        chosen: The values by the names of its attributes; None for the usual one.
    """

    trigger = None

    def __init__(self, optimizer: Any, chosen: dict[str, float | None]) -> None:
        self.optimizer = optimizer
        self.chosen = chosen
        self.before = chosen
        # As the optimizer was made; loading a snapshot changes it.
        self.values = {name: getattr(optimizer, name) for name in chosen if hasattr(optimizer, name)}

    def __call__(self, trainer: Trainer) -> None:
        raise AssertionError('it is never called')

    def apply_changes(self) -> None:
        """Sets what is chosen now and was not when the snapshot was taken; schedules continue from there."""
        for name, value in self.values.items():
            if self.chosen[name] != self.before.get(name):
                setattr(self.optimizer, name, value)

    def serialize(self, serializer: Any) -> None:
        self.before = json.loads(str(serialize_if_there(serializer, 'chosen', json.dumps(self.chosen))))
