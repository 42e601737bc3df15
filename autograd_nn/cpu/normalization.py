"""Batch, layer and local response normalization.

Batch normalization works on a matrix of rows (elements that share statistics) and columns (one for each entry of
gamma), a block of rows at a time. Sums within a block are taken by BLAS in the type of the data, and added up in
float64: the error does not grow with the number of rows, and the variance is that of centred values.
"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograd_nn.contract import Ints
from autograd_nn.cpu.window import compute_dtype

_BLOCK_ELEMENTS = 1 << 17


def batch_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float,
                        axis: Ints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three passes: the mean; how it differs from the exact one, and the mean square about it; the output."""
    rows = _as_rows(x, axis)
    count = max(1, len(rows))
    centre = (_sums(rows) / count).astype(compute_dtype(x.dtype))
    offset, square = np.zeros(centre.shape), np.zeros(centre.shape)
    for block in _blocks(rows):
        difference = rows[block] - centre
        offset += _sum_rows(difference)
        square += _sum_rows(np.multiply(difference, difference, out=difference))
    offset /= count
    mean = centre + offset
    inv_std = 1 / np.sqrt(square / count - offset ** 2 + eps)
    dtype = compute_dtype(gamma.dtype)
    scale = gamma.ravel() * inv_std
    y = _scale_and_shift(rows, centre, scale, beta.ravel() - offset * scale)
    return (_from_rows(y, x, axis), mean.astype(dtype).reshape(gamma.shape),
            inv_std.astype(dtype).reshape(gamma.shape))


def batch_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray, inv_std: np.ndarray,
                             axis: Ints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two passes: the sums, then ``gx = scale * gy + slope * (x - mean) + shift``."""
    rows, gy_rows = _as_rows(x, axis), _as_rows(gy, axis)
    dtype = compute_dtype(x.dtype)
    mean, inv_std = mean.ravel().astype(dtype), inv_std.ravel()
    gbeta, ggamma = np.zeros(mean.shape), np.zeros(mean.shape)
    for block in _blocks(rows):
        part = gy_rows[block].astype(dtype, copy=False)
        gbeta += _sum_rows(part)
        difference = rows[block] - mean
        ggamma += _sum_rows(np.multiply(difference, part, out=difference))
    ggamma *= inv_std
    scale = gamma.ravel() * inv_std
    slope = (-scale * inv_std * ggamma / max(1, len(rows))).astype(dtype)
    shift = (-scale * gbeta / max(1, len(rows))).astype(dtype)
    scale = scale.astype(dtype)
    gx = np.empty(rows.shape, x.dtype)
    for block in _blocks(rows):
        part = rows[block] - mean
        part *= slope
        part += shift
        part += gy_rows[block] * scale
        gx[block] = part
    return (_from_rows(gx, x, axis), ggamma.astype(gamma.dtype).reshape(gamma.shape),
            gbeta.astype(gamma.dtype).reshape(gamma.shape))


def fixed_batch_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray,
                              eps: float, axis: Ints) -> np.ndarray:
    """One pass: a scale and a shift."""
    scale = gamma.ravel() / np.sqrt(var.ravel().astype(np.float64) + eps)
    y = _scale_and_shift(_as_rows(x, axis), mean.ravel().astype(compute_dtype(x.dtype)), scale, beta.ravel())
    return _from_rows(y, x, axis)


def layer_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray,
                        eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All passes over a block of rows while it is in the cache."""
    dtype = compute_dtype(x.dtype)
    y = np.empty(x.shape, x.dtype)
    mean, inv_std = np.empty(len(x), dtype), np.empty(len(x), dtype)
    for block in _blocks(x):
        mean[block] = x[block].mean(1, dtype=dtype)
        difference = x[block] - mean[block, None]
        inv_std[block] = 1 / np.sqrt(np.square(difference).mean(1) + eps)
        difference *= inv_std[block, None]
        difference *= gamma
        difference += beta
        y[block] = difference
    return y, mean, inv_std


