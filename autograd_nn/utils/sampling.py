"""Some elements that stand for all."""
from __future__ import annotations

import numpy as np

from autograd_nn.backend import to_cpu
from autograd_nn.types import Array


def sample_elements(x: Array, most: int) -> np.ndarray:
    """Some of an array's elements, evenly spaced in memory, on the CPU as float64.

    Args:
        x: The array.
        most: How many, at most.

    Example:
        >>> from autograd_nn.utils.sampling import sample_elements
        >>> sample_elements(np.arange(10), 5)
        array([0., 2., 4., 6., 8.])
    """
    # In the order of the memory, nothing is copied but what is taken.
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    flat = x.transpose(axes).reshape(-1)
    return to_cpu(flat[::max(1, -(-flat.size // most))]).astype(np.float64)
