"""Hooks that pull parameters towards zero."""
from __future__ import annotations

from autograd_nn.backend import get_array_module, kernels
from autograd_nn.dtypes import at_least_float32
from autograd_nn.update_rule import UpdateRule, set_gradient
from autograd_nn.variable import Variable


class WeightDecay:
    """Adds `rate` times the parameter to its gradient: the gradient of half the sum of squares.

    Args:
        rate: The coefficient.

    Example:
        >>> import autograd_nn as ann
        >>> optimizer = ann.optimizers.SGD().setup(ann.Link(W=(2,)))
        >>> optimizer.add_hook(ann.optimizer_hooks.WeightDecay(1e-4))
    """

    name = 'WeightDecay'
    call_for_each_param = True
    timing = 'pre'

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        grad = at_least_float32(param.grad)
        if grad is not None:
            set_gradient(param, kernels(grad).scaled_sum(grad, param.array, self.rate))


class Lasso:
    """Adds `rate` times the parameter's sign to its gradient: the gradient of the sum of absolute values.

    Args:
        rate: The coefficient.
    """

    name = 'Lasso'
    call_for_each_param = True
    timing = 'pre'

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        grad = at_least_float32(param.grad)
        if grad is not None:
            sign = get_array_module(grad).sign(param.array).astype(grad.dtype, copy=False)
            set_gradient(param, grad + self.rate * sign)
