"""Ctrl-C at a time that suits the training loop."""
from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from tqdm import tqdm


class DeferredInterrupt:
    """A context in which Ctrl-C waits for `check`: a snapshot is exact only between two iterations.

    A second Ctrl-C interrupts at once. Where the program has its own handler, and outside the main thread, nothing
    changes.
    """

    def __init__(self) -> None:
        self._requested = False
        self._installed = False

    def __enter__(self) -> DeferredInterrupt:
        if (threading.current_thread() is threading.main_thread()
                and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
            signal.signal(signal.SIGINT, self._request)
            self._installed = True
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._restore()

    def check(self) -> None:
        """Raises the KeyboardInterrupt that has been waiting, if any."""
        if self._requested:
            self._requested = False
            raise KeyboardInterrupt

    def _request(self, signum: int, frame: FrameType | None) -> None:
        self._requested = True
        self._restore()
        tqdm.write('Interrupted: the training stops after this iteration (Ctrl-C once more: at once).',
                   file=sys.stderr)

    def _restore(self) -> None:
        if self._installed:
            self._installed = False
            signal.signal(signal.SIGINT, signal.default_int_handler)
