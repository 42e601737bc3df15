"""Two values instead of many, with a gradient all the same."""
from __future__ import annotations

from typing import Any

from autograd_nn.backend import elementwise
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.scaling import Scaling
from autograd_nn.functions.unary import UnaryByKernel
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable, as_variable


@elementwise('T x', 'T y', 'y = x < (T)0 ? (T)-1 : (T)1')
def _binarize(x: Array) -> Any:
    y = (x < 0).astype(x.dtype)
    y *= -2
    y += 1
    return y


@elementwise('T x, T gy', 'T gx', 'gx = x >= (T)-1 && x <= (T)1 ? gy : (T)0')
def _straight_through(x: Array, gy: Array) -> Any:
    gx = (abs(x) <= 1).astype(gy.dtype)
    gx *= gy
    return gx


class Binarize(UnaryByKernel):

    ufunc = _binarize

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return Scaling(_straight_through, x.array).apply((gy,))[0]


def binarize(x: ArrayLike) -> Variable:
    """1 where `x` is not negative and -1 elsewhere, with a straight-through gradient: that of ``clip(x, -1, 1)``.

    The true gradient is zero, and nothing could be learned from it. This one is passed on as if the function were the
    identity, and is zero where `x` is beyond the two values: going on there would change nothing. So weights and
    activations of one bit are trained. See Courbariaux et al., BinaryConnect, 2015, https://arxiv.org/abs/1511.00363,
    and Hubara et al., Binarized Neural Networks, 2016, https://arxiv.org/abs/1602.02830, section 1.3.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> x = ann.Variable(np.array([-3., -0.5, 0., 2.]))
        >>> y = F.binarize(x)
        >>> y
        variable([-1., -1.,  1.,  1.])
        >>> F.sum(y).backward()
        >>> x.grad
        array([0., 1., 1., 0.])
    """
    x = as_variable(x)
    check_float('binarize', 'x', x)
    return Binarize().apply((x,))[0]
