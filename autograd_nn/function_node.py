"""Functions that record themselves in the graph."""
from __future__ import annotations

import gc
import itertools
import traceback
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.dtypes import has_gradient
from autograd_nn.types import ArrayLike, DTypeLike
from autograd_nn.utils import type_check
from autograd_nn.variable import Variable, VariableNode, as_variable

# What `forward` and `backward` take and return.
Arrays = tuple[Any, ...]
Indexes = tuple[int, ...]
Gradients = tuple[Variable | None, ...]

_next_rank = itertools.count(1).__next__
_new_variable = Variable.__new__
_ref = weakref.ref
_ndarray = np.ndarray
_new_node = VariableNode.__new__


class NodeHook(Protocol):
    """What a function calls of a `FunctionHook`, which stands above it."""

    name: str

    def added(self, function: FunctionNode | None) -> None: ...
    def deleted(self, function: FunctionNode | None) -> None: ...
    def forward_preprocess(self, function: FunctionNode, in_data: Arrays) -> None: ...
    def forward_postprocess(self, function: FunctionNode, in_data: Arrays) -> None: ...
    def backward_preprocess(self, function: FunctionNode, in_data: Arrays, out_grad: Arrays) -> None: ...
    def backward_postprocess(self, function: FunctionNode, in_data: Arrays, out_grad: Arrays) -> None: ...


