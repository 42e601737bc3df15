"""CuPy, where it is there: devices, streams, and copies of arrays from one device to another."""
from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.types import Array, DTypeLike

try:
    import cupy
    from cupy import ndarray  # an ImportError where some folder is called so
except ImportError as error:
    cupy = None
    _why_not: str | None = f'CuPy cannot be imported ({error})'

    class ndarray:  # type: ignore[no-redef]
        """Stands for ``cupy.ndarray`` where there is no CuPy: nothing is an instance of it."""
else:
    _why_not = None

def _find_gpu() -> str | None:
    """Why there is no GPU to use; None if there is one."""
    if cupy is None:
        return _why_not
    runtime = cupy.cuda.runtime
    try:
        return None if runtime.getDeviceCount() > 0 else 'no GPU was found'
    except runtime.CUDARuntimeError as error:
        if 'insufficient' in str(error).lower():
            return (f'the NVIDIA driver is too old: it serves CUDA {_version(runtime.driverGetVersion())}, and this '
                    f'CuPy was built for CUDA {_version(runtime.runtimeGetVersion())}; install a newer driver or the '
                    'CuPy of an older CUDA')
        return f'the CUDA driver does not work ({error})'


def _version(number: int) -> str:
    """A version as people write it, from CUDA's ``1000 * major + 10 * minor``."""
    return f'{number // 1000}.{number % 1000 // 10}'


_why_not = _find_gpu()
available = _why_not is None
"""Whether arrays can live on a GPU."""
cudnn_enabled = available and importlib.util.find_spec('cudnn') is not None
"""Whether NVIDIA's cuDNN frontend is there to compute on them: the kernels here are complete without it."""


class DummyDeviceType:
    """Stands for a ``cupy.cuda.Device`` where arrays are on the CPU: using it changes nothing."""

    id = -1

    def use(self) -> None:
        """Does nothing."""

    def synchronize(self) -> None:
        """Does nothing."""

    def __enter__(self) -> DummyDeviceType:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DummyDeviceType)

    def __hash__(self) -> int:
        return hash(DummyDeviceType)

    def __repr__(self) -> str:
        return '<DummyDevice>'


DummyDevice = DummyDeviceType()
"""Stands for the CPU where a CUDA device is expected."""
Device: Any = DummyDeviceType if cupy is None else cupy.cuda.Device
Event: Any = None if cupy is None else cupy.cuda.Event
Stream: Any = None if cupy is None else cupy.cuda.Stream
memory_pool: Any = None if cupy is None else cupy.get_default_memory_pool()


def check_cuda_available(index: int = 0) -> None:
    """Makes sure that a GPU can be used.

    Args:
        index: Which GPU, counted from 0.

    Raises:
        RuntimeError: CuPy, the driver or that GPU is missing; the message says what to install.
    """
    if not available:
        raise RuntimeError(f'CUDA is not available: {_why_not}. A GPU needs the NVIDIA driver and CuPy: '
                           "pip install 'autograd_nn[cuda12]' (or cuda13)")
    count = cupy.cuda.runtime.getDeviceCount()
    if index >= count:
        raise RuntimeError(f'CUDA device {index} does not exist: {count} found, numbered from 0')


def get_device_from_id(device_id: int | None) -> Any:
    """The CUDA device of that number, as CuPy's object.

    Args:
        device_id: The number; None or a negative one stands for the CPU.

    Returns:
        A ``cupy.cuda.Device``, or `DummyDevice` for the CPU.

    Raises:
        RuntimeError: There is no such GPU.
    """
    if device_id is None or device_id < 0:
        return DummyDevice
    check_cuda_available(int(device_id))
    return cupy.cuda.Device(int(device_id))


def get_device_from_array(*arrays: Array) -> Any:
    """The CUDA device of the first CuPy array among the arguments, as CuPy's object; `DummyDevice` for none."""
    for array in arrays:
        if isinstance(array, ndarray):
            return array.device
    return DummyDevice


def get_device(*args: Any) -> Any:
    """The CUDA device of the first argument that names one, as CuPy's object; `DummyDevice` for none.

    Args:
        args: Devices, numbers of devices, arrays, or None.
    """
    for arg in args:
        if isinstance(arg, (int, np.integer)) and not isinstance(arg, bool):
            return get_device_from_id(int(arg))
        if isinstance(arg, (DummyDeviceType, Device)):
            return arg
        if isinstance(arg, ndarray):
            return arg.device
    return DummyDevice


def get_array_module(*args: Any) -> Any:
    """``cupy`` if one of the arguments is a CuPy array or a Variable of one, ``numpy`` otherwise."""
    return cupy if any(isinstance(getattr(x, 'array', x), ndarray) for x in args) else np


def to_cpu(array: Array, stream: Any = None) -> Any:
    """The array as a NumPy array: itself, or a copy from the GPU.

    Args:
        array: An array or a NumPy scalar, or a list or a tuple of them. None stays None.
        stream: A CUDA stream. With it, the copy is only begun: its elements are there once the stream has come to it.

    Raises:
        TypeError: It is something else.
    """
    if isinstance(array, np.ndarray) or array is None:
        return array
    if isinstance(array, ndarray):
        with array.device:
            return cupy.asnumpy(array, stream=stream, blocking=stream is None)
    if isinstance(array, (list, tuple)):
        return type(array)([to_cpu(x, stream) for x in array])
    if isinstance(array, (np.generic, bool, int, float)):
        return np.asarray(array)
    raise TypeError(f'to_cpu: expected an array, got {type(array).__name__}')


