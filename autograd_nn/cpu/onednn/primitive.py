"""oneDNN's objects as Python objects: descriptors of memory, and primitives that compute on NumPy arrays.

A primitive is made once for each combination of shapes and parameters and kept (see `cached`). Nothing of it is shared
between threads. A call may come in the middle of another one of the same thread, from the handler of a signal or from
an object that is collected.
"""
from __future__ import annotations

import ctypes
import functools
import logging
import os
import threading
from collections.abc import Callable
from ctypes import byref, c_void_p
from math import prod
from typing import Any, TypeVar

import numpy as np

from autograd_nn.config import config
from autograd_nn.cpu import memory, threads
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn import signal_stack
from autograd_nn.cpu.onednn.address import address
from autograd_nn.cpu.onednn.library import Library
from autograd_nn.types import DTypeLike, Ints

T = TypeVar('T')
_logger = logging.getLogger(__name__)

# How many primitives a thread keeps. The largest networks need about 500; images of ever new sizes need new ones.
CAPACITY = 2048
# Larger arrays are read by several threads.
_LARGE = 1 << 19
# So are bytes that are compared, of at least a megabyte for each thread.
_COMPARED_BITS = 20
_DTYPES = {np.dtype(np.float32): c.FLOAT32, np.dtype(np.int32): c.INT32, np.dtype(np.int8): c.INT8,
           np.dtype(np.uint8): c.UINT8}
_FLOAT32 = np.dtype(np.float32)


class _Thread(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        # Primitives are made for one number of threads and one precision.
        self.made: dict[tuple[int, bool], dict[Any, Any]] = {}
        # The settings in force and what was made for them. They change together: a signal may come at any time.
        self.current: tuple[tuple[int, bool] | None, dict[Any, Any]] = None, {}
        self.stream: c_void_p | None = None
        self.forked = False

    def prepare(self, settings: tuple[int, bool]) -> dict[Any, Any]:
        """Makes new settings those of this thread's executions: the number of threads, and whether to use bfloat16."""
        library = loaded()
        if self.stream is None:
            signal_stack.provide()
            stream = c_void_p()
            library.call('stream_create', byref(stream), library.engine, 1)
            self.stream = stream
        library.set_num_threads(1 if self.forked else settings[0])
        primitives = self.made.setdefault(settings, {})
        self.current = settings, primitives
        return primitives


_thread = _Thread()


def _after_fork() -> None:
    """In a forked process, OpenMP waits forever for the threads that the forking one had; it must do without them."""
    _thread.made.clear()
    _thread.current, _thread.forked = (None, {}), True


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_after_fork)


def loaded() -> Library:
    """The library.

    Raises:
        OneDNNError: There is none.
    """
    found, reason = c.load()
    if found is None:
        raise c.OneDNNError(reason)
    return found


def cached(key: Any, make: Callable[..., T], *arguments: Any) -> T:
    """What `make` returned for `key`, made now if this thread has not yet.

    Args:
        key: A hashable that determines the result together with the number of threads, `use_bfloat16` and the process,
            with the function's name first.
        make: Makes it.
        arguments: What to call it with.
    """
    settings = threads.number(), config.__dict__['use_bfloat16']
    current, primitives = _thread.current
    if settings != current:
        primitives = _thread.prepare(settings)
    found = primitives.get(key)
    if found is None:
        if len(primitives) >= CAPACITY:
            # In one step: the handler of a signal may change the dictionary, too.
            oldest, *_ = primitives
            primitives.pop(oldest, None)
        found = primitives[key] = make(*arguments)
    return found


class Memory:
    """A descriptor of memory: shape, data type and strides in elements, or `any`: as oneDNN likes it best.

    Args:
        shape: Up to 12 axes, none of them empty.
        strides: In elements; None stands for row-major order.
        dtype: One of float32, int32, int8 and uint8.
        any: Leave the format to oneDNN.
    """

    def __init__(self, shape: Ints, strides: Ints | None = None, dtype: DTypeLike = _FLOAT32, *,
                 any: bool = False) -> None:
        self.handle = c_void_p()
        self._c = loaded().c
        if not 1 <= len(shape) <= 12 or min(shape) < 1:
            raise ValueError(f'oneDNN: expected 1 to 12 axes and no empty one, got shape {shape}')
        code = _DTYPES[np.dtype(dtype)]
        if any:
            loaded().call('memory_desc_create_with_tag', byref(self.handle), len(shape), c.dims(shape), code,
                            c.FORMAT_TAG_ANY)
        else:
            strides = strides or row_major(shape)
            if len(strides) != len(shape) or min(strides) < 1:
                raise ValueError(f'oneDNN: expected {len(shape)} positive strides, got {strides}')
            loaded().call('memory_desc_create_with_strides', byref(self.handle), len(shape), c.dims(shape), code,
                            c.dims(strides))

    def __del__(self) -> None:
        if self.handle:
            self._c.dnnl_memory_desc_destroy(self.handle)

    @property
    def _as_parameter_(self) -> c_void_p:
        return self.handle


