"""The logarithm of the gamma function."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise
from autograd_nn.functions.math.digamma import digamma
from autograd_nn.functions.math.zeta import zeta_kernel
from autograd_nn.functions.precision import in_double_precision
from autograd_nn.functions.unary import UnaryByInput
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable

# Taylor's series at 2, of (-1)^k (zeta(k) - 1) / k, enough of it for half a step to either side; from the highest power
# down. At 2, and at 1, where the function is zero, as many digits are right as elsewhere.
_POWERS = np.arange(26., 1, -1)
_AT_TWO = *((-1) ** _POWERS * zeta_kernel(np.full(25, 2.), _POWERS) / _POWERS).tolist(), 1 - np.euler_gamma
# Stirling's series in 1 / x², Bernoulli's numbers B(2j) / 2j(2j - 1), from the highest power down.
_STIRLING = 1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12


def _polynomial(coefficients: tuple[float, ...], t: Array) -> Any:
    y = np.full_like(t, coefficients[0])
    for c in coefficients[1:]:
        y = y * t + c
    return y


def _right_of_zero(x: Array) -> Any:
    """The function of numbers that are not negative."""
    # In steps of 1, each a factor of the gamma function, to a number next to 2.
    t = np.minimum(x, 10.5)
    nearest = np.rint(t)
    above = np.ones_like(t)
    for k in range(1, 9):
        above *= np.where(k <= nearest - 2, t - k, 1)
    below = np.where(nearest < 2, t, 1) * np.where(nearest < 1, t + 1, 1)
    t = t - nearest
    small = np.log(above) - np.log(below) + t * _polynomial(_AT_TWO, t)
    large = np.maximum(x, 10)
    stirling = (large - 0.5) * np.log(large) - large + 0.5 * math.log(2 * math.pi)
    return np.where(x < 10, small, stirling + _polynomial(_STIRLING, 1 / (large * large)) / large)


@elementwise('T x', 'T y', 'y = lgamma(x)')
@in_double_precision
def lgamma_kernel(x: Array) -> Any:
    """The logarithm of the absolute value of the gamma function."""
    y = _right_of_zero(np.where(x < 0, 1 - x, x))
    if (x < 0).any():
        y = np.where(x < 0, np.log(np.pi / np.abs(np.sin(np.pi * (x - np.rint(x))))) - y, y)
    return np.where(np.isinf(x), np.inf, y)


class LGamma(UnaryByInput):

    ufunc = lgamma_kernel

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * digamma(x)


def lgamma(x: ArrayLike) -> Variable:
    """The logarithm of the absolute value of the gamma function of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape. At 0 and the negative integers it is infinity.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.exp(F.lgamma(np.array([4., 5.])))
        variable([ 6., 24.])
    """
    return LGamma().apply((x,))[0]
