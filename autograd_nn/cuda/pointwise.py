"""Elementwise operations: a kernel for each, whatever goes together in one."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import COMPUTE
from autograd_nn.cuda.kernel import elementwise as kernel
from autograd_nn.cuda.layout import keep_layout
from autograd_nn.cuda.multi import MultiKernel, in_batches, thread_count
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array

_scaled_sum = kernel('T x, S y, float64 a', 'T z', 'z = (T)((C)x + (C)y * (C)a)', 'scaled_sum', preamble=COMPUTE)
_finish = kernel('T x, T b, T residual, bool rectify, float64 ceiling', 'T y', '''
    const C sum = (C)x + (C)b + (C)residual;
    y = (T)(!rectify ? sum : sum < 0 ? (C)0 : sum > (C)ceiling ? (C)ceiling : sum)''', 'finish', preamble=COMPUTE)

_squares = MultiKernel('squares', 'x partial', '', 'sum += x[i] * x[i];', 'T sum = 0;',
                       'partial[blockIdx.x * blockDim.x + threadIdx.x] = sum;')
# The difference of a number to itself is zero unless it is infinite or not a number.
_find_not_finite = MultiKernel(
    'find_not_finite', 'x found', '', 'if (load(x + i) - load(x + i) != 0) found[0] = 1;',
    types=['float16 float32', 'bfloat16 float32', 'float32 float32', 'float64 float64'])
_scaled_copies = MultiKernel('scaled_copies', 'x y', 'a', 'store(y + i, load(x + i) * a);', types=[
    *[types for half in ('float16', 'bfloat16') for types in (f'{half} {half}', f'{half} float32', f'float32 {half}')],
    'float32 float32', 'float64 float64'])


def elementwise(body: Callable[..., Any], args: Sequence[Any], operation: str | None = None) -> Any:
    """One of CuPy's own kernels: operations that have a text never come here."""
    return keep_layout(body, args)


def scaled(arrays: Sequence[Any], a: float) -> list[Any]:
    """``a * x`` for each of the arrays `x`, in one kernel for all of them."""
    results = [device.cupy.empty(x.shape, x.dtype) for x in arrays]
    scaled_copies(arrays, results, a)
    return results


def scaled_sum(x: Array, y: Array, a: float) -> Any:
    """``x + a * y``, in one kernel."""
    return _scaled_sum(x, y, float(a))


def finish(y: Array, b: Array, residual: Array, ceiling: float | None, out: Array = None) -> Any:
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
    for flat, in _by_types([arrays]):
        found = device.cupy.zeros(1, compute_dtype(flat[0].dtype))
        _find_not_finite(flat, [found] * len(flat))
        answers.append(found)
    return not any(float(found[0]) for found in answers)


def scaled_copies(sources: Sequence[Any], targets: Sequence[Any], a: float) -> None:
    """Writes ``a * x`` for each source `x` into its target, in one kernel for all of the same two types."""
    alike = [x.shape == y.shape and x.flags.c_contiguous and y.flags.c_contiguous for x, y in zip(sources, targets)]
    for source, target, same in zip(sources, targets, alike):
        if not same:
            target[...] = source.astype(compute_dtype(source.dtype), copy=False) * float(a)
    columns = [[x for x, same in zip(column, alike) if same] for column in (sources, targets)]
    for xs, ys in _by_types(columns):
        _scaled_copies(xs, ys, numbers=[a])


def _by_types(columns: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Columns of contiguous arrays, for each combination of the types in a row."""
    batches: dict[Any, list[tuple[Any, ...]]] = {}
    for row in zip(*columns, strict=True):
        flat = tuple([device.cupy.ascontiguousarray(array) for array in row])
        batches.setdefault(tuple([array.dtype for array in flat]), []).append(flat)
    return [[list(column) for column in zip(*rows, strict=True)] for rows in batches.values()]
