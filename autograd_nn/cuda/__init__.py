"""CUDA devices through CuPy. Importing this never fails; using a GPU without CuPy or a driver gives one clear error."""
from __future__ import annotations

from typing import Any

import numpy as np

try:
    import cupy
    ndarray: Any = cupy.ndarray
except ImportError as error:
    cupy = None
    _why_not: str | None = f'CuPy cannot be imported ({error})'

    class ndarray:  # type: ignore[no-redef]
        """Stands for ``cupy.ndarray`` where there is no CuPy: nothing is an instance of it."""
else:
    try:
        _why_not = None if cupy.cuda.runtime.getDeviceCount() > 0 else 'no GPU was found'
    except cupy.cuda.runtime.CUDARuntimeError as error:
        _why_not = f'the CUDA driver does not work ({error})'

available = _why_not is None
"""Whether arrays can live on a GPU."""


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


class DummyDevice:
    """Stands for a ``cupy.cuda.Device`` where arrays are on the CPU: using it changes nothing."""

    id = -1

    def use(self) -> None:
        """Does nothing."""

    def __enter__(self) -> DummyDevice:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        pass

    def __int__(self) -> int:
        return self.id

    def __repr__(self) -> str:
        return '<DummyDevice>'


def get_device_from_id(device_id: int | None) -> Any:
    """The CUDA device of that number, as CuPy's object.

    Args:
        device_id: The number; None or a negative one stands for the CPU.

    Returns:
        A ``cupy.cuda.Device``, or a `DummyDevice` for the CPU.

    Raises:
        RuntimeError: There is no such GPU.
    """
    if device_id is None or device_id < 0:
        return DummyDevice()
    check_cuda_available(int(device_id))
    return cupy.cuda.Device(int(device_id))


def get_device_from_array(*arrays: Any) -> Any:
    """The CUDA device of the first CuPy array among the arguments, as CuPy's object; a `DummyDevice` for none."""
    for array in arrays:
        if isinstance(array, ndarray):
            return array.device
    return DummyDevice()


def get_array_module(*args: Any) -> Any:
    """``cupy`` if one of the arguments is a CuPy array or a Variable of one, ``numpy`` otherwise."""
    return cupy if any(isinstance(getattr(x, 'array', x), ndarray) for x in args) else np


def to_cpu(array: Any) -> Any:
    """The array as a NumPy array: itself, or a copy from the GPU.

    Args:
        array: An array or a NumPy scalar, or a list or a tuple of them. None stays None.

    Raises:
        TypeError: It is something else.
    """
    if isinstance(array, np.ndarray) or array is None:
        return array
    if isinstance(array, ndarray):
        return cupy.asnumpy(array)
    if isinstance(array, (list, tuple)):
        return type(array)([to_cpu(x) for x in array])
    if isinstance(array, (np.generic, bool, int, float)):
        return np.asarray(array)
    raise TypeError(f'to_cpu: expected an array, got {type(array).__name__}')


def to_gpu(array: Any, device: int = 0) -> Any:
    """The array as a CuPy array on a GPU: itself, or a copy.

    Raises:
        RuntimeError: There is no such GPU.
    """
    check_cuda_available(device)
    with cupy.cuda.Device(device):
        return cupy.asarray(array)


def elementwise(in_params: str, out_params: str, operation: str, name: str, **kwargs: Any) -> Any:
    """A ``cupy.ElementwiseKernel``.

    Raises:
        RuntimeError: There is no GPU.
    """
    check_cuda_available()
    return cupy.ElementwiseKernel(in_params, out_params, operation, name, **kwargs)


def kernels() -> Any:
    """The heavy kernels on CuPy arrays.

    Raises:
        NotImplementedError: They are not part of this version.
    """
    raise NotImplementedError('convolution, pooling, normalization and optimizer kernels for CUDA arrays are not part '
                              'of this version; use the CPU')
