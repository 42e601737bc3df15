"""A progress bar."""
from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from html import escape
from typing import IO, Any

from tqdm import tqdm

from autograd_nn.reporter import is_scalar
from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.notebook import Output, is_notebook
from autograd_nn.training.trainer import Trainer
from autograd_nn.variable import as_array

_FORMAT = '{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]'
_FORMAT_WITHOUT_END = '{desc}  iteration {n_fmt} [{elapsed}{postfix}]'
_REFRESH_SECONDS = 0.2
_LINE_SECONDS = 60


class ProgressBar(Extension):
    """Shows how far the training is, the speed in examples per second, and reported values such as the loss.

    In a Jupyter notebook it is a bar of HTML. Where the output is a file or a pipe, there is a line about it once a
    minute.

    Args:
        training_length: The length of the whole training, such as ``(20, 'epoch')``; by default that of the trainer's
            stop trigger.
        update_interval: The bar is updated at most every so many iterations (and at most five times a second).
        bar_length: The width of the bar in characters; by default as the terminal has room.
        out: The terminal; standard output by default.
        entries: The keys of the reported values to show.
    """

    def __init__(self, training_length: tuple[float, str] | None = None, update_interval: int = 1,
                 bar_length: int | None = None, out: IO[str] | None = None, *,
                 entries: Sequence[str] = ('main/loss',)) -> None:
        self._training_length = training_length
        self._update_interval = update_interval
        self._bar_length = bar_length
        self._out = out
        self._entries = list(entries)
        self._bar: Any = None
        self._shown_at = 0.0
        self._shown_iteration = 0
        self._speed = 0.0
        self._output: Output | None = None

    def initialize(self, trainer: Trainer) -> None:
        self._shown_at, self._shown_iteration = time.perf_counter(), trainer.updater.iteration

    def __call__(self, trainer: Trainer) -> None:
        out = self._out or sys.stdout
        updater, now = trainer.updater, time.perf_counter()
        if is_notebook(out):
            if self._output is None or now - self._shown_at >= _REFRESH_SECONDS:
                self._measure_speed(updater.iteration, now)
                self._output = self._output or Output()
                self._output.show(self._html(trainer))
            return
        if not out.isatty():
            if now - self._shown_at >= _LINE_SECONDS:
                self._measure_speed(updater.iteration, now)
                print(self._line(trainer), file=out, flush=True)
            return
        if self._bar is None:
            self._bar = self._make_bar(trainer, out)
        elif updater.iteration % self._update_interval or now - self._shown_at < _REFRESH_SECONDS:
            return
        self._measure_speed(updater.iteration, now)
        self._bar.n = updater.iteration
        self._bar.set_description_str(self._position(trainer), refresh=False)
        self._bar.set_postfix_str(self._values(trainer), refresh=True)

    def _make_bar(self, trainer: Trainer, out: IO[str]) -> Any:
        total = self._total_iterations(trainer)
        bar_format = _FORMAT_WITHOUT_END if total is None else _FORMAT
        if self._bar_length is not None:
            bar_format = bar_format.replace('{bar}', f'{{bar:{self._bar_length}}}')
        return tqdm(total=total, initial=self._shown_iteration, file=out, leave=False,
                    dynamic_ncols=True, bar_format=bar_format)

    def _html(self, trainer: Trainer) -> str:
        total, iteration = self._total_iterations(trainer), trainer.updater.iteration
        bar = '' if total is None else f'<progress value="{min(iteration, total)}" max="{total}"></progress> '
        return f'{bar}{escape(self._line(trainer))}'

    def _line(self, trainer: Trainer) -> str:
        total, iteration = self._total_iterations(trainer), trainer.updater.iteration
        if total is None:
            return f'{self._position(trainer)}  iteration {iteration}  {self._values(trainer)}'
        left = tqdm.format_interval(max(0, total - iteration) / self._speed)
        return f'{self._position(trainer)}  {iteration / total:.0%}  {self._values(trainer)}, {left} left'

    def _length(self, trainer: Trainer) -> tuple[float, str] | None:
        if self._training_length is not None:
            return self._training_length
        return getattr(trainer.stop_trigger, 'get_training_length', lambda: None)()

    def _total_iterations(self, trainer: Trainer) -> int | None:
        length = self._length(trainer)
        if length is None:
            return None
        period, unit = length
        if unit == 'epoch':
            period *= trainer.updater.iteration / trainer.updater.epoch_detail
        return round(period)

    def _position(self, trainer: Trainer) -> str:
        length = self._length(trainer)
        epochs = f'/{length[0]:g}' if length is not None and length[1] == 'epoch' else ''
        return f'epoch {trainer.updater.epoch_detail:.2f}{epochs}'

    def _measure_speed(self, iteration: int, now: float) -> None:
        speed = (iteration - self._shown_iteration) / max(now - self._shown_at, 1e-9)
        self._speed = speed if not self._speed else 0.7 * self._speed + 0.3 * speed
        self._shown_at, self._shown_iteration = now, iteration

    def _values(self, trainer: Trainer) -> str:
        values = [f'{entry}={float(as_array(trainer.observation[entry])):.4g}' for entry in self._entries
                  if is_scalar(trainer.observation.get(entry))]
        iterator = getattr(trainer.updater, 'get_iterator', lambda name: None)('main')
        batch_size = getattr(iterator, 'batch_size', None)
        if batch_size is None:
            return ', '.join([*values, f'{self._speed:.3g} iterations/s'])
        return ', '.join([*values, f'{self._speed * batch_size:.0f} examples/s'])

    def finalize(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._output is not None:
            self._output.show('')
            self._output = None
