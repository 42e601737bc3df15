"""What functions that communicate have in common: how they stay in step in the backward pass.

In the backward pass of the processes of a job, each communication meets its counterpart if all processes go through
them in one order. The sweep takes the functions of a graph in the reverse order of their application, so what is right
in the forward pass is right in the backward pass, too, as long as each process gets to all of them. Three things see to
that:

- A communication is in the graph also where nothing that it was given needs a gradient. (`grad`, as opposed to
  `backward`, goes only where a path from its inputs leads: what receives must have a delegate that depends on these.)
- What has no result of its own (`send`, or `gather` in most processes) returns a *delegate*: a Variable of one zero, by
  which a program gets to the communication. It starts its backward pass there, or it binds the delegate to the result
  that it starts from (`pseudo_connect`).
- Gradients of gradients: what a communication of the backward pass sends is bound to the communication whose gradient
  it carries, whatever the gradient depends on otherwise.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array, as_variable


class Communication(FunctionNode):
    """A function some of whose inputs or outputs are in other processes.

    The last output is a token, a zero, by which programs and gradients get to this communication (see above).

    Args:
        comm: The processes.
        has_inputs: Whether this process sends what it is given. If it is not so, the inputs merely connect the
            communication to what was before it.
    """

    # Whether it is in the graph also where no input needs a gradient.
    always_counts = True

    def __init__(self, comm: CommunicatorBase, has_inputs: bool = True) -> None:
        self.comm = comm
        self.has_inputs = has_inputs

    def communicate(self, xs: Arrays) -> Arrays:
        """Sends arrays, and returns those that arrive."""
        raise NotImplementedError

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> tuple[Variable, ...]:
        """Sends the gradients of what arrived.

        Args:
            gys: They.
            token: What connects to this communication, for one that sends nothing in this process.

        Returns:
            The gradients of what was sent; where nothing was, a delegate.
        """
        raise NotImplementedError

    def outputs_of(self, xs: Sequence[ArrayLike]) -> tuple[Variable, ...]:
        """Applies the function, and returns what arrives, and the token."""
        if not all(isinstance(x, (Variable, np.generic)) or backend.is_array(x) for x in xs):
            self.communicate(tuple(map(as_array, xs)))  # An error in all processes, for none is to wait for this one.
        self.count = len(xs)
        inputs = [as_variable(x) for x in xs]
        if self.always_counts and not any(x.requires_grad for x in inputs):
            inputs.append(Variable(np.zeros((), np.float32)))
        return self.apply(inputs)

    def forward(self, inputs: Arrays) -> Arrays:
        ys = tuple(self.communicate(inputs[:self.count] if self.has_inputs else ()))
        self.xp = backend.get_array_module(inputs[0])
        self.forms = [(backend.get_array_module(y), y.shape, y.dtype) for y in ys]
        self.retain_outputs((len(ys),))
        return (*ys, backend.get_array_module((*ys, *inputs)[0]).zeros((), np.float32))

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        gys = tuple([_zeros(*form) if gy is None else gy for form, gy in zip(self.forms, grad_outputs)])
        token, = self.get_retained_outputs()
        if config.enable_backprop:
            token, = pseudo_connect(grad_outputs[-1], token)
            gys = pseudo_connect(token, *gys) if gys else ()
        gxs = self.transposed(gys, token)
        inputs = self.inputs
        assert inputs is not None
        if not self.has_inputs:
            gxs = pseudo_connect(gxs[0], *[_zeros(self.xp, x.shape, x.dtype) for x in inputs])
        return (*gxs, *[None] * (len(inputs) - len(gxs)))


class PseudoConnect(FunctionNode):
    """Of a delegate and other Variables, which are the outputs."""

    def forward(self, inputs: Arrays) -> Arrays:
        self.xp = backend.get_array_module(inputs[0])
        return inputs[1:]

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        assert self.inputs is not None
        delegate = self.inputs[0]
        g = next(gy for gy in grad_outputs if gy is not None)
        # It depends on the gradients, so that in the graph of gradients, too, one is behind the other.
        return (*pseudo_connect(g, _zeros(self.xp, delegate.shape, delegate.dtype)), *grad_outputs)


def pseudo_connect(delegate_variable: Variable | None, *actual_variables: ArrayLike) -> tuple[Variable, ...]:
    """Returns Variables from which a backward pass also gets to what a delegate stands for.

    Such a delegate is what `send` returns: without a path to it, no gradient is received.

    Args:
        delegate_variable: The delegate, or any other Variable; its gradient is zero. None is ignored.
        actual_variables: Variables of any shape and dtype.

    Returns:
        Variables with the same arrays. If their gradient is wanted, the delegate's is, too.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> from autograd_nn.distributed.functions import pseudo_connect
        >>> delegate, x = F.sum(ann.Variable(np.ones(3))), ann.Variable(np.array(2.))
        >>> y, = pseudo_connect(delegate, x ** 2)
        >>> y.backward(retain_grad=True)
        >>> delegate.grad, x.grad
        (array(0.), array(4.))
    """
    if delegate_variable is None:
        return tuple([as_variable(x) for x in actual_variables])
    return PseudoConnect().apply((delegate_variable, *actual_variables))


def _zeros(xp: Any, shape: Any, dtype: Any) -> Variable:
    return Variable(xp.zeros(shape, dtype), requires_grad=False)
