"""An exception in one process ends the whole job; without this the others would wait for it for ever."""
from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import warnings
from types import TracebackType
from typing import Any, NoReturn

from autograd_nn.distributed import mpi, witness
from autograd_nn.utils.launcher import is_launched

__all__ = ['add_hook']


def add_hook() -> None:
    """Has whatever ends this process before its time end the whole job at once, with its traceback and its rank.

    That is an exception in any thread that nobody catches, and `sys.exit` with a status that is not 0, with which the
    job then ends. Each process calls this at its beginning. Where a program is not started by a launcher of MPI,
    nothing changes.

    Example:
        >>> from autograd_nn.distributed import global_except_hook
        >>> global_except_hook.add_hook()  # doctest: +SKIP
    """
    if _Hook.installed is not None:
        warnings.warn('add_hook: the hook is there already', stacklevel=2)
        return
    _Hook.installed = _Hook()


class _Exit(SystemExit):
    """What `sys.exit` raises: it is known which one has ended the program."""

    final: Any = None

    def __del__(self) -> None:
        # Python lets go of it at once where it is caught, which some function does. It has ended the program where no
        # function is running any more; those of `atexit` are then called next.
        if sys._getframe().f_back is None and threading.get_ident() == threading.main_thread().ident:
            _Exit.final = self.code


def _exit(status: Any = None, /) -> NoReturn:
    raise _Exit(status)


class _Hook:
    """Stands in the places where Python calls functions for what ends a program, before those that were there."""

    installed: _Hook | None = None

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._excepthook, sys.excepthook = sys.excepthook, self._on_exception
        self._thread_hook, threading.excepthook = threading.excepthook, self._on_exception_in_thread
        sys.exit = _exit
        atexit.register(self._at_end)

    def _on_exception(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        self._excepthook(kind, error, traceback)
        self._abort(1, f'an uncaught {kind.__name__}')

    def _on_exception_in_thread(self, args: Any) -> None:
        if not issubclass(args.exc_type, SystemExit):  # which ends a thread in silence
            self._thread_hook(args)
            name = getattr(args.thread, 'name', None)
            self._abort(1, f'an uncaught {args.exc_type.__name__} in the thread {name}')

    def _at_end(self) -> None:
        if _Exit.final not in (None, 0):
            status = _Exit.final if isinstance(_Exit.final, int) else 1
            self._abort(status, f'sys.exit with status {status}')

    def _abort(self, status: int, reason: str) -> None:
        if os.getpid() != self._pid or not ('mpi4py.MPI' in sys.modules or is_launched(os.environ)):
            return
        module = mpi.load()
        world = module.COMM_WORLD
        if world.size == 1 or module.Is_finalized():
            return
        print(f'\nautograd_nn: rank {world.rank} of {world.size} (process {self._pid}) ends the job: {reason}\n',
              file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        witness.leave(is_all=True)
        time.sleep(0.2)  # The launcher drops what it has not passed on yet.
        world.Abort(status)

