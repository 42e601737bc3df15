"""How the training program updates parameters: optimizers, and the course of the learning rate."""
from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

from autograd_nn import optimizer_hooks, optimizers
from autograd_nn.commands.command_line import check_at_least
from autograd_nn.training import extensions

OPTIMIZERS: dict[str, Any] = {
    'sgd': optimizers.SGD, 'momentum': optimizers.MomentumSGD, 'nesterov': optimizers.NesterovAG,
    'adagrad': optimizers.AdaGrad, 'rmsprop': optimizers.RMSprop, 'adam': optimizers.Adam, 'adamw': optimizers.AdamW,
}
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
    """

    def __init__(self, attr: str, course: str, warmup: int, updates: int) -> None:
        super().__init__(attr)
        self._course = SCHEDULES[course]
        self._warmup = warmup
        self._updates = updates

    def value(self, init: float, t: int) -> float:
        if t < self._warmup:
            return init * (t + 1) / (self._warmup + 1)
        return init * self._course(min(1.0, (t - self._warmup) / (self._updates - self._warmup)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; their defaults are those of a model's recipe."""
    parser.add_argument('--optimizer', choices=OPTIMIZERS, help='how parameters are updated')
    parser.add_argument('--lr', type=float, help='highest learning rate (default: that of the model, or the usual one '
                                                 'of another optimizer)')
    parser.add_argument('--schedule', choices=SCHEDULES,
                        help='how the rate goes on from there: ' + ', '.join(f'{name}: it {text}'
                                                                             for name, text in COURSES.items()))
    parser.add_argument('--warmup', type=float, metavar='PART',
                        help='part of the training, from 0 to 1, in which the rate rises to --lr')
    parser.add_argument('--clip', type=float, metavar='NORM', help='largest norm of the gradient; 0 for any')
    parser.add_argument('--weight-decay', type=float, help='L2 regularization, decoupled with adamw')


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raises a ValueError that names the first option with an impossible value."""
    check_at_least(arguments, weight_decay=0)
    if arguments.lr is not None and not 0 < arguments.lr < math.inf:
        raise ValueError(f'--lr: expected a positive number, got {arguments.lr}')
    if not 0 <= arguments.warmup < 1:
        raise ValueError(f'--warmup: expected a part of the training, from 0 to less than 1, got {arguments.warmup}')
    if not 0 <= arguments.clip < math.inf:
        raise ValueError(f'--clip: expected a positive number, or 0 for no limit, got {arguments.clip}')
    for name, known in ('optimizer', OPTIMIZERS), ('schedule', SCHEDULES):
        if getattr(arguments, name) not in known:
            raise ValueError(f'--{name}: expected one of {", ".join(known)}; got {getattr(arguments, name)}')


def make_optimizer(arguments: argparse.Namespace, model: Any) -> tuple[Any, str]:
    """Sets up the optimizer that options ask for.

    Args:
        arguments: The options.
        model: The model.

    Returns:
        The optimizer, and the name of its attribute that holds the learning rate.
    """
    kind, lr = OPTIMIZERS[arguments.optimizer], arguments.lr
    attribute = {'adam': 'alpha', 'adamw': 'eta'}.get(arguments.optimizer, 'lr')
    if arguments.optimizer == 'adamw':
        # With alpha = 1, eta is the learning rate of step and decay alike, as in the paper's algorithm 2.
        optimizer = kind(alpha=1.0, eta=lr, weight_decay_rate=arguments.weight_decay).setup(model)
    else:
        optimizer = kind(**{attribute: lr}).setup(model)
        if arguments.weight_decay:
            optimizer.add_hook(optimizer_hooks.WeightDecay(arguments.weight_decay))
    if arguments.clip:
        optimizer.add_hook(optimizer_hooks.GradientClipping(arguments.clip))
    return optimizer, attribute


def make_schedule(arguments: argparse.Namespace, attribute: str, updates: int) -> Schedule:
    """The extension that sets the learning rate in all updates.

    Args:
        arguments: The options.
        attribute: The optimizer's attribute.
        updates: The number of updates.
    """
    return Schedule(attribute, arguments.schedule, int(arguments.warmup * updates), updates)


def describe(arguments: argparse.Namespace, updates: int) -> str:
    """In words, how parameters will be updated.

    Args:
        arguments: The options.
        updates: The number of updates.
    """
    warmup = int(arguments.warmup * updates)
    rise = f'rises to {arguments.lr:g} in {warmup:,} updates, then ' if warmup else f'is {arguments.lr:g} at first and '
    more = [f'{text} {value:g}' for text, value in (('gradients are clipped at norm', arguments.clip),
                                                   ('weight decay', arguments.weight_decay)) if value]
    return '; '.join([f'{arguments.optimizer}: the learning rate {rise}{COURSES[arguments.schedule]}', *more])