class FunctionNode:
    """A differentiable function, applied once: a node of the graph.

    A subclass implements `forward` on arrays and `backward` on Variables. As `backward` is made of functions itself,
    gradients can be differentiated again. The node keeps only those arrays that `forward` asked to keep with
    `retain_inputs` and `retain_outputs`.

    Attributes:
        inputs: The nodes of the input Variables; None before `apply`, when nothing was recorded, and after `unchain`.
        rank: Position in the sequence of all recorded functions; higher than that of every function before it.
        stack: Where the function was applied, a `traceback.StackSummary`; None where ``config.debug`` was not set.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> class Square(ann.FunctionNode):
        ...     def forward(self, inputs):
        ...         self.retain_inputs((0,))
        ...         x, = inputs
        ...         return x * x,
        ...
        ...     def backward(self, indexes, grad_outputs):
        ...         x, = self.get_retained_inputs()
        ...         gy, = grad_outputs
        ...         return 2 * x * gy,
        >>> x = ann.Variable(np.array(3.0))
        >>> y, = Square().apply((x,))
        >>> y.backward()
        >>> float(x.grad)
        6.0
    """

    inputs: tuple[VariableNode, ...] | None = None
    rank = 0
    _output_count = 1
    stack: traceback.StackSummary | None = None
    _targets: tuple[int, ...] = ()
    _retained_input_indexes: Sequence[int] = ()
    _retained_output_indexes: Sequence[int] = ()
    _retained_inputs: tuple[Any, ...] | None = None
    _retained_outputs: tuple[Any, ...] = ()
    _output_refs: tuple[weakref.ref[VariableNode], ...] = ()
    _hooks: dict[str, NodeHook] | None = None
    _checks_types = False
    _widens = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._checks_types = cls.check_type_forward is not FunctionNode.check_type_forward

    # --- what a subclass implements

    def forward(self, inputs: Arrays) -> Arrays:
        """Computes the outputs. Where only `forward_cpu` and `forward_gpu` are implemented, chooses between them.

        Args:
            inputs: Arrays.

        Returns:
            A tuple of arrays; None stands for an output that is left out.
        """
        return self.forward_cpu(inputs) if isinstance(inputs[0], np.ndarray) else self.forward_gpu(inputs)

    def forward_cpu(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Computes the outputs from NumPy arrays."""
        raise NotImplementedError(f'{self.label}: neither forward nor forward_cpu is implemented')

    def forward_gpu(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Computes the outputs from CuPy arrays."""
        raise NotImplementedError(f'{self.label}: neither forward nor forward_gpu is implemented')

    def multiply_adds(self, inputs: Arrays) -> int:
        """How many multiplications, each with an addition, `forward` takes: what `summary` counts.

        Functions whose work is small beside that of layers need not override it.

        Args:
            inputs: The arrays that `forward` gets.
        """
        return 0

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Any, ...]) -> Gradients:
        """Computes the gradients with respect to the inputs.

        Args:
            target_input_indexes: The inputs whose gradients are wanted, in rising order.
            grad_outputs: A Variable for each output, None where no gradient arrived (never for a single output).

        Returns:
            A gradient for each target input, or for each input; None stands for zero.
        """
        if type(self).backward_accumulate is FunctionNode.backward_accumulate:
            raise NotImplementedError(f'{self.label}: backward is not implemented')
        return self.backward_accumulate(target_input_indexes, grad_outputs, (None,) * len(target_input_indexes))

    def backward_accumulate(self, target_input_indexes: Indexes, grad_outputs: tuple[Any, ...],
                            grad_inputs: Gradients) -> Gradients:
        """Computes the gradients with respect to the inputs and adds them to others: what Chainer's sweep calls.

        The sweep here calls `backward` and adds what it returns. A function may override this method in its place.

        Args:
            target_input_indexes: As for `backward`.
            grad_outputs: As for `backward`.
            grad_inputs: What to add to, for each target input; None for zero.

        Returns:
            The sum for each target input.
        """
        found = self._for_inputs(self.backward(target_input_indexes, grad_outputs), target_input_indexes)
        pairs = [(found[i], before) for i, before in zip(target_input_indexes, grad_inputs)]
        return tuple([before if gx is None else gx if before is None else gx + before for gx, before in pairs])

    def check_type_forward(self, in_types: Any) -> None:
        """Checks shapes and dtypes of the inputs before `forward`, with `utils.type_check.expect`."""

    def widened_inputs(self, inputs: Sequence[Variable]) -> Sequence[Variable]:
        """What to apply the function to instead, for one that sets `_widens` and whose first input has 16 bits."""
        return ()

    def narrowed_outputs(self, outputs: tuple[Variable, ...], dtype: DTypeLike) -> tuple[Variable, ...]:
        """What to return instead of the outputs for widened inputs, of which the first had the type `dtype`."""
        return outputs

    # --- applying

    def apply(self, inputs: Iterable[ArrayLike]) -> tuple[Variable, ...]:
        """Computes the outputs and, where a gradient may be wanted, records the function in the graph.

        Args:
            inputs: Variables or arrays.

        Returns:
            A tuple of Variables.

        Raises:
            TypeError: `forward` returned no tuple of arrays.
            RuntimeError: An input is a parameter without its array, or (in debug mode) an output is not a number.
        """
        # Every operation of a program passes through here, so this method is written for speed: plain loops, objects
        # filled in place, and no look-up that could be done once.
        variables = []
        arrays = []
        recorded = False
        for x in inputs:
            if not isinstance(x, Variable):
                x = as_variable(x)
            elif x.requires_grad:
                recorded = True
            variables.append(x)
            arrays.append(x._array)
        in_data = tuple(arrays)
        settings = config.__dict__
        try:
            if self._widens and in_data[0].dtype.itemsize == 2 and (wide := self.widened_inputs(variables)):
                return self.narrowed_outputs(self.apply(wide), in_data[0].dtype)
            if settings['debug'] or settings['_function_hooks'] or self._checks_types or self._hooks:
                outputs = self._checked_forward(in_data)
            else:
                outputs = self.forward(in_data)
        except Exception:
            self._require_arrays(variables)
            backend.check_same_device(self.label, arrays)
            raise
        if type(outputs) is not tuple:
            raise TypeError(f'{self.label}: forward must return a tuple of arrays, not {type(outputs).__name__}')
        recorded = recorded and settings['enable_backprop']
        results = []
        for y in outputs:
            result = _new_variable(Variable)
            result._array = y if type(y) is _ndarray else backend.as_output(y, self)
            result.requires_grad = recorded
            result._node = None
            results.append(result)
        if recorded:
            self._record(variables, in_data, results)
        return tuple(results)

    def _record(self, variables: list[Variable], arrays: tuple[Any, ...], results: list[Variable]) -> None:
        """Connects the inputs to the outputs and keeps what `backward` needs."""
        if self.inputs is not None:
            raise RuntimeError(f'{self.label}: a FunctionNode can be applied once; make another one')
        self.rank = _next_rank()
        nodes = []
        for x in variables:
            node = x._node
            if node is None:
                node = x.node
            else:
                node.requires_grad = x.requires_grad
            nodes.append(node)
        self.inputs = tuple(nodes)
        self._output_count = index = len(results)
        for result in reversed(results):
            index -= 1
            array = result._array
            result._node = output = _new_node(VariableNode)
            output.creator_node = self
            output.index = index
            output.grad_var = output.name = None
            if array is None:
                output.shape = output.dtype = None
                output.requires_grad = result.requires_grad = False
                continue
            output.shape = array.shape
            output.dtype = dtype = array.dtype
            output.requires_grad = result.requires_grad = dtype.kind in 'fc' or has_gradient(dtype)
        indexes = self._retained_input_indexes
        if indexes:
            # Most functions keep all inputs, that is (0,) or (0, 1).
            in_order = len(indexes) == len(arrays) and (indexes == (0,) or indexes == (0, 1))
            self._retained_inputs = arrays if in_order else tuple([arrays[i] for i in indexes])
        indexes = self._retained_output_indexes
        if indexes:
            if indexes == (0,):  # by far the most frequent case; the loop above ended with this output
                self._retained_outputs = array,
                self._output_refs = _ref(output),
            else:
                self._retained_outputs = tuple([results[i]._array for i in indexes])
                self._output_refs = tuple([_ref(results[i].node) for i in indexes])

    def _checked_forward(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """`forward` with type check, hooks and NaN check."""
        if self._checks_types and config.type_check:
            with type_check.get_function_check_context(self):
                self.check_type_forward(type_check.get_types(arrays, 'in_types'))
        hooks = [*config._function_hooks.values(), *(self._hooks or {}).values()]
        for hook in hooks:
            hook.forward_preprocess(self, arrays)
        outputs = self.forward(arrays)
        for hook in hooks:
            hook.forward_postprocess(self, arrays)
        if config.debug:
            self.stack = traceback.extract_stack()
            _check_numbers(outputs, f'NaN is detected on forward computation of {self.label}')
        return outputs

    def _require_arrays(self, variables: list[Variable]) -> None:
        for i, x in enumerate(variables):
            if x._array is None:
                raise RuntimeError(f'{self.label}: input {i} ({x.name or "a parameter"}) has no array yet; '
                                   'initialize it, or call its link once') from None

    def _run_backward(self, grad_outputs: list[Variable | None],
                     targets: list[int] | None = None) -> Sequence[Variable | None]:
        """`backward` as the reverse sweep calls it: with hooks and checks, one result for each input.

        Args:
            grad_outputs: As for `backward`.
            targets: The inputs whose gradients are wanted; by default all that require one.

        Raises:
            TypeError: `backward` returned no tuple.
            RuntimeError: `backward` returned a wrong number of gradients, or (in debug mode) one is not a number.
        """
        inputs = self.inputs
        assert inputs is not None
        if targets is None:
            targets = []
            for i, node in enumerate(inputs):
                if node.requires_grad:
                    targets.append(i)
        gys = tuple(grad_outputs)
        settings = config.__dict__
        if self._hooks or settings['_function_hooks'] or settings['debug']:
            gxs = self._checked_backward(tuple(targets), gys)
        else:
            gxs = self.backward(tuple(targets), gys)
        if type(gxs) is tuple and len(gxs) == len(inputs):
            return gxs
        return self._for_inputs(gxs, targets)

    def _for_inputs(self, gxs: Any, targets: Sequence[int]) -> Sequence[Variable | None]:
        """What `backward` returned, which may be for the targets alone, with an entry for each input."""
        inputs = self.inputs or ()
        if not isinstance(gxs, (tuple, list)):
            raise TypeError(f'{self.label}: backward must return a tuple of Variables, not {type(gxs).__name__}')
        if len(gxs) == len(inputs):
            return gxs
        if len(gxs) != len(targets):
            raise RuntimeError(f'{self.label}: backward returned {len(gxs)} gradients for {len(inputs)} inputs '
                               f'of which {len(targets)} need one')
        by_index: dict[int, Variable | None] = dict(zip(targets, gxs))
        return [by_index.get(i) for i in range(len(inputs))]

    def _checked_backward(self, targets: tuple[int, ...],
                          gys: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        hooks = [*config._function_hooks.values(), *(self._hooks or {}).values()]
        in_data = self._kept_inputs()
        out_grad = tuple(None if gy is None else gy._array for gy in gys)
        for hook in hooks:
            hook.backward_preprocess(self, in_data, out_grad)
        gxs = self.backward(targets, gys)
        for hook in hooks:
            hook.backward_postprocess(self, in_data, out_grad)
        if config.debug and isinstance(gxs, (tuple, list)):
            _check_numbers([gx._array for gx in gxs if isinstance(gx, Variable)],
                           f'NaN is detected on backward computation of {self.label}{self._applied_at()}')
        return gxs

    def _applied_at(self) -> str:
        """The line of the program that applied the function, for messages, if it was applied in debug mode."""
        here = str(Path(__file__).parent)
        frames = [frame for frame in self.stack or () if not frame.filename.startswith(here)]
        return f', which was applied in {frames[-1].filename}, line {frames[-1].lineno}' if frames else ''

    # --- what the function keeps for backward

    def retain_inputs(self, indexes: Sequence[int]) -> None:
        """Keeps the arrays of some inputs; called from `forward`.

        Args:
            indexes: Which inputs.
        """
        self._retained_input_indexes = indexes

    def retain_outputs(self, indexes: Sequence[int]) -> None:
        """Keeps the arrays of some outputs; called from `forward`.

        Args:
            indexes: Which outputs.
        """
        self._retained_output_indexes = indexes

    def _kept_inputs(self) -> tuple[Any, ...]:
        """An array for each input that `retain_inputs` kept, None for the others."""
        kept = dict(zip(self._retained_input_indexes, self._retained_inputs or ()))
        return tuple([kept.get(i) for i in range(len(self.inputs or ()))])

    def get_retained_inputs(self) -> tuple[Variable, ...]:
        """The inputs that `retain_inputs` kept, in its order, as Variables in their old place in the graph."""
        inputs, arrays = self.inputs, self._retained_inputs
        if arrays is None:
            return ()
        assert inputs is not None
        results = []
        for i, array in zip(self._retained_input_indexes, arrays):
            node = inputs[i]
            result = _new_variable(Variable)
            result._array = array
            result.requires_grad = node.requires_grad
            result._node = node
            results.append(result)
        return tuple(results)

    def get_retained_outputs(self) -> tuple[Variable, ...]:
        """The outputs that `retain_outputs` kept, in its order, as Variables in their old place in the graph."""
        results = []
        for i, array, ref in zip(self._retained_output_indexes, self._retained_outputs, self._output_refs):
            result = _new_variable(Variable)
            result._array = array
            result.requires_grad = requires_grad = has_gradient(array.dtype)
            # Gradients are gathered by function and index, so a new node can stand for one that is gone.
            result._node = ref() or VariableNode(self, i, array.shape, array.dtype, requires_grad)
            results.append(result)
        return tuple(results)

    def unchain(self) -> None:
        """Cuts the graph here: forgets the inputs and what was kept for `backward`."""
        self.inputs = None
        self._retained_inputs = None
        self._retained_outputs = self._output_refs = ()

    # --- for people

    @property
    def outputs(self) -> tuple[weakref.ref[VariableNode], ...] | None:
        """Weak references to the nodes of the outputs; None where the function is not in a graph.

        A function does not know them, so this looks for them among all objects, which takes milliseconds.
        """
        if self.inputs is None:
            return None
        nodes = {node.index: node for node in gc.get_referrers(self)
                 if isinstance(node, VariableNode) and node.creator_node is self}
        return tuple([_ref(nodes.get(i) or VariableNode(self, i, None, None, False))
                      for i in range(self._output_count)])

    @property
    def output_data(self) -> tuple[Any, ...]:
        """The retained outputs, in the order of all outputs; None for the others."""
        kept = dict(zip(self._retained_output_indexes, self._retained_outputs))
        return tuple([kept.get(i) for i in range(self._output_count)])

    @property
    def _implementation(self) -> Any:
        """What the user wrote: the node itself (a `Function` for the node that runs one)."""
        return self

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
        name = name or hook.name
        if name in self.local_function_hooks:
            raise KeyError(f'add_hook: {self.label} already has a hook named {name!r}')
        hook.added(self)
        self.local_function_hooks[name] = hook

    def delete_hook(self, name: str) -> None:
        """Removes a hook of this function.

        Raises:
            KeyError: There is none of that name.
        """
        if name not in self.local_function_hooks:
            raise KeyError(f'delete_hook: {self.label} has no hook named {name!r}')
        self.local_function_hooks.pop(name).deleted(self)


def _check_numbers(arrays: Iterable[Any], message: str) -> None:
    for array in arrays:
        if has_gradient(getattr(array, 'dtype', np.dtype('O'))) and bool((array != array).any()):
            raise RuntimeError(message)
