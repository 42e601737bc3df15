"""Weighted sums of a few pixels of images, the rows of matrices (pixels, C): some of the sums at a time."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograd_nn.cpu import threads
from autograd_nn.cpu.window import compute_dtype

# How many numbers to look up at a time.
_BLOCK_ELEMENTS = 1 << 16


def interpolate(x: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Looks one of the pixels of many sums up after another."""
    pixels = _with_outside(x)
    weights = weights.astype(pixels.dtype, copy=False)
    y = np.zeros((len(x), places.shape[2], x.shape[1]), pixels.dtype)

    def compute(part: tuple[int, slice]) -> None:
        n, block = part
        for place, weight in zip(places[n, :, block], weights[n, :, block], strict=True):
            # What has no weight is not looked at: it may be infinite.
            y[n, block] += pixels[n].take(np.where(weight == 0, -1, place), 0) * weight[:, None]

    threads.run(compute, _blocks(y))
    return y.transpose(0, 2, 1).astype(x.dtype, copy=False)


def interpolate_grad(gy: np.ndarray, places: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """Adds to one of the pixels of many sums after another; different images at the same time."""
    gys = _rows(gy)
    weights = weights.astype(gys.dtype, copy=False)
    channels = gy.shape[1]
    gx = np.zeros((len(gy), size + 1, channels), gys.dtype)

    def compute(n: int) -> None:
        # NumPy is fast at adding to places of a flat array.
        flat = gx[n].reshape(-1)
        for _, block in _blocks(gys[n:n + 1]):
            for place, weight in zip(places[n, :, block], weights[n, :, block], strict=True):
                elements = place[:, None].astype(np.intp) * channels + np.arange(channels)
                np.add.at(flat, elements.reshape(-1), (gys[n, block] * weight[:, None]).reshape(-1))

    threads.run(compute, range(len(gy)))
    return gx[:, :size].transpose(0, 2, 1).astype(gy.dtype, copy=False)


def interpolate_weight_grad(x: np.ndarray, gy: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The products of gradients with the pixels of many sums, one after another."""
    pixels, gys = _with_outside(x), _rows(gy)
    gw = np.empty(places.shape, pixels.dtype)

    def compute(part: tuple[int, slice]) -> None:
        n, block = part
        for k, place in enumerate(places[n, :, block]):
            np.einsum('pc,pc->p', pixels[n].take(place, 0), gys[n, block], out=gw[n, k, block])

    threads.run(compute, _blocks(gys))
    return gw.astype(x.dtype, copy=False)


def _rows(x: np.ndarray) -> np.ndarray:
    """The matrices (N, L, C) of images (N, C, L), in at least float32."""
    return np.ascontiguousarray(x.transpose(0, 2, 1), compute_dtype(x.dtype))


def _with_outside(x: np.ndarray) -> np.ndarray:
    """The matrices (N, L + 1, C) of images (N, C, L), with one row more, that of the number -1, for what is outside."""
    pixels = np.zeros((len(x), x.shape[2] + 1, x.shape[1]), compute_dtype(x.dtype))
    pixels[:, :-1] = x.transpose(0, 2, 1)
    return pixels


def _blocks(rows: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Splits matrices (N, L, C): the numbers of images, and some of their rows."""
    step = max(1, _BLOCK_ELEMENTS // max(1, rows.shape[2]))
    return ((n, slice(start, start + step)) for n in range(len(rows)) for start in range(0, rows.shape[1], step))
