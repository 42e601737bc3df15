"""Elementwise operations: a kernel for each, whatever goes together in one."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import COMPUTE
from autograd_nn.cuda.kernel import elementwise as kernel
from autograd_nn.cuda.layout import keep_layout
from autograd_nn.cuda.multi import MultiKernel, in_batches, thread_count

_scaled = kernel('T x, float64 a', 'T y', 'y = (T)((C)x * (C)a)', 'scaled', preamble=COMPUTE)
_scaled_sum = kernel('T x, S y, float64 a', 'T z', 'z = (T)((C)x + (C)y * (C)a)', 'scaled_sum', preamble=COMPUTE)
_finish = kernel('T x, T b, T residual, bool rectify, float64 ceiling', 'T y', '''
    const C sum = (C)x + (C)b + (C)residual;
    y = (T)(!rectify ? sum : sum < 0 ? (C)0 : sum > (C)ceiling ? (C)ceiling : sum)''', 'finish', preamble=COMPUTE)

_squares = MultiKernel('squares', 'x partial', '', 'sum += x[i] * x[i];', 'T sum = 0;',
                       'partial[blockIdx.x * blockDim.x + threadIdx.x] = sum;')
# The difference of a number to itself is zero unless it is infinite or not a number.
_find_not_finite = MultiKernel('find_not_finite', 'x found', '', 'if (x[i] - x[i] != 0) found[0] = 1;')


def elementwise(body: Callable[..., Any], args: Sequence[Any], operation: str | None = None) -> Any:
    """One of CuPy's own kernels: operations that have a text never come here."""
    return keep_layout(body, args)


def scaled(x: Any, a: float) -> Any:
    """One kernel."""
    return _scaled(x, float(a))


def scaled_sum(x: Any, y: Any, a: float) -> Any:
    """One kernel."""
    return _scaled_sum(x, y, float(a))


def finish(y: Any, b: Any, residual: Any, ceiling: float | None, out: Any = None) -> Any:
    """Adds a bias and a residual to `y` and rectifies the sum: what is None is left out.

    Args:
        y: An array.
        b: One that broadcasts to it.
        residual: One of its shape.
        ceiling: Results below 0 become 0, those above it become this number.
        out: Where to write the results; by default `y` itself.

    Returns:
        The array with the results.
    """
    if out is None:
        if b is None and residual is None and ceiling is None:
            return y
        out = y
    return _finish(y, 0 if b is None else b, 0 if residual is None else residual, ceiling is not None,
                   0. if ceiling is None else float(ceiling), out)


def sum_of_squares(arrays: Sequence[Any]) -> Any:
    """A sum for each thread, and then one kernel for their sum."""
    total: Any = device.cupy.zeros((), 'd')
    for batch in in_batches([arrays], []):
        flat = [array for array, in batch]
        partial = device.cupy.empty(thread_count(flat), flat[0].dtype)
        _squares(flat, [partial] * len(flat))
        total = total + partial.sum(dtype='d')
    return total


def all_finite(arrays: Sequence[Any]) -> bool:
    """One kernel for all arrays, and one answer to wait for."""
    answers = []
    for batch in in_batches([arrays], []):
        found = device.cupy.zeros(1, batch[0][0].dtype)
        _find_not_finite([array for array, in batch], [found] * len(batch))
        answers.append(found)
    return not any(float(found[0]) for found in answers)
