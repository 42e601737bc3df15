"""What extensions that draw with matplotlib share."""
from __future__ import annotations

import importlib.util
import time
import warnings
from pathlib import Path
from typing import Any

from autograd_nn.training.extension import Extension
from autograd_nn.training.trainer import Trainer
from autograd_nn.utils.atomic import atomic_write


class FigureExtension(Extension):
    """Base class of extensions that draw a figure again and again, as the training goes on.

    Where it is wanted too often, not every one is drawn, as that takes at most a fiftieth of the time; the last one is.
    Without matplotlib a warning says so once, and nothing is drawn. A subclass overrides `make_figure`.

    Args:
        filename: The file's name in the trainer's directory; its suffix determines the format.
    """

    def __init__(self, filename: str) -> None:
        self._filename = filename
        self._undrawn: Path | None = None
        self._draw_after = 0.0

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
            self._undrawn = Path(trainer.out, self._filename)
            if time.perf_counter() >= self._draw_after:
                self._draw(self._undrawn)

    def finalize(self) -> None:
        if self._undrawn is not None:
            self._draw(self._undrawn)

    def _draw(self, path: Path) -> None:
        start = time.perf_counter()
        figure = self.make_figure()
        with atomic_write(path) as file:
            figure.savefig(file, format=path.suffix[1:] or 'png', dpi=150)
        self._undrawn = None
        self._draw_after = 50 * time.perf_counter() - 49 * start
