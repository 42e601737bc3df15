"""Matrices for tests."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.types import DTypeLike


def generate_matrix(shape: Sequence[int], dtype: DTypeLike = float, *, singular_values: Any) -> np.ndarray:
    """A random matrix with given singular values, or an array of them.

    For tests of functions that are sensitive to nearly singular matrices.

    Args:
        shape: The shape, (..., M, N).
        dtype: A floating-point or complex dtype.
        singular_values: The singular values: what broadcasts to the shape (..., min(M, N)).

    Raises:
        ValueError: There are less than two axes, or a singular value is negative.
        TypeError: The dtype is another one, or the singular values are not real.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.testing import generate_matrix
        >>> a = generate_matrix((3, 2), singular_values=[4, 0.5])
        >>> np.linalg.svd(a, compute_uv=False).round(6)
        array([4. , 0.5])
    """
    shape, dtype, values = tuple(shape), np.dtype(dtype), np.asarray(singular_values)
    if len(shape) < 2:
        raise ValueError(f'generate_matrix: expected the shape of matrices, (..., M, N), got {shape}')
    if dtype.kind not in 'fc':
        raise TypeError(f'generate_matrix: expected a floating-point or complex dtype, got {dtype}')
    if values.dtype.kind not in 'biuf':
        raise TypeError(f'generate_matrix: expected real singular values, got {values.dtype}')
    if (values < 0).any():
        raise ValueError(f'generate_matrix: expected singular values of 0 or more, got {values.min()}')
    values = np.broadcast_to(values, (*shape[:-2], min(shape[-2:])))
    if 0 in shape:
        return np.empty(shape, dtype)
    a = np.random.standard_normal(shape)
    if dtype.kind == 'c':
        a = a + 1j * np.random.standard_normal(shape)
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return ((u * values[..., None, :]) @ vh).astype(dtype)
