"""Mean and maximum of samples of regions of images, a region at a time.

Bilinear interpolation works along each axis by itself. So a mean of samples is a product with two small matrices, and
its gradient one with their transposes. A maximum is taken along the columns, then along the rows.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_nn.cpu import memory, threads
from autograd_nn.cpu.pooling import places_before
from autograd_nn.cpu.window import channels_first, channels_last
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Ints

# How many elements to look up at a time.
_BLOCK_ELEMENTS = 1 << 17


class _Pixels(NamedTuple):
    """Between which two pixels of an axis samples lie, the second one's share, and whether there is a sample at all."""

    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    inside: np.ndarray


def _pixels(start: np.ndarray, step: np.ndarray, number: np.ndarray, size: int, dtype: np.dtype) -> _Pixels:
    """The pixels at samples of bins; those within a pixel's width around the image take what is at its edge."""
    position = start + step * number
    inside = (number >= 0) & (position >= -1) & (position <= size)
    position = np.where(inside, position, 0).clip(0, size - 1)
    low = position.astype(np.intp)
    share = (position - low).astype(dtype)
    return _Pixels(low, low + (share > 0), share, inside)


def _samples(bins: np.ndarray, size: int, dtype: np.dtype) -> _Pixels:
    """The pixels at the samples of bins (..., 3) along one axis, as many (..., most) of each bin.

    Of a bin with fewer, the last one is there several times, which does not change the maximum.
    """
    count = bins[..., 2:].astype(np.intp)
    number = np.minimum(np.arange(max(count.max(initial=0), 1)), count - 1)
    return _pixels(bins[..., :1], bins[..., 1:2], number, size, dtype)


