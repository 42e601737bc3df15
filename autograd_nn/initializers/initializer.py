"""The base of initializers, and what they need to know of a shape."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.types import Array, DTypeLike, RandomNumbers


class Initializer:
    """Fills an array with the initial values of a parameter. A subclass implements `values`.

    Args:
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        rng: Where random numbers come from: a ``numpy.random.RandomState`` or ``Generator``; NumPy's global state,
            which ``autograd_nn.random.seed`` seeds, by default.
    """

    def __init__(self, dtype: DTypeLike | None = None, rng: RandomNumbers | None = None) -> None:
        self.dtype = dtype
        self.rng = rng

    @property
    def random(self) -> Any:
        """The source of random numbers."""
        return np.random if self.rng is None else self.rng

    def values(self, shape: tuple[int, ...]) -> Any:
        """Computes initial values of a shape: an array of that shape, or what broadcasts to it."""
        raise NotImplementedError

    def __call__(self, array: Array) -> None:
        """Fills an array.

        Args:
            array: A NumPy or CuPy array.
        """
        # A layer may have no connections, on whose number the width of a distribution depends.
        if array.size:
            backend.copyto(array, np.asarray(self.values(array.shape)).astype(array.dtype, copy=False))

    # Copies of a link share its initializers: it is not changed by use, and a copied `rng` would repeat its numbers.
    def __deepcopy__(self, memo: dict[int, Any]) -> Initializer:
        return self

    def __repr__(self) -> str:
        arguments = [f'{name}={value!r}' for name, value in self.__dict__.items() if value is not None]
        return f'{type(self).__name__}({", ".join(arguments)})'


def get_fans(shape: Sequence[int]) -> tuple[int, int]:
    """The numbers of inputs and of outputs that one output, or input, of a layer is connected to.

    Args:
        shape: The shape of its weights: (outputs, inputs, *kernel).

    Returns:
        ``fan_in``, the inputs times the kernel's size, and ``fan_out``, the outputs times it.

    Raises:
        ValueError: `shape` has fewer than two axes.

    Example:
        >>> from autograd_nn.initializers import get_fans
        >>> get_fans((100, 784))
        (784, 100)
        >>> get_fans((64, 3, 7, 7))
        (147, 3136)
    """
    if len(shape) < 2:
        raise ValueError(f'get_fans: expected a shape (outputs, inputs, ...) of two or more axes, got {tuple(shape)}; '
                         'a vector needs an initializer that does not depend on the connections, such as Constant')
    kernel_size = math.prod(shape[2:])
    return shape[1] * kernel_size, shape[0] * kernel_size
