"""Products of matrices, by cuBLAS."""
from __future__ import annotations

from typing import Any

from autograd_nn.cuda import cublas
from autograd_nn.cuda.pointwise import finish
from autograd_nn.types import Array


def matmul(a: Array, b: Array) -> Any:
    """CuPy's function, or the library's."""
    return cublas.matmul(a, b)


def linear(x: Array, W: Array, b: Array, ceiling: float | None = None) -> Any:
    """``x @ W.T`` by cuBLAS, and one kernel that adds `b` and rectifies."""
    return finish(cublas.matmul(x, W.T).astype(x.dtype, copy=False), b, None, ceiling)
