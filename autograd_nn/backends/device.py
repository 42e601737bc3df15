"""Devices: where arrays live, and how they get there."""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from autograd_nn import cuda
from autograd_nn.backends.arrays import is_array
from autograd_nn.cuda import upload
from autograd_nn.types import Array


class Device:
    """Where arrays live.

    Attributes:
        name: The specifier as Chainer writes it, ``'@numpy'`` or ``'@cupy:0'``.
        xp: The array module.
        supported_array_types: The types of arrays that live there.
    """

    name: str
    xp: Any
    supported_array_types: tuple[type, ...] = ()

    def send(self, arrays: Any) -> Any:
        """Transfers an array, or the arrays in a tuple, a list or a dict, to this device.

        Arrays that are there already, and what is no array, come back as they are.
        """
        if isinstance(arrays, (tuple, list)):
            return type(arrays)([self.send(x) for x in arrays])
        if isinstance(arrays, dict):
            return {key: self.send(x) for key, x in arrays.items()}
        return self.send_array(arrays) if is_array(arrays) else arrays

    def send_array(self, array: Array) -> Any:
        """Transfers one array."""
        raise NotImplementedError

    def is_array_supported(self, array: Any) -> bool:
        """Whether an array lives on this device."""
        return isinstance(array, self.supported_array_types)

    def use(self) -> None:
        """Makes this the device on which new arrays of `xp` are created."""

    def create_context(self) -> AbstractContextManager[Any]:
        """A context in which this is the current device (see `using_device`)."""
        return nullcontext(self)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f'<{type(self).__name__} ({self.name[1:]})>'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


DeviceLike: TypeAlias = Device | str | int
"""What names a device (see `get_device`)."""


class CpuDevice(Device):
    """The CPU: NumPy arrays."""

    name = '@numpy'
    xp: ModuleType = np
    supported_array_types = np.ndarray,

    @staticmethod
    def from_array(array: Any) -> CpuDevice | None:
        """The CPU if that is where an array lives, None otherwise."""
        return CpuDevice() if isinstance(array, np.ndarray) else None

    def send_array(self, array: Array) -> np.ndarray:
        return cuda.to_cpu(array)


class GpuDevice(Device):
    """One GPU: CuPy arrays.

    Args:
        device: Which GPU: its number, counted from 0, or a `cupy.cuda.Device`.

    Raises:
        RuntimeError: CuPy or the GPU is not there.
    """

    supported_array_types = cuda.ndarray,

    def __init__(self, device: Any) -> None:
        index = int(getattr(device, 'id', device))
        cuda.check_cuda_available(index)
        self.index = index
        self.name = f'@cupy:{index}'
        self.xp = cuda.cupy

    @property
    def device(self) -> Any:
        """The `cupy.cuda.Device`."""
        return cuda.Device(self.index)

    @staticmethod
    def from_device_id(device_id: int) -> GpuDevice:
        """The GPU of that number."""
        return GpuDevice(device_id)

    @staticmethod
    def from_array(array: Any) -> GpuDevice | None:
        """The GPU where an array lives, None for other arrays."""
        return GpuDevice(array.device) if isinstance(array, cuda.ndarray) else None

    def is_array_supported(self, array: Any) -> bool:
        return super().is_array_supported(array) and array.device.id == self.index

    def send_array(self, array: Array) -> Any:
        if isinstance(array, np.ndarray) and upload.is_worth_it(array):
            with self.device:
                return upload.upload(array)
        return cuda.to_gpu(array, self.index)

    def use(self) -> None:
        self.device.use()

    @contextmanager
    def create_context(self) -> Iterator[GpuDevice]:
        with self.device:
            yield self


_INTEGER = re.compile('-?[0-9]+')


def get_device(device_spec: DeviceLike) -> Device:
    """The device that a specifier names.

    Args:
        device_spec: A `Device`, ``'cpu'``, ``'cuda'``, ``'cuda:N'``, Chainer's ``'@numpy'``, ``'native'`` and
            ``'@cupy:N'``, a number (also as text, such as ``'-1'``): that GPU, or the CPU if it is negative; or a
            `cupy.cuda.Device`.

    Raises:
        ValueError: No such specifier.
        RuntimeError: CuPy or the GPU is not there, or it is Chainer's ``'@intel64'``.

    Example:
        >>> from autograd_nn import get_device
        >>> get_device('cpu')
        <CpuDevice (numpy)>
    """
    if isinstance(device_spec, Device):
        return device_spec
    if cuda.available and isinstance(device_spec, cuda.cupy.cuda.Device):
        return GpuDevice(device_spec)
    if isinstance(device_spec, (int, np.integer)) or _INTEGER.fullmatch(str(device_spec)):
        return CpuDevice() if int(device_spec) < 0 else GpuDevice(int(device_spec))
    if device_spec == '@intel64':
        raise RuntimeError('get_device: iDeep is not available; oneDNN computes on the CPU without being asked: @numpy')
    kind, _, index = str(device_spec).removeprefix('@').partition(':')
    if kind in ('cpu', 'numpy', 'native') and index in ('', '0'):
        return CpuDevice()
    if kind in ('cuda', 'cupy', 'gpu') and (index or '0').isdigit():
        return GpuDevice(int(index or 0))
    raise ValueError(f'get_device: expected cpu, cuda, cuda:N or the number of a GPU, got {device_spec!r}')


def get_gpu(device: Any = None) -> GpuDevice:
    """A GPU.

    Args:
        device: Its number, or a `cupy.cuda.Device`; the current one by default.

    Raises:
        RuntimeError: CuPy or the GPU is not there.
    """
    cuda.check_cuda_available()
    return GpuDevice(cuda.Device() if device is None else device)


def get_device_from_array(*arrays: Array) -> Device:
    """The device of the first CuPy array among the arguments, the CPU if there is none."""
    for array in arrays:
        if isinstance(array, cuda.ndarray):
            return GpuDevice(array.device)
    return CpuDevice()


def beside(array: Array, other: Array) -> Array:
    """`other` on the device of `array`: itself if it is there."""
    return other if isinstance(array, np.ndarray) and isinstance(other, np.ndarray) else (
        get_device_from_array(array).send_array(other))


@contextmanager
def using_device(device_spec: DeviceLike) -> Iterator[Device]:
    """A context in which a device is the current one.

    Args:
        device_spec: As for `get_device`.
    """
    device = get_device(device_spec)
    with device.create_context():
        yield device


def check_same_device(what: str, arrays: Iterable[Any]) -> None:
    """Makes sure that arrays are on one device.

    Args:
        what: What needs them, for the message.
        arrays: Arrays; anything else is left out.

    Raises:
        TypeError: They are not; the message says where each of them is.
    """
    places = [str(get_device_from_array(x)) for x in arrays if is_array(x)]
    if len(set(places)) > 1:
        raise TypeError(f'{what}: expected arrays on one device, got {" and ".join(places)}; send them there with '
                        'to_device or get_device(...).send') from None
