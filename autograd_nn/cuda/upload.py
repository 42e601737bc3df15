"""Copies from the host that go on while the device computes, so that the next minibatch is there when it is its turn.

A copy on the stream of the computation would wait for all that was put there before. So it is made on a stream of its
own, from pinned memory into a place that is kept for that, from where the stream of the computation takes it: that
second copy takes a hundredth of the time. The array itself is an ordinary one, and nobody needs to know for how long it
is in use.
"""
from __future__ import annotations

import threading
from typing import Any

import numpy as np

from autograd_nn.cuda import capture, device
from autograd_nn.dtypes import is_real
from autograd_nn.types import Array

# What is larger is no minibatch; what is smaller is not worth it.
_LARGEST, _SMALLEST = 128 << 20, 1 << 16
# The host writes into one place while the copy from another is under way.
_PLACES = 3
_local = threading.local()


class _Place:
    """Pinned memory on the host, as much on the device, and events that say when they may be written to again."""

    def __init__(self) -> None:
        self.size = 0
        self.copied = device.Event(disable_timing=True)
        self.taken = device.Event(disable_timing=True)

    def resize(self, size: int) -> None:
        """Makes room, once nobody uses what there was."""
        self.taken.synchronize()
        self.host = device.cupy.cuda.alloc_pinned_memory(size)
        self.memory = device.cupy.cuda.alloc(size)
        self.size = size
        # Those who had the memory before may still be at work.
        self.taken.record(device.cupy.cuda.get_current_stream())


class _Uploads:
    """The places for one device, which take turns."""

    def __init__(self) -> None:
        self.stream = device.Stream(non_blocking=True)
        self.places = [_Place() for _ in range(_PLACES)]
        self.turn = 0

    def upload(self, array: np.ndarray) -> Any:
        self.turn = (self.turn + 1) % _PLACES
        place = self.places[self.turn]
        if place.size < array.nbytes:
            place.resize(array.nbytes)
        place.copied.synchronize()
        np.frombuffer(place.host, np.uint8, array.nbytes)[...] = array.reshape(-1).view(np.uint8)
        computation = device.cupy.cuda.get_current_stream()
        self.stream.wait_event(place.taken)
        place.memory.copy_from_host_async(place.host.ptr, array.nbytes, self.stream)
        place.copied.record(self.stream)
        computation.wait_event(place.copied)
        result = device.cupy.empty(array.shape, array.dtype)
        result.data.copy_from_device_async(place.memory, array.nbytes, computation)
        place.taken.record(computation)
        return result


def is_worth_it(array: Array) -> bool:
    """Whether an array on the host is of the size of a minibatch, and its bytes are what a device computes with."""
    return _SMALLEST <= array.nbytes <= _LARGEST and is_real(array.dtype) and array.dtype.isnative


def upload(array: np.ndarray) -> Any:
    """A copy on the current device, in C order, for the current stream.

    Args:
        array: A NumPy array, which may be changed as soon as this returns.
    """
    if capture.current() is not None:
        raise capture.CaptureError(f'it copies {array.nbytes} bytes from the host to the device, which a graph cannot '
                                   'repeat')
    uploads = _local.__dict__.setdefault('of_devices', {})
    device_id = device.cupy.cuda.Device().id
    if device_id not in uploads:
        uploads[device_id] = _Uploads()
    return uploads[device_id].upload(np.ascontiguousarray(array))
