"""``cupy.ndarray`` in the memory of the host: a NumPy array within, and CuPy's manners without."""
from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from ml_dtypes import bfloat16

from .cuda import Device, MemoryPointer, alloc, alloc_pinned_memory, current_device, graph

_BFLOAT16 = np.dtype(bfloat16)


class ndarray:
    """As ``cupy.ndarray``: it lives on the device that was current when it was made."""

    __slots__ = ('__weakref__', '_a', '_base', '_memory')
    __hash__ = None

    def __init__(self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None,
                 order: str = 'C') -> None:
        size = np.empty(0, dtype).itemsize * int(np.prod(shape, dtype=np.int64))
        memptr = alloc(size) if memptr is None else memptr
        self._a = memptr.array(shape, dtype, strides, order)
        self._base, self._memory = None, memptr.mem
        graph.hold(self._a)

    shape = property(lambda self: self._a.shape, lambda self, shape: setattr(self._a, 'shape', shape))
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    itemsize = property(lambda self: self._a.itemsize)
    nbytes = property(lambda self: self._a.nbytes)
    strides = property(lambda self: self._a.strides)
    flags = property(lambda self: self._a.flags)
    base = property(lambda self: self._base)
    _device = property(lambda self: self._memory.device_id)
    device = property(lambda self: Device(self._device))
    data = property(lambda self: MemoryPointer(self._memory, self._a.ctypes.data, self._a))
    T = property(lambda self: _view(self, self._a.T))
    mT = property(lambda self: _view(self, self._a.mT))
    real = property(lambda self: _view(self, self._a.real))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {**self._a.__array_interface__, 'version': 3, 'stream': None}

    def get(self, stream: Any = None, order: str = 'C', out: np.ndarray | None = None,
            blocking: bool = True) -> np.ndarray:
        """A copy in NumPy's hands."""
        graph.refuse('cudaStreamSynchronize')
        if out is None:
            return self._a.copy(order)
        out[...] = self._a
        return out

    def set(self, array: np.ndarray, stream: Any = None) -> None:
        """Copies a NumPy array of the same shape and type into this one."""
        if not isinstance(array, np.ndarray):
            raise TypeError('Only numpy.ndarray can be set to cupy.ndarray')
        if array.dtype != self.dtype or array.shape != self.shape:
            raise ValueError(f'Shape or dtype mismatch: {array.shape} {array.dtype}, {self.shape} {self.dtype}')
        alloc_pinned_memory(array.nbytes)
        self._a[...] = array

    def item(self, *args: Any) -> Any:
        return self.get().item(*args)

    def tolist(self) -> Any:
        return self.get().tolist()

    def tobytes(self, order: str = 'C') -> bytes:
        return self.get().tobytes(order)

    def copy(self, order: str = 'C') -> ndarray:
        """A copy on the current device."""
        return made(lambda: self._a.copy(order))

    def astype(self, dtype: Any, order: str = 'K', casting: Any = None, subok: Any = None,
               copy: bool = True) -> ndarray:
        a = self._a.astype(dtype, order, copy=copy)
        return self if a is self._a else made(lambda: self._a.astype(dtype, order))

    def __getitem__(self, index: Any) -> ndarray:
        index = index if isinstance(index, tuple) else (index,)
        plain = tuple(_index(self, i) for i in index)
        if not any(i is Ellipsis for i in plain):
            plain += (Ellipsis,)  # one element is an array of no axes, not a number
        a = self._a[plain]
        return _view(self, a) if np.may_share_memory(a, self._a) else made(lambda: self._a[plain])

    def __setitem__(self, index: Any, value: Any) -> None:
        index = index if isinstance(index, tuple) else (index,)
        plain, elements = tuple(_index(self, i) for i in index), unwrap(value)

        def assign() -> None:
            self._a[plain] = elements
        assign()
        graph.record(assign)

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError('iteration over a 0-d array')
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError('Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy '
                        'array explicitly.')

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        import cupy
        known = getattr(cupy, ufunc.__name__, None)
        if known is None or method not in ('__call__', 'at'):
            return NotImplemented
        return (call(ufunc.at, *inputs) if method == 'at' else call(ufunc, *inputs, **kwargs))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        import cupy
        module = cupy
        for name in function.__module__.split('.')[1:]:
            module = getattr(module, name, None)
        known = getattr(module, function.__name__, None)
        if known is None or not all(issubclass(t, ndarray) for t in types):
            return NotImplemented
        return known(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.get()[()], spec)

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __index__(self) -> int:
        return self.get().__index__()

    def __contains__(self, value: Any) -> bool:
        raise TypeError('cupy.ndarray has no __contains__')

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        with Device(self._device):
            return self.copy()

    def __reduce__(self) -> Any:
        return _from_numpy, (self.get(),)


