"""Chainer's names for the orders of axes in memory.

Here the axes of an array of images are always those of channels first, (N, C, H, W); that channels may lie last in
memory is told by the strides alone, and chosen by the kernels.
"""
from __future__ import annotations

from typing import Any

from autograd_nn.types import ArrayLike, Shape

CUDNN_CHANNEL_FIRST_X = None
CUDNN_CHANNEL_LAST_X = 'CUDNN_CHANNEL_LAST_X'
CUDNN_CHANNEL_FIRST_W = None
CUDNN_CHANNEL_LAST_W = 'CUDNN_CHANNEL_LAST_W'


def get_raw_shape(arr_or_var: ArrayLike) -> Shape:
    """The shape of an array or a Variable as it lies in memory: its shape."""
    return arr_or_var.shape


def get_semantic_shape(arr_or_var: ArrayLike, *, assumed_layout: str | None = None) -> Shape:
    """The shape of an array with channels first.

    Args:
        arr_or_var: Variable or array.
        assumed_layout: Which order the axes of an array are in: None, or one of the constants here.

    Raises:
        ValueError: The order is another one, or not None for a Variable.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.memory_layouts import CUDNN_CHANNEL_LAST_X, get_semantic_shape
        >>> get_semantic_shape(np.zeros((8, 5, 7, 3)), assumed_layout=CUDNN_CHANNEL_LAST_X)
        (8, 3, 5, 7)
    """
    shape: Any = arr_or_var.shape
    if assumed_layout is None:
        return shape
    if assumed_layout not in (CUDNN_CHANNEL_LAST_X, CUDNN_CHANNEL_LAST_W) or hasattr(arr_or_var, 'layout'):
        raise ValueError(f'get_semantic_shape: expected the layout None, got {assumed_layout!r}')
    return shape[0], shape[-1], *shape[1:-1]
