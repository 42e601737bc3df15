"""Chainer's names for going to and from ChainerX, which is no more: arrays are none of its, and cannot become any."""
from __future__ import annotations

from typing import Any

from autograd_nn.backends.arrays import is_array
from autograd_nn.backends.device import Device


def no_chainerx() -> RuntimeError:
    """The error for what needs ChainerX."""
    return RuntimeError('ChainerX is not available: it is no longer developed; arrays of NumPy and CuPy take its place')


class ChainerxDevice(Device):
    """Stands for the devices of ChainerX: there are none.

    Raises:
        RuntimeError: Always.
    """

    def __init__(self, device: Any = None) -> None:
        raise no_chainerx()


def from_chx(array: Any) -> Any:
    """An array, or those in a list or a tuple, as arrays of NumPy or CuPy: they are already.

    Raises:
        TypeError: It is something else.
    """
    if isinstance(array, (list, tuple)):
        return type(array)([from_chx(x) for x in array])
    if array is None or is_array(array):
        return array
    raise TypeError(f'from_chx: expected an array, got {type(array).__name__}')


def to_chx(array: Any) -> Any:
    """An array, or those in a list or a tuple, as arrays of ChainerX; None stays None.

    Raises:
        RuntimeError: There is no ChainerX.
    """
    if array is None:
        return None
    raise no_chainerx()
