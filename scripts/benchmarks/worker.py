"""A process that runs one side of a comparison, step by step, as its parent asks.

The parent writes a line to the standard input, ``turn`` or ``profile`` with arguments, and reads a line of JSON.
"""
from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from benchmarks.rows import ROWS, Row

# A turn lasts at least as long, so that a short step is timed several times.
TURN_SECONDS = 0.1


class Side(Protocol):
    """What the worker runs."""

    parameters: int

    def step(self) -> None:
        """The work to time."""


class MatrixProduct:
    """The yardstick: a product of large matrices, which comes as close to the machine's peak as programs do.

    Attributes:
        size: The length of the matrices' sides.
    """

    parameters = 0
    size = 2048

    def __init__(self) -> None:
        import numpy as np

        self.a, self.b = (np.random.default_rng(i).standard_normal((self.size, self.size), 'f') for i in range(2))
        self.y = np.empty_like(self.a)

    def step(self) -> None:
        """One product of ``2 * size ** 3`` floating-point operations."""
        self.a.dot(self.b, out=self.y)


def import_library(side: str) -> None:
    """Imports what a side computes with."""
    importlib.import_module({'peak': 'numpy', 'torch channels_last': 'torch', 'autograd_nn fused': 'autograd_nn',
                             'opencv': 'cv2'}.get(side, side))


def make_side(side: str, row: Row, what: str) -> Side:
    """Builds the network of a row on one side."""
    if side == 'peak':
        return MatrixProduct()
    if side.startswith('torch'):
        from benchmarks.torch_side import TorchSide

        return TorchSide(row, what, side == 'torch channels_last')
    from benchmarks.chainer_side import ChainerSide

    return ChainerSide(side, row, what)


def memory(field: str) -> int | None:
    """A figure of this process in bytes: ``'VmRSS'``, resident now, or ``'VmHWM'``, its highest value so far."""
    with contextlib.suppress(OSError):
        for line in Path('/proc/self/status').read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return None


def reset_highest_memory() -> bool:
    """Starts ``'VmHWM'`` anew from what is resident now; returns whether the system lets it."""
    try:
        Path('/proc/self/clear_refs').write_text('5')
    except OSError:
        return False
    return True


class Worker:
    """Builds a side and times its steps.

    Args:
        side: Its name, such as ``'autograd_nn'``, ``'chainer'``, ``'torch'``, ``'torch channels_last'`` or ``'peak'``.
        make: Builds it.
    """

    def __init__(self, side: str, make: Callable[[], Side]) -> None:
        import_library(side)
        self.baseline = memory('VmRSS')
        self.side = make()
        self.about: dict[str, Any] = {'parameters': self.side.parameters}
        if side == 'autograd_nn' and hasattr(self.side, 'multiply_adds'):
            self.about['multiply_adds'] = self.side.multiply_adds()
        self.about['memory_is_of_steps'] = reset_highest_memory()
        self.steps = 1
        self.steps = max(1, round(TURN_SECONDS / self.turn()['seconds']))

    def turn(self) -> dict[str, Any]:
        """Runs a step to warm up, then times some; returns the seconds for one, and the memory used so far."""
        self.side.step()
        start = time.perf_counter()
        for _ in range(self.steps):
            self.side.step()
        seconds = (time.perf_counter() - start) / self.steps
        return {'seconds': seconds, 'baseline': self.baseline, 'highest': memory('VmHWM')}

    def profile(self, rounds: int, shapes: bool) -> dict[str, Any]:
        """Where the time of a step goes: see `benchmarks.profiler.profile`."""
        from benchmarks.profiler import profile

        return profile(self.side, rounds, shapes)


def serve(side: str, make: Callable[[], Side]) -> None:
    """Serves the parent until it closes the pipe.

    Args:
        side: The side's name.
        make: Builds it.
    """
    # What libraries print must not get between the replies.
    replies = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)
    try:
        worker = Worker(side, make)
    except Exception as error:
        replies.write(json.dumps({'error': f'{type(error).__name__}: {error}'}) + '\n')
        raise
    replies.write(json.dumps(worker.about) + '\n')
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        replies.write(json.dumps(getattr(worker, name)(*arguments)) + '\n')


def main() -> None:
    """Serves with the side and the network that the command line names."""
    side, row, what = sys.argv[1:]
    serve(side, lambda: make_side(side, ROWS[row], what))


if __name__ == '__main__':
    main()
