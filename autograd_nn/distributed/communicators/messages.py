"""What processes tell each other about arrays before they send them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.dtypes import name_of
from autograd_nn.types import Array, Shape
from autograd_nn.variable import Variable


@dataclass(frozen=True)
class Header:
    """An array without its elements.

    Args:
        shape: Its shape.
        dtype: Its dtype, in the byte order of this machine.
        is_on_host: Whether it is one of NumPy.
    """

    shape: Shape
    dtype: np.dtype
    is_on_host: bool = True

    @classmethod
    def of(cls, x: Any, caller: str, argument: str = 'x') -> Header:
        """The header of an array.

        Args:
            x: The array.
            caller: The function, for the error.
            argument: Its argument.

        Raises:
            TypeError: It is no array.
        """
        is_array = backend.is_array(x) or isinstance(x, np.generic)
        if isinstance(x, Variable) or not is_array or x.dtype.hasobject:
            hint = ' (functions of the same name take Variables)' if isinstance(x, Variable) else ''
            raise TypeError(f'{caller}: {argument} must be an array of numbers, got {type(x).__name__}{hint}')
        return cls(x.shape, x.dtype.newbyteorder('='), isinstance(x, np.generic) or backend.is_on_host(x))

    def __str__(self) -> str:
        return f'{name_of(self.dtype)} {self.shape}'

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def empty(self) -> np.ndarray:
        """An array of this shape and dtype on the host, of any elements."""
        return np.empty(self.shape, self.dtype)

    def deliver(self, array: np.ndarray) -> Array:
        """What was received, where the sender had it: on the host, or on this process's GPU."""
        return array if self.is_on_host else backend.get_gpu().send(array)


def on_host(x: Array) -> np.ndarray:
    """An array as a contiguous one of NumPy, in the byte order of this machine: itself, if it is one."""
    array = x if isinstance(x, np.generic) else backend.to_cpu(x)
    return np.ascontiguousarray(array, x.dtype.newbyteorder('=')).reshape(x.shape)


def as_bytes(x: np.ndarray) -> np.ndarray:
    """The bytes of a contiguous array, as a view."""
    return x.reshape(-1).view(np.uint8)
