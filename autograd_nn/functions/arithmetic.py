"""Addition, multiplication and the other operators, with broadcasting."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import FunctionNode
from autograd_nn.functions.broadcast import sum_to
from autograd_nn.functions.exponential import log
from autograd_nn.variable import Variable, as_variable

_numbers = (int, float, complex)


def _operand(value: Any, other: Variable) -> Variable:
    """The other operand of a Variable as a Variable. A number takes the Variable's dtype where that can hold it."""
    if isinstance(value, Variable):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _numbers):
        array = other._array
        dtype = array.dtype
        if dtype.kind != 'f' or isinstance(value, complex):
            dtype = np.result_type(dtype, value)
        value = np.array(value, dtype) if isinstance(array, np.ndarray) else get_array_module(array).array(value, dtype)
    return as_variable(value)


def _binary(function: type[FunctionNode], lhs: Any, rhs: Any) -> Variable:
    if not isinstance(lhs, Variable):
        lhs = _operand(lhs, rhs) if isinstance(rhs, Variable) else as_variable(lhs)
    elif not isinstance(rhs, Variable):
        rhs = _operand(rhs, lhs)
    return function().apply((lhs, rhs))[0]


class _Binary(FunctionNode):
    """A function of two arrays that broadcast against each other, both of which `backward` needs."""

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0, 1))
        x0, x1 = inputs
        return self.compute(x0, x1),

    def compute(self, x0: Any, x1: Any) -> Any:
        """The result on arrays."""
        raise NotImplementedError

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        gy, = grad_outputs
        x0, x1 = self.get_retained_inputs()
        gx0 = sum_to(self.grad_left(x0, x1, gy), x0._array.shape) if 0 in target_input_indexes else None
        gx1 = sum_to(self.grad_right(x0, x1, gy), x1._array.shape) if 1 in target_input_indexes else None
        return gx0, gx1

    def grad_left(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        """The gradient with respect to `x0`, before broadcasting is undone."""
        raise NotImplementedError

    def grad_right(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        """The gradient with respect to `x1`, before broadcasting is undone."""
        raise NotImplementedError


class Add(FunctionNode):

    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x0, x1 = inputs
        if x0.shape != x1.shape:
            self.shapes = x0.shape, x1.shape
        return x0 + x1,

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        gy, = grad_outputs
        if self.shapes is None:
            return gy, gy
        return (sum_to(gy, self.shapes[0]) if 0 in target_input_indexes else None,
                sum_to(gy, self.shapes[1]) if 1 in target_input_indexes else None)


class Subtract(Add):

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x0, x1 = inputs
        if x0.shape != x1.shape:
            self.shapes = x0.shape, x1.shape
        return x0 - x1,

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        gx0, gx1 = super().backward(target_input_indexes, grad_outputs)
        assert gx1 is not None
        return gx0, -gx1 if 1 in target_input_indexes else None


class Multiply(_Binary):

    def compute(self, x0: Any, x1: Any) -> Any:
        return x0 * x1

    def grad_left(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        return gy * x1

    def grad_right(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        return gy * x0


class Divide(_Binary):

    def compute(self, x0: Any, x1: Any) -> Any:
        return x0 / x1

    def grad_left(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        return gy / x1

    def grad_right(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        return -gy * x0 / (x1 * x1)


class Power(_Binary):

    def compute(self, x0: Any, x1: Any) -> Any:
        return x0 ** x1

    def grad_left(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        # At 0 ** 0 the exponent stays 0: the factor x1 makes the gradient 0, where 0 ** -1 would make it NaN.
        fix = Variable(((x0._array == 0) & (x1._array == 0)).astype(x1.dtype))
        return gy * x1 * x0 ** (x1 - 1 + fix)

    def grad_right(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        # Where the base is 0, the logarithm is taken of 1: the gradient is 0 there.
        fix = Variable((x0._array == 0).astype(x0.dtype))
        return gy * x0 ** x1 * log(x0 + fix)


class PowerConstant(FunctionNode):
    """A power with a number as exponent, which NumPy computes faster for small integers."""

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0,))
        return inputs[0] ** self.exponent,

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        gy, = grad_outputs
        x, = self.get_retained_inputs()
        if self.exponent == 0:
            return None,
        if self.exponent == 1:
            return gy,
        factor = x if self.exponent == 2 else x ** (self.exponent - 1)
        return gy * (factor * self.exponent),


class Negative(FunctionNode):

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return -inputs[0],

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        gy, = grad_outputs
        assert gy is not None
        return -gy,


class Absolute(FunctionNode):

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0,))
        return abs(inputs[0]),

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        gy, = grad_outputs
        x, = self.get_retained_inputs()
        return gy * Variable(x.xp.sign(x._array), requires_grad=False),


class FloorDivide(FunctionNode):

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[0] // inputs[1],

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        return None, None


class Remainder(_Binary):

    def compute(self, x0: Any, x1: Any) -> Any:
        return x0 % x1

    def grad_left(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        return gy

    def grad_right(self, x0: Variable, x1: Variable, gy: Any) -> Variable:
        return -gy * (x0 // x1)


def add(*xs: Any) -> Variable:
    """Sums arrays elementwise, with broadcasting.

    Args:
        xs: Two or more Variables, arrays or numbers.

    Raises:
        ValueError: There are fewer than two.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.add(np.array([1., 2.]), np.array([3., 4.]), 10)
        variable([14., 16.])
    """
    if len(xs) < 2:
        raise ValueError(f'add: expected two or more arguments, got {len(xs)}')
    total = _binary(Add, xs[0], xs[1])
    for x in xs[2:]:
        total = _binary(Add, total, x)
    return total


def sub(lhs: Any, rhs: Any) -> Variable:
    """Subtracts `rhs` from `lhs` elementwise, with broadcasting."""
    return _binary(Subtract, lhs, rhs)


def mul(lhs: Any, rhs: Any) -> Variable:
    """Multiplies elementwise, with broadcasting."""
    return _binary(Multiply, lhs, rhs)


def div(lhs: Any, rhs: Any) -> Variable:
    """Divides `lhs` by `rhs` elementwise, with broadcasting."""
    return _binary(Divide, lhs, rhs)


def floordiv(lhs: Any, rhs: Any) -> Variable:
    """Divides and rounds down elementwise, with broadcasting; its gradient is zero."""
    return _binary(FloorDivide, lhs, rhs)


def remainder(lhs: Any, rhs: Any) -> Variable:
    """The remainder of `floordiv`, with the sign of the divisor; see `fmod` for the other convention."""
    return _binary(Remainder, lhs, rhs)


def pow(lhs: Any, rhs: Any) -> Variable:
    """Raises `lhs` to the power `rhs` elementwise, with broadcasting.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.pow(np.array([1., 2., 3.]), 2)
        variable([1., 4., 9.])
    """
    if isinstance(rhs, (int, float)) and not isinstance(lhs, _numbers):
        return PowerConstant(rhs).apply((lhs,))[0]
    return _binary(Power, lhs, rhs)


def neg(x: Any) -> Variable:
    """The negative of each element."""
    return Negative().apply((x,))[0]


def absolute(x: Any) -> Variable:
    """The absolute value of each element; its gradient at 0 is 0.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.absolute(np.array([-1., 2.]))
        variable([1., 2.])
    """
    return Absolute().apply((x,))[0]
