"""The choice between two arrays, element by element."""
from __future__ import annotations

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.operands import operands
from autograd_nn.types import Array, ArrayLike, Operand
from autograd_nn.utils.type_check import DTypeError, ShapeError
from autograd_nn.variable import Variable, as_array


class Where(FunctionNode):

    def __init__(self, condition: Array) -> None:
        self.condition = condition

    def forward(self, inputs: Arrays) -> Arrays:
        x, y = inputs
        self.shapes = x.shape, y.shape
        z = get_array_module(x).where(self.condition, x, y)
        return z.astype(x.dtype, copy=False) if x.dtype == y.dtype else z,  # CuPy chooses bfloat16 in float32

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gz, = grad_outputs
        gx = sum_to(where(self.condition, gz, 0), self.shapes[0]) if 0 in target_input_indexes else None
        gy = sum_to(where(self.condition, 0, gz), self.shapes[1]) if 1 in target_input_indexes else None
        return gx, gy


def where(condition: ArrayLike, x: Operand, y: Operand) -> Variable:
    """Chooses elements of `x` where a condition holds and of `y` elsewhere.

    Args:
        condition: Variable or array of booleans.
        x: Variable, array or number.
        y: The same; all three broadcast.

    Raises:
        TypeError: The condition is not boolean.
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([-1., 2., -3.])
        >>> F.where(x > 0, x, 0)
        variable([0., 2., 0.])
    """
    condition = as_array(condition)
    if getattr(condition, 'dtype', None) != np.bool_:
        kind = getattr(condition, 'dtype', type(condition).__name__)
        raise DTypeError(f'where: condition must be an array of booleans, got {kind}')
    x, y = operands(x, y)
    try:
        return Where(condition).apply((x, y))[0]
    except ValueError:
        raise ShapeError(f'where: condition, x and y of shapes {condition.shape}, {x.shape} and {y.shape} '
                         'do not broadcast together') from None
