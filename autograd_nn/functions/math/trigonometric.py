"""Trigonometric and hyperbolic functions and their inverses (`tanh` is an activation)."""
from __future__ import annotations

import numpy as np

from autograd_nn.functions.math.arithmetic import Binary, apply_binary
from autograd_nn.functions.math.exponential import rsqrt
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.functions.unary import UnaryByInput, UnaryByOutput
from autograd_nn.types import ArrayLike, Operand
from autograd_nn.variable import Variable


class Sin(UnaryByInput):

    ufunc = np.sin

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * cos(x)


class Cos(UnaryByInput):

    ufunc = np.cos

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * -sin(x)


class Tan(UnaryByOutput):

    ufunc = np.tan

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return gy * (y * y + 1)


class Arcsin(UnaryByInput):

    ufunc = np.arcsin

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * rsqrt(1 - x * x)


class Arccos(UnaryByInput):

    ufunc = np.arccos

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * -rsqrt(1 - x * x)


class Arctan(UnaryByInput):

    ufunc = np.arctan

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy / (x * x + 1)


class Arctan2(SinglePrecision, Binary):

    ufunc = np.arctan2

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return gy * x1 / (x0 * x0 + x1 * x1)

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return -gy * x0 / (x0 * x0 + x1 * x1)


class Sinh(UnaryByInput):

    ufunc = np.sinh

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * cosh(x)


class Cosh(UnaryByInput):

    ufunc = np.cosh

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * sinh(x)


class Arctanh(UnaryByInput):

    ufunc = np.arctanh

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy / (1 - x * x)


def sin(x: ArrayLike) -> Variable:
    """The sine of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sin(np.array([0., np.pi / 2]))
        variable([0., 1.])
    """
    return Sin().apply((x,))[0]


def cos(x: ArrayLike) -> Variable:
    """The cosine of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.cos(np.array([0., np.pi]))
        variable([ 1., -1.])
    """
    return Cos().apply((x,))[0]


def tan(x: ArrayLike) -> Variable:
    """The tangent of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.tan(np.array([0., np.pi / 4])).array.round(6)
        array([0., 1.])
    """
    return Tan().apply((x,))[0]


def arcsin(x: ArrayLike) -> Variable:
    """The inverse sine of each element, in [-π/2, π/2].

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.arcsin(np.array([0., 1.]))
        variable([0.        , 1.57079633])
    """
    return Arcsin().apply((x,))[0]


def arccos(x: ArrayLike) -> Variable:
    """The inverse cosine of each element, in [0, π].

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.arccos(np.array([1., 0.]))
        variable([0.        , 1.57079633])
    """
    return Arccos().apply((x,))[0]


def arctan(x: ArrayLike) -> Variable:
    """The inverse tangent of each element, in [-π/2, π/2].

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.arctan(np.array([0., 1.]))
        variable([0.        , 0.78539816])
    """
    return Arctan().apply((x,))[0]


def arctan2(x1: Operand, x2: Operand) -> Variable:
    """The angle in (-π, π] of the point with ordinate `x1` and abscissa `x2`, elementwise with broadcasting.

    Args:
        x1: Variable, array or number.
        x2: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.arctan2(np.array([1., 0.]), np.array([1., -1.]))
        variable([0.78539816, 3.14159265])
    """
    return apply_binary(Arctan2, x1, x2)


def sinh(x: ArrayLike) -> Variable:
    """The hyperbolic sine of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sinh(np.array([0., 1.]))
        variable([0.        , 1.17520119])
    """
    return Sinh().apply((x,))[0]


def cosh(x: ArrayLike) -> Variable:
    """The hyperbolic cosine of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.cosh(np.array([0., 1.]))
        variable([1.        , 1.54308063])
    """
    return Cosh().apply((x,))[0]


def arctanh(x: ArrayLike) -> Variable:
    """The inverse hyperbolic tangent of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.arctanh(np.array([0., 0.5]))
        variable([0.        , 0.54930614])
    """
    return Arctanh().apply((x,))[0]
