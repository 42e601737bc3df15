"""Initializers that make a (transposed) convolution enlarge or shrink images."""
from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from autograd_nn.initializers.initializer import Initializer
from autograd_nn.types import DTypeLike


class UpsamplingDeconvFilter(Initializer):
    """Fills the filters of a transposed convolution so that it enlarges images by linear interpolation.

    The layer's stride is ``(ksize + 1) // 2``. Channels are not mixed.

    Long et al., Fully convolutional networks for semantic segmentation (2015), https://arxiv.org/abs/1411.4038.

    Args:
        interpolation: ``'linear'``.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.

    Raises:
        ValueError: Unknown `interpolation`; when called: the shape is not (C, C, k, ...) or (C, 1, k, ...).
    """

    def __init__(self, interpolation: str = 'linear', dtype: DTypeLike | None = None) -> None:
        if interpolation != 'linear':
            raise ValueError(f"{type(self).__name__}: expected interpolation 'linear', got {interpolation!r}")
        self.interpolation = interpolation
        super().__init__(dtype)

    def values(self, shape: tuple[int, ...]) -> Any:
        if len(shape) < 3 or shape[1] not in (1, shape[0]):
            raise ValueError(f'{type(self).__name__}: expected a shape (C, C, *k), or (C, 1, *k) with groups, '
                             f'got {shape}')
        weights = np.zeros(shape)
        channels = np.arange(shape[0])
        weights[channels, channels if shape[1] == shape[0] else 0] = _tent(shape[2:])
        return weights


class DownsamplingConvFilter(UpsamplingDeconvFilter):
    """Fills the filters of a convolution so that it shrinks images; each filter sums to 1.

    The layer's stride is ``(ksize + 1) // 2``. Channels are not mixed.

    Args:
        interpolation: ``'linear'``.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.

    Raises:
        ValueError: Unknown `interpolation`; when called: the shape is not (C, C, k, ...) or (C, 1, k, ...).
    """

    def values(self, shape: tuple[int, ...]) -> Any:
        return super().values(shape) / _tent(shape[2:]).sum()


def _tent(kernel_size: tuple[int, ...]) -> Any:
    """The product of one hat function for each axis, which falls linearly from the centre to both sides."""
    factors = []
    for size in kernel_size:
        half = (size + 1) // 2
        centre = (size - 1) / 2
        factors.append(1 - abs(np.arange(size) - centre) / half)
    return reduce(np.multiply.outer, factors)