def to_gpu(array: Array, device: Any = None, stream: Any = None) -> Any:
    """The array as a CuPy array on a GPU: itself, or a copy.

    Args:
        array: An array or a scalar, or a list or a tuple of them. None stays None.
        device: The number of the GPU, or CuPy's device; the current one by default.
        stream: The CUDA stream on which to copy, the current one by default. What uses the copy must run on that stream
            or wait for it.

    Raises:
        RuntimeError: There is no such GPU.
        TypeError: It is something else.
    """
    if array is None:
        return None
    if isinstance(array, (list, tuple)):
        return type(array)([to_gpu(x, device, stream) for x in array])
    if not isinstance(array, (np.ndarray, ndarray, np.generic, bool, int, float)):
        raise TypeError(f'to_gpu: expected an array, got {type(array).__name__}')
    check_cuda_available(0 if device is None else int(device))
    place = cupy.cuda.Device() if device is None else cupy.cuda.Device(int(device))
    # CuPy copies host memory to a place from where the device fetches it while the host goes on.
    with place, stream or cupy.cuda.get_current_stream():
        return cupy.asarray(array)


def copy(array: Array, out: Array = None, out_device: Any = None, stream: Any = None) -> Any:
    """A copy of a CuPy array, or of its elements into another one.

    Args:
        array: A CuPy array.
        out: Where to copy the elements to; a new array by default.
        out_device: The number of the GPU where the new array is to be; by default that of `array`.
        stream: The stream on which to copy; the current one by default.

    Returns:
        `out` or the new array.

    Raises:
        RuntimeError: There is no GPU.
        ValueError: `out` and `out_device` name different devices.
    """
    check_cuda_available()
    place = get_device(out_device, out, array)
    if out is not None and out.device != place:
        raise ValueError(f'copy: out is on {out.device}, but out_device says {place}')
    with place, (stream or cupy.cuda.get_current_stream()):
        if out is None:
            return cupy.array(array)
        out[...] = cupy.asarray(array)
        return out


def synchronize(*arrays: Array) -> None:
    """Waits until the devices of the CuPy arrays among the arguments have done what they were asked for."""
    places = {place.id: place for place in map(get_device_from_array, arrays)}  # CuPy's devices have no hash
    for place in places.values():
        place.synchronize()


def use_pool() -> None:
    """Has CuPy take memory from its pool in such a way that an error says what there was."""
    cupy.cuda.set_allocator(_allocate)


def _allocate(size: int) -> Any:
    try:
        return memory_pool.malloc(size)
    except cupy.cuda.memory.OutOfMemoryError as error:
        raise MemoryError(_out_of_memory(size)) from error


def _out_of_memory(size: int) -> str:
    free, total = cupy.cuda.runtime.memGetInfo()
    return (f'CUDA out of memory on device {cupy.cuda.Device().id}: asked for {_mebibytes(size)}; of '
            f'{_mebibytes(total)} the device has {_mebibytes(free)} free; the pool holds '
            f'{_mebibytes(memory_pool.total_bytes())}, of which {_mebibytes(memory_pool.used_bytes())} are in use and '
            f'{_mebibytes(memory_pool.free_bytes())} are free in pieces')


def _mebibytes(size: int) -> str:
    return f'{size / (1 << 20):,.1f} MiB'


def fuse(*args: Any, **kwargs: Any) -> Any:
    """Decorator: ``cupy.fuse``, which makes one kernel of a function's operations on CuPy arrays.

    Without a GPU it leaves the function as it is.

    Args:
        args: The function, or nothing where there are arguments.
        kwargs: The arguments of ``cupy.fuse``.
    """
    if available:
        return cupy.fuse(*args, **kwargs)
    return args[0] if args and callable(args[0]) else lambda function: function


def should_use_cudnn(level: str, lowest_version: int = 0) -> bool:
    """Whether a program should call cuDNN by CuPy's functions for it: no, since CuPy has none any more.

    Args:
        level: ``'==always'`` or ``'>=auto'``.
        lowest_version: The version that it needs.

    Raises:
        ValueError: Another level.
    """
    if level not in ('==always', '>=auto'):
        raise ValueError(f"should_use_cudnn: expected level '==always' or '>=auto', got {level!r}")
    return False


def should_use_cudnn_tensor_core(dtype: DTypeLike) -> bool:
    """Whether a program should have CuPy's functions for cuDNN use Tensor Cores: no (see `should_use_cudnn`)."""
    return False


def memoize(for_each_device: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: a function called again with the same arguments returns what it returned before.

    Args:
        for_each_device: Whether to remember the results of each device separately.

    Raises:
        RuntimeError: On a call: there is no GPU.
    """
    if cupy is not None:
        return cupy.memoize(for_each_device)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            check_cuda_available()
        return call
    return decorate


def clear_memo() -> None:
    """Forgets what memoized functions returned.

    Raises:
        RuntimeError: There is no GPU.
    """
    check_cuda_available()
    cupy.clear_memo()


_max_workspace_size = 256 << 20


def get_max_workspace_size() -> int:
    """The most bytes of temporary memory that one convolution takes."""
    return _max_workspace_size


def set_max_workspace_size(size: int) -> None:
    """Sets the most bytes of temporary memory that one convolution takes, though never less than one sample needs.

    Args:
        size: That many.

    Raises:
        ValueError: It is negative.
    """
    global _max_workspace_size
    if size < 0:
        raise ValueError(f'set_max_workspace_size: expected a number of bytes, got {size}')
    _max_workspace_size = size
