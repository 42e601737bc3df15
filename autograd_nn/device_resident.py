"""Objects that own arrays, and move with all that belongs to them from device to device."""
from __future__ import annotations

from typing import Any, TypeVar

from autograd_nn import backend
from autograd_nn.backend import DeviceLike
from autograd_nn.types import Array
from autograd_nn.variable import Variable

_DeviceResident = TypeVar('_DeviceResident', bound='DeviceResident')


class DeviceResidentsVisitor:
    """What goes over a `DeviceResident` and all that belongs to it."""

    def visit_device_resident(self, device_resident: DeviceResident) -> None:
        """Called with each resident, before its arrays and those that belong to it."""
        raise NotImplementedError(f'{type(self).__name__}: visit_device_resident is not implemented')

    def visit_array(self, arr: Array) -> Any:
        """Called with each array; returns what takes its place."""
        raise NotImplementedError(f'{type(self).__name__}: visit_array is not implemented')

    def visit_variable(self, param: Variable) -> None:
        """Called with each Variable, to be changed in place."""
        raise NotImplementedError(f'{type(self).__name__}: visit_variable is not implemented')


class DeviceResident:
    """Base class of objects that live on a device, such as links.

    A subclass that has arrays, Variables or other residents of its own overrides `device_resident_accept`.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> class Average(ann.DeviceResident):
        ...     def __init__(self, size):
        ...         self.total = np.zeros(size)
        ...
        ...     def device_resident_accept(self, visitor):
        ...         super().device_resident_accept(visitor)
        ...         self.total = visitor.visit_array(self.total)
        >>> Average(3).to_device('@numpy').device
        <CpuDevice (numpy)>
    """

    _device: backend.Device = backend.CpuDevice()

    @property
    def device(self) -> backend.Device:
        """The device where this lives."""
        return self._device

    @property
    def xp(self) -> Any:
        """The array module of the device: ``numpy`` or ``cupy``."""
        return self._device.xp

    @property
    def _device_id(self) -> int | None:
        # Programs for older versions of Chainer ask for it.
        return self._device.index if isinstance(self._device, backend.GpuDevice) else None

    def device_resident_accept(self, visitor: DeviceResidentsVisitor) -> None:
        """Lets a visitor go over this object and all that belongs to it.

        Args:
            visitor: The visitor.
        """
        visitor.visit_device_resident(self)

    def to_device(self: _DeviceResident, device: DeviceLike) -> _DeviceResident:
        """Moves everything to a device.

        Args:
            device: A `Device` or a specifier such as ``'cpu'`` and ``'cuda:0'``.

        Returns:
            This object.
        """
        self.device_resident_accept(_Mover(backend.get_device(device)))
        return self

    def to_cpu(self: _DeviceResident) -> _DeviceResident:
        """Moves everything to the CPU.

        Returns:
            This object.
        """
        self.device_resident_accept(_Mover(backend.CpuDevice(), self))
        return self

    def to_gpu(self: _DeviceResident, device: Any = None) -> _DeviceResident:
        """Moves everything to a GPU.

        Args:
            device: Its number, or a `cupy.cuda.Device`; the current one by default.

        Returns:
            This object.
        """
        self.device_resident_accept(_Mover(backend.get_gpu(device), self))
        return self

    def to_intel64(self: _DeviceResident) -> _DeviceResident:
        """Moves everything to where Chainer computes by iDeep.

        Raises:
            RuntimeError: Always: there is no iDeep.
        """
        return self.to_device('@intel64')

    def to_chx(self: _DeviceResident) -> _DeviceResident:
        """Makes arrays of ChainerX of all arrays.

        Raises:
            RuntimeError: Always: there is no ChainerX.
        """
        raise backend.no_chainerx()

    def from_chx(self: _DeviceResident) -> _DeviceResident:
        """Makes arrays of NumPy and CuPy of those of ChainerX, of which there are none."""
        return self


class _Mover(DeviceResidentsVisitor):
    """Moves what it visits.

    A class written for an older Chainer overrides `to_cpu` and `to_gpu` to move what it alone knows of; these methods
    are called, too, except that of the object from which the move starts, which is running.
    """

    def __init__(self, device: backend.Device, start: DeviceResident | None = None) -> None:
        self.device = device
        self.start = start

    def visit_device_resident(self, device_resident: DeviceResident) -> None:
        device_resident._device = self.device
        if device_resident is self.start:
            return
        kind = type(device_resident)
        if isinstance(self.device, backend.GpuDevice):
            if kind.to_gpu is not DeviceResident.to_gpu:
                device_resident.to_gpu(self.device.index)
        elif kind.to_cpu is not DeviceResident.to_cpu:
            device_resident.to_cpu()

    def visit_array(self, arr: Array) -> Any:
        return self.device.send(arr)

    def visit_variable(self, param: Variable) -> None:
        param.to_device(self.device)
