"""A report of a training that one looks at in a browser, while it goes on and afterwards."""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any

from autograd_nn import cuda
from autograd_nn.reports.elements import Section
from autograd_nn.reports.layers import distributions
from autograd_nn.reports.page import page, write_page
from autograd_nn.reports.run import PICTURES, Run, configuration, curves, pictures, summary
from autograd_nn.runtime_info import versions
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extension import PRIORITY_READER, Extension
from autograd_nn.training.extensions.figure import Economy
from autograd_nn.training.run_folder import REPORT, RESULTS_PICTURE
from autograd_nn.training.state import serialize_json
from autograd_nn.training.trainer import Trainer
from autograd_nn.variable import Parameter


class HtmlReport(Extension):
    """Writes a report of the training, one file that needs nothing else, after each epoch.

    It shows the log as curves, how weights and gradients are distributed, and whatever else it is given. Where epochs
    are short, not each one has its report, as that takes at most a fiftieth of the time; the last one has, also when
    the training is interrupted.

    Args:
        name: What the training is called.
        config: What is known of it: options, by the name ``'arguments'``, and more.
        command: The command that repeats it.
        sections: What makes further sections, each time.
        filename: The file's name in the trainer's directory.
        log_report: The name under which the trainer has its `LogReport`.

    Example:
        >>> from autograd_nn import reports
        >>> report = reports.HtmlReport('digits')     # trainer.extend(report), beside a LogReport
        >>> report.default_name
        'HtmlReport'
    """

    priority = PRIORITY_READER - 50  # after log and pictures, before the snapshot

    def __init__(self, name: str = 'training', config: Mapping[str, Any] | None = None, command: str = '',
                 sections: Callable[[], Sequence[Section]] = tuple, filename: str = REPORT,
                 log_report: str = 'LogReport') -> None:
        self._title = name
        self._config = config or {}
        self._command = command
        self._sections = sections
        self._filename = filename
        self._log_report = log_report
        self._economy = Economy(expected=0.03)
        # Epoch, iteration and megabytes.
        self._memory: list[tuple[float, float, float]] = []
        self._trainer: Trainer | None = None
        self._state = 'running'

    def trigger(self, trainer: Trainer) -> bool:
        """Fires after each epoch. It has no state, which snapshots of trainings without a report would lack."""
        return bool(trainer.updater.is_new_epoch)

    def initialize(self, trainer: Trainer) -> None:
        self._state = 'running'
        trainer.get_extension(self._log_report)  # an error now, not after an epoch

    def __call__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._memory.append((trainer.updater.epoch, trainer.updater.iteration, most_memory()))
        self._economy.do(self._write)

    def on_error(self, trainer: Trainer, exc: BaseException, tb: TracebackType | None) -> None:
        self._state = 'interrupted' if isinstance(exc, KeyboardInterrupt) else f'ended by an error: {exc}'

    def finalize(self) -> None:
        if self._trainer is not None:
            if self._state == 'running':
                self._state = 'complete'
            self._write()

    def _write(self) -> None:
        if self._trainer is not None:
            write_page(Path(self._trainer.out, self._filename), self.html(self._trainer))

    def html(self, trainer: Trainer) -> str:
        """The report as it is now.

        Args:
            trainer: The training loop.
        """
        picture = Path(trainer.out, RESULTS_PICTURE)
        run = Run(self._title, trainer.get_extension(self._log_report).log, self._config, self._command,
                  {PICTURES[RESULTS_PICTURE]: picture})
        run.memory = [(epoch if run.x_key == 'epoch' else iteration, memory)
                      for epoch, iteration, memory in self._memory]
        sections = [summary(run), curves([run]), *pictures(run), *self._sections()]
        if (found := distributions(_named_parameters(trainer))) is not None:
            sections.append(found)
        sections.append(configuration(run, versions()))
        status = f'<b>{escape(self._state)}</b> · written on {datetime.now():%Y-%m-%d at %H:%M:%S}'
        return page(run.title, status, sections, self._state == 'running')

    def _repr_html_(self) -> str:
        if self._trainer is None:
            return '<p>There is no report yet: no epoch is complete.</p>'
        # A document of its own, so that its styles are not those of the notebook.
        return (f'<iframe srcdoc="{escape(self.html(self._trainer))}" style="width:100%;height:40rem;border:0">'
                '</iframe>')

    def serialize(self, serializer: AbstractSerializer) -> None:
        memory = serialize_json(serializer, 'memory', self._memory, strict=False)
        self._memory = [tuple(each) for each in memory]


def _named_parameters(trainer: Trainer) -> Iterator[tuple[str, Parameter]]:
    optimizers = trainer.updater.get_all_optimizers()
    for name, optimizer in optimizers.items():
        prefix = '' if len(optimizers) == 1 else f'{name}/'
        for path, param in optimizer.target.namedparams(include_uninit=False):
            yield prefix + path.lstrip('/'), param


def most_memory() -> float:
    """The most memory that was in use so far, in MB: that of a GPU, if it is used, or of this process."""
    if cuda.available and (held := cuda.cupy.get_default_memory_pool().total_bytes()):
        return float(held) / 1e6
    try:
        import resource
    except ImportError:  # not on Windows
        return float('nan')
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024) / 1e6
