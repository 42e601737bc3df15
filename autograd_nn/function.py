"""Functions of the older style: forward and backward on arrays."""
from __future__ import annotations

import traceback
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.function_node import FunctionNode, NodeHook
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, VariableNode


class Function:
    """A function whose forward and backward both compute with arrays: the shortest way to write one of your own.

    A subclass implements `forward` and `backward` (or ``forward_cpu``, ``forward_gpu`` and so on). All inputs are kept
    for `backward` unless `forward` calls `retain_inputs`. Gradients through it cannot be differentiated again;
    `FunctionNode` is for that.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> class Cube(ann.Function):
        ...     def forward(self, inputs):
        ...         x, = inputs
        ...         return x ** 3,
        ...
        ...     def backward(self, inputs, grad_outputs):
        ...         x, = inputs
        ...         gy, = grad_outputs
        ...         return 3 * x ** 2 * gy,
        >>> x = ann.Variable(np.array(2.0))
        >>> y = Cube()(x)
        >>> y.backward()
        >>> float(x.grad)
        12.0
    """

    # The graph owns the node and the node this function; a strong reference back would make a circle of the three.
    _node: weakref.ref[FunctionAdapter] | None = None
    _hooks: dict[str, NodeHook] | None = None

    def __call__(self, *inputs: ArrayLike) -> Any:
        """Applies the function to Variables or arrays; returns a Variable, or a tuple of several."""
        outputs = FunctionAdapter(self).apply(inputs)
        return outputs[0] if len(outputs) == 1 else outputs

    @property
    def node(self) -> FunctionAdapter | None:
        """The node of the latest application; None where there is none, or its graph is gone."""
        return None if self._node is None else self._node()

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Computes a tuple of output arrays from a tuple of input arrays."""
        return self.forward_cpu(inputs) if isinstance(inputs[0], np.ndarray) else self.forward_gpu(inputs)

    def forward_cpu(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """`forward` on NumPy arrays."""
        raise NotImplementedError(f'{self.label}: neither forward nor forward_cpu is implemented')

    def forward_gpu(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """`forward` on CuPy arrays."""
        raise NotImplementedError(f'{self.label}: neither forward nor forward_gpu is implemented')

    def backward(self, inputs: tuple[Any, ...], grad_outputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Computes a tuple of input gradients (None for no gradient) from input arrays and output gradients.

        Where no gradient arrived at an output, its entry of `grad_outputs` is None. Inputs that were not kept are None.
        """
        arrays = [x for x in (*inputs, *grad_outputs) if x is not None]
        on_cpu = not arrays or isinstance(arrays[0], np.ndarray)
        return (self.backward_cpu if on_cpu else self.backward_gpu)(inputs, grad_outputs)

    def backward_cpu(self, inputs: tuple[Any, ...], grad_outputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """`backward` on NumPy arrays."""
        raise NotImplementedError(f'{self.label}: neither backward nor backward_cpu is implemented')

    def backward_gpu(self, inputs: tuple[Any, ...], grad_outputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """`backward` on CuPy arrays."""
        raise NotImplementedError(f'{self.label}: neither backward nor backward_gpu is implemented')

    def check_type_forward(self, in_types: Any) -> None:
        """Checks shapes and dtypes of the inputs before `forward`, with `utils.type_check.expect`."""

    def retain_inputs(self, indexes: Sequence[int]) -> None:
        """Keeps only these inputs for `backward`; called from `forward`."""
        self._applied('retain_inputs').retain_inputs(indexes)

    def retain_outputs(self, indexes: Sequence[int]) -> None:
        """Keeps these outputs for `backward`, which finds them in `output_data`; called from `forward`."""
        self._applied('retain_outputs').retain_outputs(indexes)

    @property
    def inputs(self) -> tuple[VariableNode, ...] | None:
        """The nodes of the inputs; None where the function is not in a graph."""
        return None if self.node is None else self.node.inputs

    @property
    def output_data(self) -> tuple[Any, ...]:
        """The retained outputs, in the order of all outputs; None for the others."""
        return self._applied('output_data').output_data

    @property
    def outputs(self) -> tuple[weakref.ref[VariableNode], ...] | None:
        """Weak references to the nodes of the outputs; None where the function is not in a graph."""
        return None if self.node is None else self.node.outputs

    @property
    def rank(self) -> int:
        """The position in the sequence of all recorded functions; 0 where this one is not in a graph."""
        return 0 if self.node is None else self.node.rank

    @property
    def stack(self) -> traceback.StackSummary | None:
        """Where the function was applied; None where ``config.debug`` was not set."""
        return None if self.node is None else self.node.stack

    def unchain(self) -> None:
        """Cuts the graph here: forgets the inputs and what was kept for `backward`."""
        self._applied('unchain').unchain()

    @property
    def label(self) -> str:
        """The name that messages and drawings show."""
        return type(self).__name__

    @property
    def local_function_hooks(self) -> dict[str, NodeHook]:
        """The hooks of this function alone, by name."""
        if self._hooks is None:
            self._hooks = {}
        return self._hooks

    def add_hook(self, hook: NodeHook, name: str | None = None) -> None:
        """Adds a hook to this function.

        Raises:
            KeyError: There is one of that name already.
        """
        FunctionAdapter(self).add_hook(hook, name)

    def delete_hook(self, name: str) -> None:
        """Removes a hook of this function.

        Raises:
            KeyError: There is none of that name.
        """
        FunctionAdapter(self).delete_hook(name)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != '_node'}

    def _applied(self, what: str) -> FunctionAdapter:
        node = self.node
        if node is None:
            raise RuntimeError(f'{self.label}.{what}: the function has not been applied, or its graph is gone')
        return node


class FunctionAdapter(FunctionNode):
    """The graph node that runs a `Function`."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._hooks = function.local_function_hooks
        self._checks_types = type(function).check_type_forward is not Function.check_type_forward

    @property
    def function(self) -> Function:
        """The `Function`."""
        return self._function

    @property
    def _implementation(self) -> Function:
        return self._function

    @property
    def label(self) -> str:
        return self._function.label

    def check_type_forward(self, in_types: Any) -> None:
        self._function.check_type_forward(in_types)

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs(range(len(inputs)))
        # The function is told of this node: another one may have been recorded since it was applied last.
        self._function._node = weakref.ref(self)
        return self._function.forward(inputs)

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        self._function._node = weakref.ref(self)
        inputs = self._kept_inputs()
        gxs = self._function.backward(inputs, tuple([None if g is None else g.array for g in grad_outputs]))
        if not isinstance(gxs, (tuple, list)) or len(gxs) != len(inputs):
            raise TypeError(f'{self.label}: backward must return a tuple of {len(inputs)} arrays, got {gxs!r:.80}')
        gradients = [None if gx is None else Variable(backend.as_output(gx, self), requires_grad=False) for gx in gxs]
        return self._guard(gradients, inputs, grad_outputs) if config.enable_backprop else tuple(gradients)

    def _guard(self, gradients: list[Variable | None], inputs: tuple[Any, ...],
               grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        """Connects the gradients to all that they depend on, so that an attempt to differentiate them is noticed."""
        sources = [g for g in grad_outputs if g is not None]
        for node, x in zip(self.inputs or (), inputs):
            source = Variable(x, requires_grad=node.requires_grad)
            source._node = node
            sources.append(source)
        arrays = tuple([gx.array for gx in gradients if gx is not None])
        connected = iter(FunctionGradient(self.label, arrays).apply(sources))
        return tuple([None if gx is None else next(connected) for gx in gradients])


class FunctionGradient(FunctionNode):
    """Stands for the backward computation of a `Function` in a graph of gradients, and refuses to be differentiated."""

    def __init__(self, name: str, gradients: tuple[Any, ...]) -> None:
        self._name = name
        self._gradients = gradients

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._gradients

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        raise RuntimeError(f'{self._name}: a gradient through a Function cannot be differentiated again; '
                           'write it as a FunctionNode')