def row_major(shape: Ints) -> Ints:
    """The strides, in elements, of a C-contiguous array."""
    return tuple(prod(shape[i + 1:]) for i in range(len(shape)))


def channels_last_strides(shape: Ints) -> Ints:
    """The strides, in elements, of an array (N, C, *spatial) whose memory has the order (N, *spatial, C)."""
    _, channels, *spatial = shape
    inner = row_major((*spatial, channels))
    return (prod(shape[1:]), 1, *inner[:-1])


def images(shape: Ints) -> Memory:
    """The descriptor of float32 arrays (N, C, *spatial) in channels-last order."""
    return Memory(shape, channels_last_strides(shape))


class Primitive:
    """A computation for fixed shapes.

    Args:
        kind: One of `library.PRIMITIVES`.
        parameters: The C arguments between the engine and the attributes.
        arrays: Which argument of the execution each array of a call is, such as ``(c.SRC, c.DST)``.
        added: The descriptor of an array that is added to the results (the argument ``c.ADDED``), or None.
        accumulate: Whether the results are added to what is there already.
        activation: One of `library.ELTWISE_*`, or None: which function of the results is stored.
        strided: Whether the arrays may have gaps, so that their bytes say nothing.
        hint: The forward primitive of a backward one.

    Raises:
        OneDNNError: oneDNN has no such computation.
    """

    # What `__del__` finds where making the object failed.
    _handle = _descriptor = c_void_p()

    def __init__(self, kind: str, *parameters: Any, arrays: Ints, added: Memory | None = None,
                 accumulate: bool = False, activation: int | None = None, strided: bool = False,
                 hint: Primitive | None = None) -> None:
        self._c = loaded().c
        self._descriptor, self._handle = c_void_p(), c_void_p()
        library = loaded()
        with Attributes(_operations(added, accumulate, activation)) as attributes:
            if hint is not None:
                parameters = (*parameters, hint._descriptor)
            elif kind.endswith(('backward', 'backward_data', 'backward_weights')):
                parameters = (*parameters, None)
            library.call(f'{kind}_primitive_desc_create', byref(self._descriptor), library.engine, *parameters,
                         attributes)
        self._finish(kind, arrays)
        if strided:
            self._sizes = [0] * len(arrays)

    def _finish(self, kind: str, arrays: Ints) -> None:
        library = loaded()
        library.call('primitive_create', byref(self._handle), self._descriptor)
        self.kind = kind
        self._execute = library.c.dnnl_primitive_execute
        self._set_handle = library.c.dnnl_memory_set_data_handle
        self._indexes = arrays
        self._sizes = [self.size(index) for index in arrays]
        self._idle = [_Arguments(self, arrays)]

    def format(self, index: int) -> c_void_p:
        """The descriptor of the memory that argument `index` must have; it lives as long as this object."""
        found = loaded().c.dnnl_primitive_desc_query_md(self._descriptor, c.QUERY_EXECUTION_ARGUMENT, index)
        return c_void_p(found)

    def size(self, index: int) -> int:
        """The bytes of argument `index`."""
        return loaded().c.dnnl_memory_desc_get_size(self.format(index))

    @property
    def implementation(self) -> str:
        """oneDNN's name for the kernel that it chose."""
        text = ctypes.c_char_p()
        loaded().call('primitive_desc_query', self._descriptor, c.QUERY_IMPLEMENTATION, 0, byref(text))
        return (text.value or b'').decode()

    def __call__(self, *arrays: np.ndarray) -> None:
        """Computes.

        Args:
            arrays: As many as were named, each with the memory that its descriptor says.

        Raises:
            ValueError: An array has fewer bytes than its descriptor says.
            OneDNNError: The computation failed.
        """
        try:
            arguments = self._idle.pop()
        except IndexError:
            # The handler of a signal, or an object that is collected, computes the same in the middle of a call.
            arguments = _Arguments(self, self._indexes)
        set_handle = self._set_handle
        for handle, size, array in zip(arguments.memories, self._sizes, arrays, strict=True):
            if array.nbytes < size:
                raise ValueError(f'oneDNN {self.kind}: expected an array of at least {size} bytes, got {array.nbytes} '
                                 f'(shape {array.shape}, {array.dtype})')
            set_handle(handle, address(array))
        status = self._execute(self._handle, _thread.stream, len(arrays), arguments.slots)
        self._idle.append(arguments)
        if status:
            c.check(status, self.kind)

    def __del__(self) -> None:
        # Nothing is looked up here: at the interpreter's end, modules may be gone.
        if self._handle:
            self._c.dnnl_primitive_destroy(self._handle)
        if self._descriptor:
            self._c.dnnl_primitive_desc_destroy(self._descriptor)