def _from_numpy(a: np.ndarray) -> ndarray:
    return wrap(a)


def _view(parent: ndarray, a: np.ndarray) -> ndarray:
    """An array that shares its parent's memory and device."""
    result = wrap(a, parent._memory)
    result._base = parent if parent._base is None else parent._base
    return result


def wrap(a: Any, memory: Any = None) -> ndarray:
    """A NumPy array, or a number of NumPy, as an array of the current device, or of a piece of memory."""
    result = object.__new__(ndarray)
    result._a = np.asarray(a)
    result._base = None
    result._memory = alloc(result._a.nbytes).mem if memory is None else memory
    graph.hold(result._a)
    return result


def made(make: Callable[[], Any]) -> ndarray:
    """A new array of what a function of NumPy makes, each time anew in a graph."""
    result = wrap(make())
    graph.record(lambda: np.copyto(result._a, make()))
    return result


def check_device(x: Any) -> None:
    """Refuses what CuPy's kernels refuse: NumPy's arrays, and arrays of another device than the current one.

    Raises:
        TypeError: It is neither an array of CuPy nor a number.
        ValueError: It is on another device; the devices here have no access to each other.
    """
    if isinstance(x, ndarray):
        if x._device != current_device():
            raise ValueError(f'The device where the array resides ({x._device}) is different from the current device '
                             f'({current_device()}). Peer access is unavailable between these devices.')
    elif not isinstance(x, (bool, int, float, complex, np.generic)):
        raise TypeError(f'Unsupported type {type(x)}')


def unwrap(x: Any) -> Any:
    """The NumPy array within an array of the current device; other things are numbers, or refused."""
    check_device(x)
    return x._a if isinstance(x, ndarray) else x