def layer_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray,
                             inv_std: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """With ``d = gamma * gy``: ``gx = inv_std * (d - mean(d) - x_hat * mean(d * x_hat))``."""
    dtype = compute_dtype(x.dtype)
    gx = np.empty(x.shape, x.dtype)
    ggamma, gbeta = np.zeros(gamma.shape), np.zeros(gamma.shape)
    for block in _blocks(x):
        part = gy[block].astype(dtype, copy=False)
        x_hat = (x[block] - mean[block, None]) * inv_std[block, None]
        gbeta += _sum_rows(part)
        ggamma += _sum_rows(part * x_hat)
        part = part * gamma
        x_hat *= (part * x_hat).mean(1, keepdims=True)
        part -= part.mean(1, keepdims=True)
        part -= x_hat
        gx[block] = part * inv_std[block, None]
    return gx, ggamma.astype(gamma.dtype), gbeta.astype(gamma.dtype)


def local_response_normalization(x: np.ndarray, n: int, k: float, alpha: float,
                                 beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Adds shifted squares, one neighbour after another."""
    scale = _sum_of_neighbours(np.square(x, dtype=compute_dtype(x.dtype)), n)
    scale *= alpha
    scale += k
    return (x * scale ** -beta).astype(x.dtype, copy=False), scale


def local_response_normalization_grad(x: np.ndarray, scale: np.ndarray, gy: np.ndarray, n: int, alpha: float,
                                      beta: float) -> np.ndarray:
    """``gx = g - 2 alpha beta x S(x g / scale)``, where ``g = gy / scale ** beta`` and S sums over neighbours."""
    gx = gy * scale ** -beta
    gx -= 2 * alpha * beta * x * _sum_of_neighbours(x * gx / scale, n)
    return gx.astype(x.dtype, copy=False)


def _as_rows(x: np.ndarray, axis: Ints) -> np.ndarray:
    """`x` as a matrix: the elements of `axis` are its rows. A view if these axes come first in memory."""
    kept = [i for i in range(x.ndim) if i not in axis]
    width = int(np.prod([x.shape[i] for i in kept]))
    return x.transpose(*axis, *kept).reshape(-1 if width else 0, width)


def _from_rows(rows: np.ndarray, x: np.ndarray, axis: Ints) -> np.ndarray:
    """The inverse of `_as_rows`, for an array with the shape of `x`."""
    order = [*axis, *(i for i in range(x.ndim) if i not in axis)]
    return rows.reshape([x.shape[i] for i in order]).transpose(np.argsort(order))


def _blocks(rows: np.ndarray) -> Iterator[slice]:
    step = max(1, _BLOCK_ELEMENTS // max(1, rows.shape[1]))
    return (slice(start, start + step) for start in range(0, len(rows), step))


def _sum_rows(block: np.ndarray) -> np.ndarray:
    return np.ones(len(block), block.dtype) @ block


def _sums(rows: np.ndarray) -> np.ndarray:
    """The sums (float64) over all rows."""
    total = np.zeros(rows.shape[1])
    for block in _blocks(rows):
        total += _sum_rows(rows[block].astype(compute_dtype(rows.dtype), copy=False))
    return total


def _scale_and_shift(rows: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """``(rows - mean) * scale + shift``, in the type of `mean`; the result has that of `rows`."""
    scale, shift = scale.astype(mean.dtype), shift.astype(mean.dtype)
    y = np.empty(rows.shape, rows.dtype)
    for block in _blocks(rows):
        part = rows[block] - mean
        part *= scale
        part += shift
        y[block] = part
    return y


def _sum_of_neighbours(x: np.ndarray, n: int) -> np.ndarray:
    """For each channel of `x` (N, C, ...) the sum of itself and ``n // 2`` neighbours on either side."""
    total = x.copy()
    for i in range(1, min(n // 2, x.shape[1] - 1) + 1):
        total[:, i:] += x[:, :-i]
        total[:, :-i] += x[:, i:]
    return total
