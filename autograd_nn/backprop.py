"""The reverse sweep: carries gradients from outputs to inputs over the recorded graph.

This module knows nodes and functions only; what a gradient is made of, and how two of them are added, is the business
of the objects that travel (Variables). A function that was applied later has a higher ``order``, so visiting functions
by falling order guarantees that all gradients of a function's outputs have arrived before it is visited.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from heapq import heappop, heappush
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from autograd_nn.config import using_config

if TYPE_CHECKING:
    from autograd_nn.function_node import FunctionNode
    from autograd_nn.variable import Variable, VariableNode

_passes = 0


class LeafWatcher(Protocol):
    """What wants to know of a leaf's gradient before the backward pass ends."""

    def expect(self, leaves: Collection[VariableNode]) -> None:
        """A pass begins.

        Args:
            leaves: Those that it may reach; no other gets a gradient.
        """

    def arrived(self, leaf: VariableNode, g: Variable | None) -> None:
        """Nothing will be added to the gradient of a leaf any more.

        Args:
            leaf: One of those that were announced; each comes once.
            g: What this pass adds to its ``grad_var``, which comes after the pass; None for nothing. It may share
                memory with other gradients.
        """


_watcher: ContextVar[LeafWatcher | None] = ContextVar('watcher', default=None)


@contextmanager
def watching_leaves(watcher: LeafWatcher | None) -> Iterator[None]:
    """Has backward passes report to a watcher; those that functions run within such a pass, and `grad`, do not."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def passes() -> int:
    """How many backward passes there have been in this process."""
    return _passes


def sweep(seeds: Sequence[tuple[VariableNode, Variable]], *, retain_grad: bool = False,
          targets: Collection[VariableNode] | None = None,
          watcher: LeafWatcher | None = None) -> dict[VariableNode, Variable]:
    """Carries gradients backward and returns those that arrived at the leaves, or at the targets.

    Args:
        seeds: Pairs of a node and the gradient to start from.
        retain_grad: Return the gradients of the nodes in between, too.
        targets: Where to go: only functions on the way are visited, and only gradients on the way are computed. They
            may lie inside the graph. None stands for all leaves.
        watcher: What is told of each leaf's gradient as soon as it is complete; not together with `targets`.

    Returns:
        The gradient of every leaf (or target) that received one. They share memory neither with each other nor with
        the seeds.

    Raises:
        ValueError: A gradient does not have the shape of its input.
    """
    global _passes
    _passes += 1
    found: dict[VariableNode, Variable] = {}
    watch: dict[int, set[VariableNode]] = {}
    between: set[FunctionNode] = set()
    if targets is not None:
        between = _functions_between(targets, [node for node, _ in seeds])
        for node in targets:
            if node.creator is not None:
                watch.setdefault(-node.creator.rank, set()).add(node)
    awaited: list[tuple[int, list[VariableNode]]] = []
    if watcher is not None:
        awaited = _leaves_by_first_use(node for node, _ in seeds)
        watcher.expect([leaf for _, leaves in awaited for leaf in leaves])
    pending: dict[int, tuple[FunctionNode, list[Variable | None]]] = {}
    heap: list[int] = []
    visited = None
    arrivals: Iterable[tuple[VariableNode, Variable | None]] = seeds
    while True:
        for node, g in arrivals:
            if g is None or not node.requires_grad:
                continue
            try:
                array = g._array
            except AttributeError:
                raise _not_a_gradient(visited, node, g) from None
            if array.shape != node.shape:
                raise _not_a_gradient(visited, node, g)
            if array.dtype != node.dtype:
                g = g.astype(node.dtype)
            func = node.creator_node
            if func is None or func.inputs is None or (targets is not None and func not in between):
                if targets is None or node in targets:
                    found[node] = g if node not in found else found[node].plus(g)
                continue
            order = -func.rank
            if order in pending:
                gys = pending[order][1]
                before = gys[node.index]
                gys[node.index] = g if before is None else before.plus(g)
            else:
                gys = [None] * func._output_count
                gys[node.index] = g
                pending[order] = func, gys
                heappush(heap, order)
            if retain_grad:
                watch.setdefault(order, set()).add(node)
        # A gradient lives on only where it is pending or found.
        g = array = gys = before = None  # type: ignore[assignment]
        arrivals = ()
        if awaited:
            assert watcher is not None
            following = -heap[0] if heap else -1
            while awaited and awaited[-1][0] > following:
                for leaf in awaited.pop()[1]:
                    watcher.arrived(leaf, found.get(leaf))
        if not heap:
            break
        order = heappop(heap)
        visited, gys = pending.pop(order)
        for node in watch.pop(order, ()):
            g = gys[node.index]
            if g is not None:
                found[node] = g
        inputs = visited.inputs or ()
        indexes = None
        if targets is not None:
            indexes = [i for i, node in enumerate(inputs)
                       if node.requires_grad and (node in targets or node.creator_node in between)]
        arrivals = zip(inputs, visited._run_backward(gys, indexes))
    owners = {id(g.memory_owner) for _, g in seeds}
    return {node: g.unshared(owners) for node, g in found.items()}


def _not_a_gradient(func: FunctionNode | None, node: VariableNode, g: Any) -> Exception:
    """The error for what a user's `backward` returned instead of a gradient of its input `node`."""
    if func is None or func.inputs is None:
        return ValueError(f'gradient to start from: expected shape {node.shape}, got {g.shape}')
    where = f'{func.label}: backward returned for input {func.inputs.index(node)} (shape {node.shape}, {node.dtype})'
    if not hasattr(g, 'grad_var'):
        return TypeError(f'{where} an object of type {type(g).__name__}, expected a Variable or None')
    return ValueError(f'{where} a gradient of shape {g.shape}')


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
        grad_inputs: What to add to the gradient of each input, and so to those of inputs that it was computed from;
            None entries add nothing.
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
    if grad_outputs is None:
        grad_outputs = [None] * len(outputs)
    if grad_inputs is None:
        grad_inputs = [None] * len(inputs)
    for name, values, expected in (('outputs', outputs, outputs), ('inputs', inputs, inputs),
                                   ('grad_outputs', grad_outputs, outputs), ('grad_inputs', grad_inputs, inputs)):
        if not isinstance(values, (tuple, list)):
            raise TypeError(f'grad: {name} must be a tuple or a list of Variables, not {type(values).__name__}')
        if len(values) != len(expected):
            raise ValueError(f'grad: {name} has {len(values)} entries, expected {len(expected)}')
    seeds = [(y.node, y.as_gradient(g, loss_scale)) for y, g in zip(outputs, grad_outputs)]
    seeds += [(x.node, x.as_gradient(g)) for x, g in zip(inputs, grad_inputs) if g is not None]
    targets = [x.node for x in inputs]
    with using_config('enable_backprop', enable_double_backprop):
        found = sweep(seeds, retain_grad=retain_grad, targets=set(targets))
    results: list[Variable | None] = [found.get(target) for target in targets]
    if retain_grad:
        for node, g in found.items():
            if node.creator is not None:
                node.grad_var = g
    if set_grad:
        for x, gx in zip(inputs, results):
            x.grad_var = gx
    return results


