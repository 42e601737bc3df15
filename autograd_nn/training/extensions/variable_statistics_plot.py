"""Curves of what the elements of parameters are like."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.link import Link
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extensions.figure import FigureExtension
from autograd_nn.training.state import serialize_json
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import TriggerLike, get_trigger, serialize_trigger
from autograd_nn.variable import Variable


class VariableStatisticsPlot(FigureExtension):
    """Draws the mean, the standard deviation and percentiles of the elements of Variables, and of their gradients.

    Those of all elements together are taken each time it is called. When there are more than `max_sample_size` of
    them, every second one is dropped, and from then on every second one is not taken: they stay evenly spaced.

    Args:
        targets: A Variable, a link for all its parameters, or a list of these.
        max_sample_size: How many points a curve has at most, 2 or more.
        report_data: Whether to draw values.
        report_grad: Whether to draw gradients.
        plot_mean: Whether to draw the mean.
        plot_std: Whether to draw the standard deviation.
        percentile_sigmas: The percentiles to draw, 0 to 100: a number, several, or an empty tuple. By default those of
            0 to 3 standard deviations of a normal distribution.
        trigger: When to draw; that of the extension itself says when to take statistics.
        filename: The file's name in the trainer's directory; its suffix determines the format.
        figsize: Width and height in inches; by default as the number of drawings needs it.
        marker: Matplotlib's marker for each point; None for none.
        grid: Whether to draw a grid.
        file_name: An older name of `filename`.

    Raises:
        ValueError: There is no Variable, or nothing to draw.

    Example:
        >>> import autograd_nn.links as L
        >>> from autograd_nn.training import extensions
        >>> plot = extensions.VariableStatisticsPlot(L.Linear(3, 2), trigger=(1, 'epoch'))
    """

    def __init__(self, targets: Any, max_sample_size: int = 1000, report_data: bool = True, report_grad: bool = True,
                 plot_mean: bool = True, plot_std: bool = True,
                 percentile_sigmas: float | Sequence[float] = (0, 0.13, 2.28, 15.87, 50, 84.13, 97.72, 99.87, 100),
                 trigger: TriggerLike = (1, 'epoch'), filename: str = 'statistics.png',
                 figsize: tuple[float, float] | None = None, marker: str | None = None, grid: bool = True, *,
                 file_name: str | None = None) -> None:
        super().__init__(file_name or filename)
        self._variables = list(_variables(targets))
        self._percentiles = [float(p) for p in np.atleast_1d(percentile_sigmas)]
        self._attributes = [*(['data'] if report_data else []), *(['grad'] if report_grad else [])]
        if not self._variables:
            raise ValueError('VariableStatisticsPlot: expected at least one Variable among the targets')
        if not self._attributes or not (plot_mean or plot_std or self._percentiles):
            raise ValueError('VariableStatisticsPlot: there is nothing to draw')
        if max_sample_size < 2:
            raise ValueError(f'VariableStatisticsPlot: expected max_sample_size of at least 2, got {max_sample_size}')
        self._plots = plot_mean, plot_std
        self._trigger = get_trigger(trigger)
        self._size = max_sample_size
        self._figsize = figsize
        self._marker = marker
        self._grid = grid
        # Rows: the iteration, and for each attribute mean, standard deviation and percentiles.
        self._samples: list[list[float]] = []
        self._calls = 0
        self._stride = 1

    def __call__(self, trainer: Trainer) -> None:
        if self._calls % self._stride == 0:
            statistics = np.concatenate([self._statistics(attribute) for attribute in self._attributes])
            self._samples.append([float(trainer.updater.iteration), *statistics.tolist()])
            if len(self._samples) > self._size:
                self._samples = self._samples[::2]
                self._stride *= 2
        self._calls += 1
        if self._trigger(trainer):
            self.draw(trainer)

    def _statistics(self, attribute: str) -> np.ndarray:
        """Mean, standard deviation and percentiles of all elements; NaN where there are none."""
        arrays = [array.ravel() for variable in self._variables if (array := getattr(variable, attribute)) is not None]
        if not sum(array.size for array in arrays):
            return np.full(2 + len(self._percentiles), np.nan)
        xp = get_array_module(*arrays)
        x = xp.concatenate(arrays).astype(np.float64)
        numbers = [x.mean()[None], x.std()[None]]
        if self._percentiles:
            numbers.append(xp.percentile(x, xp.asarray(self._percentiles)))
        return to_cpu(xp.concatenate(numbers))

    def make_figure(self) -> Any:
        # Importing matplotlib takes as long as importing everything else, and most programs draw nothing.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        rows = [*([self._draw_mean] if any(self._plots) else []),
                *([self._draw_percentiles] if self._percentiles else [])]
        columns = len(self._attributes)
        figure = Figure(figsize=self._figsize or (6.4 * columns, 3.6 * len(rows)), layout='constrained')
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(rows), columns, sharex=True, squeeze=False)
        times, *series = np.array(self._samples, np.float64).reshape(len(self._samples), -1).T
        for column, attribute in enumerate(self._attributes):
            mean, std, *percentiles = np.array_split(series, columns)[column]
            for axes, draw in zip(grid[:, column], rows):
                draw(axes, times, mean, std, percentiles)
                axes.legend(frameon=False)
                axes.spines[['top', 'right']].set_visible(False)
                axes.margins(x=0.02)
                if self._grid:
                    axes.grid(color='0.88', linewidth=0.8)
                    axes.set_axisbelow(True)
            grid[0, column].set_title(attribute)
            grid[-1, column].set_xlabel('iteration')
        return figure

    def _draw_mean(self, axes: Any, times: np.ndarray, mean: np.ndarray, std: np.ndarray,
                   percentiles: list[np.ndarray]) -> None:
        if all(self._plots):
            axes.plot(times, mean, label='mean, std', color='C0', marker=self._marker)
            axes.fill_between(times, mean - std, mean + std, color='C0', alpha=0.2, linewidth=0)
        else:
            label, values = ('mean', mean) if self._plots[0] else ('std', std)
            axes.plot(times, values, label=label, color='C0', marker=self._marker)

    def _draw_percentiles(self, axes: Any, times: np.ndarray, mean: np.ndarray, std: np.ndarray,
                          percentiles: list[np.ndarray]) -> None:
        half = len(percentiles) // 2
        for low, high in zip(percentiles[:half], reversed(percentiles)):
            axes.fill_between(times, low, high, color='C0', alpha=0.2, linewidth=0)
        if len(percentiles) % 2:
            axes.plot(times, percentiles[half], label='percentile', color='C0', marker=self._marker)
        else:
            axes.collections[-1].set_label('percentile')

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the statistics in a serializer, or restores them; Chainer's files do not have them."""
        state = serialize_json(serializer, 'samples', [self._samples, self._calls, self._stride], strict=False)
        self._samples, self._calls, self._stride = state
        serialize_trigger(self._trigger, serializer['trigger'])


def _variables(targets: Any) -> Iterator[Variable]:
    if isinstance(targets, Variable):
        yield targets
    elif isinstance(targets, Link):
        yield from targets.params()
    elif isinstance(targets, (list, tuple)):
        for target in targets:
            yield from _variables(target)
