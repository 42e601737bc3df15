"""Which device and which kernels serve an array."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from autograd_nn import cpu, cuda
from autograd_nn.contract import Kernels
from autograd_nn.cpu import onednn
from autograd_nn.cuda import cudnn, upload
from autograd_nn.cuda import kernels as cuda_kernels
from autograd_nn.cuda.kernel import rounded_once
from autograd_nn.dtypes import is_half


def get_array_module(*args: Any) -> Any:
    """The array module that serves the arguments: ``cupy`` if one of them is a CuPy array, ``numpy`` otherwise.

    Args:
        args: Arrays, Variables or anything else.
    """
    return cuda.get_array_module(*[getattr(x, 'array', x) for x in args]) if cuda.available else np


def is_array(obj: Any) -> bool:
    """Whether `obj` is a NumPy or a CuPy array."""
    return isinstance(obj, (np.ndarray, cuda.ndarray))


def kernels(*arrays: Any) -> Kernels:
    """The kernels (see `Kernels`) for arrays that live on one device.

    Raises:
        TypeError: Some arrays are on the CPU and others on a GPU.
    """
    if not cuda.available:
        return onednn if onednn.in_use() else cpu
    devices = {x.device.id if isinstance(x, cuda.ndarray) else None for x in arrays if x is not None}
    if len(devices) > 1:
        check_same_device('kernels', arrays)
    if devices and None not in devices:
        return cudnn if cudnn.in_use() else cuda_kernels
    return onednn if onednn.in_use() else cpu


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


def plain_array(array: Any) -> Any:
    """What a Variable holds for an array: the same memory without the ways of NumPy's subclasses.

    A `numpy.matrix`, say, has another multiplication and never loses an axis. Numbers in the byte order of another
    machine are copied into that of this one.

    Raises:
        TypeError: It is no array, or a masked array of which something is masked.
    """
    if not isinstance(array, np.ndarray):
        if is_array(array):
            return array
        raise TypeError(f'Variable: expected a NumPy or CuPy array, got {type(array).__name__}; '
                        'numpy.array(x) makes one')
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise TypeError(f'Variable: functions know no masks, and {np.ma.count_masked(array)} elements of this array of '
                        f'shape {array.shape} are masked; x.filled(value) gives them a value')
    if type(array) is not np.ndarray:
        array = array.view(np.ndarray)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder('='))


_NUMPY = np.generic, np.ndarray


def as_output(y: Any, function: Any) -> Any:
    """`y` as the array that `function` computed: NumPy's scalars become arrays of no axes.

    Raises:
        TypeError: It is neither an array nor a scalar of NumPy.
    """
    if isinstance(y, _NUMPY):
        return np.asarray(y)
    if isinstance(y, cuda.ndarray):
        return y
    raise TypeError(f'{function.label}: expected arrays as results, got {type(y).__name__}')


def from_dlpack(obj: Any) -> Any:
    """The memory of a DLPack object as an array, on the device where it is."""
    if hasattr(obj, '__dlpack_device__') and obj.__dlpack_device__()[0] == 2:
        cuda.check_cuda_available()
        return cuda.cupy.from_dlpack(obj)
    return np.from_dlpack(obj)


# From this many elements on the kernels of a back end are asked to compute elementwise operations.
LARGE = 1 << 15


class elementwise:
    """Pairs the NumPy meaning of an elementwise operation with its CUDA text.

    The decorated function computes with NumPy, on large arrays in blocks on all cores; its first argument is an array.
    On CuPy arrays a `cupy.ElementwiseKernel` of the text runs instead; it is built when it is first called. Numbers of
    the type T in half precision are float32 in both; the result is rounded.

    Args:
        in_params: The input parameters, such as ``'T x, T gy'``.
        out_params: The output parameters.
        operation: The body, in CUDA C++.
        preamble: Declarations before the kernel.
        name: What a back end may know the operation by, to compute it faster (see `Kernels.elementwise`).

    Attributes:
        registry: All decorated operations by name; the tests run each of them both ways.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.backend import elementwise
        >>> @elementwise('T x', 'T y', 'y = x > 0 ? x : (T)0')
        ... def rectify(x):
        ...     return np.maximum(x, 0)
        >>> rectify(np.array([-1., 2.]))
        array([0., 2.])
    """

    registry: dict[str, Elementwise] = {}

    def __init__(self, in_params: str, out_params: str, operation: str, preamble: str = '',
                 name: str | None = None) -> None:
        self.in_params = in_params
        self.out_params = out_params
        self.operation = operation
        self.preamble = preamble
        self.name = name

    def __call__(self, body: Callable[..., Any]) -> Elementwise:
        kernel = Elementwise(body, self)
        self.registry[f'{body.__module__}.{body.__qualname__}'] = kernel
        return kernel


class Elementwise:
    """An elementwise operation: callable on NumPy and on CuPy arrays (see `elementwise`)."""

    def __init__(self, body: Callable[..., Any], source: elementwise) -> None:
        self.body = body
        self.source = source
        self.name = body.__name__
        self.__doc__ = body.__doc__
        name = 'elementwise_' + self.name.strip('_')  # CUDA has functions such as tanh of its own
        self.kernel = rounded_once(source.in_params, source.out_params, source.operation, name,
                                   preamble=source.preamble)

    def __call__(self, *args: Any) -> Any:
        if not cuda.available or not any(isinstance(x, cuda.ndarray) for x in args):
            dtype = args[0].dtype
            if dtype.itemsize == 2 and is_half(dtype):
                return self._in_single_precision(args)
            if args[0].size >= LARGE:
                return kernels().elementwise(self.body, args, self.source.name)
            y = self.body(*args)
            # NumPy 1 computes with arrays of no axes and Python's numbers in double precision.
            return y.astype(args[0].dtype) if type(y) is np.float64 else y
        return self.kernel(*args)

    def _in_single_precision(self, args: Sequence[Any]) -> np.ndarray:
        """The operation on numbers in half precision, which would be rounded on the way."""
        return np.asarray(self(*[x.astype(np.float32) if isinstance(x, _NUMPY) and is_half(x.dtype) else x
                                 for x in args])).astype(args[0].dtype)


class Device:
    """Where arrays live.

    Attributes:
        name: The specifier, such as ``'cpu'`` or ``'cuda:0'``.
        xp: The array module.
    """

    name: str
    xp: Any

    def send(self, arrays: Any) -> Any:
        """Transfers an array, or the arrays in a tuple, a list or a dict, to this device.

        Arrays that are there already, and what is no array, come back as they are.
        """
        if isinstance(arrays, (tuple, list)):
            return type(arrays)([self.send(x) for x in arrays])
        if isinstance(arrays, dict):
            return {key: self.send(x) for key, x in arrays.items()}
        return self.send_array(arrays) if is_array(arrays) else arrays

    def send_array(self, array: Any) -> Any:
        """Transfers one array."""
        raise NotImplementedError

    def use(self) -> None:
        """Makes this the device on which new arrays of `xp` are created."""

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self.name}>'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


class CpuDevice(Device):
    """The CPU: NumPy arrays."""

    name = 'cpu'
    xp: ModuleType = np

    def send_array(self, array: Any) -> np.ndarray:
        return cuda.to_cpu(array)


class GpuDevice(Device):
    """One GPU: CuPy arrays.

    Args:
        device: Which GPU: its number, counted from 0, or a `cupy.cuda.Device`.

    Raises:
        RuntimeError: CuPy or the GPU is not there.
    """

    def __init__(self, device: Any) -> None:
        index = int(getattr(device, 'id', device))
        cuda.check_cuda_available(index)
        self.index = index
        self.name = f'cuda:{index}'
        self.xp = cuda.cupy

    def send_array(self, array: Any) -> Any:
        if isinstance(array, np.ndarray) and upload.is_worth_it(array):
            with cuda.cupy.cuda.Device(self.index):
                return upload.upload(array)
        return cuda.to_gpu(array, self.index)

    def use(self) -> None:
        cuda.cupy.cuda.Device(self.index).use()


_INTEGER = re.compile('-?[0-9]+')


def get_device(device_spec: Any) -> Device:
    """The device that a specifier names.

    Args:
        device_spec: A `Device`, ``'cpu'``, ``'cuda'``, ``'cuda:N'``, Chainer's ``'@numpy'``, ``'native'`` and
            ``'@cupy:N'``, a number (also as text, such as ``'-1'``): that GPU, or the CPU if it is negative; or a
            `cupy.cuda.Device`.

    Raises:
        ValueError: No such specifier.
        RuntimeError: CuPy or the GPU is not there.

    Example:
        >>> from autograd_nn import get_device
        >>> get_device('cpu')
        <CpuDevice cpu>
    """
    if isinstance(device_spec, Device):
        return device_spec
    if cuda.available and isinstance(device_spec, cuda.cupy.cuda.Device):
        return GpuDevice(device_spec)
    if isinstance(device_spec, (int, np.integer)) or _INTEGER.fullmatch(str(device_spec)):
        return CpuDevice() if int(device_spec) < 0 else GpuDevice(int(device_spec))
    kind, _, index = str(device_spec).removeprefix('@').partition(':')
    if kind in ('cpu', 'numpy', 'native') and index in ('', '0'):
        return CpuDevice()
    if kind in ('cuda', 'cupy', 'gpu') and (index or '0').isdigit():
        return GpuDevice(int(index or 0))
    raise ValueError(f'get_device: expected cpu, cuda, cuda:N or the number of a GPU, got {device_spec!r}')


def get_device_from_array(*arrays: Any) -> Device:
    """The device of the first CuPy array among the arguments, the CPU if there is none."""
    for array in arrays:
        if isinstance(array, cuda.ndarray):
            return GpuDevice(array.device.id)
    return CpuDevice()


@contextmanager
def using_device(device_spec: Any) -> Iterator[Device]:
    """A context in which a device is the current one.

    Args:
        device_spec: As for `get_device`.
    """
    device = get_device(device_spec)
    if isinstance(device, GpuDevice):
        with cuda.cupy.cuda.Device(device.index):
            yield device
    else:
        yield device


def to_cpu(array: Any) -> np.ndarray:
    """The array as a NumPy array: itself, or a copy from the GPU."""
    return cuda.to_cpu(array)


def copyto(dst: Any, src: Any) -> None:
    """Copies the elements of `src` into `dst`, across devices too.

    Args:
        dst: The array to write to.
        src: An array of a shape that broadcasts to it.
    """
    if isinstance(dst, np.ndarray):
        np.copyto(dst, to_cpu(src))
    else:
        dst[...] = cuda.cupy.asarray(src)
