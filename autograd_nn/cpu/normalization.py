"""Batch, group, layer and local response normalization.

Batch and group normalization work on a matrix of rows (elements that share statistics) and columns (one for each entry
of gamma), a block of rows at a time. Sums within a block are taken in the type of the data, and added up in float64:
the error does not grow with the number of rows, and the variance is that of centred values.
"""
from __future__ import annotations

from math import gcd

import numpy as np

from autograd_nn.cpu import memory, threads
from autograd_nn.cpu.window import samples_per_block
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Ints

# In smaller blocks, threads wait for the interpreter's lock more than they save in the cache (measured).
_BLOCK_ELEMENTS = 1 << 18


def batch_normalization(
        x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float, axis: Ints, relu: bool = False,
        residual: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Two passes: the statistics, then the output."""
    rows = as_rows(x, axis)
    mean, var = statistics(rows)
    inv_std = 1 / np.sqrt(var + eps)
    others = None if residual is None else as_rows(residual, axis)
    y = _from_rows(_scale_and_shift(rows, mean, gamma.ravel() * inv_std, beta.ravel(), others, relu), x, axis)
    dtype = compute_dtype(gamma.dtype)
    return (y, mean.astype(dtype).reshape(gamma.shape), inv_std.astype(dtype).reshape(gamma.shape),
            ~(y <= 0) if relu and residual is None else None)


def batch_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray, inv_std: np.ndarray,
                             axis: Ints, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two passes: the sums, then the gradient of the input."""
    rows, gy_rows = as_rows(x, axis), as_rows(gy if mask is None else gy * mask, axis)
    mean, inv_std = mean.ravel(), inv_std.ravel()
    gbeta, ggamma = _sums(rows, mean.astype(compute_dtype(x.dtype)), gy_rows)
    ggamma *= inv_std
    scale = gamma.ravel() * inv_std
    count = max(1, len(rows))
    gx = _input_gradient(rows, gy_rows, mean, scale, -scale * inv_std * ggamma / count, -scale * gbeta / count)
    return (_from_rows(gx, x, axis), ggamma.astype(gamma.dtype).reshape(gamma.shape),
            gbeta.astype(gamma.dtype).reshape(gamma.shape))


def update_statistics(running_mean: np.ndarray, running_var: np.ndarray, mean: np.ndarray, inv_std: np.ndarray,
                      eps: float, decay: float, count: int) -> None:
    """The variance is recovered from its root."""
    var = (inv_std ** -2 - eps).clip(0)
    for running, new in (running_mean, mean), (running_var, count / max(count - 1, 1) * var):
        running *= decay
        running += ((1 - decay) * new).astype(running.dtype, copy=False)


def fixed_batch_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray,
                              eps: float, axis: Ints, relu: bool = False,
                              residual: np.ndarray | None = None) -> np.ndarray:
    """With given statistics it is one scale and one shift for each channel: one pass over `x`."""
    scale = gamma.ravel() / np.sqrt(var.ravel().astype(np.float64) + eps)
    others = None if residual is None else as_rows(residual, axis)
    y = _scale_and_shift(as_rows(x, axis), mean.ravel(), scale, beta.ravel(), others, relu)
    return _from_rows(y, x, axis)


