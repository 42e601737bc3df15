"""Types of numbers: which ones are floating-point, bfloat16 included, which NumPy has from the library ml_dtypes."""
from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from autograd_nn.types import Array, DTypeLike

P = ParamSpec('P')
T = TypeVar('T')


def bfloat16() -> np.dtype:
    """The type with the exponents of float32 in 16 bits; 8 bits are left for the digits.

    Raises:
        ImportError: The library ml_dtypes is not installed.
    """
    try:
        import ml_dtypes
    except ImportError as error:
        raise ImportError('bfloat16 is a type of the library ml_dtypes; install it: pip install ml_dtypes') from error
    return np.dtype(ml_dtypes.bfloat16)


@cache
def name_of(dtype: np.dtype) -> str:
    """The name of a type, which NumPy would make up anew each time.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.dtypes import name_of
        >>> name_of(np.dtype('f'))
        'float32'
    """
    return dtype.name


def is_floating(dtype: np.dtype) -> bool:
    """Whether numbers of a type are real and have fractions.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.dtypes import is_floating
        >>> is_floating(np.dtype('float16')), is_floating(np.dtype('int64'))
        (True, False)
    """
    return dtype.kind == 'f' or name_of(dtype) == 'bfloat16'


def is_real(dtype: np.dtype) -> bool:
    """Whether a type is one of real numbers, truth values among them."""
    return dtype.kind in 'biuf' or name_of(dtype) == 'bfloat16'


def has_gradient(dtype: np.dtype) -> bool:
    """Whether a function of numbers of a type can have a gradient: they are floating-point, or complex."""
    return dtype.kind in 'fc' or name_of(dtype) == 'bfloat16'


def is_half(dtype: np.dtype) -> bool:
    """Whether a type is float16 or bfloat16, with too few digits for sums."""
    return dtype.itemsize == 2 and is_floating(dtype)


def compute_dtype(dtype: np.dtype) -> np.dtype:
    """The type in which kernels compute with arrays of a type: float32 at least.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.dtypes import compute_dtype
        >>> [compute_dtype(np.dtype(dtype)).name for dtype in ('e', 'f', 'd')]
        ['float32', 'float32', 'float64']
    """
    return np.result_type(dtype, np.float32)


def at_least_float32(x: Array) -> Array:
    """An array of NumPy or CuPy, in float32 if it is in half precision; what is no array is returned as it is.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.dtypes import at_least_float32
        >>> [at_least_float32(np.zeros(2, dtype)).dtype.name for dtype in ('e', 'f', 'd')]
        ['float32', 'float32', 'float64']
    """
    dtype = getattr(x, 'dtype', None)
    return x if dtype is None or not is_half(dtype) else x.astype(np.float32)


def in_float32(compute: Callable[P, T]) -> Callable[P, T]:
    """Decorator: a function of arrays computes in float32 where the first of them is in half precision.

    Its result, an array, comes back in the type of the first.
    """
    @wraps(compute)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        dtype = cast(Any, args[0]).dtype
        if not is_half(dtype):
            return compute(*args, **kwargs)
        wide: Any = compute
        return wide(*map(at_least_float32, args),
                    **{name: at_least_float32(value) for name, value in kwargs.items()}).astype(dtype)

    return call


def as_dtype(dtype: DTypeLike) -> np.dtype:
    """As ``numpy.dtype``; it knows ``'bfloat16'``, too."""
    return bfloat16() if dtype == 'bfloat16' else np.dtype(dtype)
