"""A process that runs one side of a comparison, step by step, as its parent asks.

The parent writes a line to the standard input, ``turn`` or ``profile`` with arguments, and reads a line of JSON.
"""
from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from benchmarks.rows import ROWS, Row, Setting

# A turn lasts at least as long, so that a short step is timed several times.
TURN_SECONDS = 0.1


class Side(Protocol):
    """What the worker runs."""

    parameters: int

    def step(self) -> None:
        """The work to time."""

    def synchronize(self) -> None:
        """Waits until the device has done the work."""

    def device_memory(self) -> int:
        """The bytes that the library holds of a GPU's memory, at the highest point if it knows that."""


class OnCpu:
    """What a side on the CPU need not say: its work is done when a step returns."""

    def synchronize(self) -> None:
        """Has nothing to wait for."""

    def device_memory(self) -> int:
        """Uses no memory of a GPU."""
        return 0


class MatrixProduct:
    """The yardstick: a product of large matrices, which comes as close to the machine's peak as programs do.

    Args:
        setting: Where and how to compute.

    Attributes:
        size: The length of the matrices' sides.
    """

    parameters = 0

    def __init__(self, setting: Setting) -> None:
        import numpy as np

        on_gpu = setting.device != 'cpu'
        self.xp = importlib.import_module('cupy' if on_gpu else 'numpy')
        self.size = 8192 if on_gpu else 2048
        if setting.half == 'bfloat16':
            importlib.import_module('ml_dtypes')  # after which NumPy knows the name
        matrices = (np.random.default_rng(i).standard_normal((self.size, self.size), 'f') for i in range(2))
        self.a, self.b = (self.xp.asarray(matrix.astype(setting.half or 'f', copy=False)) for matrix in matrices)
        self.y = self.xp.empty_like(self.a)

    def step(self) -> None:
        """One product of ``2 * size ** 3`` floating-point operations."""
        self.xp.matmul(self.a, self.b, out=self.y)

    def synchronize(self) -> None:
        if self.xp.__name__ == 'cupy':
            self.xp.cuda.Device().synchronize()

    def device_memory(self) -> int:
        return 0


def import_library(side: str) -> None:
    """Imports what a side computes with."""
    importlib.import_module({'peak': 'numpy', 'torch channels_last': 'torch', 'autograd_nn fused': 'autograd_nn',
                             'opencv': 'cv2'}.get(side, side))


def make_side(side: str, row: Row, what: str, setting: Setting) -> Side:
    """Builds the network of a row on one side."""
    if side == 'peak':
        return MatrixProduct(setting)
    if side.startswith('torch'):
        from benchmarks.torch_side import TorchSide

        return TorchSide(row, what, side == 'torch channels_last', setting)
    from benchmarks.chainer_side import ChainerSide

    return ChainerSide(side, row, what, setting)


def memory(field: str) -> int | None:
    """A figure of this process in bytes: ``'VmRSS'``, resident now, or ``'VmHWM'``, its highest value so far."""
    with contextlib.suppress(OSError):
        for line in Path('/proc/self/status').read_text(encoding='utf-8').splitlines():
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
        on_gpu: Whether it computes on a GPU.
    """

    def __init__(self, side: str, make: Callable[[], Side], on_gpu: bool = False) -> None:
        import_library(side)
        self.on_gpu = on_gpu
        self.baseline = 0 if on_gpu else memory('VmRSS')
        self.side = make()
        self.about: dict[str, Any] = {'parameters': self.side.parameters}
        if side == 'autograd_nn' and hasattr(self.side, 'multiply_adds'):
            self.about['multiply_adds'] = self.side.multiply_adds()
        if isinstance(self.side, MatrixProduct):
            self.about['operations'] = 2 * self.side.size ** 3
        self.about['memory_is_of_steps'] = on_gpu or reset_highest_memory()
        self.steps = 1
        self.steps = max(1, round(TURN_SECONDS / self.turn()['seconds']))

    def turn(self) -> dict[str, Any]:
        """Runs a step to warm up, then times some; returns the seconds for one, and the memory used so far."""
        self.side.step()
        self.side.synchronize()
        start = time.perf_counter()
        for _ in range(self.steps):
            self.side.step()
        self.side.synchronize()
        seconds = (time.perf_counter() - start) / self.steps
        highest = self.side.device_memory() if self.on_gpu else memory('VmHWM')
        return {'seconds': seconds, 'baseline': self.baseline, 'highest': highest}

    def profile(self, rounds: int, shapes: bool) -> dict[str, Any]:
        """Where the time of a step goes: see `benchmarks.profiler.profile`."""
        from benchmarks.profiler import profile

        return profile(self.side, rounds, shapes)


def serve(side: str, make: Callable[[], Side], on_gpu: bool = False) -> None:
    """Serves the parent until it closes the pipe.

    Args:
        side: The side's name.
        make: Builds it.
        on_gpu: Whether it computes on a GPU.
    """
    # What libraries print must not get between the replies.
    replies = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)
    try:
        worker = Worker(side, make, on_gpu)
    except Exception as error:
        replies.write(json.dumps({'error': f'{type(error).__name__}: {error}'}) + '\n')
        raise
    replies.write(json.dumps(worker.about) + '\n')
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        replies.write(json.dumps(getattr(worker, name)(*arguments)) + '\n')


def main() -> None:
    """Serves with the side and the network that the command line names."""
    side, model, what, batch, device, precision, cuda_graph = sys.argv[1:]
    row, setting = dataclasses.replace(ROWS[model], batch=int(batch)), Setting(device, precision, cuda_graph == '1')
    serve(side, lambda: make_side(side, row, what, setting), device != 'cpu')


if __name__ == '__main__':
    main()
