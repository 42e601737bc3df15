"""The one module of ChainerCV that is compiled, and that no compiler accepts since Python 3.11 and NumPy 2.

Imports of ``chainercv.utils.bbox._nms_gpu_post`` find it where the compiled one is not.
"""
from __future__ import annotations

import numpy as np

__all__ = ['_nms_gpu_post']


def _nms_gpu_post(mask: np.ndarray, n_bbox: int, threads_per_block: int, col_blocks: int) -> tuple[np.ndarray, int]:
    """Selects boxes greedily, of which a kernel has said which others each of them overlaps.

    Args:
        mask: A bit for each pair of boxes, uint64 of shape (n_bbox * col_blocks,).
        n_bbox: The number of boxes, in the order of their scores.
        threads_per_block: How many bits of a number are used.
        col_blocks: How many numbers there are for a box.

    Returns:
        The indices of the boxes that are selected, int32 of shape (n_bbox,), and how many of them are valid.

    Example:
        >>> import numpy as np
        >>> _nms_gpu_post(np.array([0b110, 0b100, 0], np.uint64), 3, 64, 1)
        (array([0, 0, 0], dtype=int32), 1)
    """
    overlaps = mask.reshape(n_bbox, int(col_blocks))
    removed = np.zeros(int(col_blocks), np.uint64)
    selection = np.zeros(n_bbox, np.int32)
    count = 0
    for i in range(n_bbox):
        block, bit = divmod(i, int(threads_per_block))
        if not removed[block] >> np.uint64(bit) & np.uint64(1):
            selection[count] = i
            count += 1
            removed |= overlaps[i]
    return selection, count