def group_normalization(x: np.ndarray, groups: int, gamma: np.ndarray, beta: np.ndarray,
                        eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each sample the statistics of its channels, and those of the groups from them; then a scale and a shift."""
    dtype = compute_dtype(x.dtype)
    y = np.empty_like(x)
    mean, inv_std = np.empty((len(x), groups), dtype), np.empty((len(x), groups), dtype)

    def compute(i: int) -> None:
        rows = as_rows(x[i], tuple(range(1, x.ndim - 1)))
        means, variances = (part.reshape(groups, -1) for part in statistics(rows))
        mean[i] = centre = means.mean(1)
        inv_std[i] = 1 / np.sqrt((variances + (means - centre[:, None]) ** 2).mean(1) + eps)
        width = len(gamma) // groups
        scale = gamma * inv_std[i].repeat(width)
        y[i] = _from_rows(_scale_and_shift(rows, centre.repeat(width), scale, beta), x[i], tuple(range(1, x.ndim - 1)))

    threads.run(compute, range(len(x)))
    return y, mean, inv_std


def group_normalization_grad(x: np.ndarray, groups: int, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray,
                             inv_std: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each sample two passes, as for batch normalization; means are taken over the groups."""
    axis = tuple(range(1, x.ndim - 1))
    width = len(gamma) // groups
    gx = np.empty_like(x)
    gbeta, ggamma = np.empty((len(x), len(gamma))), np.empty((len(x), len(gamma)))

    def compute(i: int) -> None:
        rows, gy_rows = as_rows(x[i], axis), as_rows(gy[i], axis)
        centre, factor = mean[i].repeat(width), inv_std[i].repeat(width)
        gbeta[i], ggamma[i] = _sums(rows, centre, gy_rows)
        ggamma[i] *= factor

        def mean_of_groups(sums: np.ndarray) -> np.ndarray:
            return ((gamma * sums).reshape(groups, width).sum(1) / max(1, len(rows) * width)).repeat(width)

        part = _input_gradient(rows, gy_rows, centre, gamma * factor, -factor ** 2 * mean_of_groups(ggamma[i]),
                               -factor * mean_of_groups(gbeta[i]))
        gx[i] = _from_rows(part, x[i], axis)

    threads.run(compute, range(len(x)))
    return gx, ggamma.sum(0).astype(gamma.dtype), gbeta.sum(0).astype(gamma.dtype)


def layer_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray,
                        eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All passes over a block of rows while it is in the cache."""
    dtype = compute_dtype(x.dtype)
    y = memory.empty(x.shape, x.dtype)
    mean, inv_std = np.empty(len(x), dtype), np.empty(len(x), dtype)

    def compute(block: slice) -> None:
        mean[block] = x[block].mean(1, dtype=dtype)
        difference = x[block] - mean[block, None]
        inv_std[block] = 1 / np.sqrt(np.square(difference).mean(1) + eps)
        difference *= inv_std[block, None]
        difference *= gamma
        difference += beta
        y[block] = difference

    threads.run(compute, _blocks(x))
    return y, mean, inv_std


def layer_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray,
                             inv_std: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """With ``d = gamma * gy``: ``gx = inv_std * (d - mean(d) - x_hat * mean(d * x_hat))``."""
    dtype = compute_dtype(x.dtype)
    gx = memory.empty(x.shape, x.dtype)
    blocks = _blocks(x)
    sums = np.empty((len(blocks), 2, len(gamma)))

    def compute(i: int) -> None:
        block = blocks[i]
        part = gy[block].astype(dtype, copy=False)
        x_hat = (x[block] - mean[block, None]) * inv_std[block, None]
        sums[i] = np.einsum('ij,ij->j', part, x_hat), part.sum(0)
        part = part * gamma
        x_hat *= (part * x_hat).mean(1, keepdims=True)
        part -= part.mean(1, keepdims=True)
        part -= x_hat
        gx[block] = part * inv_std[block, None]

    threads.run(compute, range(len(blocks)))
    ggamma, gbeta = sums.sum(0).astype(gamma.dtype)
    return gx, ggamma, gbeta


def local_response_normalization(x: np.ndarray, n: int, k: float, alpha: float, beta: float) -> np.ndarray:
    """A few samples at a time, so that all of it happens in the cache."""
    y = np.empty_like(x)

    def compute(block: slice) -> None:
        part = x[block]
        y[block] = part * _response_factor(_response_scale(part, n, k, alpha), beta)

    threads.run(compute, _sample_blocks(x))
    return y


def local_response_normalization_grad(x: np.ndarray, gy: np.ndarray, n: int, k: float, alpha: float,
                                      beta: float) -> np.ndarray:
    """``gx = g - 2 alpha beta x S(x g / scale)``, where ``g = gy / scale ** beta`` and S sums over neighbours."""
    gx = np.empty_like(x)

    def compute(block: slice) -> None:
        part = x[block]
        scale = _response_scale(part, n, k, alpha)
        g = _response_factor(scale, beta)
        g *= gy[block]
        np.divide(g, scale, out=scale)
        scale *= part
        slope = _sum_of_neighbours(scale, n)
        slope *= part
        slope *= 2 * alpha * beta
        gx[block] = np.subtract(g, slope, out=g)

    threads.run(compute, _sample_blocks(x))
    return gx


def _response_scale(x: np.ndarray, n: int, k: float, alpha: float) -> np.ndarray:
    """`k` plus `alpha` times the sum of squares over neighbours, in at least float32."""
    scale = _sum_of_neighbours(np.square(x, dtype=compute_dtype(x.dtype)), n)
    scale *= alpha
    scale += k
    return scale


def _response_factor(scale: np.ndarray, beta: float) -> np.ndarray:
    """``scale ** -beta``; roots take a fifth of the time of the power where they serve (and `beta` mostly is 3 / 4)."""
    if beta != 0.75:
        return scale ** -beta
    root = np.sqrt(scale)
    root *= np.sqrt(root)
    return np.divide(1, root, out=root)


def _sample_blocks(x: np.ndarray) -> list[slice]:
    step = samples_per_block(x[:1].nbytes)
    return [slice(start, start + step) for start in range(0, len(x), step)]


def as_rows(x: np.ndarray, axis: Ints) -> np.ndarray:
    """`x` as a matrix: the elements of `axis` are its rows. A view if these axes come first in memory."""
    kept = [i for i in range(x.ndim) if i not in axis]
    width = int(np.prod([x.shape[i] for i in kept]))
    return x.transpose(*axis, *kept).reshape(-1 if width else 0, width)


def _from_rows(rows: np.ndarray, x: np.ndarray, axis: Ints) -> np.ndarray:
    """The inverse of `_as_rows`, for an array with the shape of `x`."""
    order = [*axis, *(i for i in range(x.ndim) if i not in axis)]
    return rows.reshape([x.shape[i] for i in order]).transpose(np.argsort(order))


def _blocks(rows: np.ndarray) -> list[slice]:
    step = max(1, _BLOCK_ELEMENTS // max(1, rows.shape[1]))
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def statistics(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the variance (float64) over all rows.

    One pass takes both about the mean of a few rows; if that is far from the mean of all, there is a second one.
    """
    count = max(1, len(rows))
    some = rows[::-(-count // 512)]
    mean = some.sum(0, dtype=np.float64) / max(1, len(some))
    for _ in range(2):
        centre = mean.astype(compute_dtype(rows.dtype))
        offset, square = _sums(rows, centre) / count
        mean, var = centre + offset, square - offset ** 2
        if (offset ** 2 <= 100 * var).all():
            break
    return mean, var


def _sums(rows: np.ndarray, centre: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The sums (float64) over all rows of w and of ``w * (x - centre)``; w is ``x - centre`` unless it is given."""
    width = rows.shape[1]
    # Short rows are taken several at a time: that is faster, and fewer numbers are added up in low precision.
    several = 1
    if rows.flags.c_contiguous and (weights is None or weights.flags.c_contiguous):
        several = gcd(len(rows), 1 << max(0, (1024 // max(1, width)).bit_length() - 1))
    shape = len(rows) // several, several * width
    rows, centre = rows.reshape(shape), np.tile(centre, several)
    if weights is not None:
        weights = weights.reshape(shape)
    blocks = _blocks(rows)
    # Each block has its own: so their sum does not depend on the number of threads.
    parts = np.zeros((len(blocks), 2, several * width))

    def compute(i: int) -> None:
        difference = rows[blocks[i]] - centre
        part = difference if weights is None else weights[blocks[i]]
        parts[i] = part.sum(0, dtype=difference.dtype), np.einsum('ij,ij->j', part, difference)

    threads.run(compute, range(len(blocks)))
    return parts.sum(0).reshape(2, several, width).sum(1)


def _input_gradient(rows: np.ndarray, gy_rows: np.ndarray, mean: np.ndarray, scale: np.ndarray, slope: np.ndarray,
                    shift: np.ndarray) -> np.ndarray:
    """``scale * gy + slope * (x - mean) + shift``."""
    mean, scale, slope, shift = (a.astype(compute_dtype(rows.dtype)) for a in (mean, scale, slope, shift))
    gx = memory.empty(rows.shape, rows.dtype)

    def compute(block: slice) -> None:
        part = rows[block] - mean
        part *= slope
        part += shift
        part += gy_rows[block] * scale
        gx[block] = part

    threads.run(compute, _blocks(rows))
    return gx


def _scale_and_shift(rows: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray,
                     others: np.ndarray | None = None, relu: bool = False) -> np.ndarray:
    """``(rows - mean) * scale + shift + others``, and with `relu` zero instead of negative results."""
    centre = mean.astype(compute_dtype(rows.dtype))
    # What the rounding of the mean leaves.
    shift = (shift + (centre - mean) * scale).astype(centre.dtype)
    scale = scale.astype(centre.dtype)
    y = memory.empty(rows.shape, rows.dtype)

    def compute(block: slice) -> None:
        part = rows[block] - centre
        part *= scale
        part += shift
        if others is not None:
            part += others[block]
        if relu:
            np.maximum(part, 0, out=part)
        y[block] = part

    threads.run(compute, _blocks(rows))
    return y


def _sum_of_neighbours(x: np.ndarray, n: int) -> np.ndarray:
    """For each channel of `x` (N, C, ...) the sum of itself and ``n // 2`` neighbours on either side."""
    total = x.copy()
    for i in range(1, min(n // 2, x.shape[1] - 1) + 1):
        total[:, i:] += x[:, :-i]
        total[:, :-i] += x[:, i:]
    return total
