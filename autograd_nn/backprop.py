"""The reverse sweep: carries gradients from outputs to inputs over the recorded graph.

This module knows nodes and functions only; what a gradient is made of, and how two of them are added, is the business
of the objects that travel (Variables). A function that was applied later has a higher ``order``, so visiting functions
by falling order guarantees that all gradients of a function's outputs have arrived before it is visited.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from autograd_nn.config import config, using_config

if TYPE_CHECKING:
    from autograd_nn.function_node import FunctionNode
    from autograd_nn.variable import Variable, VariableNode


def sweep(seeds: Iterable[tuple[VariableNode, Variable]], *, watched: Iterable[VariableNode] = (),
          retain_grad: bool = False, only: set[FunctionNode] | None = None) -> dict[VariableNode, Variable]:
    """Carries gradients backward and returns those that arrived at leaves and at watched nodes.

    Args:
        seeds: Pairs of a node and the gradient to start from.
        watched: Nodes inside the graph whose gradients are wanted, too.
        retain_grad: Watch every node.
        only: The functions to visit; all by default.

    Returns:
        The gradient of every leaf and every watched node that received one.
    """
    found: dict[VariableNode, Variable] = {}
    watch: dict[int, set[VariableNode]] = {}
    for node in watched:
        if node.creator is not None:
            watch.setdefault(-node.creator.order, set()).add(node)
    pending: dict[int, tuple[FunctionNode, list[Variable | None]]] = {}
    heap: list[int] = []
    arrivals: Iterable[tuple[VariableNode, Variable | None]] = seeds
    while True:
        for node, g in arrivals:
            if g is None or not node.requires_grad:
                continue
            if g.dtype != node.dtype:
                g = g.astype(node.dtype)
            func = node.creator_node
            if func is None or func.inputs is None or only is not None and func not in only:
                found[node] = g if node not in found else found[node] + g
                continue
            order = -func.order
            if order in pending:
                gys = pending[order][1]
                old = gys[node.index]
                gys[node.index] = g if old is None else old + g
            else:
                gys = [None] * func.output_count
                gys[node.index] = g
                pending[order] = func, gys
                heappush(heap, order)
            if retain_grad:
                watch.setdefault(order, set()).add(node)
        if not heap:
            return found
        order = heappop(heap)
        func, gys = pending.pop(order)
        if order in watch:
            for node in watch.pop(order):
                gy = gys[node.index]
                if gy is not None:
                    found[node] = gy
        arrivals = zip(func.inputs, func.run_backward(gys))  # type: ignore[arg-type]
        del gys, g, func


def grad(outputs: Sequence[Variable], inputs: Sequence[Variable],
         grad_outputs: Sequence[Variable | Any | None] | None = None,
         grad_inputs: Sequence[Variable | None] | None = None, set_grad: bool = False, retain_grad: bool = False,
         enable_double_backprop: bool = False, loss_scale: float | None = None) -> list[Variable | None]:
    """Computes the gradients of outputs with respect to inputs, and of nothing else.

    Only the functions on paths from `inputs` to `outputs` are visited, and no other Variable's ``grad`` changes.

    Args:
        outputs: Variables to differentiate.
        inputs: Variables to differentiate with respect to; they may lie inside the graph.
        grad_outputs: The gradient to start from for each output, of its shape; None (or an entry None) means ones.
        grad_inputs: What to add to each result; None entries add nothing.
        set_grad: Also store each result as its input's ``grad``.
        retain_grad: Also store the gradients of the Variables in between as their ``grad``.
        enable_double_backprop: Record the computation, so that the results can be differentiated again.
        loss_scale: Multiplies the gradients to start from.

    Returns:
        A Variable for each input, or None where no output depends on it.

    Example:
        The second derivative of a polynomial:

        >>> import numpy as np, autograd_nn as ann
        >>> x = ann.Variable(np.array([1., 2., 3.]))
        >>> y = x ** 3
        >>> gx, = ann.grad([y], [x], enable_double_backprop=True)
        >>> ggx, = ann.grad([gx], [x])
        >>> ggx.array
        array([ 6., 12., 18.])
    """
    for name, value in ('outputs', outputs), ('inputs', inputs):
        if not isinstance(value, (tuple, list)):
            raise TypeError(f'grad: {name} must be a tuple or a list of Variables, not {type(value).__name__}')
    for name, values, wanted in ('grad_outputs', grad_outputs, outputs), ('grad_inputs', grad_inputs, inputs):
        if values is not None and len(values) != len(wanted):
            raise ValueError(f'grad: {name} has {len(values)} entries, expected {len(wanted)}')
    seeds = [(y.node, y.as_gradient(g, loss_scale)) for y, g in zip(outputs, grad_outputs or [None] * len(outputs))]
    targets = [x.node for x in inputs]
    with using_config('enable_backprop', enable_double_backprop):
        found = sweep(seeds, watched=targets, retain_grad=retain_grad, only=_functions_between(targets, outputs))
        results = []
        for target, extra in zip(targets, grad_inputs or [None] * len(inputs)):
            gx = found.get(target)
            if extra is not None:
                gx = extra if gx is None else gx + extra
            results.append(gx)
    if retain_grad:
        for node, gx in found.items():
            if node.creator is not None:
                node.grad_var = gx
    if set_grad:
        for x, gx in zip(inputs, results):
            x.grad_var = gx
    return results


def _functions_between(targets: Iterable[VariableNode], outputs: Iterable[Variable]) -> set[FunctionNode]:
    """The functions on paths from `targets` to `outputs`."""
    wanted = set(targets)
    between: set[FunctionNode] = set()
    for func in sorted(ancestors(y.node for y in outputs), key=lambda func: func.order):
        assert func.inputs is not None
        if any(node in wanted or node.creator_node in between for node in func.inputs):
            between.add(func)
    return between


def ancestors(nodes: Iterable[VariableNode]) -> set[FunctionNode]:
    """The functions that `nodes` were computed by, directly or not."""
    seen: set[FunctionNode] = set()
    stack = [node.creator for node in nodes]
    while stack:
        func = stack.pop()
        if func is not None and func not in seen:
            seen.add(func)
            stack.extend(node.creator for node in func.inputs or ())
    return seen
