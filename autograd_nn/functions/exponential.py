"""Exponential functions and logarithms."""
from __future__ import annotations

from typing import Any

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import FunctionNode
from autograd_nn.variable import Variable


class Exp(FunctionNode):

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_outputs((0,))
        return get_array_module(inputs[0]).exp(inputs[0]),

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        y, = self.get_retained_outputs()
        return y * grad_outputs[0],


class Log(FunctionNode):

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0,))
        return get_array_module(inputs[0]).log(inputs[0]),

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        x, = self.get_retained_inputs()
        return grad_outputs[0] / x,  # type: ignore[operator]


def exp(x: Any) -> Variable:
    """The exponential of each element.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.exp(np.array([0., 1.]))
        variable([1.        , 2.71828183])
    """
    return Exp().apply((x,))[0]


def log(x: Any) -> Variable:
    """The natural logarithm of each element.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.log(np.array([1., np.e]))
        variable([0., 1.])
    """
    return Log().apply((x,))[0]
