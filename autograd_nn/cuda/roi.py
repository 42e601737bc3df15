"""Mean and maximum of samples of regions of images; gradients gather, so that they are added in a fixed order."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import COMPUTE, elementwise
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array, Ints

_SAMPLES = COMPUTE + '''
// The pixels at a sample of a bin along an axis of some length, and the second one's share.
struct Pixels { bool inside; ptrdiff_t low, high; C share; };

template <typename Bins>
__device__ Pixels pixels_at(const Bins& bins, ptrdiff_t bin, int number, ptrdiff_t size) {
    const C position = bins[3 * bin] + number * bins[3 * bin + 1];
    if (!(number < bins[3 * bin + 2] && position >= -1 && position <= size)) return {false, 0, 0, 0};
    const C at = position < 0 ? (C)0 : position > size - 1 ? (C)(size - 1) : position;
    const ptrdiff_t low = (ptrdiff_t)at;
    const C share = at - low;
    return {true, low, low + (share > 0), share};
}

template <typename Image>
__device__ C interpolated(const Image& x, ptrdiff_t image, ptrdiff_t channel, const Pixels& v, const Pixels& h) {
    C value = 0;
    for (int corner = 0; corner < 4; ++corner) {
        const C weight = (corner & 2 ? v.share : 1 - v.share) * (corner & 1 ? h.share : 1 - h.share);
        if (weight == 0) continue;
        const ptrdiff_t place[] = {image, channel, corner & 2 ? v.high : v.low, corner & 1 ? h.high : h.low};
        value += weight * (C)x[place];
    }
    return value;
}

// The weight of a pixel in a sample.
__device__ inline C weight_in(const Pixels& pixels, ptrdiff_t pixel) {
    if (!pixels.inside) return 0;
    return pixel == pixels.low ? 1 - pixels.share : pixel == pixels.high ? pixels.share : (C)0;
}

// Whether any of the samples from one bin to another may be next to a pixel.
template <typename Bins>
__device__ bool may_touch(const Bins& bins, ptrdiff_t first, ptrdiff_t last, ptrdiff_t pixel) {
    return bins[3 * first] <= pixel + 1
        && bins[3 * last] + (bins[3 * last + 2] - 1) * bins[3 * last + 1] >= pixel - 1;
}
'''

# The number of the bins of an element (region, channel, row, column) of the output.
_BINS = '''
    const ptrdiff_t v_bin = _ind.get()[0] * rows.shape()[1] + _ind.get()[2];
    const ptrdiff_t h_bin = _ind.get()[0] * columns.shape()[1] + _ind.get()[3];'''


def _over_samples(body: str) -> str:
    """Loops over the samples of a bin: number i down and j across."""
    return _BINS + f'''
    for (int i = 0; i < rows[3 * v_bin + 2]; ++i) {{
        const Pixels v = pixels_at(rows, v_bin, i, x.shape()[2]);
        if (!v.inside) continue;
        for (int j = 0; j < columns[3 * h_bin + 2]; ++j) {{
            const Pixels h = pixels_at(columns, h_bin, j, x.shape()[3]);
            if (!h.inside) continue;
            const C value = interpolated(x, (ptrdiff_t)image, _ind.get()[1], v, h);
            {body}
        }}
    }}'''


def _over_regions(body: str) -> str:
    """Sums over the bins, at `place` of the output, that may have a share of an element of the image."""
    return f'''
    const ptrdiff_t row = _ind.get()[2], column = _ind.get()[3], height = rows.shape()[1], width = columns.shape()[1];
    C sum = 0;
    for (ptrdiff_t r = 0; r < rows.shape()[0]; ++r) {{
        if (indices[r] != _ind.get()[0] || !may_touch(rows, r * height, (r + 1) * height - 1, row)
            || !may_touch(columns, r * width, (r + 1) * width - 1, column)) continue;
        for (ptrdiff_t v_bin = r * height; v_bin < (r + 1) * height; ++v_bin) {{
            if (!may_touch(rows, v_bin, v_bin, row)) continue;
            for (ptrdiff_t h_bin = r * width; h_bin < (r + 1) * width; ++h_bin) {{
                if (!may_touch(columns, h_bin, h_bin, column)) continue;
                const ptrdiff_t place[] = {{r, _ind.get()[1], v_bin - r * height, h_bin - r * width}};
                {body}
            }}
        }}
    }}
    gx = (T)sum;'''


_roi_average = elementwise('raw T x, S image, raw U rows, raw U columns', 'T y', f'''
    C sum = 0;
    {_over_samples('sum += value;')}
    const C count = rows[3 * v_bin + 2] * columns[3 * h_bin + 2];
    y = (T)(count > 0 ? sum / count : (C)0)''', 'roi_average', reduce_dims=False, preamble=_SAMPLES)

_roi_average_grad = elementwise('raw T gy, raw S indices, raw U rows, raw U columns, int64 size_v, '
                                'int64 size_h', 'T gx', _over_regions('''
                C v = 0, h = 0;
                for (int i = 0; i < rows[3 * v_bin + 2]; ++i) v += weight_in(pixels_at(rows, v_bin, i, size_v), row);
                for (int j = 0; j < columns[3 * h_bin + 2]; ++j) {
                    h += weight_in(pixels_at(columns, h_bin, j, size_h), column);
                }
                if (v * h > 0) sum += v / rows[3 * v_bin + 2] * h / columns[3 * h_bin + 2] * (C)gy[place];'''),
                                'roi_average_grad', reduce_dims=False, preamble=_SAMPLES)

_roi_max = elementwise('raw T x, S image, raw U rows, raw U columns, float32 empty',
                       'T y, int32 row, int32 column', f'''
    C best = empty;
    bool found = false;
    row = column = 0;
    {_over_samples("""
            if (!found || value > best || (value != value && best == best)) {
                best = value;
                row = i;
                column = j;
                found = true;
            }""")}
    y = (T)best''', 'roi_max', reduce_dims=False, preamble=_SAMPLES)

_roi_max_grad = elementwise('raw T gy, raw int32 places, raw S indices, raw U rows, raw U columns, int64 size_v, '
                            'int64 size_h', 'T gx', _over_regions('''
                const ptrdiff_t down[] = {0, place[0], place[1], place[2], place[3]};
                const ptrdiff_t across[] = {1, place[0], place[1], place[2], place[3]};
                const C weight = weight_in(pixels_at(rows, v_bin, places[down], size_v), row)
                    * weight_in(pixels_at(columns, h_bin, places[across], size_h), column);
                if (weight > 0) sum += weight * (C)gy[place];'''),
                            'roi_max_grad', reduce_dims=False, preamble=_SAMPLES)

_roi_max_gather = elementwise('raw T x, int32 row, int32 column, S image, raw U rows, raw U columns', 'T y', f'''
    {_BINS}
    const Pixels v = pixels_at(rows, v_bin, row, x.shape()[2]), h = pixels_at(columns, h_bin, column, x.shape()[3]);
    y = v.inside && h.inside ? (T)interpolated(x, (ptrdiff_t)image, _ind.get()[1], v, h) : (T)0''',
                              'roi_max_gather', reduce_dims=False, preamble=_SAMPLES)


def roi_average(x: Array, indices: Array, rows: Array, columns: Array) -> Any:
    """Each element of the result adds its samples."""
    return _roi_average(x, *_regions(x, indices, rows, columns), _empty(x, rows, columns))


def roi_average_grad(gy: Array, indices: Array, rows: Array, columns: Array, shape: Ints) -> Any:
    """Each element of the images asks the bins around it for its weight in them."""
    rows, columns = _bins(gy, rows, columns)
    return _roi_average_grad(gy, indices, rows, columns, *shape[2:], device.cupy.empty(shape, gy.dtype))


def roi_max(x: Array, indices: Array, rows: Array, columns: Array, empty: float,
            training: bool = True) -> tuple[Any, Any]:
    """Maximum and place at once."""
    y = _empty(x, rows, columns)
    places = device.cupy.empty((2, *y.shape), np.int32)
    _roi_max(x, *_regions(x, indices, rows, columns), empty, y, *places)
    return y, places


def roi_max_grad(gy: Array, places: Array, indices: Array, rows: Array, columns: Array, shape: Ints) -> Any:
    """Each element of the images asks the bins around it for its weight in their maximum."""
    rows, columns = _bins(gy, rows, columns)
    return _roi_max_grad(gy, places, indices, rows, columns, *shape[2:], device.cupy.empty(shape, gy.dtype))


def roi_max_gather(x: Array, places: Array, indices: Array, rows: Array, columns: Array) -> Any:
    """Takes the sample of each bin."""
    return _roi_max_gather(x, *places, *_regions(x, indices, rows, columns), _empty(x, rows, columns))


def _regions(x: Array, indices: Array, rows: Array, columns: Array) -> tuple[Any, ...]:
    return indices[:, None, None, None], *_bins(x, rows, columns)


def _bins(x: Array, rows: Array, columns: Array) -> tuple[Any, Any]:
    """Bins in the type that the kernels compute in, of arrays without gaps: the kernels count their elements."""
    dtype = compute_dtype(x.dtype)
    return device.cupy.ascontiguousarray(rows, dtype), device.cupy.ascontiguousarray(columns, dtype)


def _empty(x: Array, rows: Array, columns: Array) -> Any:
    return device.cupy.empty((len(rows), x.shape[1], rows.shape[1], columns.shape[1]), x.dtype)
