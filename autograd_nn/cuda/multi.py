"""One kernel for many arrays: it finds them by their addresses, in a table on the device.

Arrays are cut into pieces, and each block of threads takes one: small parameters do not wait for large ones.
"""
from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from autograd_nn.contract import Ints
from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import Kernel, raw
from autograd_nn.cuda.reductions import compute_dtype

_logger = logging.getLogger(__name__)

_PIECE = 1 << 13
_THREADS = 256
_C_TYPES = {'float32': 'float', 'float64': 'double'}

# The table holds the addresses of the first array of each row, those of the second of each row and so on; then the
# sizes. For each block, `pieces` holds the number of its row and the number of its first element.
_TEXT = '''
typedef {kind} T;
extern "C" __global__ void {name}(const long long* table, const long long* pieces, int rows{numbers}) {{
    const long long row = pieces[2 * blockIdx.x], start = pieces[2 * blockIdx.x + 1];
    const long long size = table[{columns} * rows + row];
    const long long end = start + {piece} < size ? start + {piece} : size;
    {pointers}
    {before}
    for (long long i = start + threadIdx.x; i < end; i += blockDim.x) {{
        {operation}
    }}
    {after}
}}
'''


class MultiKernel:
    """An operation on the corresponding elements of several arrays, for many such rows of arrays at once.

    Args:
        name: What it is called.
        arrays: The names of a row's arrays.
        numbers: Those of numbers in the arrays' type, which all rows have in common.
        operation: What to do for each element ``i``, in CUDA C++: ``p[i]`` is that of the array p, and T its type.
        before: What each thread does first.
        after: What each thread does last.
    """

    def __init__(self, name: str, arrays: str, numbers: str, operation: str, before: str = '', after: str = '') -> None:
        self.name = name
        self.columns = arrays.split()
        self.numbers = numbers.split()
        self.text = {'operation': operation, 'before': before, 'after': after}
        self.kernels = {dtype: self._declare(dtype) for dtype in _C_TYPES}

    def _declare(self, dtype: str) -> Kernel:
        kind = _C_TYPES[dtype]
        pointers = '\n    '.join(f'T* {array} = (T*)table[{k} * rows + row];' for k, array in enumerate(self.columns))
        name = f'{self.name}_{dtype}'
        code = _TEXT.format(name=name, kind=kind, numbers=''.join(f', T {number}' for number in self.numbers),
                            columns=len(self.columns), piece=_PIECE, pointers=pointers, **self.text)
        return raw(code, name)

    def __call__(self, *columns: Sequence[Any], numbers: Sequence[float] = ()) -> None:
        """Runs on contiguous arrays, all of one type, float32 or float64.

        Args:
            columns: For each of a row's arrays, those of all rows.
            numbers: The numbers.
        """
        if not columns[0]:
            return
        cupy = device.cupy
        sizes = tuple([array.size for array in columns[0]])
        table = cupy.asarray(np.array([*[array.data.ptr for column in columns for array in column], *sizes], np.int64))
        dtype = columns[0][0].dtype
        blocks, pieces = _pieces(sizes, cupy.cuda.Device().id)
        if blocks:
            self.kernels[dtype.name]((blocks,), (_THREADS,), (
                table, pieces, np.int32(len(sizes)), *[dtype.type(number) for number in numbers]))


@lru_cache(16)
def _pieces(sizes: Ints, device_id: int) -> tuple[int, Any]:
    """The number of pieces, and their table on the device: the number of the row, and that of the first element."""
    pieces = [(row, start) for row, size in enumerate(sizes) for start in range(0, size, _PIECE)]
    return len(pieces), device.cupy.asarray(np.array(pieces, np.int64).reshape(-1))


def thread_count(arrays: Sequence[Any]) -> int:
    """How many threads work on the arrays."""
    return _THREADS * sum(-(-array.size // _PIECE) for array in arrays)


def in_batches(columns: Sequence[Sequence[Any]], copied: list[tuple[Any, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows of some columns of arrays, those of one type together.

    Args:
        columns: For each of a row's arrays, those of all rows.
        copied: Is given the arrays, and their copies, that are not contiguous or of another type than that in which
            the row's first one is computed. Those of the second column, which is for reading, are left out.
    """
    batches: dict[Any, list[tuple[Any, ...]]] = {}
    for row in zip(*columns, strict=True):
        dtype = compute_dtype(row[0].dtype)
        flat = tuple([device.cupy.ascontiguousarray(array, dtype) for array in row])
        copied += [(array, copy) for k, (array, copy) in enumerate(zip(row, flat)) if copy is not array and k != 1]
        batches.setdefault(dtype, []).append(flat)
    if copied:
        _logger.debug('%d arrays are copied: their layout or type is not that of the computation', len(copied))
    return list(batches.values())
