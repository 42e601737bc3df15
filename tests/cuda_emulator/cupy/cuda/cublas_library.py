"""What ``ctypes`` finds as cuBLAS: products of matrices by NumPy, at addresses, columns first."""
from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from ml_dtypes import bfloat16

from . import graph

_TYPES = {0: np.float32, 1: np.float64, 2: np.float16, 14: bfloat16}


def _at(pointer: ctypes.c_void_p, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    size = np.dtype(dtype).itemsize
    extent = 1 + sum((n - 1) * s for n, s in zip(shape, strides))
    flat = np.frombuffer((ctypes.c_char * (extent * size)).from_address(pointer.value), dtype)
    return np.lib.stride_tricks.as_strided(flat, shape, [s * size for s in strides])


def _operand(pointer: Any, dtype: Any, transposed: int, rows: int, columns: int, ld: int, count: int,
             step: int) -> np.ndarray:
    """The operand op(A), rows x columns, of a matrix whose columns lie `ld` apart."""
    assert ld >= max(1, columns if transposed else rows)
    return _at(pointer, dtype, (count, rows, columns), (step, ld, 1) if transposed else (step, 1, ld))


class Library:
    """The functions that the package calls."""

    def __init__(self) -> None:
        self.stream = self.workspace = False

    def cublasCreate_v2(self, handle: Any) -> int:
        graph.refuse('cublasCreate')
        handle._obj.value = 1
        return 0

    def cublasSetStream_v2(self, handle: ctypes.c_void_p, stream: ctypes.c_void_p) -> int:
        self.stream, self.workspace = True, False
        return 0 if handle.value == 1 else 1

    def cublasSetWorkspace_v2(self, handle: ctypes.c_void_p, workspace: ctypes.c_void_p, size: ctypes.c_size_t) -> int:
        self.workspace = bool(workspace.value) and workspace.value % 256 == 0
        return 0 if self.stream else 1

    def cublasGemmStridedBatchedEx(self, handle: Any, transa: int, transb: int, m: int, n: int, k: int, alpha: Any,
                                   a: Any, a_type: int, lda: int, a_step: Any, b: Any, b_type: int, ldb: int,
                                   b_step: Any, beta: Any, c: Any, c_type: int, ldc: int, c_step: Any, count: int,
                                   compute: int, algorithm: int) -> int:
        dtype = _TYPES[c_type]
        number = ctypes.c_double if compute == 70 else ctypes.c_float
        if not (a_type == b_type == c_type and isinstance(alpha._obj, number) and isinstance(beta._obj, number)):
            return 15
        left = _operand(a, dtype, transa, m, k, lda, count, a_step.value)
        right = _operand(b, dtype, transb, k, n, ldb, count, b_step.value)
        result = _operand(c, dtype, 0, m, n, ldc, count, c_step.value)

        def run() -> None:
            # As rows first, which is how NumPy would have been asked.
            result.swapaxes(1, 2)[...] = np.stack([r.T.astype(number) @ l.T.astype(number)
                                                   for l, r in zip(left, right)])
        run()
        graph.record(run)
        return 0


_load, _library = ctypes.cdll.LoadLibrary, Library()
_handles: set[int] = set()


def get_cublas_handle() -> int:
    """As ``cupy.cuda.get_cublas_handle``, which loads the library."""
    if not _handles:
        graph.refuse('cublasCreate')
        _handles.add(1)
    return 1


def _load_library(name: Any) -> Any:
    if not str(name).startswith('libcublas.so'):
        return _load(name)
    if not _handles:
        raise OSError(f'{name}: cannot open shared object file: No such file or directory')
    return _library


ctypes.cdll.LoadLibrary = _load_library