def backward(outputs: Sequence[Variable], grad_outputs: Sequence[Variable | Any | None] | None = None, *,
             enable_double_backprop: bool = False) -> None:
    """Computes gradients of several Variables at once, and adds them to the ``grad`` of the leaves.

    Args:
        outputs: Variables to start from.
        grad_outputs: The gradient to start from for each output, of its shape; None entries leave an output out. By
            default they are the outputs' own gradients.
        enable_double_backprop: Record the computation, so that the gradients can be differentiated again.

    Raises:
        TypeError: `outputs` or `grad_outputs` is no tuple or list.
        ValueError: There are more or fewer gradients than outputs, or one has another shape.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> x = ann.Variable(np.array([1., 2.]))
        >>> ann.backward([x * 3, x ** 2], [np.ones(2), np.ones(2)])
        >>> x.grad
        array([5., 7.])
    """
    for name, values in ('outputs', outputs), ('grad_outputs', grad_outputs):
        if not isinstance(values, (tuple, list)) and values is not None:
            raise TypeError(f'backward: {name} must be a tuple or a list of Variables, not {type(values).__name__}')
    if grad_outputs is None:
        # That of a leaf is there already.
        grad_outputs = [None if y.creator_node is None else y.grad_var for y in outputs]
    if len(grad_outputs) != len(outputs):
        raise ValueError(f'backward: grad_outputs has {len(grad_outputs)} entries, expected {len(outputs)}')
    seeds = [(y.node, y.as_gradient(g)) for y, g in zip(outputs, grad_outputs) if g is not None]
    accumulate(seeds, enable_double_backprop)


def accumulate(seeds: Sequence[tuple[VariableNode, Variable]], enable_double_backprop: bool,
               retain_grad: bool = False) -> None:
    """Carries gradients backward and adds them to those of the leaves.

    Args:
        seeds: Pairs of a node and the gradient to start from.
        enable_double_backprop: Whether to record the computation.
        retain_grad: Whether to set the gradients of the nodes in between, too.
    """
    starts = {node for node, _ in seeds if node.creator is not None}
    watcher = _watcher.get()
    with using_config('enable_backprop', enable_double_backprop):
        if watcher is None:
            found = sweep(seeds, retain_grad=retain_grad)
        else:
            with watching_leaves(None):
                found = sweep(seeds, retain_grad=retain_grad, watcher=watcher)
        for target, g in found.items():
            if target in starts:
                continue
            if target.creator is None and target.grad_var is not None:
                g = target.grad_var + g
            target.grad_var = g


def _leaves_by_first_use(nodes: Iterable[VariableNode]) -> list[tuple[int, list[VariableNode]]]:
    """The leaves that `nodes` were computed from, by the order of the function that used each first.

    The sweep visits functions by falling order, so past that function a leaf's gradient is complete. The orders rise.
    """
    nodes = list(nodes)
    first_use = {node: 0 for node in nodes if node.creator is None and node.requires_grad}
    for func in ancestors(nodes):
        for node in func.inputs or ():
            if node.requires_grad and node.creator is None:
                first_use[node] = min(func.rank, first_use.get(node) or func.rank)
    by_order = defaultdict(list)
    for node, order in first_use.items():
        by_order[order].append(node)
    return sorted(by_order.items(), key=itemgetter(0))


def _functions_between(targets: Collection[VariableNode], outputs: Iterable[VariableNode]) -> set[FunctionNode]:
    """The functions on paths from `targets` to `outputs`."""
    between: set[FunctionNode] = set()
    for func in sorted(ancestors(outputs), key=lambda func: func.rank):
        for node in func.inputs or ():
            if node.requires_grad and (node in targets or node.creator_node in between):
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
