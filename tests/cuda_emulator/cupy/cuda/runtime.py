"""``cupy.cuda.runtime``."""
from __future__ import annotations

import ctypes
from typing import Any


class CUDARuntimeError(RuntimeError):
    """What the CUDA runtime refuses."""


memcpyHostToDevice, memcpyDeviceToHost, memcpyDeviceToDevice, memcpyDefault = 1, 2, 3, 4


def getDeviceCount() -> int:
    from cupy.cuda import DEVICES
    return DEVICES


def getDevice() -> int:
    from cupy.cuda import current_device
    return current_device()


def setDevice(device: int) -> None:
    from cupy.cuda import Device
    Device(device).use()


def getDeviceProperties(device: int) -> dict[str, Any]:
    return {'name': b'Emulated GPU', 'major': 9, 'minor': 0, 'multiProcessorCount': 2, 'totalGlobalMem': 1 << 34,
            'warpSize': 32, 'sharedMemPerBlock': 49152}


def deviceSynchronize() -> None:
    """Nothing is ever pending."""


def memGetInfo() -> tuple[int, int]:
    from cupy.cuda.memory import TOTAL, default_pool
    return TOTAL - default_pool.total_bytes(), TOTAL


def driverGetVersion() -> int:
    return 12090


def runtimeGetVersion() -> int:
    return 12090


def memcpy(dst: int, src: int, size: int, kind: int) -> None:
    ctypes.memmove(int(dst), int(src), size)


def memcpyAsync(dst: int, src: int, size: int, kind: int, stream: int) -> None:
    ctypes.memmove(int(dst), int(src), size)
