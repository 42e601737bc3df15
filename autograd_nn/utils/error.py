"""Texts for messages."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def _format_array_props(arrays: Iterable[Any]) -> str:
    """Shapes and dtypes of arrays; None stands for what is not there.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils.error import _format_array_props
        >>> _format_array_props([np.zeros((2, 3)), None])
        '(2, 3):float64, None'
    """
    return ', '.join(['None' if x is None else f'{x.shape}:{x.dtype.name}' for x in arrays])