class _Arguments:
    """The arguments of one execution: objects that hold the addresses of its arrays while it lasts.

    Args:
        primitive: What is executed.
        indexes: Which of its arguments they are.
    """

    def __init__(self, primitive: Primitive, indexes: Ints) -> None:
        library = loaded()
        self._c = library.c
        self.memories: list[c_void_p] = []
        self.slots = (c.Argument * len(indexes))()
        for slot, index in zip(self.slots, indexes, strict=True):
            handle = c_void_p()
            library.call('memory_create', byref(handle), primitive.format(index), library.engine, None)
            self.memories.append(handle)
            slot.index, slot.memory = index, handle

    def __del__(self) -> None:
        for handle in self.memories:
            self._c.dnnl_memory_destroy(handle)


class Reorder(Primitive):
    """A copy from one format to another.

    Args:
        source: A descriptor.
        target: A descriptor of the same shape.
    """

    def __init__(self, source: Any, target: Any) -> None:
        self._c = loaded().c
        self._descriptor, self._handle = c_void_p(), c_void_p()
        library = loaded()
        library.call('reorder_primitive_desc_create', byref(self._descriptor), source, library.engine, target,
                     library.engine, None)
        self._finish('reorder', (c.SRC, c.DST))


def _operations(added: Memory | None, accumulate: bool, activation: int | None) -> list[tuple[Any, ...]]:
    """What is computed on the results: the ends of the names of the C functions, and their arguments."""
    operations: list[tuple[Any, ...]] = []
    if accumulate:
        operations.append(('sum', 1.0, 0, 0))
    if added is not None:
        operations.append(('binary', c.BINARY_ADD, added))
    if activation is not None:
        operations.append(('eltwise', activation, 0.0, 0.0))
    return operations


class Attributes:
    """A context that has the attributes of a primitive: its precision, and what is computed on its results.

    Args:
        operations: The operations on the results: the ends of the names of the C functions, and their arguments.
    """

    def __init__(self, operations: list[tuple[Any, ...]]) -> None:
        self.handle = c_void_p()
        self.operations = operations

    def __enter__(self) -> c_void_p:
        library = loaded()
        if config.use_bfloat16 or self.operations:
            library.call('primitive_attr_create', byref(self.handle))
        if config.use_bfloat16:
            library.call('primitive_attr_set_fpmath_mode', self.handle, c.FPMATH_BFLOAT16)
        if self.operations:
            handle = c_void_p()
            library.call('post_ops_create', byref(handle))
            for name, *arguments in self.operations:
                library.call(f'post_ops_append_{name}', handle, *arguments)
            library.call('primitive_attr_set_post_ops', self.handle, handle)
            library.call('post_ops_destroy', handle)
        return self.handle

    def __exit__(self, *exception: object) -> None:
        if self.handle:
            loaded().call('primitive_attr_destroy', self.handle)


class Converter:
    """Brings arrays into the format that a primitive likes best, and back.

    Args:
        plain: The descriptor of the format that they have.
        preferred: The descriptor of the other one.

    Attributes:
        needed: Whether the two differ.
        format: A number for the preferred format: equal for equal formats, and only for them.
    """

    def __init__(self, plain: Memory, preferred: c_void_p) -> None:
        library = loaded()
        self._plain, self._preferred = plain, preferred
        self._size = library.c.dnnl_memory_desc_get_size(preferred)
        self.needed = not library.c.dnnl_memory_desc_equal(plain, preferred)
        self.format = _format_number(preferred)
        self._there: Reorder | None = None
        self._back: Reorder | None = None

    def empty(self, shape: Ints) -> np.ndarray:
        """Memory for an array of `shape` in the preferred format."""
        return memory.empty((self._size,), np.uint8) if self.needed else memory.empty(shape)

    def convert(self, array: np.ndarray) -> np.ndarray:
        """The preferred format of an array."""
        if not self.needed:
            return array
        result = self.empty(array.shape)
        if self._there is None:
            self._there = Reorder(self._plain, self._preferred)
        self._there(array, result)
        return result

    def restore(self, array: np.ndarray, shape: Ints) -> np.ndarray:
        """The C-contiguous array of `shape` whose preferred format is given."""
        if not self.needed:
            return array
        result = memory.empty(shape)
        if self._back is None:
            self._back = Reorder(self._preferred, self._plain)
        self._back(array, result)
        return result


