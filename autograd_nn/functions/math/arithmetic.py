"""Addition, multiplication and the other operators, with broadcasting."""
from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd_nn.backend import in_blocks
from autograd_nn.dtypes import is_floating
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.fused_rectifiers import add_relu, is_relu, relu_grad
from autograd_nn.functions.math.affine import identity
from autograd_nn.functions.math.exponential import log, square
from autograd_nn.functions.math.number_arithmetic import (
    AddNumber,
    DivideByNumber,
    MultiplyNumber,
    RaiseToNumber,
    SubtractFromNumber,
    SubtractNumber,
)
from autograd_nn.functions.math.rounding import fix, sign
from autograd_nn.functions.operands import operands
from autograd_nn.functions.single_precision import SinglePrecision, in_single_precision, widened
from autograd_nn.functions.unary import Unary, UnaryByKernel
from autograd_nn.types import Activation, ArrayLike, Operand
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


def apply_binary(function: Any, lhs: Operand, rhs: Operand) -> Variable:
    """Applies a function of two arguments that may be Variables, arrays or numbers.

    Args:
        function: A subclass of `FunctionNode`; its attributes ``number_left`` and ``number_right``, where it has them,
            are functions of one array that take its place when the other argument is a number.
        lhs: One argument.
        rhs: The other.

    Raises:
        ValueError: Their shapes do not fit.
    """
    if not (isinstance(lhs, Variable) and isinstance(rhs, Variable)):
        x, number, shortcut = (rhs, lhs, function.number_left) if isinstance(rhs, Variable) else (
            lhs, rhs, function.number_right)
        if ((type(number) is float or type(number) is int) and shortcut is not None and isinstance(x, Variable)
                and (x._array.dtype.kind == 'f' or is_floating(x._array.dtype))):
            return shortcut(number).apply((x,))[0]
        lhs, rhs = operands(lhs, rhs)
    try:
        return function().apply((lhs, rhs))[0]
    except ValueError:
        _check_shapes(function.__name__, lhs.shape, rhs.shape)
        raise


