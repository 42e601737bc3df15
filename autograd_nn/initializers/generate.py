"""From what a user gives as initial values to an initializer, and to an array."""
from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.backend import DeviceLike
from autograd_nn.config import get_dtype
from autograd_nn.initializers.constant import Constant
from autograd_nn.initializers.initializer import Initializer
from autograd_nn.initializers.random import LeCunNormal
from autograd_nn.types import DTypeLike, InitializerLike, Size


def get_initializer(initializer: InitializerLike, dtype: DTypeLike | None = None) -> Callable[[Any], None]:
    """The initializer that a link's argument such as ``initialW`` means.

    Args:
        initializer: None for `LeCunNormal`, a number or an array for `Constant`, or a callable that fills the array it
            is called with.
        dtype: The dtype of parameters created with it; its own by default.

    Raises:
        TypeError: It is none of these.

    Example:
        >>> from autograd_nn.initializers import get_initializer
        >>> get_initializer(0.5)
        Constant(fill_value=0.5)
    """
    if initializer is None:
        return LeCunNormal(dtype=dtype)
    if backend.is_array(initializer) or isinstance(initializer, (int, float, complex, np.number)):
        return Constant(initializer, dtype)
    if not callable(initializer):
        raise TypeError('initializer: expected None, a number, an array or a callable, '
                        f'got {type(initializer).__name__}')
    if dtype is None:
        return initializer
    typed: Any = copy.copy(initializer) if isinstance(initializer, Initializer) else partial(initializer)
    typed.dtype = dtype
    return typed


def generate_array(initializer: Callable[[Any], None], shape: Size, xp: Any = np, dtype: DTypeLike | None = None,
                   device: DeviceLike | None = None) -> Any:
    """Creates an array and fills it.

    Args:
        initializer: A callable that fills the array it is called with; its ``dtype``, if it has one, is the array's.
        shape: The array's shape.
        xp: The array module, ``numpy`` or ``cupy``; where `device` is given, that decides.
        dtype: The array's dtype; ``config.dtype`` by default.
        device: Where to create the array: a `Device` or a specifier such as ``'cuda:0'``.

    Raises:
        ValueError: `initializer` has another dtype than `dtype`.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> ann.initializers.generate_array(ann.initializers.One(), (2, 2), np)
        array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    own = getattr(initializer, 'dtype', None)
    if own is not None and dtype is not None and np.dtype(own) != np.dtype(dtype):
        raise ValueError(f'generate_array: expected an initializer of dtype {np.dtype(dtype)}, got {np.dtype(own)}')
    array = np.empty(shape, get_dtype(dtype if own is None else own))
    initializer(array)
    if device is None:
        return xp.asarray(array)
    return backend.get_device(device).send(array)
