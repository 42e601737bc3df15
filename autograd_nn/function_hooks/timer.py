"""A hook that measures how long functions take."""
from __future__ import annotations

import time
from collections.abc import Iterable
from typing import IO, Any

from autograd_nn import cuda
from autograd_nn.backend import GpuDevice, get_device_from_array
from autograd_nn.function_hook import FunctionHook
from autograd_nn.function_node import FunctionNode
from autograd_nn.utils.table import Units, print_table

_UNITS = Units({'sec': 1.0, 'ms': 1e-3, 'us': 1e-6, 'ns': 1e-9})


class TimerHook(FunctionHook):
    """Measures the time of every function, forward and backward.

    The time of a function includes that of the functions it is made of (gradients are), which are measured on their
    own as well. On a GPU, it is the time between two events on the device, for the second of which the hook waits.

    Attributes:
        call_history: A pair of the function's name and the time in seconds for each call.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> from autograd_nn.function_hooks import TimerHook
        >>> hook = TimerHook()
        >>> with hook:
        ...     y = F.exp(F.exp(np.ones((10, 10))))
        >>> hook.summary()['Exp']['occurrence']
        2
        >>> hook.print_report(unit='us')
        FunctionName  ElapsedTime  Occurrence
                 Exp        ...us           2
    """

    name = 'TimerHook'

    def __init__(self) -> None:
        self.call_history: list[tuple[str, float]] = []
        self._total = 0.0
        self._starts: list[Any] = []

    def added(self, function: FunctionNode | None) -> None:
        # An exception may have left functions behind that never came to their end.
        self._starts.clear()

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self._starts.append(_mark(in_data))

    def forward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self._finish(function)

    def backward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...], out_grad: tuple[Any, ...]) -> None:
        self._starts.append(_mark(in_data + out_grad))

    def backward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...],
                             out_grad: tuple[Any, ...]) -> None:
        self._finish(function)

    def _finish(self, function: FunctionNode) -> None:
        elapsed = _seconds_since(self._starts.pop())
        self.call_history.append((function.label, elapsed))
        if not self._starts:
            self._total += elapsed

    def total_time(self) -> float:
        """The time of all functions together in seconds; functions within functions are not counted twice."""
        return self._total

    def summary(self) -> dict[str, dict[str, Any]]:
        """For each function's name a dict: ``elapsed_time``, in seconds, and ``occurrence``, the number of calls."""
        result: dict[str, dict[str, Any]] = {}
        for name, elapsed in self.call_history:
            entry = result.setdefault(name, {'elapsed_time': 0.0, 'occurrence': 0})
            entry['elapsed_time'] += elapsed
            entry['occurrence'] += 1
        return result

    def print_report(self, unit: str = 'auto', file: IO[str] | None = None) -> None:
        """Prints the summary as a table.

        Args:
            unit: ``'sec'``, ``'ms'``, ``'us'`` or ``'ns'``; ``'auto'`` chooses the one that fits the longest time,
                ``'auto_foreach'`` one for each time.
            file: Where to print; standard output by default.

        Raises:
            ValueError: `unit` is something else.
        """
        summary = self.summary()
        unit = _UNITS.choose(unit, [entry['elapsed_time'] for entry in summary.values()])
        rows = [('FunctionName', 'ElapsedTime', 'Occurrence')]
        for name, entry in summary.items():
            rows.append((name, _UNITS.text(entry['elapsed_time'], unit), str(entry['occurrence'])))
        print_table(rows, file)


def _mark(arrays: Iterable[Any]) -> Any:
    """A point in time: of the clock in seconds or, where there are arrays on a GPU, an event there."""
    if not isinstance(get_device_from_array(*arrays), GpuDevice):
        return time.perf_counter()
    event = cuda.Event()
    event.record()
    return event


def _seconds_since(mark: Any) -> float:
    if isinstance(mark, float):
        return time.perf_counter() - mark
    end = cuda.Event()
    end.record()
    end.synchronize()
    return cuda.cupy.cuda.get_elapsed_time(mark, end) / 1000