def _check_shapes(name: str, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    try:
        np.broadcast_shapes(left, right)
    except ValueError:
        raise ShapeError(f'{name}: operands of shapes {left} and {right} do not broadcast together') from None


class Binary(FunctionNode):
    """A function of two arrays that broadcast against each other, both of which `backward` needs.

    Attributes:
        ufunc: What computes the function on arrays.
        number_left: What to apply instead where the left argument is a number (see `apply_binary`).
        number_right: The same for the right argument.
    """

    ufunc: Any
    number_left: Any = None
    number_right: Any = None

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        return self.ufunc(*inputs),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        x0, x1 = self.get_retained_inputs()
        if x0._array.shape != x1._array.shape:
            # What is summed up is not to be rounded before.
            x0, x1, gy = widened(x0, x1, gy)
        gx0 = self.grad_left(x0, x1, gy) if 0 in target_input_indexes else None
        gx1 = self.grad_right(x0, x1, gy) if 1 in target_input_indexes else None
        if x0._array.shape == x1._array.shape:
            return gx0, gx1
        return (None if gx0 is None else sum_to(gx0, x0._array.shape),
                None if gx1 is None else sum_to(gx1, x1._array.shape))

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        """The gradient with respect to `x0`, before broadcasting is undone."""
        raise NotImplementedError

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        """The gradient with respect to `x1`, before broadcasting is undone."""
        raise NotImplementedError


class Add(FunctionNode):

    ufunc: Any = staticmethod(in_blocks(operator.add, np.add))
    number_left: Any = AddNumber
    number_right: Any = AddNumber
    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def forward(self, inputs: Arrays) -> Arrays:
        x0, x1 = inputs
        if x0.shape != x1.shape:
            self.shapes = x0.shape, x1.shape
        return self.ufunc(x0, x1),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        if self.shapes is None:
            return gy, gy
        return (sum_to(gy, self.shapes[0]) if 0 in target_input_indexes else None,
                sum_to(gy, self.shapes[1]) if 1 in target_input_indexes else None)


class AddReLU(Add):

    number_left = number_right = None

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        x0, x1 = inputs
        if x0.shape != x1.shape:
            self.shapes = x0.shape, x1.shape
        return add_relu(x0, x1),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return super().backward(target_input_indexes, (relu_grad(self._retained_outputs[0], grad_outputs[0]),))


class Subtract(Add):

    ufunc: Any = staticmethod(in_blocks(operator.sub, np.subtract))
    number_left: Any = SubtractFromNumber
    number_right: Any = SubtractNumber

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gx0, gx1 = super().backward(target_input_indexes, grad_outputs)
        return gx0, -gx1 if gx1 is not None and 1 in target_input_indexes else None


class Multiply(Binary):

    ufunc = staticmethod(in_blocks(operator.mul, np.multiply))
    number_left = MultiplyNumber
    number_right = MultiplyNumber

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return gy * x1

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return gy * x0


class Divide(SinglePrecision, Binary):

    ufunc = staticmethod(in_blocks(operator.truediv, np.divide))
    number_right = DivideByNumber

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return gy / x1

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return -gy * x0 / (x1 * x1)


class Power(SinglePrecision, Binary):

    ufunc = operator.pow
    number_right = RaiseToNumber

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        # At 0 ** 0 the exponent stays 0: the factor x1 makes the gradient 0, where 0 ** -1 would make it NaN.
        return gy * x1 * x0 ** (x1 - 1 + (x0 == 0) * (x1 == 0))

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        # Where the base is 0, the logarithm is taken of 1: the gradient is 0 there.
        return gy * x0 ** x1 * log(x0 + (x0 == 0))


class Negative(Unary):

    ufunc = operator.neg

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return -gy,


class Absolute(UnaryByKernel):

    ufunc = abs

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * sign(x)


class FloorDivide(Binary):

    def forward(self, inputs: Arrays) -> Arrays:
        return inputs[0] // inputs[1],

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        return None, None


class Remainder(SinglePrecision, Binary):

    ufunc = operator.mod

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return gy

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return -gy * (x0 // x1)


class Fmod(SinglePrecision, Binary):

    ufunc = np.fmod

    def grad_left(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return gy

    def grad_right(self, x0: Variable, x1: Variable, gy: Variable) -> Variable:
        return -gy * fix(x0 / x1)


def add(*xs: Operand, activation: Activation | None = None) -> Variable:
    """Sums arrays elementwise, with broadcasting.

    Args:
        xs: Variables, arrays or numbers, at least one of which is no number.
        activation: `relu` for ``relu(add(...))`` in one kernel, or None.

    Raises:
        ValueError: There are none, or `activation` is something else.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.add(np.array([1., 2.]), np.array([3., 4.]), 10)
        variable([14., 16.])
        >>> F.add(np.array([1., 2.]), np.array([3., -4.]), activation=F.relu)
        variable([4., 0.])
    """
    last = AddReLU if is_relu('add', activation) else Add
    if len(xs) == 2:
        return apply_binary(last, *xs)
    if not xs:
        raise ValueError('add: expected one or more arguments, got none')
    if len(xs) == 1:
        return activation(xs[0]) if activation is not None else identity(as_variable(xs[0]))  # type: ignore[arg-type]
    return _add_several(last, *xs)


@in_single_precision
def _add_several(last: type[Add], *xs: Operand) -> Variable:
    """The sum of more than two, of which the last is added by the function `last`."""
    total = xs[0]
    for x in xs[1:-1]:
        total = apply_binary(Add, total, x)
    return apply_binary(last, total, xs[-1])


def sub(lhs: Operand, rhs: Operand) -> Variable:
    """Subtracts `rhs` from `lhs` elementwise, with broadcasting.

    Args:
        lhs: Variable, array or number.
        rhs: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sub(np.array([3., 4.]), 1)
        variable([2., 3.])
    """
    return apply_binary(Subtract, lhs, rhs)


def mul(lhs: Operand, rhs: Operand) -> Variable:
    """Multiplies elementwise, with broadcasting.

    Args:
        lhs: Variable, array or number.
        rhs: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.mul(np.array([3., 4.]), np.array([[1.], [2.]]))
        variable([[3., 4.],
                  [6., 8.]])
    """
    return apply_binary(Multiply, lhs, rhs)


def div(lhs: Operand, rhs: Operand) -> Variable:
    """Divides `lhs` by `rhs` elementwise, with broadcasting.

    Args:
        lhs: Variable, array or number.
        rhs: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.div(1, np.array([2., 4.]))
        variable([0.5 , 0.25])
    """
    return apply_binary(Divide, lhs, rhs)


def floordiv(lhs: Operand, rhs: Operand) -> Variable:
    """Divides and rounds down elementwise, with broadcasting; its gradient is zero.

    Args:
        lhs: Variable, array or number.
        rhs: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.floordiv(np.array([-3., 4.]), 2)
        variable([-2.,  2.])
    """
    return apply_binary(FloorDivide, lhs, rhs)


def remainder(lhs: Operand, rhs: Operand) -> Variable:
    """The remainder of `floordiv`, with the sign of the divisor; see `fmod` for the other convention.

    Args:
        lhs: Variable, array or number.
        rhs: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.remainder(np.array([-3., 4.]), 2)
        variable([1., 0.])
    """
    return apply_binary(Remainder, lhs, rhs)


def fmod(x: Operand, divisor: Operand) -> Variable:
    """The remainder of a division rounded toward zero: it has the sign of `x`.

    Args:
        x: Variable, array or number.
        divisor: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.fmod(np.array([-3., 4.]), 2)
        variable([-1.,  0.])
    """
    return apply_binary(Fmod, x, divisor)


def pow(lhs: Operand, rhs: Operand) -> Variable:
    """Raises `lhs` to the power `rhs` elementwise, with broadcasting.

    Args:
        lhs: Variable, array or number.
        rhs: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.pow(np.array([1., 2., 3.]), 2)
        variable([1., 4., 9.])
    """
    return apply_binary(Power, lhs, rhs)


def neg(x: ArrayLike) -> Variable:
    """The negative of each element.

    Args:
        x: Variable or array.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.neg(np.array([-1., 2.]))
        variable([ 1., -2.])
    """
    return Negative().apply((x,))[0]


def absolute(x: ArrayLike) -> Variable:
    """The absolute value of each element; its gradient at 0 is 0.

    Args:
        x: Variable or array.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.absolute(np.array([-1., 2.]))
        variable([1., 2.])
    """
    return Absolute().apply((x,))[0]


@in_single_precision
def squared_difference(x1: Operand, x2: Operand) -> Variable:
    """The square of the difference, elementwise with broadcasting.

    Args:
        x1: Variable, array or number.
        x2: The same, of a shape that broadcasts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.squared_difference(np.array([1., 2.]), np.array([3., 5.]))
        variable([4., 9.])
    """
    return square(sub(x1, x2))
