"""Views of an array's memory with any shape and strides."""
from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_nn.backend import get_array_module, is_array
from autograd_nn.dtypes import at_least_float32
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.geometry import as_tuple
from autograd_nn.types import Array, ArrayLike, Ints
from autograd_nn.variable import Variable, as_variable


class _Layout(NamedTuple):
    """Where in memory the elements of an array are, counted in elements."""

    shape: Ints
    strides: Ints
    offset: int

    def bounds(self) -> tuple[int, int]:
        """The first place, and the one after the last."""
        if 0 in self.shape:
            return self.offset, self.offset
        ends = [(n - 1) * stride for n, stride in zip(self.shape, self.strides)]
        return self.offset + sum(min(end, 0) for end in ends), self.offset + sum(max(end, 0) for end in ends) + 1

    def places(self, xp: Any) -> Any:
        """The place of each element."""
        places = xp.full(self.shape, self.offset)
        for axis, (n, stride) in enumerate(zip(self.shape, self.strides)):
            places += (xp.arange(n) * stride).reshape(-1, *[1] * (len(self.shape) - axis - 1))
        return places


def _memory(x: Array) -> Any:
    """All of the memory that `x` is a part of, as an array of its type with one axis."""
    owner, base = x, x.base
    while base is not None:
        if is_array(base):
            owner = base
        base = getattr(base, 'base', None)
    memory = owner.ravel('K').view(x.dtype)
    if memory.size and not get_array_module(x).may_share_memory(memory, owner):
        raise ValueError(f'as_strided: elements of x do not lie side by side in the memory that is known (shape '
                         f'{owner.shape}, strides {owner.strides}); x.copy() has memory of its own')
    return memory


def _address(x: Array) -> int:
    return x.__array_interface__['data'][0] if isinstance(x, np.ndarray) else x.data.ptr


class AsStrided(FunctionNode):

    def __init__(self, shape: Ints, strides: Ints, offset: int | None) -> None:
        self.shape = shape
        self.strides = strides
        self.offset = offset

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        memory = _memory(x)
        start = (_address(x) - _address(memory)) // x.itemsize
        self.x_layout = _Layout(x.shape, tuple([stride // x.itemsize for stride in x.strides]), start)
        self.y_layout = _Layout(self.shape, self.strides, start if self.offset is None else self.offset)
        first, end = self.y_layout.bounds()
        if not 0 <= first <= end <= memory.size:
            raise ValueError(f'as_strided: shape {self.shape}, strides {self.strides} and storage_offset '
                             f'{self.y_layout.offset} take elements {first} to {end - 1}, but the memory of x has '
                             f'{memory.size}')
        return get_array_module(x).lib.stride_tricks.as_strided(
            memory[self.y_layout.offset:], self.shape, [stride * x.itemsize for stride in self.strides]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Relayout(self.y_layout, self.x_layout, self.x_layout).apply(grad_outputs)


class Relayout(FunctionNode):
    """Adds an array of one layout to empty memory, of which it takes what is at the places of another layout.

    What several elements of the layout `shared` have in common is divided by their number.
    """

    def __init__(self, source: _Layout, target: _Layout, shared: _Layout) -> None:
        self.layouts = source, target, shared

    def forward(self, inputs: Arrays) -> Arrays:
        g, = inputs
        xp = get_array_module(g)
        bounds = [layout.bounds() for layout in self.layouts]
        first = min(start for start, _ in bounds)
        source, target, shared = [layout.places(xp) - first for layout in self.layouts]
        values = at_least_float32(g)
        memory, number = xp.zeros((2, max(end for _, end in bounds) - first), values.dtype)
        # NumPy is fast at adding to places of an array with one axis.
        xp.add.at(memory, source.ravel(), values.ravel())
        xp.add.at(number, shared.ravel(), xp.ones(shared.size, values.dtype))
        return (memory / xp.maximum(number, 1))[target].astype(g.dtype, copy=False),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        source, target, shared = self.layouts
        return Relayout(target, source, shared).apply(grad_outputs)


def as_strided(x: ArrayLike, shape: Sequence[int], strides: Sequence[int],
               storage_offset: int | None = None) -> Variable:
    """A view of the memory that an array lies in, with any shape and strides, whatever the array's own are.

    Where elements of `x` share memory, each one's gradient is that of the memory divided by their number.

    Args:
        x: Variable or array.
        shape: The shape of the view.
        strides: How many elements further in memory the next element along each axis is; may be 0 or negative.
        storage_offset: At which element the view begins, counted from the beginning of the memory: that of the array
            that `x` is a view of in the end. By default where `x` begins.

    Returns:
        A Variable that shares the memory of `x`.

    Raises:
        ValueError: The view goes beyond the memory, or has not as many strides as axes, or the memory has gaps.
        TypeError: A size, stride or offset is no integer.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.as_strided(np.arange(4.), (3, 2), (1, 1))
        variable([[0., 1.],
                  [1., 2.],
                  [2., 3.]])
    """
    x = as_variable(x)
    sizes = as_tuple(tuple(shape), len(shape), 'as_strided', 'shape', least=0)
    steps = as_tuple(tuple(strides), len(sizes), 'as_strided', 'strides', least=-sys.maxsize)
    return AsStrided(sizes, steps, None if storage_offset is None else operator.index(storage_offset)).apply((x,))[0]
