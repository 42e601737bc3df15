"""Measures how long links take."""
from __future__ import annotations

import sys
import time
from typing import IO, Any

from autograd_nn.link_hook import ForwardPostprocessCallbackArgs, ForwardPreprocessCallbackArgs, LinkHook

_UNITS = {'s': 1.0, 'ms': 1e3, 'us': 1e6}


class TimerHook(LinkHook):
    """Measures the time of every link's forward computation, that of its children included.

    On a GPU it waits for each link to finish, so that the times are those of the computation.

    Attributes:
        call_history: A pair of link and seconds for every call, in the order in which the calls ended.

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
        self.call_history: list[tuple[Any, float]] = []
        self._starts: list[float] = []
        self._outermost = 0.0

    def forward_preprocess(self, args: ForwardPreprocessCallbackArgs) -> None:
        _synchronize(args.link)
        self._starts.append(time.perf_counter())

    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None:
        _synchronize(args.link)
        elapsed = time.perf_counter() - self._starts.pop()
        self.call_history.append((args.link, elapsed))
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
        for link, elapsed in self.call_history:
            entry = totals.setdefault(type(link).__name__, {'elapsed_time': 0.0, 'occurrence': 0})
            entry['elapsed_time'] += elapsed
            entry['occurrence'] += 1
        return totals

    def print_report(self, unit: str = 'auto', file: IO[str] | None = None) -> None:
        """Prints `summary` as a table.

        Args:
            unit: ``'s'``, ``'ms'``, ``'us'``, or ``'auto'`` for one that suits each line.
            file: Where to; standard output by default.

        Raises:
            ValueError: Unknown `unit`.
        """
        if unit != 'auto' and unit not in _UNITS:
            raise ValueError(f"print_report: expected unit 's', 'ms', 'us' or 'auto', got {unit!r}")
        file = file or sys.stdout
        print(f'{"Link":24} {"Time":>12} {"Calls":>8}', file=file)
        for name, entry in self.summary().items():
            seconds = entry['elapsed_time']
            chosen = unit if unit != 'auto' else 's' if seconds >= 1 else 'ms' if seconds >= 1e-3 else 'us'
            text = f'{seconds * _UNITS[chosen]:.2f} {chosen}'
            print(f'{name:24} {text:>12} {entry["occurrence"]:8d}', file=file)


def _synchronize(link: Any) -> None:
    if hasattr(link.xp, 'cuda'):
        link.xp.cuda.get_current_stream().synchronize()
