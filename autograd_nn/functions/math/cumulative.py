"""Running sums and products, whose gradients run the other way."""
from __future__ import annotations

from autograd_nn.backend import get_array_module
from autograd_nn.dtypes import in_float32
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.array.rearrangement import flip
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.axes import normalize_axis
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable, as_variable


class CumSum(FunctionNode):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        return in_float32(lambda x: x.cumsum(axis=self.axis))(*inputs),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return _sum_from_end(grad_outputs[0], self.axis),


def _sum_from_end(x: Array, axis: int) -> Variable:
    return flip(cumsum(flip(x, axis), axis), axis)


class CumProd(SinglePrecision):
    """The running product along the last axis."""

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        return inputs[0].cumprod(axis=-1),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, = self.get_retained_inputs()
        gy, = grad_outputs
        if x.array.all():
            y, = self.get_retained_outputs()
            return _sum_from_end(gy * y, -1) / x,
        # Division by zero is avoided with a matrix: row i has the factors of output i, and ones after them.
        n = x.shape[-1]
        lower = get_array_module(x).tri(n, dtype=bool)
        factors = where(lower, broadcast_to(x.reshape(x.shape[:-1] + (1, n)), x.shape + (n,)), 1)
        gradients = where(lower, product_of_others(factors), 0)
        return (gy.reshape(x.shape + (1,)) * gradients).sum(axis=-2),


def product_of_others(x: Variable) -> Variable:
    """For each element the product of all others along the last axis, without dividing by it."""
    one = Variable(get_array_module(x).ones(x.shape[:-1] + (1,), x.dtype), requires_grad=False)
    before = _cumprod_last(concat((one, x[..., :-1]), -1))
    after = flip(_cumprod_last(concat((one, flip(x, -1)[..., :-1]), -1)), -1)
    return before * after


def _cumprod_last(x: Variable) -> Variable:
    return CumProd().apply((x,))[0]


def cumsum(x: ArrayLike, axis: int | None = None) -> Variable:
    """The running sum along an axis.

    Args:
        x: Variable or array.
        axis: The axis; None flattens `x` first.

    Returns:
        Variable of the shape of `x`, or flat.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.cumsum(np.array([[1., 2.], [3., 4.]]), axis=0)
        variable([[1., 2.],
                  [4., 6.]])
    """
    x = as_variable(x)
    if axis is None:
        x, axis = x.flatten(), 0
    return CumSum(normalize_axis(axis, x.shape, 'cumsum')).apply((x,))[0]


def cumprod(x: ArrayLike, axis: int | None = None) -> Variable:
    """The running product along an axis. Its gradient is right where elements are zero, too.

    Args:
        x: Variable or array.
        axis: The axis; None flattens `x` first.

    Returns:
        Variable of the shape of `x`, or flat.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.cumprod(np.array([[1., 2.], [3., 4.]]), axis=0)
        variable([[1., 2.],
                  [3., 8.]])
    """
    x = as_variable(x)
    if axis is None:
        x, axis = x.flatten(), 0
    axis = normalize_axis(axis, x.shape, 'cumprod')
    order = [i for i in range(x.ndim) if i != axis] + [axis]
    return _cumprod_last(x.transpose(order)).transpose([order.index(i) for i in range(x.ndim)])
