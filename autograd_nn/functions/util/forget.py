"""Computation that keeps no intermediate results: it takes more time and less memory."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from autograd_nn.backprop import grad
from autograd_nn.config import config, force_backprop_mode, using_config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.math.affine import Identity
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, VariableNode, as_variable

T = TypeVar('T')


class _Memories(threading.local):
    """What calls of `forget` that are running remember: lists that are filled, or iterators over filled ones."""

    def __init__(self) -> None:
        self.stack: list[list[Any] | Iterator[Any]] = []


_memories = _Memories()


@contextmanager
def _remembering(memory: list[Any] | Iterator[Any]) -> Iterator[None]:
    _memories.stack.append(memory)
    try:
        yield
    finally:
        _memories.stack.pop()


def once(compute: Callable[[], T]) -> T:
    """What a function returns; where `forget` computes a second time, what it returned the first time.

    For what depends on a state that the first computation has changed.

    Args:
        compute: Takes no arguments. What it returns must not be changed afterwards.

    Raises:
        RuntimeError: The first computation was another one.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> from autograd_nn.functions.util.forget import once
        >>> factors = [5., 3.]
        >>> x = ann.Variable(np.ones(1))
        >>> F.forget(lambda x: x * once(factors.pop), x).backward()
        >>> x.grad, factors
        (array([3.]), [5.0])
    """
    filled = []
    # The innermost computation that is a second one knows the result; those within it are new and learn it.
    for memory in reversed(_memories.stack):
        if not isinstance(memory, list):
            try:
                value = next(memory)
            except StopIteration:
                raise RuntimeError('forget: func computes something else the second time') from None
            break
        filled.append(memory)
    else:
        value = compute()
    for memory in filled:
        memory.append(value)
    return value


class Forget(FunctionNode):
    """The whole computation of a function as one node, which computes again when a gradient is wanted.

    Its inputs in the graph are the arguments and then what the function captured: the nodes of parameters and of other
    Variables that it uses without being given them.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func
        self.captured: list[VariableNode] = []
        self.memory: list[Any] = []

    def apply(self, inputs: Iterable[Any]) -> tuple[Variable, ...]:
        variables = [as_variable(x) for x in inputs]
        results = super().apply(variables)
        if self.captured:
            if self.inputs is None:
                # No argument needs a gradient, but a parameter does.
                self._record(variables, tuple([x.array for x in variables]), list(results))
            self.inputs = (*(self.inputs or ()), *self.captured)
        return results

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs(tuple(range(len(inputs))))
        self.random_state = np.random.get_state()
        # The rank of this Variable tells what is computed from here on from what was there before.
        now, = Identity().apply((Variable(np.zeros(())),))
        xs = [Variable(x) for x in inputs]
        with _remembering(self.memory):
            ys = self.call(xs)
        if config.enable_backprop:
            self.captured = _captured_nodes(ys, xs, now.rank)
        return tuple([y.array for y in ys])

    def call(self, xs: Sequence[Variable]) -> tuple[Variable, ...]:
        """Calls the function; its result as a tuple."""
        ys = self.func(*xs)
        ys = ys if isinstance(ys, tuple) else (ys,)
        for y in ys:
            if not isinstance(y, Variable):
                raise TypeError(f'forget: func must return a Variable or a tuple of Variables, got {type(y).__name__}')
        return ys

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        recorded = config.enable_backprop
        # New Variables, as one may have been given twice; connected to the graph where gradients of gradients follow.
        xs = []
        for x in self.get_retained_inputs():
            xs.append(Identity().apply((x,))[0] if recorded else Variable(x.array, requires_grad=x.requires_grad))
        ys = self._call_again(xs)
        known = [(y, gy) for y, gy in zip(ys, grad_outputs) if gy is not None]
        targets = xs + [_variable_at(node) for node in self.captured]
        return tuple(grad([y for y, _ in known], targets, [gy for _, gy in known], enable_double_backprop=recorded))

    def _call_again(self, xs: Sequence[Variable]) -> tuple[Variable, ...]:
        state = np.random.get_state()
        np.random.set_state(self.random_state)
        try:
            with force_backprop_mode(), using_config('in_recomputing', True), _remembering(iter(self.memory)):
                return self.call(xs)
        finally:
            np.random.set_state(state)


def _captured_nodes(ys: Sequence[Variable], xs: Sequence[Variable], rank: int) -> list[VariableNode]:
    """The nodes that `ys` were computed from and that are older than `rank`, except those of `xs`."""
    own = {x.node for x in xs}
    seen: dict[VariableNode, bool] = {}
    stack = [y.node for y in ys]
    while stack:
        node = stack.pop()
        if node in seen or node in own or not node.requires_grad:
            continue
        func = node.creator
        seen[node] = outside = func is None or func.rank < rank
        if not outside:
            assert func is not None
            stack.extend(func.inputs or ())
    return [node for node, outside in seen.items() if outside]


def _variable_at(node: VariableNode) -> Variable:
    """A Variable, without its array, that stands for a node."""
    x = Variable()
    x._node = node
    return x


def forget(func: Callable[..., Any], *xs: ArrayLike) -> Any:
    """Calls a function without keeping its intermediate results; the backward pass computes them again.

    Memory for what lies within `func` is needed only while it runs, forward and backward, at the price of a second
    forward computation. Gradients reach the arguments and also the parameters and other Variables that `func` uses
    without being given them, and they can be differentiated again.

    Random numbers that `func` draws from ``numpy.random``, as `dropout` does, come again the second time; those drawn
    on a GPU do not: pass masks there. The second time, ``config.in_recomputing`` is True, so that batch normalization
    leaves its running statistics alone; what else `func` changes on the side changes twice.

    Args:
        func: Takes as many Variables as there are `xs` and returns a Variable or a tuple of Variables.
        xs: Variables or arrays.

    Returns:
        What `func` returns; a tuple of one as its only Variable.

    Raises:
        TypeError: `func` returns something else.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> x = ann.Variable(np.array([0., 1.]))
        >>> y = F.forget(lambda x: F.exp(F.sin(x)), x)
        >>> ann.grad([y], [x])[0]
        variable([1.        , 1.25338077])
    """
    ys = Forget(func).apply(xs)
    return ys[0] if len(ys) == 1 else ys
