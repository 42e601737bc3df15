"""The linear function that gradients of piecewise linear functions are."""
from __future__ import annotations

from typing import Any

from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.variable import Variable


class Scaling(FunctionNode):
    """Multiplies each element of its input by a constant, such as the slope of a piecewise linear function.

    Args:
        kernel: Computes the product from `arguments` and the input.
        arguments: Arrays and numbers that settle the constants.
    """

    def __init__(self, kernel: Any, *arguments: Any) -> None:
        self.kernel = kernel
        self.arguments = arguments

    def forward(self, inputs: Arrays) -> Arrays:
        return self.kernel(*self.arguments, inputs[0]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Scaling(self.kernel, *self.arguments).apply(grad_outputs)
