"""The larger and the smaller of two arrays, and limits, element by element."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.dtypes import is_floating
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.math.arithmetic import Binary, apply_binary
from autograd_nn.functions.unary import UnaryByKernel
from autograd_nn.types import Array, ArrayLike, Operand
from autograd_nn.variable import Variable


class Maximum(Binary):

    ufunc = np.maximum

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return where(x0 >= x1, gy, 0)

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return where(x0 >= x1, 0, gy)


class Minimum(Binary):

    ufunc = np.minimum

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return where(x0 <= x1, gy, 0)

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return where(x0 <= x1, 0, gy)


class Clip(UnaryByKernel):

    def __init__(self, x_min: float | None, x_max: float | None) -> None:
        self.x_min = x_min
        self.x_max = x_max

    def ufunc(self, x: Array) -> Any:
        if self.x_min is None:
            y = get_array_module(x).minimum(x, self.x_max)
        elif self.x_max is None:
            y = get_array_module(x).maximum(x, self.x_min)
        else:
            y = x.clip(self.x_min, self.x_max)
        return y.astype(x.dtype, copy=False) if is_floating(x.dtype) else y

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        x_min = -np.inf if self.x_min is None else self.x_min
        x_max = np.inf if self.x_max is None else self.x_max
        return where((x_min <= x) * (x <= x_max), gy, 0)


def maximum(x1: Operand, x2: Operand) -> Variable:
    """The larger of two arrays, elementwise with broadcasting. Where they are equal, the gradient goes to `x1`.

    Args:
        x1: Variable, array or number.
        x2: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.maximum(np.array([1., 5.]), np.array([3., 2.]))
        variable([3., 5.])
    """
    return apply_binary(Maximum, x1, x2)


def minimum(x1: Operand, x2: Operand) -> Variable:
    """The smaller of two arrays, elementwise with broadcasting. Where they are equal, the gradient goes to `x1`.

    Args:
        x1: Variable, array or number.
        x2: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.minimum(np.array([1., 5.]), np.array([3., 2.]))
        variable([1., 2.])
    """
    return apply_binary(Minimum, x1, x2)


def clip(x: ArrayLike, x_min: float | None, x_max: float | None) -> Variable:
    """Limits each element to an interval. The gradient is zero outside of it.

    Args:
        x: Variable or array.
        x_min: The lower limit; None for none, where there is an upper one.
        x_max: The upper limit; None for none, where there is a lower one.

    Raises:
        ValueError: `x_min` is larger than `x_max`, or both are None.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.clip(np.array([-5., 0.5, 5.]), -1, 1)
        variable([-1. ,  0.5,  1. ])
    """
    if x_min is not None and x_max is not None and x_min > x_max:
        raise ValueError(f'clip: x_min {x_min} is larger than x_max {x_max}')
    if x_min is None and x_max is None:
        raise ValueError('clip: expected x_min, x_max or both, got None for both')
    return Clip(x_min, x_max).apply((x,))[0]
