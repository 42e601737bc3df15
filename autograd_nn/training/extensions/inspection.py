"""Extensions that look into models."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module, is_array
from autograd_nn.link import Link
from autograd_nn.reporter import DictSummary, report
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.state import non_finite_parameters
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import TriggerLike, get_trigger, serialize_trigger
from autograd_nn.types import Array


class DivergenceError(RuntimeError):
    """The training diverged: a parameter has become NaN or infinite."""


class FailOnNonNumber(Extension):
    """Stops the training by a `DivergenceError` when a parameter has become NaN or infinite."""

    def __call__(self, trainer: Trainer) -> None:
        for name, optimizer in trainer.updater.get_all_optimizers().items():
            paths = non_finite_parameters(optimizer)
            if paths:
                raise DivergenceError(f'FailOnNonNumber: the parameter {paths[0]} of the optimizer {name!r} has NaN or '
                                      f'infinite elements after iteration {trainer.updater.iteration}: the training '
                                      'diverged')


def _percentile(x: Array) -> Array:
    xp = get_array_module(x)
    return xp.percentile(x, xp.asarray((0.13, 2.28, 15.87, 50, 84.13, 97.72, 99.87)))


class ParameterStatistics(Extension):
    """Reports statistics of parameters and their gradients, under keys such as ``predictor/l1/W/data/mean``.

    They are computed each time it is called, by default in each iteration; their means over an interval are reported at
    its end.

    Args:
        links: A link, or several. Keys begin with the link's `name`; ``None`` for one that has no parent.
        statistics: Functions of an array of shape (n,), NumPy's or CuPy's, by name, which return a number or several
            (whose keys end in 0, 1, ...); ``'default'`` for mean, std, min, max, the number of zeros, and percentiles
            (those of -3 to 3 standard deviations of a normal distribution); None for none.
        report_params: Whether to report on the parameters.
        report_grads: Whether to report on the gradients.
        prefix: What to put before all keys.
        trigger: The interval.
        skip_nan_params: Whether parameters that have NaN elements have NaN as all their statistics, without calling
            the functions.
    """

    default_name = 'parameter_statistics'
    priority = PRIORITY_WRITER
    report_key_template = '{prefix}{link_name}{param_name}/{attr_name}/{function_name}'
    default_statistics: dict[str, Callable[[Any], Any]] = {
        'mean': lambda x: x.mean(),
        'std': lambda x: x.std(),
        'min': lambda x: x.min(),
        'max': lambda x: x.max(),
        'zeros': lambda x: (x == 0).sum(),
        'percentile': _percentile,
    }

    def __init__(self, links: Link | Iterable[Link], statistics: Any = 'default', report_params: bool = True,
                 report_grads: bool = True, prefix: str | None = None, trigger: TriggerLike = (1, 'epoch'),
                 skip_nan_params: bool = False) -> None:
        self._links = [links] if isinstance(links, Link) else list(links)
        self._statistics = dict(self.default_statistics if statistics == 'default' else statistics or {})
        self._attributes = [*(['data'] if report_params else []), *(['grad'] if report_grads else [])]
        self._prefix = f'{prefix}/' if prefix else ''
        self._trigger = get_trigger(trigger)
        self._skip_nan_params = skip_nan_params
        self._summary = DictSummary()

    def register_statistics(self, name: str, function: Callable[[Any], Any]) -> None:
        """Adds a statistic.

        Args:
            name: Its name.
            function: A function of an array of shape (n,), which returns a number or several.
        """
        self._statistics[name] = function

    def __call__(self, trainer: Trainer) -> None:
        for link in self._links:
            for path, param in link.namedparams(False):
                for attribute in self._attributes:
                    # Asking a new parameter for its gradient would make one.
                    array = None if attribute == 'grad' and param.grad_var is None else getattr(param, attribute)
                    if array is not None and array.size:
                        self._summary.add(self._describe(link, path, attribute, array.ravel()))
        if self._trigger(trainer):
            means, self._summary = self._summary.compute_mean(), DictSummary()
            report(means)

    def _describe(self, link: Link, path: str, attribute: str, x: Array) -> dict[str, Any]:
        is_skipped = self._skip_nan_params and bool(get_array_module(x).isnan(x).any())
        values: dict[str, Any] = {}
        for name, function in self._statistics.items():
            key = self.report_key_template.format(prefix=self._prefix, link_name=link.name, param_name=path,
                                                  attr_name=attribute, function_name=name)
            result: Any = np.nan if is_skipped else function(x)
            if getattr(result, 'size', 1) > 1:
                values.update({f'{key}/{i}': value for i, value in enumerate(result)})
            else:
                values[key] = result.reshape(()) if is_array(result) else result
        return values

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the sums of this interval in a serializer, or restores them; Chainer's files do not have them."""
        self._summary.serialize(serializer['_summary'])
        serialize_trigger(self._trigger, serializer['_trigger'])
