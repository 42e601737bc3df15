"""Arrays for tests."""
from __future__ import annotations

from typing import Any

from autograd_nn.backend import get_array_module
from autograd_nn.gradient_check import assert_allclose
from autograd_nn.types import Array

__all__ = ['as_noncontiguous', 'assert_allclose']


def as_noncontiguous(array: Array) -> Any:
    """An array with the same elements, between which there are gaps in memory, and whose axes run backward.

    A function that goes by the memory of its arrays, and not by their strides, gives itself away.

    Args:
        array: An array of NumPy or CuPy, or a tuple or a list of them. None, and what has one element, stays as it is.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.testing.array import as_noncontiguous
        >>> x = as_noncontiguous(np.arange(3.))
        >>> x, x.flags.c_contiguous
        (array([0., 1., 2.]), False)
    """
    if isinstance(array, (tuple, list)):
        return type(array)([as_noncontiguous(x) for x in array])
    if array is None or array.size <= 1:
        return array
    spread = get_array_module(array).empty([2 * n for n in array.shape], array.dtype)
    view = spread[(slice(None, None, -2),) * array.ndim]
    view[...] = array
    return view
