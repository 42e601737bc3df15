"""What the elementwise functions of one array share."""
from __future__ import annotations

from typing import Any

from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.variable import Variable


class Unary(FunctionNode):
    """An elementwise function of one array; its gradient is zero unless a subclass says otherwise.

    Attributes:
        ufunc: What computes the function on an array: a NumPy ufunc (which serves CuPy arrays, too) or a kernel.
    """

    ufunc: Any

    def forward(self, inputs: Arrays) -> Arrays:
        return self.ufunc(inputs[0]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return None,


class UnaryByKernel(Unary):
    """An elementwise function whose gradient is computed from its input at once, so that it is rounded once."""

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        return self.ufunc(inputs[0]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return self.gradient(self.get_retained_inputs()[0], grad_outputs[0]),

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        """The gradient with respect to `x`."""
        raise NotImplementedError


class UnaryByInput(SinglePrecision, UnaryByKernel):
    """An elementwise function whose gradient is computed from its input, by a formula of several steps."""


class UnaryByOutput(SinglePrecision, Unary):
    """An elementwise function whose gradient is computed from its output."""

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return self.ufunc(inputs[0]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return self.gradient(self.get_retained_outputs()[0], grad_outputs[0]),

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        """The gradient with respect to the input."""
        raise NotImplementedError
