"""Convolution where each channel has one filter of its own: direct sums, without a matrix of windows."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

from autograd_nn.cuda import device
from autograd_nn.cuda.im2col import each, integers, over_windows
from autograd_nn.cuda.kernel import COMPUTE, Kernel, elementwise
from autograd_nn.cuda.reductions import product_sum
from autograd_nn.types import Array, Ints


def convolution(x: Array, W: Array, y: Array, stride: Ints, pad: Ints, dilate: Ints) -> None:
    """Writes the convolution of `x` (N, C, *in) with `W` (C, 1, *k) to `y` (N, C, *out)."""
    _convolution(len(stride))(x, W, *x.shape[2:], *W.shape[2:], *stride, *pad, *dilate, y)


def deconvolution(x: Array, W: Array, y: Array, stride: Ints, pad: Ints, dilate: Ints) -> None:
    """Writes the transposed convolution of `x` (N, C, *in) with `W` (C, 1, *k) to `y` (N, C, *out)."""
    _deconvolution(len(stride))(x, W, *x.shape[2:], *W.shape[2:], *stride, *pad, *dilate, y)


def filter_grad(x: Array, gy: Array, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints) -> Any:
    """The gradient (C, 1, *k) of the filters from `x` (N, C, *in) and `gy` (N, C, *out): a sum over views."""
    cupy = device.cupy
    n, out = len(stride), gy.shape[2:]
    padded = cupy.empty((*x.shape[:2], *(max(size + 2 * p, s * (m - 1) + d * (k - 1) + 1) for size, p, s, m, d, k
                                         in zip(x.shape[2:], pad, stride, out, dilate, kernel_size, strict=True))),
                        x.dtype)
    padded.fill(0)
    inside = (..., *(slice(p, p + size) for p, size in zip(pad, x.shape[2:], strict=True)))
    padded[inside] = x
    first, channels, *spatial = padded.strides
    # (N, *out, C, 1, *k): the axes to sum over come first.
    windows = cupy.ndarray(
        (len(x), *out, x.shape[1], 1, *kernel_size), x.dtype, padded.data,
        (first, *(a * s for a, s in zip(spatial, stride, strict=True)), channels, 0,
         *(a * d for a, d in zip(spatial, dilate, strict=True))))
    gy = gy.transpose(0, *range(2, n + 2), 1).reshape(len(x), *out, x.shape[1], *[1] * (n + 1))
    return product_sum(windows, gy, tuple(range(n + 1)), x.dtype)


@lru_cache(None)
def _convolution(axes: int) -> Kernel:
    loops = each(axes, '''
        for (int i_@ = 0; i_@ < k_@; ++i_@) {
            const ptrdiff_t at_@ = _ind.get()[2 + @] * s_@ - p_@ + i_@ * d_@;
            if (at_@ < 0 || at_@ >= n_@) continue;''')
    return elementwise('raw T x, raw T W, ' + integers('n k s p d', axes), 'T y', f'''
        C sum = 0;
        {loops}
            const ptrdiff_t place[] = {{_ind.get()[0], _ind.get()[1], {each(axes, 'at_@', ', ')}}};
            const ptrdiff_t weight[] = {{_ind.get()[1], 0, {each(axes, 'i_@', ', ')}}};
            sum += (C)x[place] * (C)W[weight];
        {'}' * axes}
        y = (T)sum;''', f'depthwise_convolution_{axes}d', reduce_dims=False, preamble=COMPUTE)


@lru_cache(None)
def _deconvolution(axes: int) -> Kernel:
    return elementwise('raw T x, raw T W, ' + integers('m k s p d', axes), 'T y', f'''
        C sum = 0;
        {over_windows(axes)}
            const ptrdiff_t place[] = {{_ind.get()[0], _ind.get()[1], {each(axes, 'at_@', ', ')}}};
            const ptrdiff_t weight[] = {{_ind.get()[1], 0, {each(axes, 'i_@', ', ')}}};
            sum += (C)x[place] * (C)W[weight];
        {'}' * axes}
        y = (T)sum;''', f'depthwise_deconvolution_{axes}d', reduce_dims=False, preamble=COMPUTE)


for _axes in (1, 2, 3):
    _convolution(_axes)
    _deconvolution(_axes)
