"""Initializers that draw nothing: one number, an array, the identity."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.initializers.initializer import Initializer
from autograd_nn.types import BareArray, DTypeLike, Number


class Constant(Initializer):
    """Fills with a number, or copies an array.

    Args:
        fill_value: A number, or an array that broadcasts to the parameter's shape.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> x = np.empty(3)
        >>> ann.initializers.Constant(0.5)(x)
        >>> x
        array([0.5, 0.5, 0.5])
    """

    def __init__(self, fill_value: BareArray | Number, dtype: DTypeLike | None = None) -> None:
        self.fill_value = fill_value
        super().__init__(dtype)

    def values(self, shape: tuple[int, ...]) -> Any:
        values = backend.to_cpu(self.fill_value) if backend.is_array(self.fill_value) else np.asarray(self.fill_value)
        try:
            return np.broadcast_to(values, shape)
        except ValueError:
            raise ValueError(f'{type(self).__name__}: expected an initial array of shape {shape}, '
                             f'got {values.shape}') from None


class Zero(Constant):
    """Fills with zeros."""

    def __init__(self, dtype: DTypeLike | None = None) -> None:
        super().__init__(0.0, dtype)


class One(Constant):
    """Fills with ones."""

    def __init__(self, dtype: DTypeLike | None = None) -> None:
        super().__init__(1.0, dtype)


class NaN(Constant):
    """Fills with NaN, so that a parameter that is used before it gets its values shows."""

    def __init__(self, dtype: DTypeLike | None = None) -> None:
        super().__init__(np.nan, dtype)


class Identity(Initializer):
    """Fills a square matrix with a multiple of the identity.

    Args:
        scale: The value on the diagonal.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.

    Raises:
        ValueError: When called: the array is not a square matrix.
    """

    def __init__(self, scale: float = 1.0, dtype: DTypeLike | None = None) -> None:
        self.scale = scale
        super().__init__(dtype)

    def values(self, shape: tuple[int, ...]) -> Any:
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(f'Identity: expected a square matrix, got shape {shape}')
        return self.scale * np.eye(shape[0])
