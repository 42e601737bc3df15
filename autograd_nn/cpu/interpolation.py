"""Weighted sums of a few pixels: look-ups in one table of the pixels of all images, for some of the sums at a time.

Each image has one pixel more in the table, its last: the number -1, which is that of the image before or the very last
one, stands for what is outside.
"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograd_nn.cpu import threads
from autograd_nn.dtypes import compute_dtype

# How many numbers to look up at a time.
_BLOCK_ELEMENTS = 1 << 16


def interpolate(x: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Looks one of the pixels of many sums up after another."""
    N, C, L = x.shape
    table, numbers = _table(x), _numbers(places, L)
    weights = weights.reshape(numbers.shape).astype(table.dtype, copy=False)
    y = np.zeros((numbers.shape[1], C), table.dtype)

    def compute(block: slice) -> None:
        for number, weight in zip(numbers[:, block], weights[:, block], strict=True):
            # What has no weight is not looked at: it may be infinite.
            y[block] += table.take(np.where(weight == 0, -1, number), 0) * weight[:, None]

    threads.run(compute, _blocks(slice(0, len(y)), C))
    return y.reshape(N, places.shape[2], C).transpose(0, 2, 1).astype(x.dtype, copy=False)


def interpolate_grad(gy: np.ndarray, places: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """Adds to one of the pixels of many sums after another; different images at the same time."""
    N, C, P = gy.shape
    rows, numbers = _rows(gy), _numbers(places, size)
    weights = weights.reshape(numbers.shape).astype(rows.dtype, copy=False)
    gx = np.zeros((N, size + 1, C), rows.dtype)
    # NumPy is fast at adding to places of a flat array.
    flat = gx.reshape(-1)

    def compute(images: slice) -> None:
        for block in _blocks(slice(images.start * P, images.stop * P), C):
            for number, weight in zip(numbers[:, block], weights[:, block], strict=True):
                elements = number[:, None] * C + np.arange(C)
                np.add.at(flat, elements.reshape(-1), (rows[block] * weight[:, None]).reshape(-1))

    threads.run(compute, _blocks(slice(0, N), P * C))
    return gx[:, :size].transpose(0, 2, 1).astype(gy.dtype, copy=False)


def interpolate_weight_grad(x: np.ndarray, gy: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The products of gradients with the pixels of many sums, one after another."""
    C, L = x.shape[1:]
    table, rows, numbers = _table(x), _rows(gy), _numbers(places, L)
    gw = np.empty(numbers.shape, table.dtype)

    def compute(block: slice) -> None:
        for k, number in enumerate(numbers[:, block]):
            np.einsum('pc,pc->p', table.take(number, 0), rows[block], out=gw[k, block])

    threads.run(compute, _blocks(slice(0, len(rows)), C))
    return gw.reshape(places.shape).astype(x.dtype, copy=False)


def _table(x: np.ndarray) -> np.ndarray:
    """The pixels (N * (L + 1), C) of images (N, C, L), in at least float32, and one of zeros after those of each."""
    N, C, L = x.shape
    table = np.zeros((N, L + 1, C), compute_dtype(x.dtype))
    table[:, :L] = x.transpose(0, 2, 1)
    return table.reshape(N * (L + 1), C)


def _numbers(places: np.ndarray, size: int) -> np.ndarray:
    """The numbers (K, N * P) in the table of pixels that are given as places in their images (K, N, P)."""
    K, N, P = places.shape
    return (places + np.arange(N)[:, None] * (size + 1)).reshape(K, N * P)


def _rows(x: np.ndarray) -> np.ndarray:
    """An array (N, C, P) as one of shape (N * P, C), in at least float32."""
    N, C, P = x.shape
    return np.ascontiguousarray(x.transpose(0, 2, 1), compute_dtype(x.dtype)).reshape(N * P, C)


def _blocks(rows: slice, elements: int) -> Iterator[slice]:
    """Splits rows of so many elements each into blocks."""
    step = max(1, _BLOCK_ELEMENTS // max(1, elements))
    return (slice(start, min(start + step, rows.stop)) for start in range(rows.start, rows.stop, step))
