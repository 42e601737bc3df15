"""``cupy.cuda.device``."""
from __future__ import annotations

import threading
from typing import Any

from . import graph, runtime

DEVICES = 2
_local = threading.local()


def current_device() -> int:
    """The number of this thread's current device."""
    return getattr(_local, 'device', 0)


get_device_id = current_device


class Device:
    """As ``cupy.cuda.Device``."""

    compute_capability = '90'
    attributes: dict[str, int] = {'MultiProcessorCount': 2, 'WarpSize': 32, 'MaxSharedMemoryPerBlock': 49152}

    def __init__(self, device: Any = None) -> None:
        self.id = current_device() if device is None else int(device)
        self._before: list[int] = []

    @property
    def mem_info(self) -> tuple[int, int]:
        with self:
            return runtime.memGetInfo()

    def use(self) -> None:
        if not 0 <= self.id < DEVICES:
            raise runtime.CUDARuntimeError('cudaErrorInvalidDevice: invalid device ordinal')
        _local.device = self.id

    def synchronize(self) -> None:
        """Nothing is ever pending."""
        graph.refuse('cudaDeviceSynchronize')

    def __enter__(self) -> Device:
        self._before.append(current_device())
        self.use()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        _local.device = self._before.pop()

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:  # and no hash, as CuPy's
        return isinstance(other, Device) and self.id == other.id

    def __repr__(self) -> str:
        return f'<CUDA Device {self.id}>'
