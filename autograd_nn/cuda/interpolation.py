"""Weighted sums of a few pixels of images."""
from __future__ import annotations

from typing import Any

from autograd_nn.config import config
from autograd_nn.cuda import device
from autograd_nn.cuda.embedding import embedding_grad
from autograd_nn.cuda.kernel import COMPUTE, elementwise
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array

_interpolate = elementwise('raw T x, raw S places, raw W weights', 'T y', '''
    C sum = 0;
    for (ptrdiff_t k = 0; k < places.shape()[0]; ++k) {
        const ptrdiff_t term[] = {k, _ind.get()[0], _ind.get()[2]};
        const C weight = (C)weights[term];
        if (weight == 0) continue;
        const ptrdiff_t place[] = {_ind.get()[0], _ind.get()[1], (ptrdiff_t)places[term]};
        sum += weight * (place[2] < 0 ? (C)0 : (C)x[place]);
    }
    y = (T)sum''', 'interpolate', reduce_dims=False, preamble=COMPUTE)

_interpolate_grad = elementwise('T gy, raw S places, raw W weights', 'raw U gx', '''
    for (ptrdiff_t k = 0; k < places.shape()[0]; ++k) {
        const ptrdiff_t term[] = {k, _ind.get()[0], _ind.get()[2]};
        const ptrdiff_t place[] = {_ind.get()[0], _ind.get()[1], (ptrdiff_t)places[term]};
        if (place[2] >= 0) atomicAdd(&gx[place], (U)gy * (U)weights[term]);
    }''', 'interpolate_grad', reduce_dims=False)

_interpolate_weight_grad = elementwise('raw T x, raw T gy, S pixel', 'T gw', '''
    C sum = 0;
    if (pixel >= 0) {
        for (ptrdiff_t c = 0; c < x.shape()[1]; ++c) {
            const ptrdiff_t from[] = {_ind.get()[1], c, (ptrdiff_t)pixel};
            const ptrdiff_t to[] = {_ind.get()[1], c, _ind.get()[2]};
            sum += (C)x[from] * (C)gy[to];
        }
    }
    gw = (T)sum''', 'interpolate_weight_grad', reduce_dims=False, preamble=COMPUTE)


def interpolate(x: Array, places: Array, weights: Array) -> Any:
    """A thread for each sum."""
    return _interpolate(x, places, weights, device.cupy.empty((*x.shape[:2], places.shape[2]), x.dtype))


def interpolate_grad(gy: Array, places: Array, weights: Array, size: int) -> Any:
    """Adds in the order in which threads come to a pixel; sorted with ``config.cudnn_deterministic``."""
    cupy = device.cupy
    dtype = compute_dtype(gy.dtype)
    n, channels, _ = gy.shape
    if config.cudnn_deterministic:
        # The pixels of all images are in one table, whose last row is for what is outside.
        ids = cupy.where(places < 0, n * size, places + cupy.arange(n)[:, None] * size)
        rows = (weights[..., None] * gy.transpose(0, 2, 1)).astype(dtype)
        gx = embedding_grad(rows, ids, (n * size + 1, channels))[:-1].reshape(n, size, channels).transpose(0, 2, 1)
    else:
        gx = cupy.zeros((n, channels, size), dtype)
        _interpolate_grad(gy, places, weights, gx)
    return gx.astype(gy.dtype, copy=False)


def interpolate_weight_grad(x: Array, gy: Array, places: Array) -> Any:
    """A thread for each weight."""
    return _interpolate_weight_grad(x, gy, places, device.cupy.empty(places.shape, x.dtype))
