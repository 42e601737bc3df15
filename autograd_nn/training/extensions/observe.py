"""Extensions that report values, or combine reported ones."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_nn.reporter import as_double, report
from autograd_nn.serializer import AbstractSerializer, serialize_real
from autograd_nn.training.extension import PRIORITY_EDITOR, PRIORITY_WRITER, Extension, make_extension
from autograd_nn.training.extensions.evaluator import MeanOverSet
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import TriggerLike, get_trigger, serialize_trigger
from autograd_nn.variable import Variable


def observe_value(observation_key: str, target_func: Callable[[Any], Any]) -> Any:
    """An extension that reports what a function of the trainer returns, by default at the end of each epoch.

    Args:
        observation_key: The value's key.
        target_func: Called with the trainer; returns the value.

    Returns:
        The extension.
    """
    @make_extension(trigger=(1, 'epoch'), priority=PRIORITY_WRITER)
    def _observe_value(trainer: Trainer) -> None:
        report({observation_key: target_func(trainer)})

    return _observe_value


def observe_lr(optimizer_name: str = 'main', observation_key: str = 'lr') -> Any:
    """An extension that reports an optimizer's learning rate, its ``lr``, by default at the end of each epoch.

    Args:
        optimizer_name: The optimizer's name.
        observation_key: The value's key.

    Returns:
        The extension.
    """
    return observe_value(observation_key, lambda trainer: trainer.updater.get_optimizer(optimizer_name).lr)


class MicroAverage(Extension):
    """Reports the ratio of two reported values, each summed over an interval: a mean that weighs each example equally.

    They may be those of an `Evaluator`, whose model reports sums over batches.

    Args:
        numerator_key: The numerator's key, such as that of a number of correct answers.
        denominator_key: The denominator's key, such as that of a number of questions.
        result_key: The key of the ratio.
        trigger: The interval.
    """

    priority = PRIORITY_EDITOR

    def __init__(self, numerator_key: str, denominator_key: str, result_key: str,
                 trigger: TriggerLike = (1, 'epoch')) -> None:
        self._numerator_key = numerator_key
        self._denominator_key = denominator_key
        self._result_key = result_key
        self._trigger = get_trigger(trigger)
        self._numerator: Any = 0.0
        self._denominator: Any = 0.0

    def __call__(self, trainer: Trainer) -> None:
        observation = trainer.observation
        if self._numerator_key in observation and self._denominator_key in observation:
            self._numerator += _as_sum(observation[self._numerator_key])
            self._denominator += _as_sum(observation[self._denominator_key])
        if self._trigger(trainer):
            numerator, denominator = float(self._numerator), float(self._denominator)
            self._numerator = self._denominator = 0.0
            report({self._result_key: numerator / denominator if denominator else float('nan')})

    def serialize(self, serializer: AbstractSerializer) -> None:
        self._numerator = serialize_real(serializer, '_numerator', self._numerator)
        self._denominator = serialize_real(serializer, '_denominator', self._denominator)
        serialize_trigger(self._trigger, serializer['trigger'])


def _as_sum(value: Any) -> Any:
    """A number that stands for sums: a mean over a set would weigh those of batches by their sizes once more."""
    return as_double(value.over_batches if isinstance(value, MeanOverSet) else value)


class unchain_variables(Extension):
    """Cuts the graphs behind the reported Variables, for a training in which ``config.keep_graph_on_report`` is set.

    Their memory then goes before the next iteration.
    """

    priority = -200

    def __call__(self, trainer: Trainer) -> None:
        for value in trainer.observation.values():
            if isinstance(value, Variable):
                value.unchain_backward()
