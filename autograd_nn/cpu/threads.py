"""Threads that share the work of one kernel, and how many there are.

NumPy's loops run without the interpreter's lock, so threads that each take a block of the arrays run at the same time.
A block has to be large: between loops, and for small ones, there is one lock for all.
"""
from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from autograd_nn.config import config, global_config, threads_from_environment

_logger = logging.getLogger(__name__)

_T = TypeVar('_T')
# By these names the BLAS of NumPy takes its number of threads when it has been loaded.
_BLAS_SETTERS = [f'{prefix}openblas_set_num_threads{suffix}' for prefix in ('scipy_', '') for suffix in ('64_', '')]


def number() -> int:
    """How many threads this thread's kernels use: ``config.num_threads``, or one for each core it may run on."""
    return config.num_threads or _cores


def limit(count: int) -> int:
    """Has kernels and NumPy's BLAS use so many threads; OMP_NUM_THREADS and AUTOGRAD_NN_NUM_THREADS go before it.

    Args:
        count: The number.

    Returns:
        How many the kernels use.
    """
    if os.environ.get('AUTOGRAD_NN_NUM_THREADS') or threads_from_environment():  # which BLAS may have read already
        return number()
    global_config.num_threads = count
    for path in _libraries('blas'):
        library = ctypes.CDLL(path)
        setter = next((name for name in _BLAS_SETTERS if hasattr(library, name)), None)
        if setter is None:
            _logger.debug('%s keeps its threads: it has no function to set their number', path)
        else:
            getattr(library, setter)(count)
    return number()


def _libraries(part: str) -> list[str]:
    """The paths of the libraries that this process has loaded, by a part of their names; empty where no file tells."""
    try:
        lines = Path('/proc/self/maps').read_text().splitlines()
    except OSError as error:
        _logger.debug('the loaded libraries are not known: %s', error)
        return []
    paths = {line.split(maxsplit=5)[-1] for line in lines if '.so' in line}
    return sorted(path for path in paths if part in Path(path).name)


def run(function: Callable[[_T], Any], items: Iterable[_T]) -> None:
    """Calls a function with each of the items, on `number` threads of which this is one; returns when all are done.

    Which thread takes which item, and in which order, is open.

    Args:
        function: What to call. It may call `run` in turn.
        items: Its arguments.

    Raises:
        BaseException: What a call raised. Items that nobody had taken by then are left out.
    """
    items = deque(items)
    helpers = min(number(), len(items)) - 1
    if helpers < 1:
        for item in items:
            function(item)
        return
    job = _Job(function, items)
    for _ in range(helpers):
        # NumPy's error handling is part of the context, which one thread at a time can be in.
        _workers.call(partial(copy_context().run, job.work), helpers)
    job.work()
    job.wait()


class _Job:
    """A function and the items to call it with."""

    def __init__(self, function: Callable[[Any], Any], items: deque[Any]) -> None:
        self.function = function
        self.items = items
        self._error: BaseException | None = None
        self._busy = 0
        self._changed = threading.Condition(threading.Lock())

    def work(self) -> None:
        """Takes items until there are none left."""
        with self._changed:
            self._busy += 1
        try:
            while self.items:
                self._take()
        except BaseException as error:
            self.items.clear()
            self._error = error
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def _take(self) -> None:
        try:
            item = self.items.popleft()
        except IndexError:
            return
        self.function(item)

    def wait(self) -> None:
        """Waits for the threads that have taken items; one that comes too late to get one does not count."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
        if self._error is not None:
            raise self._error


class _Workers:
    """Threads that sleep until there is something to do, and that do not keep the process from ending."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begins without threads: a fork of the process has none of them."""
        self._calls: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self._count = 0

    def call(self, function: Callable[[], Any], threads: int) -> None:
        """Has a thread call a function as soon as one is idle; there will be at least `threads` of them."""
        if self._count < threads:
            self._count += 1
            threading.Thread(target=self._work, args=(self._calls,), name='autograd_nn', daemon=True).start()
        self._calls.put(function)

    @staticmethod
    def _work(calls: SimpleQueue[Callable[[], Any]]) -> None:
        while True:
            calls.get()()


def _count_cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_cores = _count_cores()
_workers = _Workers()
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_workers.forget)
