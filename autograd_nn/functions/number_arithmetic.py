"""Arithmetic with one array and one number: these functions need no broadcasting and no node for the number."""
from __future__ import annotations

from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes


class WithNumber(FunctionNode):
    """A function of an array and a number, which takes the dtype of the array."""

    def __init__(self, number: float) -> None:
        self.number = number


class AddNumber(WithNumber):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return x + x.dtype.type(self.number),

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        return grad_outputs


class SubtractNumber(AddNumber):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return x - x.dtype.type(self.number),


class SubtractFromNumber(WithNumber):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return x.dtype.type(self.number) - x,

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        gy, = grad_outputs
        assert gy is not None
        return -gy,


class MultiplyNumber(WithNumber):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return x * x.dtype.type(self.number),

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        gy, = grad_outputs
        assert gy is not None
        return gy * self.number,


class DivideByNumber(WithNumber):

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return x / x.dtype.type(self.number),

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        gy, = grad_outputs
        assert gy is not None
        return gy / self.number,


class RaiseToNumber(WithNumber):
    """A power with a number as exponent, which NumPy computes faster for small integers."""

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        x, = inputs
        return (x ** self.number).astype(x.dtype, copy=False),

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        gy, = grad_outputs
        x, = self.get_retained_inputs()
        assert gy is not None
        if self.number == 2:
            return gy * (x * 2),
        # The exponent 0 stays, since 0 ** -1 times 0 would be NaN at 0.
        return gy * (x ** (self.number and self.number - 1) * self.number),
