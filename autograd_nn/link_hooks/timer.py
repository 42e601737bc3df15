"""Measures how long links take."""
from __future__ import annotations

import time
from typing import IO, Any

from autograd_nn.link_hook import ForwardPostprocessCallbackArgs, ForwardPreprocessCallbackArgs, LinkHook
from autograd_nn.utils.table import Units, print_table

_UNITS = Units({'sec': 1.0, 'ms': 1e-3, 'us': 1e-6, 'ns': 1e-9})


class TimerHook(LinkHook):
    """Measures the time of every link's forward computation, that of its children included.

    On a GPU it waits for each link to finish, so that the times are those of the computation.

    Attributes:
        call_history: A pair of the name of the link's class and seconds for every call, in the order in which the calls
            ended.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> hook = ann.link_hooks.TimerHook()
        >>> with hook:
        ...     y = L.Linear(3, 2)(np.zeros((1, 3), 'f'))
        >>> hook.summary()['Linear']['occurrence']
        1
    """

    name = 'TimerHook'

    def __init__(self) -> None:
        self.call_history: list[tuple[str, float]] = []
        self._starts: list[float] = []
        self._outermost = 0.0

    def forward_preprocess(self, args: ForwardPreprocessCallbackArgs) -> None:
        _synchronize(args.link)
        self._starts.append(time.perf_counter())

    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None:
        _synchronize(args.link)
        elapsed = time.perf_counter() - self._starts.pop()
        self.call_history.append((type(args.link).__name__, elapsed))
        if not self._starts:
            self._outermost += elapsed

    def forward_failed(self, args: ForwardPreprocessCallbackArgs) -> None:
        self._starts.pop()

    def total_time(self) -> float:
        """The time of all outermost calls in seconds."""
        return self._outermost

    def summary(self) -> dict[str, dict[str, Any]]:
        """The total ``'elapsed_time'`` in seconds and the ``'occurrence'`` of every type of link."""
        totals: dict[str, dict[str, Any]] = {}
        for name, elapsed in self.call_history:
            entry = totals.setdefault(name, {'elapsed_time': 0.0, 'occurrence': 0})
            entry['elapsed_time'] += elapsed
            entry['occurrence'] += 1
        return totals

    def print_report(self, unit: str = 'auto', file: IO[str] | None = None) -> None:
        """Prints `summary` as a table.

        Args:
            unit: ``'sec'``, ``'ms'``, ``'us'`` or ``'ns'``; ``'auto'`` chooses the one that fits the longest time,
                ``'auto_foreach'`` one for each time.
            file: Where to print; standard output by default.

        Raises:
            ValueError: `unit` is something else.
        """
        summary = self.summary()
        unit = _UNITS.choose(unit, [entry['elapsed_time'] for entry in summary.values()])
        print_table([('LinkName', 'ElapsedTime', 'Occurrence'),
                     *[(name, _UNITS.text(entry['elapsed_time'], unit), str(entry['occurrence']))
                       for name, entry in summary.items()]], file)


def _synchronize(link: Any) -> None:
    if hasattr(link.xp, 'cuda'):
        link.xp.cuda.get_current_stream().synchronize()
