"""One kernel for many arrays: it finds them by their addresses, in a table on the device.

Arrays are cut into pieces, and each block of threads takes one: small parameters do not wait for large ones.
"""
from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import Kernel, raw
from autograd_nn.dtypes import compute_dtype, name_of
from autograd_nn.types import Ints

_logger = logging.getLogger(__name__)

_PIECE = 1 << 13
_THREADS = 256
# Half precision is a type of 16 bits here, which `load` and `store` know.
_C_TYPES = {'float16': 'half_bits', 'bfloat16': 'bfloat16_bits', 'float32': 'float', 'float64': 'double'}

# Conversions as IEEE 754 has them, to the nearest number, and to the even one of two: 2 ** 112 is the ratio of numbers
# whose exponents have the same bits, and next to 0.5 numbers of single precision are as far apart as those next to 0 of
# half precision. A number of bfloat16 is the upper half of one of single precision.
_HALF = '''
union number { unsigned int bits; float value; };
struct half_bits { unsigned short bits; };
struct bfloat16_bits { unsigned short bits; };
__device__ float load(const half_bits* x) {
    number result;
    result.bits = (x->bits & 0x7fffu) << 13;
    result.value *= 5192296858534827628530496329220096.f;
    if ((x->bits & 0x7c00u) == 0x7c00u) result.bits |= 0x7f800000u;
    result.bits |= (x->bits & 0x8000u) << 16;
    return result.value;
}
__device__ void store(half_bits* y, float x) {
    number result;
    result.value = x;
    const unsigned int sign = result.bits >> 16 & 0x8000u;
    result.bits &= 0x7fffffffu;
    if (result.bits > 0x7f800000u) y->bits = sign | 0x7e00u;
    else if (result.bits >= 0x477ff000u) y->bits = sign | 0x7c00u;
    else if (result.bits < 0x38800000u) {
        result.value += 0.5f;
        y->bits = sign | (result.bits - 0x3f000000u);
    } else y->bits = sign | (result.bits - 0x38000000u + 0xfffu + (result.bits >> 13 & 1)) >> 13;
}
__device__ float load(const bfloat16_bits* x) {
    number result;
    result.bits = (unsigned int)x->bits << 16;
    return result.value;
}
__device__ void store(bfloat16_bits* y, float x) {
    number result;
    result.value = x;
    if (x != x) y->bits = result.bits >> 16 | 0x40u;
    else y->bits = (result.bits + 0x7fffu + (result.bits >> 16 & 1)) >> 16;
}
__device__ float load(const float* x) { return *x; }
__device__ double load(const double* x) { return *x; }
__device__ void store(float* y, float x) { *y = x; }
__device__ void store(double* y, double x) { *y = x; }
'''

# The table holds the addresses of the first array of each row, those of the second of each row and so on; then the
# sizes. For each block, `pieces` holds the number of its row and the number of its first element.
_TEXT = '''{preamble}
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
        types: For each variant the types of the arrays, where they are not all float32 or all float64. In half
            precision, ``load(p + i)`` and ``store(p + i, x)`` stand for ``p[i]``, and T is float.
    """

    def __init__(self, name: str, arrays: str, numbers: str, operation: str, before: str = '', after: str = '',
                 types: Sequence[str] = ()) -> None:
        self.name = name
        self.columns = arrays.split()
        self.numbers = numbers.split()
        self.text = {'operation': operation, 'before': before, 'after': after, 'preamble': _HALF if types else ''}
        variants = [tuple(each.split()) for each in types] or [(dtype,) * len(self.columns)
                                                               for dtype in ('float32', 'float64')]
        self.kernels = {variant: self._declare(variant) for variant in variants}

    def _declare(self, types: tuple[str, ...]) -> Kernel:
        pointers = '\n    '.join(f'{_C_TYPES[dtype]}* {array} = ({_C_TYPES[dtype]}*)table[{k} * rows + row];'
                                 for k, (array, dtype) in enumerate(zip(self.columns, types, strict=True)))
        name = '_'.join([self.name, *dict.fromkeys(types)])
        kind = 'double' if 'float64' in types else 'float'
        code = _TEXT.format(name=name, kind=kind, numbers=''.join(f', T {number}' for number in self.numbers),
                            columns=len(self.columns), piece=_PIECE, pointers=pointers, **self.text)
        return raw(code, name)

    def __call__(self, *columns: Sequence[Any], numbers: Sequence[float] = ()) -> None:
        """Runs on contiguous arrays, whose types are the same in all rows.

        Args:
            columns: For each of a row's arrays, those of all rows.
            numbers: The numbers.
        """
        if not columns[0]:
            return
        cupy = device.cupy
        sizes = tuple([array.size for array in columns[0]])
        table = cupy.asarray(np.array([*[array.data.ptr for column in columns for array in column], *sizes], np.int64))
        types = tuple([name_of(column[0].dtype) for column in columns])
        number_type = np.float64 if 'float64' in types else np.float32
        blocks, pieces = _pieces(sizes, cupy.cuda.Device().id)
        if blocks:
            self.kernels[types]((blocks,), (_THREADS,), (
                table, pieces, np.int32(len(sizes)), *[number_type(number) for number in numbers]))


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
