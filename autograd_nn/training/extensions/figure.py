"""What extensions that draw with matplotlib share."""
from __future__ import annotations

import importlib.util
import io
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.notebook import Output, is_notebook
from autograd_nn.training.trainer import Trainer
from autograd_nn.utils.atomic import atomic_write


class Economy:
    """Does something again and again, but not each time it is wanted: it takes at most a part of the time.

    Args:
        part: That part.
        expected: How many seconds it takes, as long as that is not known.

    Example:
        >>> economy = Economy()
        >>> for i in range(100):
        ...     economy.do(lambda: print('drawn', i))
        >>> economy.finish()
        drawn 99
    """

    def __init__(self, part: float = 0.02, expected: float = 0.1) -> None:
        self._part = part
        self._after = time.perf_counter() + expected / part
        self._undone: Callable[[], Any] | None = None

    def do(self, work: Callable[[], Any]) -> None:
        """Does it now, or leaves it: until it is wanted again, or to `finish`.

        Args:
            work: What is to be done.
        """
        self._undone = work
        if time.perf_counter() >= self._after:
            self.finish()

    def finish(self) -> None:
        """Does what was left last."""
        if self._undone is not None:
            start = time.perf_counter()
            self._undone()
            self._undone = None
            now = time.perf_counter()
            self._after = now + (now - start) * (1 / self._part - 1)


class FigureExtension(Extension):
    """Base class of extensions that draw a figure again and again, as the training goes on.

    Where it is wanted too often, not every one is drawn, as that takes at most a fiftieth of the time; the last one is.
    Without matplotlib a warning says so once, and nothing is drawn. A Jupyter notebook shows the figure, too. A
    subclass overrides `make_figure`.

    Args:
        filename: The file's name in the trainer's directory; its suffix determines the format.
    """

    def __init__(self, filename: str) -> None:
        self._filename = filename
        self._economy = Economy()
        self._output = Output()

    @staticmethod
    def available() -> bool:
        """Whether matplotlib is there."""
        return importlib.util.find_spec('matplotlib') is not None

    def make_figure(self) -> Any:
        """The figure, a ``matplotlib.figure.Figure``."""
        raise NotImplementedError(f'{type(self).__name__} does not override make_figure')

    def initialize(self, trainer: Trainer) -> None:
        if not self.available():
            warnings.warn(f'{type(self).__name__}: no curves are drawn, since matplotlib is not installed '
                          '(pip install matplotlib)', stacklevel=2)

    def draw(self, trainer: Trainer) -> None:
        """Draws what there is now: at once, or as soon as it is time."""
        if self.available():
            path = Path(trainer.out, self._filename)
            self._economy.do(lambda: self._draw(path))

    def finalize(self) -> None:
        self._economy.finish()

    def _draw(self, path: Path) -> None:
        figure = self.make_figure()
        with atomic_write(path) as file:
            figure.savefig(file, format=path.suffix[1:] or 'png', dpi=150)
        if is_notebook():
            picture = io.BytesIO()
            figure.savefig(picture, format='png', dpi=80)
            self._output.show_picture(picture.getvalue())
