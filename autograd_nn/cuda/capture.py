"""CUDA graphs: the work of a function on a GPU, captured once and launched again and again without its Python code.

A graph repeats the same kernels on the same memory. So what differs from one launch to the next has to lie in arrays
that are filled before it, and every array that it touches has to stay where it is.
"""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.cuda import device
from autograd_nn.types import Array


class CaptureError(RuntimeError):
    """A function cannot be captured; the message says why."""


class _Current(threading.local):
    graph: CapturedGraph | None = None


_current = _Current()


def current() -> CapturedGraph | None:
    """The graph that this thread is capturing, or None."""
    return _current.graph


class CapturedGraph:
    """The work of a function on the current GPU, captured while the function runs, once; it is not executed meanwhile.

    Its memory comes from a pool of its own, so that nobody else is given what a later launch writes to. NumPy's random
    numbers are served if they are keys of `key_slot`: each launch draws as many again.

    Args:
        function: What to capture. It must have run before, on the same shapes, so that all kernels are built.

    Attributes:
        result: What the function returned. Its arrays have their elements after each launch.

    Raises:
        CaptureError: The function waits for the device, copies from the host, or draws random numbers that a graph
            would repeat.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        cupy = device.cupy
        self._pool = cupy.cuda.MemoryPool()
        self._keys: dict[tuple[int, int], int] = {}
        # Filled from the host before each launch; there is room for as many masks as a step has.
        self._key_array = cupy.zeros((1024, 2), np.uint32)
        self._stream = cupy.cuda.Stream(non_blocking=True)
        self.workspace: Any = None
        state = np.random.get_state()
        try:
            self._graph, self.result = self._capture(function)
            self._check_random_numbers(state)
        except Exception as error:
            np.random.set_state(state)
            if isinstance(error, CaptureError):
                raise
            raise CaptureError(f'{type(error).__name__}: {error}') from error
        self._fresh = True

    def _capture(self, function: Callable[[], Any]) -> tuple[Any, Any]:
        cupy = device.cupy
        # What other streams have begun is to be done before memory is used here.
        cupy.cuda.get_current_stream().synchronize()
        graph: Any = None
        with self._stream, cupy.cuda.using_allocator(self._pool.malloc):
            self.workspace = cupy.empty(32 << 20, np.uint8)
            cupy.cuda.set_pinned_memory_allocator(_refuse_host_memory)
            _current.graph = self
            self._stream.begin_capture()
            try:
                result = function()
            except BaseException:
                self._abandon()
                raise
            finally:
                _current.graph = None
                cupy.cuda.set_pinned_memory_allocator(cupy.get_default_pinned_memory_pool().malloc)
            graph = self._stream.end_capture()
        return graph, result

    def _abandon(self) -> None:
        """Ends a capture that failed; CUDA may have invalidated it already."""
        try:
            self._stream.end_capture()
        except Exception:  # the error that the caller raises is the reason
            return

    def _check_random_numbers(self, state: Any) -> None:
        """Makes sure that NumPy's generator was asked for the keys of masks only, and leaves it after them."""
        after = np.random.get_state()
        np.random.set_state(state)
        for _ in self._keys:
            np.random.randint(1 << 32, size=2, dtype=np.uint32)
        if not _same_state(np.random.get_state(), after):
            raise CaptureError('it draws random numbers on the host, which a graph would repeat')

    def key_slot(self, key: Any) -> Any:
        """Where a kernel finds, in each launch, the key that takes the place of this one.

        Args:
            key: Two numbers just drawn from NumPy's generator. The same ones, drawn again by a recomputation, have
                the same place.

        Returns:
            An array (2,) of uint32 on the device.
        """
        if len(self._keys) == len(self._key_array):
            raise CaptureError(f'it draws more than {len(self._key_array)} random masks')
        return self._key_array[self._keys.setdefault((int(key[0]), int(key[1])), len(self._keys))]

    def launch(self) -> None:
        """Puts the work on the current stream, with fresh keys for random masks; does not wait for it."""
        if self._keys:
            if self._fresh:
                keys = np.array(list(self._keys), np.uint32)
            else:
                keys = np.stack([np.random.randint(1 << 32, size=2, dtype=np.uint32) for _ in self._keys])
            self._key_array[:len(keys)] = device.cupy.asarray(keys)
        self._fresh = False
        self._graph.launch(device.cupy.cuda.get_current_stream())


def _refuse_host_memory(size: int) -> Any:
    raise CaptureError(f'it copies {size} bytes from the host to the device, which a graph cannot repeat')


def _same_state(a: Array, b: Array) -> bool:
    return a[0] == b[0] and bool((a[1] == b[1]).all()) and a[2:] == b[2:]
