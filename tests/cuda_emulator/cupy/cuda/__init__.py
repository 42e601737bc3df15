"""``cupy.cuda``: two devices that have no access to each other's memory, and streams that finish at once."""
from . import compiler, cublas_library, graph, memory, nvtx, runtime
from .cublas_library import get_cublas_handle
from .device import DEVICES, Device, current_device, get_device_id
from .graph import Graph
from .memory import (
    MemoryPointer,
    MemoryPool,
    PinnedMemoryPool,
    alloc,
    alloc_pinned_memory,
    get_allocator,
    set_allocator,
    set_pinned_memory_allocator,
    using_allocator,
)
from .stream import Event, Stream, get_current_stream, get_elapsed_time


def is_available() -> bool:
    return runtime.getDeviceCount() > 0
