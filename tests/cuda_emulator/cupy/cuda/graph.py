"""``cupy.cuda.Graph``, and what happens between `Stream.begin_capture` and `Stream.end_capture`.

Nothing that is captured has been executed when the capture ends: what runs meanwhile, so that shapes are known, is
undone. Arrays that were there get their elements back; those that were made hold what nobody may read. A launch then
repeats the recorded operations on the same memory.
"""
from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np

from . import runtime


class Graph:
    """As ``cupy.cuda.Graph``."""

    def __init__(self, operations: list[Callable[[], None]], held: list[np.ndarray]) -> None:
        self._operations, self._held = operations, held

    def launch(self, stream: Any = None) -> None:
        refuse('cudaGraphLaunch')
        with np.errstate(all='ignore'):
            for operation in self._operations:
                operation()

    def upload(self, stream: Any = None) -> None:
        """It is there."""


class Recording:
    """A capture that goes on."""

    def __init__(self, stream: Any, arrays: list[np.ndarray]) -> None:
        self.stream, self.invalid = stream, False
        self.operations: list[Callable[[], None]] = []
        self.held: list[np.ndarray] = []
        self.before = [(a, a.copy()) for a in arrays]

    def end(self) -> Graph:
        old = {id(a) for a, _ in self.before}
        for a in {id(a): a for a in map(owner, self.held)}.values():
            if id(a) not in old and a.flags.writeable:
                a[...] = poison(a.dtype)
        for a, elements in self.before:
            if a.flags.writeable:
                a[...] = elements
        if self.invalid:
            raise runtime.CUDARuntimeError('cudaErrorStreamCaptureInvalidated: operation failed due to a previous '
                                           'error during capture')
        return Graph(self.operations, [*self.held, *[a for a, _ in self.before]])


_current: list[Recording] = []


def poison(dtype: np.dtype) -> Any:
    return np.frombuffer(b'\xff' * dtype.itemsize, dtype)[0]


def owner(a: np.ndarray) -> np.ndarray:
    """The array that has the memory of another."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def begin(stream: Any) -> None:
    if stream.is_null:
        raise RuntimeError('cannot capture on the default (legacy) stream')
    if _current:
        raise runtime.CUDARuntimeError('cudaErrorIllegalState: the operation cannot be performed in the present state')
    import cupy
    roots = [owner(o._a) for o in gc.get_objects() if type(o) is cupy.ndarray]
    _current.append(Recording(stream, list({id(a): a for a in roots}.values())))


def end(stream: Any) -> Graph:
    if not _current or _current[0].stream is not stream:
        raise runtime.CUDARuntimeError('cudaErrorIllegalState: the operation cannot be performed in the present state')
    return _current.pop().end()


def capturing(stream: Any = None) -> bool:
    return bool(_current) and (stream is None or _current[0].stream is stream)


def record(operation: Callable[[], None]) -> None:
    """What a launch is to repeat, if a capture goes on."""
    if _current:
        _current[0].operations.append(operation)


def hold(a: np.ndarray) -> None:
    if _current:
        _current[0].held.append(a)


def refuse(what: str) -> None:
    """Waiting for the device and the like: refused during a capture, which is then invalid.

    Raises:
        CUDARuntimeError: A capture goes on.
    """
    if _current:
        _current[0].invalid = True
        raise runtime.CUDARuntimeError(f'cudaErrorStreamCaptureUnsupported: operation not permitted when stream is '
                                       f'capturing ({what})')


def refuse_library(name: str) -> None:
    """As CuPy: most of CUDA's libraries are not called during a capture.

    Raises:
        NotImplementedError: One goes on.
    """
    if _current:
        raise NotImplementedError(f'calling {name} API during stream capture is currently unsupported')
