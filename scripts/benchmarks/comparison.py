"""Training and inference of networks on autograd_nn and on other frameworks, in processes that take turns."""
from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, Setting

OURS, PEAK, DEFAULT, CHANNELS_LAST = 'autograd_nn', 'peak', 'torch', 'torch channels_last'
# How long the threads of a side may spin after its work before the next side begins.
PAUSE = 0.1
_SETTING = Setting()


class WorkerProcess:
    """A side in a process of its own (see `benchmarks.worker`), so that memory and threads of the sides keep apart.

    Attributes:
        about: What the worker said when it was ready: the number of parameters, and others.

    Raises:
        RuntimeError: The side cannot run the network; the message is the error there.
    """

    def __init__(self, side: str, row: Row, what: str, threads: int, setting: Setting = _SETTING) -> None:
        self._start(side, threads, 'benchmarks.worker', side, row.model, what, str(row.batch), setting.device,
                    setting.precision, str(int(setting.cuda_graph)), tf32=setting.precision != 'float32')

    def _start(self, side: str, threads: int, *command: str, tf32: bool = False) -> None:
        """Starts a module of that name with these arguments."""
        names = 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'AUTOGRAD_NN_NUM_THREADS'
        self.side = side
        self._process = subprocess.Popen(
            [sys.executable, '-m', *command], cwd=Path(__file__).parents[1],
            env={**os.environ, **dict.fromkeys(names, str(threads)), 'CUPY_TF32': str(int(tf32))},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = self._reply()

    def ask(self, *command: Any) -> dict[str, Any]:
        """Has the worker call one of its methods; returns the result."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + '\n')
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f'{self.side}: the process ended with status {self._process.wait()}')
        reply = json.loads(line)
        if 'error' in reply:
            raise RuntimeError(f'{self.side}: {reply["error"]}')
        return reply

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def start(sides: Sequence[str], row: Row, what: str, threads: int,
          setting: Setting = _SETTING) -> Iterator[list[WorkerProcess]]:
    """A context with a worker for each side, which ends with it."""
    workers: list[WorkerProcess] = []
    with contextlib.ExitStack() as stack:
        for side in sides:
            workers.append(WorkerProcess(side, row, what, threads, setting))
            stack.callback(workers[-1].close)
        yield workers


def take_turns(makers: Sequence[Callable[[], WorkerProcess]], rounds: int,
               ) -> tuple[list[dict[str, Any]], dict[str, list[float]]]:
    """Starts workers, has each of them take its turns, and ends them.

    Args:
        makers: Start them.
        rounds: How often each has its turn.

    Returns:
        What each worker said when it was ready, and the seconds of a step in each turn by side.
    """
    workers: list[WorkerProcess] = []
    with contextlib.ExitStack() as stack:
        for make in makers:
            workers.append(make())
            stack.callback(workers[-1].close)
        seconds: dict[str, list[float]] = {worker.side: [] for worker in workers}
        for _ in range(rounds):
            for worker in workers:
                time.sleep(PAUSE)
                seconds[worker.side].append(worker.ask('turn')['seconds'])
    return [worker.about for worker in workers], seconds


def frameworks() -> dict[str, str | None]:
    """The other frameworks that are installed, each with the error that importing it raises, or None."""
    found = {}
    for name in 'torch', 'chainer':
        if importlib.util.find_spec(name):
            process = subprocess.run([sys.executable, '-c', f'import {name}'], capture_output=True, text=True,
                                     check=False)
            found[name] = process.stderr.strip().rpartition('\n')[2] if process.returncode else None
    return found


def sides_of(row: Row, others: Collection[str]) -> list[str]:
    """The sides of a comparison in the order of their turns: those of a ratio are next to each other if possible.

    Args:
        row: The network.
        others: The frameworks to compare with, ``'torch'`` or ``'chainer'``.
    """
    sides = [DEFAULT, OURS, CHANNELS_LAST] if row.convolutional else [DEFAULT, OURS]
    return [*(['chainer'] if 'chainer' in others else []), *(sides if 'torch' in others else [OURS]), PEAK]


def compare(row: Row, what: str, rounds: int, threads: int, others: Collection[str],
            setting: Setting = _SETTING) -> dict[str, Any]:
    """Times steps of all sides in turn.

    Args:
        row: The network.
        what: ``'training'`` or ``'inference'``.
        rounds: How often each side has its turn.
        threads: The number of threads of each side.
        others: The frameworks to compare with, ``'torch'`` or ``'chainer'``.
        setting: Where and how all sides compute.

    Returns:
        What was measured: ``sides`` with milliseconds of a step (quartiles and median), bytes of memory and the share
        of the machine's peak, and ``ratios`` (quartiles and median) of the time of a side to that of autograd_nn.

    Raises:
        RuntimeError: A side cannot run the network, or has another number of parameters.
    """
    with start(sides_of(row, others), row, what, threads, setting) as workers:
        about = {worker.side: worker.about for worker in workers}
        check_parameters(row, {side: entry['parameters'] for side, entry in about.items() if side != PEAK})
        turns: dict[str, list[dict[str, Any]]] = {worker.side: [] for worker in workers}
        for _ in range(rounds):
            for worker in workers:
                time.sleep(PAUSE)
                turns[worker.side].append(worker.ask('turn'))
    seconds = {side: [turn['seconds'] for turn in results] for side, results in turns.items()}
    peaks = [about[PEAK]['operations'] / s for s in seconds.pop(PEAK)]
    operations = 2 * about[OURS]['multiply_adds'] * (3 if what == 'training' else 1)
    return {
        'row': row.model, 'title': row.title, 'what': what, 'batch': row.batch,
        'parameters': about[OURS]['parameters'], 'operations': operations, 'peak': statistics.median(peaks),
        'sides': {side: {
            'milliseconds': quartiles([s * 1e3 for s in times]),
            'share of peak': statistics.median(operations / s / peak for s, peak in zip(times, peaks)),
            'memory': memory(turns[side][-1], about[side]['memory_is_of_steps']),
        } for side, times in seconds.items()},
        'ratios': {side: quartiles([s / ours for s, ours in zip(times, seconds[OURS])])
                   for side, times in seconds.items() if side != OURS},
    }


def check_parameters(row: Row, parameters: dict[str, int]) -> None:
    """Raises a RuntimeError unless all sides have the same number of parameters."""
    if len(set(parameters.values())) > 1:
        raise RuntimeError(f'{row.title}: the sides have different numbers of parameters: '
                           + ', '.join(f'{side} {n:,}' for side, n in parameters.items()))


def quartiles(values: list[float]) -> list[float]:
    """The lower quartile, the median and the upper quartile."""
    return statistics.quantiles(values, n=4, method='inclusive')


def memory(turn: dict[str, Any], is_of_steps: bool) -> dict[str, int] | None:
    """Bytes at the highest point of the steps: in all, and beyond what importing the library takes."""
    if turn['highest'] is None or not is_of_steps:
        return None
    return {'highest': turn['highest'], 'beyond imports': turn['highest'] - turn['baseline']}


def better_layout(result: dict[str, Any]) -> str | None:
    """PyTorch's faster side; None where PyTorch is not installed."""
    sides = [side for side in (DEFAULT, CHANNELS_LAST) if side in result['sides']]
    return min(sides, key=lambda side: result['sides'][side]['milliseconds'][1], default=None)


def profile(row: Row, what: str, rounds: int, threads: int, shapes: bool,
            setting: Setting = _SETTING) -> dict[str, Any]:
    """Where the time of autograd_nn's step goes: see `compare` and `benchmarks.profiler.profile`."""
    with start([OURS], row, what, threads, setting) as (worker,):
        return {'row': row.model, 'title': row.title, 'what': what, 'batch': row.batch,
                **worker.ask('profile', rounds, shapes)}
