"""What a training has reported, epoch by epoch."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_nn.types import PathLike
from autograd_nn.utils.html_table import html_table

_ROWS = 20  # of the table in a notebook


class History:
    """The course of a training: what `Learner.fit` returns.

    Attributes:
        history: For each figure, such as ``'loss'``, ``'accuracy'``, ``'val_loss'``, a list with its value of each
            epoch. What an epoch did not report is None.
        epoch: The numbers of the epochs, from 1.
        log: The same as `training.extensions.LogReport` has it, with the names of reported values.

    Args:
        log: As above.

    Example:
        >>> history = History([{'epoch': 1, 'main/loss': 0.5, 'validation/main/loss': 0.75, 'elapsed_time': 1.0}])
        >>> history.history
        {'loss': [0.5], 'val_loss': [0.75]}
    """

    def __init__(self, log: Sequence[dict[str, Any]]) -> None:
        self.log = list(log)
        self.epoch = [entry['epoch'] for entry in self.log]
        keys = dict.fromkeys(key for entry in self.log for key in entry
                             if key not in ('epoch', 'iteration', 'elapsed_time'))
        self.history = {short_name(key): [entry.get(key) for entry in self.log] for key in keys}

    def __repr__(self) -> str:
        last = ', '.join(f'{key} {values[-1]:.4g}' for key, values in self.history.items() if values[-1] is not None)
        return f'<History: {len(self.epoch)} epochs{"; " + last if last else ""}>'

    def plot(self, path: PathLike | None = None, keys: Sequence[str] | None = None) -> Any:
        """Draws the curves, one picture for each figure, training and validation in the same. It needs matplotlib.

        Args:
            path: The file to write, of a format that its suffix names; None writes none.
            keys: Which figures, such as ``['loss', 'accuracy']``; by default all.

        Returns:
            Matplotlib's Figure, which a notebook shows.

        Raises:
            ValueError: There is no such figure.
        """
        from matplotlib.figure import Figure

        names = list(dict.fromkeys(key.removeprefix('val_') for key in self.history)) if keys is None else list(keys)
        unknown = [name for name in names if name not in self.history and f'val_{name}' not in self.history]
        if unknown:
            raise ValueError(f'plot: there is no {unknown[0]!r}, only {", ".join(self.history)}')
        figure = Figure(figsize=(4.2 * len(names), 3.2), layout='constrained')
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
            for key, label, style in (name, 'training', 'o-'), (f'val_{name}', 'validation', 's--'):
                if key in self.history:
                    pairs = [(x, y) for x, y in zip(self.epoch, self.history[key]) if y is not None]
                    axes.plot(*zip(*pairs), style, markersize=3.5, label=label)
            axes.set(xlabel='epoch', ylabel=name)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
            axes.legend()
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure

    def _repr_html_(self) -> str:
        rows = list(zip(self.epoch, *self.history.values()))
        caption = f'the last {_ROWS} of {len(rows)} epochs' if len(rows) > _ROWS else ''
        return html_table(['epoch', *self.history], rows[-_ROWS:], caption)


def short_name(key: str) -> str:
    """What a reported value is called in a history.

    Example:
        >>> short_name('main/loss'), short_name('validation/main/accuracy'), short_name('lr')
        ('loss', 'val_accuracy', 'lr')
    """
    if key.startswith('validation/main/'):
        return 'val_' + key.removeprefix('validation/main/')
    return key.removeprefix('main/')

