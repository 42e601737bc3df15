"""Curves of reported values."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from autograd_nn.reporter import DictSummary
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extensions.figure import FigureExtension
from autograd_nn.training.state import serialize_json
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import TriggerLike, get_trigger, serialize_trigger


class PlotReport(FigureExtension):
    """Draws curves of reported values, averaged over intervals, to an image file. It needs matplotlib.

    Where epochs are short, not every one has its drawing, as that takes at most a fiftieth of the time; the last one
    has. Without matplotlib a warning says so once, and nothing is drawn.

    Args:
        y_keys: The key of the value to draw, or several, which share the axes.
        x_key: What the horizontal axis shows: ``'iteration'``, ``'epoch'`` or ``'elapsed_time'``, or the key of a
            reported value.
        trigger: The interval.
        postprocess: Called with matplotlib's Figure and Axes and the data, a dict of lists of pairs (x, y), before
            the figure is saved.
        filename: The file's name in the trainer's directory; its suffix determines the format.
        marker: Matplotlib's marker for each point; None for none.
        grid: Whether to draw a grid.
        file_name: An older name of `filename`.
    """

    def __init__(self, y_keys: str | Iterable[str], x_key: str = 'iteration', trigger: TriggerLike = (1, 'epoch'),
                 postprocess: Callable[[Any, Any, Any], Any] | None = None, filename: str = 'plot.png',
                 marker: str | None = 'x', grid: bool = True, *, file_name: str | None = None) -> None:
        super().__init__(file_name or filename)
        self._y_keys = [y_keys] if isinstance(y_keys, str) else list(y_keys)
        self._x_key = x_key
        self._trigger = get_trigger(trigger)
        self._postprocess = postprocess
        self._marker = marker
        self._grid = grid
        self._data: dict[str, list[list[float]]] = {key: [] for key in self._y_keys}
        self._warned = False
        self._summary = DictSummary()

    def __call__(self, trainer: Trainer) -> None:
        observation = trainer.observation
        keys = [*self._y_keys, self._x_key]
        self._summary.add({key: observation[key] for key in keys if key in observation})
        if not (trainer.is_before_training or self._trigger(trainer)):
            return
        means, self._summary = self._summary.compute_mean(), DictSummary()
        x = self._x(trainer, means)
        if x is None:
            return
        for key in self._y_keys:
            if key in means:
                self._data[key].append([x, means[key]])
        if any(self._data.values()):
            self.draw(trainer)

    def _x(self, trainer: Trainer, means: dict[str, float]) -> float | None:
        if self._x_key == 'iteration':
            return trainer.updater.iteration
        if self._x_key == 'epoch':
            return trainer.updater.epoch_detail
        return trainer.elapsed_time if self._x_key == 'elapsed_time' else means.get(self._x_key)

    def make_figure(self) -> Any:
        # Importing matplotlib takes as long as importing everything else, and most programs draw nothing.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(6.4, 4.2))
        FigureCanvasAgg(figure)
        # Margins of fixed size: to have them computed would double the time that drawing takes.
        axes = figure.add_axes((0.125, 0.125, 0.85, 0.84))
        font, x_label, *labels = self._font_and_labels()
        for key, label in zip(self._y_keys, labels):
            if self._data[key]:
                axes.plot(*zip(*self._data[key]), label=label, marker=self._marker, markersize=4, linewidth=1.6)
        axes.set_xlabel(x_label, font=font)
        if self._x_key in ('epoch', 'iteration'):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[['top', 'right']].set_visible(False)
        axes.margins(x=0.02)
        if self._grid:
            axes.grid(color='0.88', linewidth=0.8)
            axes.set_axisbelow(True)
        if len(self._y_keys) > 1:
            axes.legend(frameon=False, prop=font)
        else:
            axes.set_ylabel(labels[0], font=font)
        if self._postprocess is not None:
            self._postprocess(figure, axes, self._data)
        return figure

    def _font_and_labels(self) -> list[Any]:
        """The font, and how the keys of the axes x and y are written in it: as they are, if a font can do that."""
        from matplotlib.font_manager import FontProperties, findfont
        from PIL import ImageFont

        from autograd_nn.utils.fonts import find_font, has_characters

        keys, font = [self._x_key, *self._y_keys], FontProperties(size='medium')
        text = ''.join(keys)
        if text.isascii() or has_characters(ImageFont.truetype(findfont(font), 16), text):
            return [font, *keys]
        path = find_font(text)
        if path is not None:
            return [FontProperties(fname=str(path), size='medium'), *keys]
        if not self._warned:
            warnings.warn(f'PlotReport: no font of this system has the characters of {", ".join(keys)}; '
                          f'{self._filename} shows escapes in their place (a font such as that of the package '
                          'fonts-noto-cjk helps)', stacklevel=2)
            self._warned = True
        return [font, *(key.encode('ascii', 'backslashreplace').decode() for key in keys)]

    def serialize(self, serializer: AbstractSerializer) -> None:
        self._data.update(serialize_json(serializer, f'_plot_{self._filename}', self._data))
        serialize_trigger(self._trigger, serializer['trigger'])
        self._summary.serialize(serializer['summary'])