_formats: list[c_void_p] = []


def _format_number(format: c_void_p) -> int:
    """The place of a format among all that there have been."""
    library = loaded()
    for number, known in enumerate(_formats):
        if library.c.dnnl_memory_desc_equal(known, format):
            return number
    copy = c_void_p()
    library.call('memory_desc_clone', byref(copy), format)
    _formats.append(copy)
    # Another thread may have added the same one before.
    return _format_number(copy)


def in_use() -> bool:
    """Whether kernels of oneDNN serve this thread: ``config.use_onednn`` is not 'never', and the library is there.

    Raises:
        OneDNNError: ``config.use_onednn`` is 'always', and the library is not there.
    """
    use = config.__dict__['use_onednn']
    if use == 'never':
        return False
    found, reason = c.load()
    if found is None and use == 'always':
        raise c.OneDNNError(f"config.use_onednn is 'always': {reason}")
    return found is not None


def serves(kernel: str, *arrays: np.ndarray | None) -> bool:
    """Whether a kernel of oneDNN can take the arrays: float32, none of them empty, at most three spatial axes."""
    for array in arrays:
        if array is not None and (array.dtype != _FLOAT32 or not array.size or array.ndim > 5):
            _logger.debug('%s: NumPy computes on %s of shape %s', kernel, array.dtype, array.shape)
            return False
    return True


class _ToChannelsLast(Reorder):
    """A copy of images with the given strides, in elements."""

    def __init__(self, shape: Ints, strides: Ints) -> None:
        super().__init__(Memory(shape, strides), images(shape))
        self._sizes[0] = 0  # There may be gaps, so that the bytes say nothing.


def as_channels_last(x: np.ndarray) -> np.ndarray:
    """`x` (N, C, *spatial) itself where its memory has the order (N, *spatial, C), otherwise such a copy."""
    if x.transpose(0, *range(2, x.ndim), 1).flags.c_contiguous:
        return x
    y = memory.empty(x.shape, x.dtype, channels_last=True)
    strides = element_strides(x)
    if x.dtype == _FLOAT32 and strides is not None:
        cached(('channels_last', x.shape, strides), _ToChannelsLast, x.shape, strides)(x, y)
    else:
        y[...] = x
    return y


def element_strides(x: np.ndarray) -> Ints | None:
    """The strides in elements, those of axes of length 1 as in row-major order; None where `Memory` has no words.

    Strides must be positive, multiples of an element, and such that no two elements overlap.
    """
    return _element_strides(x.shape, x.strides, x.itemsize)


@functools.lru_cache(4096)
def _element_strides(shape: Ints, strides: Ints, itemsize: int) -> Ints | None:
    end = itemsize
    for stride, n in sorted(zip(strides, shape)):
        if n > 1:
            if stride < end or stride % itemsize:
                return None
            end = stride * n
    return tuple([stride // itemsize if n > 1 else usual
                  for stride, n, usual in zip(strides, shape, row_major(shape))])


def same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two C-contiguous arrays are the same, to the last bit: NaN is itself, and -0 is not 0."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    size, compare = a.nbytes, loaded().c.memcmp
    parts = max(1, min(threads.number(), size >> _COMPARED_BITS))
    bounds = [size * i // parts for i in range(parts + 1)]
    start, other = address(a) or 0, address(b) or 0
    differences: list[int] = []
    threads.run(lambda i: differences.append(
        compare(start + bounds[i], other + bounds[i], bounds[i + 1] - bounds[i])), range(parts))
    return not any(differences)


def extreme(ufunc: np.ufunc, x: np.ndarray) -> np.floating:
    """The smallest or largest element, NaN where there is one: oneDNN passes over NaN where NumPy does not.

    Args:
        ufunc: `numpy.minimum` or `numpy.maximum`.
        x: An array.
    """
    parts = min(threads.number(), x.size // _LARGE, len(x))
    if parts < 2:
        return ufunc.reduce(x, axis=None)
    found: list[np.floating] = []
    threads.run(lambda part: found.append(ufunc.reduce(part, axis=None)), np.array_split(x, parts))
    return ufunc.reduce(found)