def roi_average(x: np.ndarray, indices: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Multiplies the part of the image that a region takes part in by its weights from either side."""
    dtype = compute_dtype(x.dtype)
    weights = [_weights(bins, size, dtype) for bins, size in zip((rows, columns), x.shape[2:], strict=True)]

    def mean(x: np.ndarray) -> np.ndarray:
        y = memory.empty((len(indices), rows.shape[1], columns.shape[1], x.shape[-1]), dtype)

        def compute(k: int) -> None:
            (V, H), part = _region(weights, k)
            # For each row of the image one product, then one for all columns.
            lines = np.matmul(H, x[indices[k]][part])
            np.matmul(V, lines.reshape(len(lines), y[k, 0].size), out=y[k].reshape(len(V), y[k, 0].size))

        threads.run(compute, range(len(indices)))
        return y

    images = np.ascontiguousarray(channels_last(x), dtype)
    return channels_first(_apart(mean, images)).astype(x.dtype, copy=False)


def roi_average_grad(gy: np.ndarray, indices: np.ndarray, rows: np.ndarray, columns: np.ndarray,
                     shape: Ints) -> np.ndarray:
    """Multiplies by the transposed weights; regions of different images at the same time."""
    dtype = compute_dtype(gy.dtype)
    weights = [_weights(bins, size, dtype) for bins, size in zip((rows, columns), shape[2:], strict=True)]

    def spread(gy: np.ndarray) -> np.ndarray:
        gx = np.zeros((shape[0], *shape[2:], shape[1]), dtype)

        def compute(image: int) -> None:
            for k in np.flatnonzero(indices == image):
                (V, H), part = _region(weights, k)
                lines = np.matmul(V.T, gy[k].reshape(len(V), gy[k, 0].size))
                gx[image][part] += np.matmul(H.T, lines.reshape(len(lines), *gy[k, 0].shape))

        threads.run(compute, range(len(gx)))
        return gx

    gys = np.ascontiguousarray(channels_last(gy), dtype)
    return channels_first(_apart(spread, gys)).astype(gy.dtype, copy=False)


def _weights(bins: np.ndarray, size: int, dtype: np.dtype) -> np.ndarray:
    """The weight (R, bins, size) of each pixel in the mean of each bin (R, bins, 3) along one axis."""
    start, step, count = bins.reshape(-1, 3).T
    count = count.astype(np.intp)
    bin_of = np.repeat(np.arange(count.size), count)
    number = np.arange(bin_of.size) - np.repeat(count.cumsum() - count, count)
    low, high, share, inside = _pixels(start[bin_of], step[bin_of], number, size, np.dtype('d'))
    scale = inside / count[bin_of]
    weights = np.zeros((count.size, size))
    np.add.at(weights, (bin_of, low), (1 - share) * scale)
    np.add.at(weights, (bin_of, high), share * scale)
    return weights.reshape(*bins.shape[:2], size).astype(dtype)


def _region(weights: list[np.ndarray], k: Any) -> tuple[list[np.ndarray], tuple[slice, slice]]:
    """The weights of a region along both axes, without pixels that have none, and the part of the image they are of."""
    cut, part = [], []
    for each in weights:
        seen = np.flatnonzero(each[k].any(0))
        part.append(slice(seen[0], seen[-1] + 1) if seen.size else slice(0, 0))
        cut.append(each[k][:, part[-1]])
    return cut, (part[0], part[1])


def _apart(linear: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """A linear function with no negative weights, where an infinite number changes only what has a share of it."""
    finite = np.isfinite(x)
    if finite.all():
        return linear(x)
    y = linear(np.where(finite, x, 0))
    for odd in np.inf, -np.inf, np.nan:
        where = np.isnan(x) if np.isnan(odd) else x == odd
        if where.any():
            y[linear(where.astype(x.dtype)) > 0] += odd
    return y


def roi_max(x: np.ndarray, indices: np.ndarray, rows: np.ndarray, columns: np.ndarray, empty: float,
            training: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
    """Interpolates the rows of samples, then one column of each bin after another."""
    dtype = compute_dtype(x.dtype)
    images = np.ascontiguousarray(channels_last(x), dtype)
    shape = len(indices), rows.shape[1], columns.shape[1], x.shape[1]
    y = memory.empty(shape, dtype)
    places = memory.empty((2, *shape) if training else (2, 0), np.int32)

    def compute(k: int) -> None:
        down, across = _samples(rows[k], x.shape[2], dtype), _samples(columns[k], x.shape[3], dtype)
        lines = _interpolated(images[indices[k]], down, 0)
        candidates = []
        for number in range(across.low.shape[1]):
            column = _Pixels(*[part[:, number] for part in across])
            candidates.append(_interpolated(lines, column, 2))
            candidates[-1][:, :, ~column.inside] = -np.inf
        best, across_places = _maximum(candidates, training)
        best[~down.inside] = -np.inf
        y[k], down_places = _maximum(list(best.swapaxes(0, 1)), training)
        y[k][~np.multiply.outer(down.inside.any(1), across.inside.any(1))] = empty
        if training:
            places[0, k] = down_places
            places[1, k] = np.take_along_axis(across_places, down_places[:, None], 1)[:, 0]

    threads.run(compute, range(len(indices)))
    return channels_first(y).astype(x.dtype, copy=False), places.transpose(0, 1, 4, 2, 3) if training else None


def _interpolated(x: np.ndarray, pixels: _Pixels, axis: int) -> np.ndarray:
    """Samples along one axis of an array, in whose place come the axes of `pixels`."""
    y = x.take(pixels.low, axis)
    if pixels.share.any():
        share = pixels.share.reshape(*pixels.share.shape, *[1] * (x.ndim - axis - 1))
        other = x.take(pixels.high, axis)
        other *= share
        y *= 1 - share
        y += other
    return y


def _maximum(candidates: list[np.ndarray], training: bool) -> tuple[np.ndarray, Any]:
    """The maximum of some arrays, and which of them is the first to have it."""
    best = candidates[0].copy()
    for candidate in candidates[1:]:
        np.maximum(best, candidate, out=best)
    return best, places_before(candidates, best, np.zeros(best.shape, np.int32)) if training else None


def roi_max_grad(gy: np.ndarray, places: np.ndarray, indices: np.ndarray, rows: np.ndarray, columns: np.ndarray,
                 shape: Ints) -> np.ndarray:
    """Adds each gradient to the pixels around its sample; regions of different images at the same time."""
    gx = np.zeros((shape[0], *shape[2:], shape[1]), compute_dtype(gy.dtype))
    gys = channels_last(gy)

    def compute(image: int) -> None:
        # NumPy is fast at adding to places of a flat array.
        flat = gx[image].reshape(-1)
        for regions in _blocks(np.flatnonzero(indices == image), places):
            part = gys[regions]
            for place, weight in _around(places, rows, columns, regions, shape, gx.dtype):
                np.add.at(flat, place.reshape(-1), _weighted(part, weight).reshape(-1))

    threads.run(compute, range(len(gx)))
    return channels_first(gx).astype(gy.dtype, copy=False)


def roi_max_gather(x: np.ndarray, places: np.ndarray, indices: np.ndarray, rows: np.ndarray,
                   columns: np.ndarray) -> np.ndarray:
    """Adds the pixels around each sample up; regions of different images at the same time."""
    images = np.ascontiguousarray(channels_last(x), compute_dtype(x.dtype))
    y = np.zeros(channels_last(places[0]).shape, images.dtype)

    def compute(image: int) -> None:
        flat = images[image].reshape(-1)
        for regions in _blocks(np.flatnonzero(indices == image), places):
            y[regions] = sum(_weighted(flat.take(place), weight)
                             for place, weight in _around(places, rows, columns, regions, x.shape, y.dtype))

    threads.run(compute, range(len(images)))
    return channels_first(y).astype(x.dtype, copy=False)


def _weighted(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Numbers times their weights; what has none does not count, whatever it is."""
    return (x if weight.all() else np.where(weight > 0, x, 0)) * weight


def _blocks(regions: np.ndarray, places: np.ndarray) -> Iterator[np.ndarray]:
    """A few regions at a time, so that not too many numbers are in work."""
    step = max(1, _BLOCK_ELEMENTS // max(1, places[0, :1].size))
    return (regions[start:start + step] for start in range(0, len(regions), step))


def _around(places: np.ndarray, rows: np.ndarray, columns: np.ndarray, regions: np.ndarray,
            shape: Ints, dtype: np.dtype) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields, for each of the pixels around samples, its place in a flat image (H, W, C), and its weight."""
    _, C, H, W = shape
    y_numbers, x_numbers = places.transpose(0, 1, 3, 4, 2)[:, regions]
    ys = _chosen(_samples(rows[regions], H, dtype), y_numbers, 2)
    xs = _chosen(_samples(columns[regions], W, dtype), x_numbers, 1)
    for row, y_weight in ys:
        for column, x_weight in xs:
            yield (row * W + column) * C + np.arange(C), y_weight * x_weight


def _chosen(pixels: _Pixels, numbers: np.ndarray, axis: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pixels on either side of samples, given by their numbers in their bins, and their weights."""
    bins, most = pixels.low[..., 0], pixels.low.shape[-1]
    key = numbers + np.expand_dims(np.arange(bins.size).reshape(bins.shape) * most, (axis, 3))
    sides = [(pixels.low, (1 - pixels.share) * pixels.inside)]
    if pixels.share.any():
        sides.append((pixels.high, pixels.share * pixels.inside))
    return [(pixel.take(key), weight.take(key)) for pixel, weight in sides]
