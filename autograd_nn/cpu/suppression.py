"""Boxes that overlap better ones are left out, a group of boxes at a time."""
from __future__ import annotations

import numpy as np

from autograd_nn.dtypes import compute_dtype

# How many boxes are compared with all others at once: NumPy's loops are long, and their results stay in the cache.
_GROUP = 32


def non_maximum_suppression(boxes: np.ndarray, threshold: float, limit: int | None) -> np.ndarray:
    """Keeps some of the next boxes, and drops all that these overlap, until there are no more."""
    bounds = np.ascontiguousarray(boxes.T, compute_dtype(boxes.dtype))
    waiting, kept = np.arange(len(boxes)), np.empty(0, np.intp)
    while waiting.size and (limit is None or len(kept) < limit):
        group, waiting = waiting[:_GROUP], waiting[_GROUP:]
        chosen = group[_first_of_overlapping(_overlap(bounds[:, group], bounds[:, group], threshold))]
        waiting = waiting[~_overlap(bounds[:, chosen], bounds[:, waiting], threshold).any(axis=0)]
        kept = np.concatenate([kept, chosen])
    return kept[:limit].astype(np.int32)


def _first_of_overlapping(overlap: np.ndarray) -> list[int]:
    """One after the other those that overlap (R, R) none before them that is taken."""
    chosen: list[int] = []
    for i, row in enumerate(overlap):
        if not row[chosen].any():
            chosen.append(i)
    return chosen


def _overlap(a: np.ndarray, b: np.ndarray, threshold: float) -> np.ndarray:
    """Whether the intersection of boxes (4, A) and (4, B) over their union is at least the threshold: (A, B)."""
    top, left, bottom, right = a[:, :, None]
    common, width = np.minimum(bottom, b[2]), np.minimum(right, b[3])
    common -= np.maximum(top, b[0])
    width -= np.maximum(left, b[1])
    np.maximum(common, 0, out=common)
    common *= np.maximum(width, 0, out=width)
    union = (bottom - top) * (right - left) + (b[2] - b[0]) * (b[3] - b[1])
    union -= common
    with np.errstate(invalid='ignore', divide='ignore'):  # a box without area overlaps nothing
        return np.greater_equal(np.divide(common, union, out=common), threshold)
