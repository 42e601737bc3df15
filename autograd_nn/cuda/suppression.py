"""Boxes that overlap better ones are left out: all pairs are compared at once, then one block of threads chooses."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import elementwise, raw
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array

_THREADS = 256

# Bit b of the word (r, w) says whether the boxes r and 64 w + b overlap; only later boxes are compared. Products are
# rounded before they are added, as NumPy has it, so that both back ends keep the same boxes.
_overlaps = elementwise('raw T boxes, T threshold, int64 count, int64 words', 'uint64 overlaps', '''
    const ptrdiff_t row = i / words, first = i % words * 64;
    const T top = boxes[4 * row], left = boxes[4 * row + 1], bottom = boxes[4 * row + 2], right = boxes[4 * row + 3];
    const T area = (bottom - top) * (right - left);
    overlaps = 0;
    for (ptrdiff_t other = first > row ? first : row + 1; other < first + 64 && other < count; ++other) {
        const T* b = &boxes[4 * other];
        const T height = min(bottom, b[2]) - max(top, b[0]), width = min(right, b[3]) - max(left, b[1]);
        const T common = (height > 0 ? height : (T)0) * (width > 0 ? width : (T)0);
        if (common / (area + (b[2] - b[0]) * (b[3] - b[1]) - common) >= threshold) overlaps |= 1ull << other - first;
    }''', 'overlaps_of_boxes', options=('--fmad=false',))

# One thread goes through 64 boxes; then all mark what those that it keeps overlap.
_keep = raw('''
extern "C" __global__ void keep_boxes(const unsigned long long* overlaps, unsigned long long* dropped, bool* kept,
                                      long long count, long long words, long long limit) {
    __shared__ unsigned long long among_them[64];
    __shared__ unsigned long long chosen;
    __shared__ long long found;
    if (threadIdx.x == 0) found = 0;
    for (long long word = 0; word < words; ++word) {
        const long long first = 64 * word;
        if (threadIdx.x < 64 && first + threadIdx.x < count) {
            among_them[threadIdx.x] = overlaps[(first + threadIdx.x) * words + word];
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            unsigned long long gone = dropped[word];
            chosen = 0;
            for (int bit = 0; bit < 64 && first + bit < count && found < limit; ++bit) {
                if (gone >> bit & 1) continue;
                gone |= among_them[bit];
                chosen |= 1ull << bit;
                kept[first + bit] = true;
                ++found;
            }
        }
        __syncthreads();
        if (found == limit) return;
        for (long long later = word + 1 + threadIdx.x; later < words; later += blockDim.x) {
            for (int bit = 0; bit < 64; ++bit) {
                if (chosen >> bit & 1) dropped[later] |= overlaps[(first + bit) * words + later];
            }
        }
        __syncthreads();
    }
}''', 'keep_boxes')


def non_maximum_suppression(boxes: Array, threshold: float, limit: int | None) -> Any:
    """Two launches; the number of boxes that are left is the only thing to wait for."""
    cupy, count = device.cupy, len(boxes)
    limit = count if limit is None else limit
    if not count or not limit:
        return cupy.empty(0, np.int32)
    words = -(-count // 64)
    bounds = cupy.ascontiguousarray(boxes, compute_dtype(boxes.dtype))
    overlaps = _overlaps(bounds, bounds.dtype.type(threshold), count, words, cupy.empty((count, words), np.uint64))
    kept = cupy.zeros(count, bool)
    _keep((1,), (_THREADS,), (overlaps, cupy.zeros(words, np.uint64), kept, count, words, limit))
    return cupy.flatnonzero(kept).astype(np.int32)
