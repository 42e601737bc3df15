"""Arithmetic with one array and one number: these functions need no broadcasting and no node for the number."""
from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd_nn.dtypes import at_least_float32
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.types import Array
from autograd_nn.variable import Variable


class WithNumber(FunctionNode):
    """A function of an array and a number, which takes the dtype of the array; beside half precision it is in float32.

    Attributes:
        operation: What computes the function.
    """

    operation: Any

    def __init__(self, number: float) -> None:
        self.number = number

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        dtype = x.dtype
        if dtype.itemsize == 2:
            return self.operation(at_least_float32(x), np.float32(self.number)).astype(dtype),
        return self.operation(x, dtype.type(self.number)),


class AddNumber(WithNumber):

    operation = operator.add

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        return grad_outputs


class SubtractNumber(AddNumber):

    operation = operator.sub


class SubtractFromNumber(WithNumber):

    @staticmethod
    def operation(x: Array, number: Any) -> Any:
        return number - x

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return -gy,


class MultiplyNumber(WithNumber):

    operation = operator.mul

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return gy * self.number,


class DivideByNumber(WithNumber):

    operation = operator.truediv

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return gy / self.number,


class RaiseToNumber(SinglePrecision, WithNumber):
    """A power with a number as exponent, which NumPy computes faster for small integers."""

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        x, = inputs
        return (x ** self.number).astype(x.dtype, copy=False),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        x, = self.get_retained_inputs()
        if self.number == 2:
            return gy * (x * 2),
        # The exponent 0 stays, since 0 ** -1 times 0 would be NaN at 0.
        return gy * (x ** (self.number and self.number - 1) * self.number),
