"""Products of matrices by cuBLAS: through CuPy, or by calling the library where CuPy does not.

CuPy 14 refuses to call cuBLAS while a graph is captured (https://github.com/cupy/cupy/issues/6290), which the library
itself allows if it has a workspace that stays where it is. And it has products of many matrices in half precision
computed in single precision, or not at all (https://github.com/cupy/cupy/pull/10317).
"""
from __future__ import annotations

import ctypes
import logging
import os
from functools import lru_cache
from typing import Any

import numpy as np

from autograd_nn.cuda import device
from autograd_nn.cuda.capture import CaptureError, current
from autograd_nn.dtypes import is_half, name_of
from autograd_nn.types import Array

_logger = logging.getLogger(__name__)

# cudaDataType, and cublasComputeType_t in which the numbers are summed up.
_TYPES = {'float16': (2, 68), 'bfloat16': (14, 68), 'float32': (0, 68), 'float64': (1, 70)}
_TF32, _DEFAULT_ALGORITHM = 77, -1


def matmul(a: Array, b: Array, out: Array = None) -> Any:
    """As ``cupy.matmul``, and by cuBLAS itself where CuPy's function cannot be captured or leaves half precision."""
    if current() is None and a.ndim == b.ndim == 2:
        return device.cupy.dot(a, b, out)  # which CuPy begins with fewer questions
    if current() is None and not (_are_batches_of_halves(a, b) and _is_there()):
        return device.cupy.matmul(a, b, out=out)
    if min(a.ndim, b.ndim) < 1 or a.dtype != b.dtype or name_of(a.dtype) not in _TYPES:
        raise CaptureError(f'the product of arrays of {a.shape} {a.dtype} and {b.shape} {b.dtype} is not one of cuBLAS')
    y = _product(a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b)
    y = y[..., 0, :] if a.ndim == 1 else y
    y = y[..., 0] if b.ndim == 1 else y
    if out is None:
        return y
    out[...] = y
    return out


def _are_batches_of_halves(a: Array, b: Array) -> bool:
    return max(a.ndim, b.ndim) > 2 and min(a.ndim, b.ndim) > 0 and a.dtype == b.dtype and is_half(a.dtype)


def _product(a: Array, b: Array) -> Any:
    cupy = device.cupy
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f'matmul: arrays of shapes {a.shape} and {b.shape} do not fit')
    y = cupy.empty((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    if y.size and not a.shape[-1]:
        y.fill(0)
    elif y.size:
        a, b = (cupy.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
        _gemm(*[x.reshape(-1, *x.shape[-2:]) for x in (a, b, y)])
    return y


def _gemm(a: Array, b: Array, y: Array) -> None:
    """Products of matrices, batch by batch. cuBLAS takes columns first: it computes ``y.T = b.T @ a.T``."""
    library, graph = _library(), current()
    handle = _handle(device.cupy.cuda.Device().id, graph is not None)
    a, transa, lda = _layout(a)
    b, transb, ldb = _layout(b)
    kind, compute = _TYPES[name_of(a.dtype)]
    if kind == 0 and int(os.environ.get('CUPY_TF32', '0')):
        compute = _TF32
    number = ctypes.c_double if kind == 1 else ctypes.c_float
    one, zero = number(1), number(0)
    count, m, n = y.shape
    steps = [ctypes.c_longlong(x.strides[0] // x.itemsize) for x in (b, a, y)]
    pointers = [ctypes.c_void_p(x.data.ptr) for x in (b, a, y)]
    stream = device.cupy.cuda.get_current_stream()
    _check('cublasSetStream', library.cublasSetStream_v2(handle, ctypes.c_void_p(stream.ptr)))
    if graph is not None:
        _check('cublasSetWorkspace', library.cublasSetWorkspace_v2(
            handle, ctypes.c_void_p(graph.workspace.data.ptr), ctypes.c_size_t(graph.workspace.nbytes)))
    _check('cublasGemmStridedBatchedEx', library.cublasGemmStridedBatchedEx(
        handle, transb, transa, n, m, a.shape[2], ctypes.byref(one), pointers[0], kind, ldb, steps[0],
        pointers[1], kind, lda, steps[1], ctypes.byref(zero), pointers[2], kind, n, steps[2], count, compute,
        _DEFAULT_ALGORITHM))


def _layout(x: Array) -> tuple[Any, int, int]:
    """Matrices as cuBLAS takes them: the array or a copy, whether it is transposed, and the distance of its lines."""
    for axis in 2, 1:
        line = x.strides[3 - axis] // x.itemsize
        if x.strides[axis] == x.itemsize and line >= x.shape[axis] and x.strides[3 - axis] % x.itemsize == 0:
            return x, 2 - axis, line
    x = device.cupy.ascontiguousarray(x)
    return x, 0, max(1, x.shape[2])


@lru_cache(None)
def _library() -> Any:
    name = f'libcublas.so.{device.cupy.cuda.runtime.runtimeGetVersion() // 1000}'
    device.cupy.cuda.get_cublas_handle()  # for which CuPy loads the library, wherever it is
    try:
        return ctypes.cdll.LoadLibrary(name)
    except OSError as error:
        raise CaptureError(f'{name} cannot be loaded: {error}') from error


@lru_cache(None)
def _handle(device_id: int, for_graphs: bool) -> ctypes.c_void_p:
    """A handle beside CuPy's, whose workspace and stream are its own."""
    handle = ctypes.c_void_p()
    _check('cublasCreate', _library().cublasCreate_v2(ctypes.byref(handle)))
    return handle


def prepare() -> None:
    """Creates what cannot be created during a capture.

    Raises:
        CaptureError: The library is not there.
    """
    for for_graphs in False, True:
        _handle(device.cupy.cuda.Device().id, for_graphs)


@lru_cache(None)
def _is_there() -> bool:
    try:
        _library()
    except CaptureError as error:
        _logger.debug('many products of matrices in half precision are left to CuPy: %s', error)
        return False
    return True


def _check(function: str, status: int) -> None:
    if status:
        raise CaptureError(f'{function} failed with status {status}')
