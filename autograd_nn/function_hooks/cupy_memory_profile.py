"""A hook that measures how much of a GPU's memory functions take."""
from __future__ import annotations

from typing import IO, Any

from autograd_nn import cuda
from autograd_nn.function_hook import FunctionHook
from autograd_nn.function_node import FunctionNode
from autograd_nn.utils.table import Units, print_table

_UNITS = Units({'TB': 2 ** 40, 'GB': 2 ** 30, 'MB': 2 ** 20, 'KB': 2 ** 10, 'B': 1})


class CupyMemoryProfileHook(FunctionHook):
    """Measures by how many bytes the memory in use grows in every function, forward and backward.

    What a function takes and gives back in its course does not count. What it takes with the functions it is made of
    (gradients are) counts for each of them as well.

    Attributes:
        call_history: For each call the function's name, the bytes that are in use more than before, and those that
            CuPy's memory pool has acquired from the device.

    Raises:
        RuntimeError: There is no GPU.

    Example:
        On a machine with a GPU::

            hook = CupyMemoryProfileHook()
            with hook:
                loss = model(x, t)
            hook.print_report()
    """

    name = 'CupyMemoryProfileHook'

    def __init__(self) -> None:
        cuda.check_cuda_available()
        self.call_history: list[tuple[str, int, int]] = []
        self._totals = [0, 0]
        self._starts: list[tuple[int, int]] = []

    def added(self, function: FunctionNode | None) -> None:
        # An exception may have left functions behind that never came to their end.
        self._starts.clear()

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self._starts.append(_now())

    def forward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self._finish(function)

    def backward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...], out_grad: tuple[Any, ...]) -> None:
        self._starts.append(_now())

    def backward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...],
                             out_grad: tuple[Any, ...]) -> None:
        self._finish(function)

    def _finish(self, function: FunctionNode) -> None:
        used, acquired = (after - before for after, before in zip(_now(), self._starts.pop()))
        self.call_history.append((function.label, used, acquired))
        if not self._starts:
            self._totals = [self._totals[0] + used, self._totals[1] + acquired]

    def total_used_bytes(self) -> int:
        """By how much the memory in use grew in all functions together."""
        return self._totals[0]

    def total_acquired_bytes(self) -> int:
        """How much the memory pool acquired from the device in all functions together."""
        return self._totals[1]

    def summary(self) -> dict[str, dict[str, int]]:
        """For each function's name a dict: ``used_bytes``, ``acquired_bytes`` and ``occurrence``, the calls."""
        result: dict[str, dict[str, int]] = {}
        for name, used, acquired in self.call_history:
            entry = result.setdefault(name, {'used_bytes': 0, 'acquired_bytes': 0, 'occurrence': 0})
            entry['used_bytes'] += used
            entry['acquired_bytes'] += acquired
            entry['occurrence'] += 1
        return result

    def print_report(self, unit: str = 'auto', file: IO[str] | None = None) -> None:
        """Prints the summary as a table.

        Args:
            unit: ``'TB'``, ``'GB'``, ``'MB'``, ``'KB'`` or ``'B'``, of powers of 1024; ``'auto'`` chooses the one that
                fits the most bytes, ``'auto_foreach'`` one for each number.
            file: Where to print; standard output by default.

        Raises:
            ValueError: `unit` is something else.
        """
        summary = self.summary()
        unit = _UNITS.choose(unit, [entry['used_bytes'] for entry in summary.values()])
        rows = [('FunctionName', 'UsedBytes', 'AcquiredBytes', 'Occurrence')]
        for name, entry in summary.items():
            rows.append((name, _UNITS.text(entry['used_bytes'], unit), _UNITS.text(entry['acquired_bytes'], unit),
                         str(entry['occurrence'])))
        print_table(rows, file)


def _now() -> tuple[int, int]:
    """The bytes in use, and those that the pool holds."""
    return cuda.memory_pool.used_bytes(), cuda.memory_pool.total_bytes()
