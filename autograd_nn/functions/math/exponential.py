"""Exponential functions, logarithms and roots."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise
from autograd_nn.functions.unary import UnaryByInput, UnaryByOutput
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable


@elementwise('T x', 'T y', 'y = rsqrt(x)')
def reciprocal_sqrt(x: Array) -> Any:
    """One over the square root."""
    return np.reciprocal(np.sqrt(x))


class Exp(UnaryByOutput):

    ufunc = np.exp

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return y * gy


class Expm1(UnaryByOutput):

    ufunc = np.expm1

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return (y + 1) * gy


class Log(UnaryByInput):

    ufunc = np.log

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy / x


class Log1p(UnaryByInput):

    ufunc = np.log1p

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy / (x + 1)


class Log2(UnaryByInput):

    ufunc = np.log2

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy / x * (1 / math.log(2))


class Log10(UnaryByInput):

    ufunc = np.log10

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy / x * (1 / math.log(10))


class Sqrt(UnaryByOutput):

    ufunc = np.sqrt

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return gy / (y * 2)


class Rsqrt(UnaryByOutput):

    ufunc = reciprocal_sqrt

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return y * y * y * gy * -0.5


class Cbrt(UnaryByOutput):

    ufunc = np.cbrt

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return gy / (y * y * 3)


class Square(UnaryByInput):

    ufunc = np.square

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * x * 2


def exp(x: ArrayLike) -> Variable:
    """The exponential of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.exp(np.array([0., 1.]))
        variable([1.        , 2.71828183])
    """
    return Exp().apply((x,))[0]


def expm1(x: ArrayLike) -> Variable:
    """The exponential of each element minus one, precise near zero.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.expm1(np.array([0., 1e-20]))
        variable([0.e+00, 1.e-20])
    """
    return Expm1().apply((x,))[0]


def log(x: ArrayLike) -> Variable:
    """The natural logarithm of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.log(np.array([1., np.e]))
        variable([0., 1.])
    """
    return Log().apply((x,))[0]


def log1p(x: ArrayLike) -> Variable:
    """The natural logarithm of one plus each element, precise near zero.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.log1p(np.array([0., 1e-20]))
        variable([0.e+00, 1.e-20])
    """
    return Log1p().apply((x,))[0]


def log2(x: ArrayLike) -> Variable:
    """The logarithm of each element to the base two.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.log2(np.array([1., 8.]))
        variable([0., 3.])
    """
    return Log2().apply((x,))[0]


def log10(x: ArrayLike) -> Variable:
    """The logarithm of each element to the base ten.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.log10(np.array([1., 1000.]))
        variable([0., 3.])
    """
    return Log10().apply((x,))[0]


def sqrt(x: ArrayLike) -> Variable:
    """The square root of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sqrt(np.array([4., 9.]))
        variable([2., 3.])
    """
    return Sqrt().apply((x,))[0]


def rsqrt(x: ArrayLike) -> Variable:
    """One over the square root of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.rsqrt(np.array([1., 4.]))
        variable([1. , 0.5])
    """
    return Rsqrt().apply((x,))[0]


def cbrt(x: ArrayLike) -> Variable:
    """The cube root of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.cbrt(np.array([-8., 27.]))
        variable([-2.,  3.])
    """
    return Cbrt().apply((x,))[0]


def square(x: ArrayLike) -> Variable:
    """The square of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.square(np.array([-2., 3.]))
        variable([4., 9.])
    """
    return Square().apply((x,))[0]
