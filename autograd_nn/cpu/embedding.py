"""The gradient of a table look-up."""
from __future__ import annotations

import numpy as np

from autograd_nn.cpu import memory
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Ints


def embedding_grad(gy: np.ndarray, ids: np.ndarray, W_shape: Ints) -> np.ndarray:
    """Adds rows of the same number up in pairs, pairs of pairs and so on, and writes what is left of each number."""
    rows = gy.reshape(ids.size, W_shape[1]).astype(compute_dtype(gy.dtype))
    ids = ids.reshape(-1)
    order = ids.argsort(kind='stable')
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    # The place of each row among those of the same number.
    place = np.arange(len(ids)) - np.repeat(starts, np.diff(starts, append=len(ids)))
    while place.any():
        second = np.flatnonzero(place & 1)
        rows[order[second - 1]] += rows[order[second]]
        order, place = np.delete(order, second), np.delete(place, second) >> 1
    gW = memory.empty(W_shape, gy.dtype)
    gW.fill(0)
    gW[ids[order]] = rows[order]
    return gW
