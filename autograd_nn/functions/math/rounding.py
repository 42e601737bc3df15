"""Functions that round, with a gradient of zero."""
from __future__ import annotations

import numpy as np

from autograd_nn.functions.unary import Unary
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Sign(Unary):

    ufunc = np.sign


class Floor(Unary):

    ufunc = np.floor


class Ceil(Unary):

    ufunc = np.ceil


class Fix(Unary):

    ufunc = np.trunc


def sign(x: ArrayLike) -> Variable:
    """The sign of each element: -1, 0 or 1; its gradient is zero.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sign(np.array([-2., 0., 3.]))
        variable([-1.,  0.,  1.])
    """
    return Sign().apply((x,))[0]


def floor(x: ArrayLike) -> Variable:
    """Each element rounded down; the gradient is zero.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.floor(np.array([-1.5, 1.5]))
        variable([-2.,  1.])
    """
    return Floor().apply((x,))[0]


def ceil(x: ArrayLike) -> Variable:
    """Each element rounded up; the gradient is zero.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.ceil(np.array([-1.5, 1.5]))
        variable([-1.,  2.])
    """
    return Ceil().apply((x,))[0]


def fix(x: ArrayLike) -> Variable:
    """Each element rounded toward zero; the gradient is zero.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.fix(np.array([-1.5, 1.5]))
        variable([-1.,  1.])
    """
    return Fix().apply((x,))[0]
