"""What convolution and pooling share: padding, windows and blocks that fit the cache.

Inside the kernels, images are (N, *spatial, C). An array of shape (N, C, *spatial) whose memory has that order is
passed on without a copy, and what the kernels return has it too.
"""
from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Ints

# Bytes of temporary memory at a time. Between 1 and 4 MB convolutions were equally fast on cores with 2 MB of cache.
BLOCK_BYTES = 2 << 20
_EVERY = slice(None)


def channels_last(x: np.ndarray) -> np.ndarray:
    """View (N, *spatial, C) of an array (N, C, *spatial)."""
    return x.transpose(0, *range(2, x.ndim), 1)


def channels_first(x: np.ndarray) -> np.ndarray:
    """View (N, C, *spatial) of an array (N, *spatial, C)."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def cropped(pad: Ints, size: Ints) -> tuple[slice, ...]:
    """Where the images (N, *size, ...) lie in their padded axes."""
    return _EVERY, *(slice(p, p + n) for p, n in zip(pad, size, strict=True))


def padded_size(size: Ints, pad: Ints, kernel_size: Ints, stride: Ints, dilate: Ints, out: Ints) -> Ints:
    """Lengths of the padded axes; the last window may reach beyond the padding."""
    return tuple(max(n + 2 * p, s * (m - 1) + d * (k - 1) + 1) for n, p, k, s, d, m
                 in zip(size, pad, kernel_size, stride, dilate, out, strict=True))


def offsets(kernel_size: Ints, stride: Ints, dilate: Ints, out: Ints) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
    """Yields each place within the window, and the elements (N, *out, ...) of padded images that windows have there."""
    for place in np.ndindex(*kernel_size):
        yield place, (_EVERY, *(slice(i * d, i * d + s * (n - 1) + 1, s)
                                for i, d, s, n in zip(place, dilate, stride, out, strict=True)))


def windows(x: np.ndarray, kernel_size: Ints, stride: Ints, dilate: Ints, out: Ints) -> np.ndarray:
    """View (N, *out, *k, C) of the windows of a padded array (N, *padded, C)."""
    first, *spatial, last = x.strides
    return as_strided(x, (len(x), *out, *kernel_size, x.shape[-1]),
                      (first, *(a * s for a, s in zip(spatial, stride, strict=True)),
                       *(a * d for a, d in zip(spatial, dilate, strict=True)), last), writeable=False)


def samples_per_block(bytes_per_sample: int, block_bytes: int = BLOCK_BYTES) -> int:
    """How many samples to take at a time, at least one."""
    return max(1, block_bytes // max(1, bytes_per_sample))


def padded_blocks(x: np.ndarray, samples: int, pad: Ints, padded: Ints, dtype: np.dtype,
                  fill: float = 0) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields a few samples of `x` (N, *spatial, C) at a time, padded, in one buffer that is used again.

    The image begins `pad` elements into the spatial axes of length `padded`; the rest is `fill`.
    """
    size = x.shape[1:-1]
    as_it_is = size == padded and x.flags.c_contiguous and x.dtype == dtype
    if not as_it_is:
        buffer = np.full((min(samples, len(x)), *padded, x.shape[-1]), fill, dtype)
        inner = buffer[cropped(pad, size)]
    for start in range(0, len(x), samples):
        block = slice(start, min(start + samples, len(x)))
        count = block.stop - start
        if as_it_is:
            yield block, x[block]
        else:
            inner[:count] = x[block]
            yield block, buffer[:count]


def row_blocks(rows: int, samples: int, bytes_per_sample: int, block_bytes: int) -> Iterator[slice]:
    """Splits the first spatial axis where a single sample is larger than a block; several samples stay whole."""
    step = rows if samples > 1 else max(1, rows * block_bytes // max(1, bytes_per_sample))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def columns(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints, out: Ints,
            block_bytes: int) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Yields the windows of `x` (N, C, *in) as the rows of matrices (samples * positions, prod(k) * C).

    With each matrix comes the block of the output axes (N, *out) that its rows belong to. A 1x1 window on
    channels-last memory is a view; otherwise the windows are copied, for a block at a time.
    """
    dtype = compute_dtype(x.dtype)
    channels = x.shape[1]
    width = prod(kernel_size) * channels
    sample_bytes = prod(out) * width * dtype.itemsize
    samples = samples_per_block(sample_bytes, block_bytes)
    # Runs of one to four channels are too short to copy well: there, let the positions be the innermost axis.
    positions_last = channels <= 4 and width > channels
    n = len(kernel_size)
    padded = padded_size(x.shape[2:], pad, kernel_size, stride, dilate, out)
    for batch, image in padded_blocks(channels_last(x), samples, pad, padded, dtype):
        view = windows(image, kernel_size, stride, dilate, out)
        for rows in row_blocks(out[0], samples, sample_bytes, block_bytes):
            part = view[:, rows]
            if positions_last:
                part = part.transpose(*range(n + 1, 2 * n + 2), *range(n + 1))
                yield (batch, rows), part.reshape(width, -1).T
            else:
                yield (batch, rows), part.reshape(-1, width)
