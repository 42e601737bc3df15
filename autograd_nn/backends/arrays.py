"""Arrays of NumPy and of CuPy: which one it is, and what a Variable may hold."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

import numpy as np

from autograd_nn import cuda
from autograd_nn.types import Array, DTypeLike, Number

ARRAYS: tuple[type, ...] = np.ndarray, cuda.ndarray
"""The types of arrays."""

_NUMPY = np.generic, np.ndarray


def get_array_module(*args: Any) -> Any:
    """The array module that serves the arguments: ``cupy`` if one of them is a CuPy array, ``numpy`` otherwise.

    Args:
        args: Arrays, Variables or anything else.
    """
    return cuda.get_array_module(*[getattr(x, 'array', x) for x in args]) if cuda.available else np


def is_array(obj: object) -> TypeGuard[Any]:
    """Whether `obj` is a NumPy or a CuPy array."""
    return isinstance(obj, ARRAYS)


def get_array_types() -> tuple[type, ...]:
    """The types of arrays that there are here: NumPy's, and CuPy's where a GPU can be used."""
    return ARRAYS if cuda.available else get_cpu_array_types()


def get_cpu_array_types() -> tuple[type, ...]:
    """The types of arrays on the CPU."""
    return np.ndarray,


def is_arrays_compatible(arrays: Iterable[Any]) -> bool:
    """Whether arrays can be computed with together: all are NumPy's, or all are CuPy's.

    Args:
        arrays: Arrays; None is passed over.
    """
    kinds = {type(x) for x in arrays if x is not None}
    return any(all(issubclass(kind, known) for kind in kinds) for known in ARRAYS)


def is_on_host(array: Array) -> bool:
    """Whether looking at the numbers of an array waits for no device."""
    return isinstance(array, np.ndarray)


def scalar_beside(array: Array, value: Number, dtype: DTypeLike) -> Array:
    """A number as an array of no axes, on the device of another array."""
    return np.array(value, dtype) if isinstance(array, np.ndarray) else get_array_module(array).array(value, dtype)


def plain_array(array: Array) -> Any:
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


def as_output(y: Array, function: Any) -> Any:
    """`y` as the array that `function` computed: NumPy's scalars become arrays of no axes.

    None stands for an output that it leaves out.

    Raises:
        TypeError: It is neither an array nor a scalar of NumPy.
    """
    if isinstance(y, _NUMPY):
        return np.asarray(y)
    if y is None or isinstance(y, cuda.ndarray):
        return y
    raise TypeError(f'{function.label}: expected arrays as results, got {type(y).__name__}')


def from_dlpack(obj: Any) -> Any:
    """The memory of a DLPack object as an array, on the device where it is."""
    if hasattr(obj, '__dlpack_device__') and obj.__dlpack_device__()[0] == 2:
        cuda.check_cuda_available()
        return cuda.cupy.from_dlpack(obj)
    return np.from_dlpack(obj)


def to_cpu(array: Array) -> np.ndarray:
    """The array as a NumPy array: itself, or a copy from the GPU."""
    return cuda.to_cpu(array)


def copyto(dst: Array, src: Array) -> None:
    """Copies the elements of `src` into `dst`, across devices too.

    Args:
        dst: The array to write to.
        src: An array of a shape that broadcasts to it.
    """
    if isinstance(dst, np.ndarray):
        np.copyto(dst, to_cpu(src))
    else:
        dst[...] = cuda.cupy.asarray(src)