def _index(array: ndarray, i: Any) -> Any:
    if isinstance(i, ndarray):
        if i._device != array._device:
            raise ValueError(f'index on device {i._device}, array on device {array._device}')
        return i._a
    return i


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of NumPy on arrays of CuPy: results are arrays of CuPy, and an argument that comes back is itself."""
    originals: dict[int, ndarray] = {}
    name = getattr(function, '__name__', '')

    def plain(x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            return type(x)([plain(y) for y in x])
        if isinstance(x, np.ndarray) or (x is None and name == 'clip'):
            raise TypeError(f'Unsupported type {type(x)}')
        if isinstance(x, ndarray):
            a = unwrap(x)
            originals[id(a)] = x
            return a
        return x

    def wrapped(y: Any) -> Any:
        if isinstance(y, tuple):
            return tuple(wrapped(z) for z in y)
        if isinstance(y, list):
            return [wrapped(z) for z in y]
        if id(y) in originals:
            return originals[id(y)]
        if isinstance(y, np.ndarray):
            for x in originals.values():
                if y.base is not None and np.may_share_memory(y, x._a):
                    return _view(x, y)
            # CuPy gives results the order of their axes, whatever the order of the arguments.
            return wrap(y if function.__name__.endswith('_like') else np.asarray(y, order='C'))
        return wrap(y) if isinstance(y, np.generic) else y

    if name in _SYNCHRONIZING:
        graph.refuse('cudaStreamSynchronize')
    if name in _PRODUCTS:
        graph.refuse_library('cuBLAS')
    plain_args, plain_kwargs = [plain(x) for x in args], {key: plain(x) for key, x in kwargs.items()}
    if 'dtype' not in kwargs and {x.dtype for x in originals.values() if x.dtype.kind in 'fcV'} == {_BFLOAT16}:
        function = _in_bfloat16(function, args)
    with np.errstate(all='ignore'):
        results = function(*plain_args, **plain_kwargs)
    if graph.capturing():
        def run() -> None:
            again = function(*plain_args, **plain_kwargs)
            for old, new in _pairs(results, again):
                if new is not old and not np.may_share_memory(new, old):
                    np.copyto(old, new)
        results = _as_arrays(results)
        graph.record(run)
    return wrapped(results)


# CuPy has these for float32 and not for bfloat16.
_NOT_IN_BFLOAT16 = {'where', 'clip', 'tril', 'triu'}


def _in_bfloat16(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    """A function that gives numbers of bfloat16 for such where CuPy's do; NumPy's may make them float32."""
    name = function.__name__
    if name in ('at', 'einsum') or (name == 'matmul' and max(x.ndim for x in args) > 2):
        raise TypeError(f'{name} is not for bfloat16')
    if name in _NOT_IN_BFLOAT16 or (len(args) > 1 and name not in _METHODS and any(type(x) is float for x in args)):
        return lambda *args: function(*[x.astype('f') if getattr(x, 'dtype', None) == _BFLOAT16 else x for x in args])

    def rounded(y: Any) -> Any:
        if isinstance(y, (tuple, list)):
            return type(y)([rounded(z) for z in y])
        return y.astype(_BFLOAT16) if isinstance(y, (np.ndarray, np.generic)) and y.dtype.kind == 'f' else y

    return functools.wraps(function)(lambda *args, **kwargs: rounded(function(*args, **kwargs)))


# Their results have shapes that the device has to tell, or are numbers for the host.
_SYNCHRONIZING = {'allclose', 'argwhere', 'array_equal', 'extract', 'flatnonzero', 'nonzero', 'unique'}
_PRODUCTS = {'dot', 'einsum', 'inner', 'matmul', 'outer', 'tensordot', 'vdot'}


def _as_arrays(results: Any) -> Any:
    if isinstance(results, (tuple, list)):
        return type(results)([_as_arrays(x) for x in results])
    return np.array(results) if isinstance(results, np.generic) else results


def _pairs(old: Any, new: Any) -> list[tuple[np.ndarray, Any]]:
    if isinstance(old, (tuple, list)):
        return [pair for x, y in zip(old, new) for pair in _pairs(x, y)]
    return [(old, np.asarray(new))] if isinstance(old, np.ndarray) else []


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np.ndarray, name)
    return lambda self, *args, **kwargs: call(function, self, *args, **kwargs)


_METHODS = '''
    all any argmax argmin argpartition argsort choose clip conj cumprod cumsum diagonal dot fill flatten max mean min
    nonzero partition prod put ravel repeat reshape round searchsorted sort squeeze std sum swapaxes take trace
    transpose var view'''
for _name in _METHODS.split():
    setattr(ndarray, _name, _method(_name))


def _operator(function: Callable[..., Any], reflected: bool = False) -> Callable[..., Any]:
    def method(self: ndarray, other: Any) -> Any:
        # What knows better how to deal with arrays, such as a Variable, gets its turn.
        if not isinstance(other, (ndarray, np.ndarray, np.generic, bool, int, float, complex)):
            return NotImplemented
        return call(function, other, self) if reflected else call(function, self, other)
    return method


_OPERATORS = 'add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift'
for _name in _OPERATORS.split():
    _function, _special = getattr(operator, _name), _name.strip('_')
    setattr(ndarray, f'__{_special}__', _operator(_function))
    setattr(ndarray, f'__r{_special}__', _operator(_function, True))
    setattr(ndarray, f'__i{_special}__', _operator(getattr(operator, f'i{_special}')))
ndarray.__divmod__ = _operator(divmod)
for _name in ['eq', 'ne', 'lt', 'le', 'gt', 'ge']:
    setattr(ndarray, f'__{_name}__', _operator(getattr(operator, _name)))
for _name in ['neg', 'pos', 'abs', 'invert']:
    setattr(ndarray, f'__{_name}__', lambda self, _name=_name: call(getattr(operator, _name), self))
