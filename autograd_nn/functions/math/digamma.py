"""The derivative of the logarithm of the gamma function."""
from __future__ import annotations

from autograd_nn.functions.math.polygamma import digamma_kernel, polygamma
from autograd_nn.functions.unary import UnaryByInput
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class DiGamma(UnaryByInput):

    ufunc = digamma_kernel

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * polygamma(1, x)


def digamma(x: ArrayLike) -> Variable:
    """The derivative of `lgamma` at each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.digamma(np.array([1., 2.]))
        variable([-0.57721566,  0.42278434])
    """
    return DiGamma().apply((x,))[0]
