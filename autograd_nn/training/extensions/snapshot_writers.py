"""How a snapshot gets to the disk."""
from __future__ import annotations

import multiprocessing
import pickle
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from autograd_nn.serializers import save_npz
from autograd_nn.utils.atomic import atomic_path

__all__ = ['ProcessQueueWriter', 'ProcessWriter', 'QueueWriter', 'SimpleWriter', 'StandardWriter', 'ThreadQueueWriter',
           'ThreadWriter', 'Writer']


def save_and_rename(savefun: Callable[..., Any], path: Path, target: Any, **kwds: Any) -> list[str]:
    """Has a function save to a temporary directory, and renames the file when it is complete.

    Args:
        savefun: Called with a path, the target and the keyword arguments.
        path: Where the file shall be in the end.
        target: What to save.
        kwds: Keyword arguments.

    Returns:
        The names of the files: usually that of `path`, to which the function may have added a suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        savefun(str(temporary), target, **kwds)
        return [file.name for file in temporary.parent.iterdir()]


class Writer:
    """Base class of writers, which a snapshot extension calls with what it has to save."""

    def __call__(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        """Saves.

        Args:
            filename: The file's name.
            outdir: The directory.
            target: The arrays by path.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override __call__')

    def save(self, filename: str, outdir: str, target: dict[str, Any], savefun: Callable[..., Any],
             **kwds: Any) -> None:
        """Saves at once: under another name, which the file loses when it is complete.

        Args:
            filename: The file's name.
            outdir: The directory.
            target: The arrays by path.
            savefun: Called with a path, `target` and the keyword arguments.
            kwds: Keyword arguments for `savefun`.
        """
        save_and_rename(savefun, Path(outdir, filename), target, **kwds)

    def finalize(self) -> None:
        """Called at the end of the training; waits for what is still being written."""


