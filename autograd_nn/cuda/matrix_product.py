"""Products of matrices, by cuBLAS."""
from __future__ import annotations

from typing import Any

from autograd_nn.cuda.pointwise import finish


def matmul(a: Any, b: Any) -> Any:
    """CuPy's operator."""
    return a @ b


def linear(x: Any, W: Any, b: Any, ceiling: float | None = None) -> Any:
    """One product, and one kernel for the rest."""
    return finish((x @ W.T).astype(x.dtype, copy=False), b, None, ceiling)
