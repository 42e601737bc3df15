"""Stands for CuPy where there is no GPU: CUDA kernels run on the CPU, built by the system's C++ compiler.

How to use it: put the directory above this one first on the path, before autograd_nn is imported.

    PYTHONPATH=tests/cuda_emulator python scripts/train.py --device cuda:0
    CUDA_EMULATOR=1 python -m pytest tests/cuda_tests          (tests/conftest.py does it for the whole session)

``import cupy`` then finds two devices. Arrays are `cupy.ndarray` around memory of the host. `ElementwiseKernel`,
`ReductionKernel`, `RawKernel` and `RawModule` compile the same text that CuPy would hand to NVRTC, so that the kernels'
arithmetic, indexing, barriers, shuffles and atomics run; the rest of the interface computes with NumPy.

It refuses what CuPy refuses: NumPy's arrays in kernels and operators, implicit conversion to NumPy, arrays of another
device, letters that no array decides, outputs of a wrong shape. It refuses more than a GPU does: `raw` arrays check
their indices, a barrier that only some threads reach is an error, and `cupy.empty` holds NaN.

What raw kernels must keep to: one block runs after the other, and its threads take turns at barriers (the order of the
turns changes from block to block); so no kernel waits for another block. No textures, no cooperative groups, no dynamic
parallelism, no vendor headers, no inline PTX (put it in ``#ifdef __CUDACC__``). Half precision is CuPy's
``float16`` and ``bfloat16``.

Built kernels are kept in a directory of temporary files (or ``CUDA_EMULATOR_CACHE``), by their content.
"""
from __future__ import annotations

from typing import Any

import numpy as np
from ml_dtypes import bfloat16

from . import cuda, linalg, random
from ._array import made, ndarray, unwrap, wrap
from ._kernels import ElementwiseKernel, RawKernel, RawModule, ReductionKernel
from ._numpy import *  # noqa: F403

__version__ = '14.0.0'
_memos: dict[Any, dict[Any, Any]] = {}


def array(obj: Any, dtype: Any = None, copy: bool = True, order: str = 'K', subok: bool = False,
          ndmin: int = 0) -> ndarray:
    """A new array on the current device, of numbers, of a NumPy array, or of arrays of CuPy."""
    if isinstance(obj, ndarray):
        a = np.array(obj._a, dtype, copy=copy or None, order=order, ndmin=ndmin)
        return obj if a is obj._a else made(lambda: np.array(obj._a, dtype, order=order, ndmin=ndmin))
    if isinstance(obj, (list, tuple)) and _holds_arrays(obj):
        return made(lambda: np.array(_plain(obj), dtype, order=order, ndmin=ndmin))
    a = np.array(obj, dtype, order=order, ndmin=ndmin)
    if a.dtype.kind not in 'biufc' and a.dtype != bfloat16:
        raise ValueError(f'Unsupported dtype {a.dtype}')
    if a.ndim:  # a number is an argument of a kernel instead
        cuda.alloc_pinned_memory(a.nbytes)
    return wrap(a)


def _holds_arrays(obj: Any) -> bool:
    return isinstance(obj, ndarray) or (isinstance(obj, (list, tuple)) and any(_holds_arrays(x) for x in obj))


def _plain(obj: Any) -> Any:
    return unwrap(obj) if isinstance(obj, ndarray) else [_plain(x) for x in obj]


def asarray(a: Any, dtype: Any = None, order: Any = None, *, blocking: bool = False) -> ndarray:
    """An array on the current device: itself if it is one."""
    return array(a, dtype, copy=False, order=order or 'K')


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    """As `asarray`, in C order."""
    return array(a, dtype, copy=False, order='C', ndmin=1 if np.ndim(getattr(a, '_a', a)) else 0)


asanyarray = asarray


def asnumpy(a: Any, stream: Any = None, order: str = 'C', out: Any = None, *, blocking: bool = True) -> np.ndarray:
    """A copy in NumPy's hands; NumPy's arrays and numbers stay what they are."""
    return a.get(stream, order, out) if isinstance(a, ndarray) else np.asarray(a, order=order)


def get_array_module(*args: Any) -> Any:
    """This module if one of the arguments is an array of it, ``numpy`` otherwise."""
    import cupy
    return cupy if any(isinstance(a, ndarray) for a in args) else np


def empty(shape: Any, dtype: Any = float, order: str = 'C') -> ndarray:
    """An array of NaN or other improbable numbers."""
    return ndarray(shape, dtype, order=order)


def empty_like(prototype: ndarray, dtype: Any = None, order: str = 'K', subok: Any = None,
               shape: Any = None) -> ndarray:
    """As `empty`, of the shape, type and order of another array."""
    like = wrap(np.empty_like(prototype._a, dtype, order, shape=shape))
    like._a.fill(np.nan if like.dtype.kind in 'fV' else -1 if like.dtype.kind == 'i' else 1)
    return like


def fuse(*args: Any, **kwargs: Any) -> Any:
    """Not part of the emulator."""
    raise NotImplementedError('cupy.fuse: write an ElementwiseKernel')


def get_default_memory_pool() -> cuda.MemoryPool:
    return cuda.memory.default_pool


def get_default_pinned_memory_pool() -> cuda.PinnedMemoryPool:
    return cuda.memory.default_pinned_pool


def memoize(for_each_device: bool = False) -> Any:
    """As ``cupy.memoize``."""
    def decorate(function: Any) -> Any:
        memo = _memos.setdefault(function, {})

        def call(*args: Any, **kwargs: Any) -> Any:
            key = (cuda.current_device() if for_each_device else -1, args, tuple(sorted(kwargs.items())))
            if key not in memo:
                memo[key] = function(*args, **kwargs)
            return memo[key]
        return call
    return decorate


def clear_memo() -> None:
    """Forgets what memoized functions returned."""
    for memo in _memos.values():
        memo.clear()


def from_dlpack(obj: Any) -> ndarray:
    """Not part of the emulator: no DLPack object claims to be on its devices."""
    raise NotImplementedError('cupy.from_dlpack')


def is_available() -> bool:
    return cuda.is_available()


def show_config(*, full: bool = False) -> None:
    """Says that this is not CuPy."""
    print('CuPy             : emulated on the CPU')