class SimpleWriter(Writer):
    """Saves at once.

    Args:
        savefun: Called with a path, the dict of arrays and the keyword arguments.
        kwds: Keyword arguments for `savefun`.
    """

    def __init__(self, savefun: Callable[..., Any] = save_npz, **kwds: Any) -> None:
        self._savefun = savefun
        self._kwds = kwds

    def __call__(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        self.save(filename, outdir, target, self._savefun, **self._kwds)


class StandardWriter(SimpleWriter):
    """Base class of writers that save each file in a worker of its own, one at a time, while the training goes on.

    A subclass overrides `create_worker`. What an error in a worker was is told by the next call, or by `finalize`.

    Args:
        savefun: Called with a path, the dict of arrays and the keyword arguments.
        kwds: Keyword arguments for `savefun`.
    """

    def __init__(self, savefun: Callable[..., Any] = save_npz, **kwds: Any) -> None:
        super().__init__(savefun, **kwds)
        self._worker: Any = None

    def __call__(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        self.finalize()
        self._worker = self.create_worker(filename, outdir, target, **self._kwds)
        self._worker.start()

    def create_worker(self, filename: str, outdir: str, target: dict[str, Any], **kwds: Any) -> Any:
        """What saves one file: an object with the methods ``start`` and ``join``.

        Args:
            filename: The file's name.
            outdir: The directory.
            target: The arrays by path, which the training changes when ``start`` has returned.
            kwds: Keyword arguments for the function that saves.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override create_worker')

    def finalize(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.join()
            if (error := getattr(worker, 'error', None)) is not None:
                raise error


class ThreadWriter(StandardWriter):
    """Saves in a thread while the training goes on. One file is written at a time.

    Args:
        savefun: Called with a path, the dict of arrays and the keyword arguments.
        kwds: Keyword arguments for `savefun`.
    """

    def create_worker(self, filename: str, outdir: str, target: dict[str, Any], **kwds: Any) -> threading.Thread:
        return _Thread(partial(self.save, filename, outdir, _copy(target), self._savefun, **kwds))


class ProcessWriter(StandardWriter):
    """Saves in a process while the training goes on. One file is written at a time.

    Args:
        savefun: Called with a path, the dict of arrays and the keyword arguments.
        kwds: Keyword arguments for `savefun`.
    """

    def create_worker(self, filename: str, outdir: str, target: dict[str, Any], **kwds: Any) -> _Process:
        return _Process(partial(save_and_rename, self._savefun, Path(outdir, filename), target, **kwds))


class _Thread(threading.Thread):
    """A thread that calls a function, and has the exception as its `error`."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__()
        self._function = function
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._function()
        except Exception as error:
            self.error = error


class _Process:
    """A process that calls a function, and has the exception as its `error` when it has been waited for."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._errors, theirs = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.Process(target=_call, args=(function, theirs))
        self.error: Exception | None = None

    def start(self) -> None:
        self._process.start()

    def join(self) -> None:
        self._process.join()
        with suppress(EOFError):
            if self._errors.poll():
                self.error = self._errors.recv()
        if self.error is None:
            self.error = _error_of_exit(self._process)


def _error_of_exit(process: Any) -> RuntimeError | None:
    """The error that a process has died of which could not say so; a thread has none."""
    status = getattr(process, 'exitcode', 0)
    return RuntimeError(f'snapshot_writers: a process ended with exit status {status}') if status else None


def _call(function: Callable[[], Any], errors: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process, too; the file shall be complete.
    try:
        function()
    except Exception as error:
        errors.send(_portable(error))


def _portable(error: Exception) -> Exception:
    """An exception that can be pickled."""
    with suppress(Exception):
        pickle.loads(pickle.dumps(error))
        return error
    return RuntimeError(f'{type(error).__name__}: {error}')


def _copy(target: dict[str, Any]) -> dict[str, Any]:
    """Arrays of its own: the training goes on with those that it gave."""
    return {key: array.copy() for key, array in target.items()}


class QueueWriter(Writer):
    """Base class of writers whose files wait in a queue until they are saved, one after the other.

    A subclass overrides `create_queue` and `create_consumer`. What an error was is told by a later call, or by
    `finalize`. When the program ends, the files that wait are written first.

    Args:
        savefun: Called with a path and the dict of arrays.
        task: A writer that saves instead; it goes through the queue with each file.
    """

    def __init__(self, savefun: Callable[..., Any] = save_npz,
                 task: Callable[[str, str, dict[str, Any]], Any] | None = None) -> None:
        self._task = self.create_task(savefun) if task is None else task
        self._queue: Any = None
        self._consumer: Any = None
        self._errors: Any = None

    def __call__(self, filename: str, outdir: str, target: dict[str, Any]) -> None:
        if self._consumer is None:
            self._queue, self._errors = self.create_queue(), self._create_errors()
            self._consumer = self.create_consumer(self._queue)
            self._consumer.start()
            # At exit it comes before the end of the queue, whose priority is 10.
            self._end = Finalize(self, _end, (self._queue, self._consumer, self._errors), exitpriority=20)
        _raise_first(self._errors)
        self._queue.put([self._task, filename, outdir, _copy(target)])

    def create_task(self, savefun: Callable[..., Any]) -> Callable[[str, str, dict[str, Any]], Any]:
        """The writer that saves the files: a `SimpleWriter`.

        Args:
            savefun: The function that saves.
        """
        return SimpleWriter(savefun)

    def create_queue(self) -> Any:
        """The queue, with the methods ``put``, ``get`` and ``task_done``."""
        raise NotImplementedError(f'{type(self).__name__} does not override create_queue')

    def create_consumer(self, q: Any) -> Any:
        """What calls `consume` with the queue: an object with the methods ``start`` and ``join``.

        Args:
            q: The queue.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override create_consumer')

    def consume(self, q: Any) -> None:
        """Saves what comes out of the queue until that is None.

        Args:
            q: The queue.
        """
        while (item := q.get()) is not None:
            task, *arguments = item
            try:
                task(*arguments)
            except Exception as error:
                self._errors.put(_portable(error))
            q.task_done()
        q.task_done()

    def finalize(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            self._end()

    def _create_errors(self) -> Any:
        return queue.SimpleQueue()


def _end(q: Any, consumer: Any, errors: Any) -> None:
    q.put(None)
    consumer.join()
    _raise_first(errors)
    if (error := _error_of_exit(consumer)) is not None:
        raise error


def _raise_first(errors: Any) -> None:
    if not errors.empty():
        raise errors.get()


class ThreadQueueWriter(QueueWriter):
    """Saves in a thread, to which files go through a queue.

    Args:
        savefun: Called with a path and the dict of arrays.
        task: A writer that saves instead.
    """

    def create_queue(self) -> queue.Queue[Any]:
        return queue.Queue()

    def create_consumer(self, q: Any) -> threading.Thread:
        return threading.Thread(target=self.consume, args=(q,), daemon=True)


class ProcessQueueWriter(QueueWriter):
    """Saves in a process, to which files go through a queue.

    Args:
        savefun: Called with a path and the dict of arrays.
        task: A writer that saves instead.
    """

    def create_queue(self) -> Any:
        return multiprocessing.JoinableQueue()

    def create_consumer(self, q: Any) -> Any:
        return multiprocessing.Process(target=self._consume_in_process, args=(q,))

    def _consume_in_process(self, q: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as above
        self.consume(q)

    def _create_errors(self) -> Any:
        return multiprocessing.SimpleQueue()
