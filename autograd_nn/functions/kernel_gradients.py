"""First-order gradients by a kernel, second-order ones by the formula."""
from __future__ import annotations

from autograd_nn.backprop import grad
from autograd_nn.config import config, force_backprop_mode
from autograd_nn.function_node import FunctionNode, Gradients, Indexes
from autograd_nn.functions.math.affine import identity
from autograd_nn.functions.single_precision import widened
from autograd_nn.variable import Variable


class KernelGradients(FunctionNode):
    """First-order gradients by a kernel; those of second order are taken of the same formula in terms of functions.

    Gradients of gradients are rare here, and their formulas long: what they cost does not matter, that they are right
    does.
    """

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        """What `forward` computes, in functions."""
        raise NotImplementedError

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        recorded = config.enable_backprop
        with force_backprop_mode():
            # Variables of their own, as one may have been given twice.
            inputs = [identity(x) if recorded else Variable(x.array) for x in widened(*self.get_retained_inputs())]
            outputs = self.formula(*inputs)
        known = [(y, gy) for y, gy in zip(outputs, widened(*grad_outputs)) if gy is not None]
        return tuple(grad([y for y, _ in known], inputs, [gy for _, gy in known], enable_double_backprop=recorded))


class FunctionGradients(KernelGradients):
    """Gradients by a kernel of a function whose formula, and not that of its gradient, a subclass states.

    The inputs are those of the function, and the gradients of its outputs; the outputs are the gradients of its inputs.
    """

    def function(self, *inputs: Variable) -> tuple[Variable, ...]:
        """What the function computes, in functions."""
        raise NotImplementedError

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        xs, gys = inputs[:self._output_count], inputs[self._output_count:]
        gxs = grad(self.function(*xs), xs, gys, enable_double_backprop=True)
        return tuple([Variable(x.xp.zeros_like(x.array)) if gx is None else gx for x, gx in zip(xs, gxs)])
