"""Extensions that look into models."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd_nn.backend import to_cpu
from autograd_nn.link import Link
from autograd_nn.reporter import report
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.state import non_finite_parameters
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import TriggerLike


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


def _percentile(x: np.ndarray) -> np.ndarray:
    return np.percentile(x, (0, 0.13, 2.28, 15.87, 50, 84.13, 97.72, 99.87, 100))


class ParameterStatistics(Extension):
    """Reports statistics of parameters and their gradients, under keys such as ``MLP/l1/W/data/mean``.

    Args:
        links: A link, or several.
        statistics: Functions of an array of shape (n,) by name, which return a number or several; ``'default'`` for
            mean, std, min, max, the number of zeros, and percentiles (those of 0 to 3 standard deviations).
        report_params: Whether to report on the parameters.
        report_grads: Whether to report on the gradients.
        prefix: What to put before all keys.
        trigger: When to report.
        skip_nan_params: Whether to leave parameters out that have NaN elements; otherwise their statistics are NaN.
    """

    priority = PRIORITY_WRITER
    default_statistics: dict[str, Callable[[np.ndarray], Any]] = {
        'mean': np.mean,
        'std': np.std,
        'min': np.min,
        'max': np.max,
        'zeros': lambda x: np.count_nonzero(x == 0),
        'percentile': _percentile,
    }

    def __init__(self, links: Link | Iterable[Link], statistics: Any = 'default', report_params: bool = True,
                 report_grads: bool = True, prefix: str | None = None, trigger: TriggerLike = (1, 'epoch'),
                 skip_nan_params: bool = False) -> None:
        self._links = [links] if isinstance(links, Link) else list(links)
        self._statistics = dict(self.default_statistics if statistics == 'default' else statistics or {})
        self._attributes = [*(['data'] if report_params else []), *(['grad'] if report_grads else [])]
        self._prefix = prefix
        self.trigger = trigger
        self._skip_nan_params = skip_nan_params

    def register_statistics(self, name: str, function: Callable[[np.ndarray], Any]) -> None:
        """Adds a statistic.

        Args:
            name: Its name.
            function: A function of an array of shape (n,), which returns a number or several.
        """
        self._statistics[name] = function

    def __call__(self, trainer: Trainer) -> None:
        values: dict[str, Any] = {}
        for link in self._links:
            for path, param in link.namedparams(False):
                for attribute in self._attributes:
                    # Asking a new parameter for its gradient would make one.
                    array = None if attribute == 'grad' and param.grad_var is None else getattr(param, attribute)
                    if array is not None and array.size:
                        key = f'{link.name or type(link).__name__}{path}/{attribute}'
                        values.update(self._describe(key, to_cpu(array).ravel()))
        report(values)

    def _describe(self, key: str, x: np.ndarray) -> dict[str, Any]:
        if self._skip_nan_params and np.isnan(x).any():
            return {}
        if self._prefix is not None:
            key = f'{self._prefix}/{key}'
        values: dict[str, Any] = {}
        for name, function in self._statistics.items():
            result = np.asarray(function(x))
            if result.ndim == 0:
                values[f'{key}/{name}'] = result
            else:
                values.update({f'{key}/{name}/{i}': value for i, value in enumerate(result.ravel())})
        return values
