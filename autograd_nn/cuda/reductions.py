"""Sums that several kernels need, in at least float32."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.contract import Ints
from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import COMPUTE, reduce

_product_sum = reduce('T x, T y', 'U z', '(C)x * (C)y', 'a + b', 'z = (U)a', '0', 'product_sum', reduce_type='C',
                      preamble=COMPUTE)


def compute_dtype(dtype: Any) -> np.dtype:
    """The type in which arrays of `dtype` are computed: float32 at least."""
    return np.result_type(dtype, np.float32)


def product_sum(x: Any, y: Any, axis: Ints, dtype: Any, keepdims: bool = False) -> Any:
    """The sum of ``x * y`` along some axes.

    Args:
        x: An array.
        y: An array that broadcasts to it, or the number 1.
        axis: The axes to sum over.
        dtype: The type of the result.
        keepdims: Whether the axes stay, with the length 1.
    """
    shape = [n for i, n in enumerate(x.shape) if i not in axis]
    z = device.cupy.empty(shape, dtype)
    _product_sum(x, y, z, axis=axis)
    return z.reshape([1 if i in axis else n for i, n in enumerate(x.shape)]) if keepdims else z
