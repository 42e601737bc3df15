"""Maximum and mean of windows: one pass over strided slices for each place in the window."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from math import prod

import numpy as np

from autograd_nn.cpu import threads
from autograd_nn.cpu.window import (
    channels_first,
    channels_last,
    cropped,
    offsets,
    padded_blocks,
    padded_size,
    samples_per_block,
)
from autograd_nn.dtypes import compute_dtype
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Ints


def max_pooling(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                training: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
    """Takes the maximum over the places, then counts the places before the first one that has it."""
    out = tuple(conv_output_size(n, k, s, p, cover_all)
                for n, k, s, p in zip(x.shape[2:], kernel_size, stride, pad, strict=True))
    y = np.empty((len(x), *out, x.shape[1]), x.dtype)
    indexes = np.zeros(y.shape if training else 0, np.min_scalar_type(prod(kernel_size) - 1))
    for batch, image in _images(x, kernel_size, stride, pad, out, -np.inf):
        candidates = [image[where] for where in _offsets(kernel_size, stride, out)]
        best = y[batch]
        best[...] = candidates[0]
        for candidate in candidates[1:]:
            np.maximum(best, candidate, out=best)
        if training:
            places_before(candidates, best, indexes[batch])
    return channels_first(y), channels_first(indexes) if training else None


def places_before(candidates: Sequence[np.ndarray], best: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Adds to `count` how many candidates come before the first one that has the maximum, `best`; returns it."""
    # Counting the places before the first maximum takes a third of the time of masked assignments.
    not_yet = np.ones(best.shape, bool)
    has_nan = np.isnan(best).any()
    for candidate in candidates[:-1]:
        not_yet &= candidate != best
        if has_nan:
            not_yet &= candidate == candidate
        count += not_yet
    return count


def max_pooling_grad(gy: np.ndarray, indexes: np.ndarray, size: Ints, kernel_size: Ints, stride: Ints,
                     pad: Ints) -> np.ndarray:
    """Gives each gradient to the one place of its window that had the maximum."""
    indexes = channels_last(indexes)
    return _spread(gy, lambda batch, place: indexes[batch] == place, size, kernel_size, stride, pad)


def max_pooling_gather(x: np.ndarray, indexes: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints) -> np.ndarray:
    """Takes from each window the place that had the maximum."""
    indexes = channels_last(indexes)
    out = indexes.shape[1:-1]
    y = np.zeros(indexes.shape, x.dtype)

    def gather(batch: slice) -> None:
        (_, image), = _images(x[batch], kernel_size, stride, pad, out)
        for place, where in enumerate(_offsets(kernel_size, stride, out)):
            _copy_where(y[batch], image[where], indexes[batch] == place)

    threads.run(gather, _blocks(x))
    return channels_first(y)


def _copy_where(y: np.ndarray, x: np.ndarray, mask: np.ndarray) -> None:
    """Copies elements of `x` to an array that is still 0 there.

    All bits of these are taken, and none of the others: `numpy.copyto` takes seven times as long where the elements of
    a mask have no order.
    """
    if x.itemsize > 8:  # there are no integers of this size
        np.copyto(y, x, where=mask)
        return
    bits = np.dtype(f'u{x.itemsize}')
    chosen = (~mask).astype(bits)
    chosen -= 1
    chosen &= x.view(bits)
    y.view(bits)[...] |= chosen


def average_pooling(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                    pad_value: int | None) -> np.ndarray:
    """Adds the places up and divides by their number."""
    size = x.shape[2:]
    out = tuple(conv_output_size(n, k, s, p, cover_all)
                for n, k, s, p in zip(size, kernel_size, stride, pad, strict=True))
    dtype = compute_dtype(x.dtype)
    weight = _weight(size, out, kernel_size, stride, pad, pad_value, dtype)
    y = np.empty((len(x), *out, x.shape[1]), x.dtype)
    for batch, image in _images(x, kernel_size, stride, pad, out):
        total = np.zeros(y[batch].shape, dtype)
        for where in _offsets(kernel_size, stride, out):
            total += image[where]
        np.multiply(total, weight, out=y[batch], casting='same_kind')
    return channels_first(y)


def average_pooling_grad(gy: np.ndarray, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints,
                         pad_value: int | None) -> np.ndarray:
    """Gives each place of a window an equal share of the gradient."""
    weight = _weight(size, gy.shape[2:], kernel_size, stride, pad, pad_value, compute_dtype(gy.dtype))
    return _spread(gy, lambda batch, place: weight, size, kernel_size, stride, pad)


def _offsets(kernel_size: Ints, stride: Ints, out: Ints) -> Iterator[tuple[slice, ...]]:
    """The elements of padded images that windows have at each place, row by row."""
    return (where for _, where in offsets(kernel_size, stride, (1,) * len(stride), out))


def _images(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, out: Ints,
            fill: float = 0) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields padded images (n, *padded, C), a few at a time."""
    padded = padded_size(x.shape[2:], pad, kernel_size, stride, (1,) * len(stride), out)
    return padded_blocks(channels_last(x), _samples(x), pad, padded, x.dtype, fill)


def _samples(x: np.ndarray) -> int:
    """How many images to take at a time."""
    return samples_per_block(2 * x[:1].nbytes)


def _blocks(x: np.ndarray) -> list[slice]:
    """So many images at a time, for threads."""
    step = _samples(x)
    return [slice(start, start + step) for start in range(0, len(x), step)]


def _spread(gy: np.ndarray, share: Callable[[slice, int], np.ndarray], size: Ints, kernel_size: Ints, stride: Ints,
            pad: Ints) -> np.ndarray:
    """Adds `gy` (N, C, *out), times its share, to every place of the windows: (N, C, *size)."""
    out = gy.shape[2:]
    dtype = compute_dtype(gy.dtype)
    padded = padded_size(size, pad, kernel_size, stride, (1,) * len(stride), out)
    gx = np.empty((len(gy), *size, gy.shape[1]), gy.dtype)
    direct = padded == size and dtype == gy.dtype
    gys = channels_last(gy)

    def spread(batch: slice) -> None:
        image = gx[batch] if direct else np.empty((len(gx[batch]), *padded, gy.shape[1]), dtype)
        image[...] = 0
        for place, where in enumerate(_offsets(kernel_size, stride, out)):
            image[where] += gys[batch] * share(batch, place)
        if not direct:
            gx[batch] = image[cropped(pad, size)]

    threads.run(spread, _blocks(gx))
    return channels_first(gx)


def _weight(size: Ints, out: Ints, kernel_size: Ints, stride: Ints, pad: Ints, pad_value: int | None,
            dtype: np.dtype) -> np.ndarray:
    """One over the number of elements that count in each window: broadcasts to (N, *out, C)."""
    if pad_value is not None:
        return np.asarray(1 / prod(kernel_size), dtype)
    counts = []
    for n, m, k, s, p in zip(size, out, kernel_size, stride, pad, strict=True):
        start = np.arange(m) * s - p
        counts.append(np.minimum(start + k, n) - np.maximum(start, 0))
    # A window that lies in the padding altogether has a sum of zero, whatever its weight.
    return (1 / np.maximum(reduce(np.multiply.outer, counts), 1))[..., None].astype(dtype)
