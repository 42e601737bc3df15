"""A stack for the handlers of signals.

Kernels that oneDNN compiles for AVX keep values on the stack beyond its end. A signal that arrives in the middle of one
(Ctrl-C, SIGTERM, a timer) has the system put the handler's frame right there: results are wrong then, or the process
ends by a segmentation fault. Python has its handlers run on the alternate stack of a thread that has one, as
`faulthandler` makes it.
"""
from __future__ import annotations

import ctypes
import logging
import mmap
import threading

_logger = logging.getLogger(__name__)

# Handlers of Python's take little; those of other libraries may take more. What is not touched costs no memory.
_SIZE = 1 << 18
_DISABLED = 2  # SS_DISABLE in <signal.h>


class _Stack(ctypes.Structure):
    """``stack_t`` of <signal.h>."""

    _fields_ = [('start', ctypes.c_void_p), ('flags', ctypes.c_int), ('size', ctypes.c_size_t)]


# Handlers may come until the process ends.
_memory: mmap.mmap | None = None


def provide() -> None:
    """Gives the main thread an alternate stack, if this is that thread and it has none.

    Signals for the process arrive there. A signal that is sent to another thread by name is not provided for.
    """
    global _memory
    if threading.current_thread() is not threading.main_thread() or has_one():
        return
    _memory = mmap.mmap(-1, _SIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(_memory))
    if _sigaltstack(_Stack(start, 0, _SIZE), None):
        _logger.debug('oneDNN: there is no alternate stack for the handlers of signals, errno %d', ctypes.get_errno())


def has_one() -> bool:
    """Whether this thread has an alternate stack."""
    found = _Stack()
    return _sigaltstack(None, found) == 0 and not found.flags & _DISABLED


def _sigaltstack(new: _Stack | None, old: _Stack | None) -> int:
    # Looked up when it is called: not every system has it, and where oneDNN is not there, nobody calls it.
    call = ctypes.CDLL(None, use_errno=True).sigaltstack
    return call(*[None if stack is None else ctypes.byref(stack) for stack in (new, old)])
