"""Several arrays into one, and one into several."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.rearrangement import pad
from autograd_nn.functions.array.shape import expand_dims, reshape
from autograd_nn.functions.axes import normalize_axis
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Concat(FunctionNode):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        self.ends: list[int] = []
        end = 0
        for x in inputs[:-1]:
            end += x.shape[self.axis]
            self.ends.append(end)
        return get_array_module(*inputs).concatenate(inputs, self.axis),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return SplitAxis(self.ends, self.axis).apply((grad_outputs[0],))


class SplitAxis(FunctionNode):

    def __init__(self, ends: Sequence[int], axis: int) -> None:
        self.ends = ends
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        ys = tuple(get_array_module(x).split(x, self.ends, self.axis))
        self.shapes = [y.shape for y in ys]
        return ys

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        return Concat(self.axis).apply(with_zeros(grad_outputs, self.shapes))[0],


class Stack(FunctionNode):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        return get_array_module(*inputs).stack(inputs, self.axis),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Separate(self.axis).apply((grad_outputs[0],))


class Separate(FunctionNode):

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.shape = x.shape[:self.axis] + x.shape[self.axis + 1:]
        return tuple(get_array_module(x).moveaxis(x, self.axis, 0))

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        return Stack(self.axis).apply(with_zeros(grad_outputs, [self.shape] * len(grad_outputs)))[0],


def with_zeros(gys: Sequence[Variable | None], shapes: Sequence[tuple[int, ...]]) -> list[Variable]:
    """The gradients, with zeros for those that did not arrive."""
    known = [gy for gy in gys if gy is not None]
    xp = get_array_module(known[0])
    return [Variable(xp.zeros(shape, known[0].dtype), requires_grad=False) if gy is None else gy
            for gy, shape in zip(gys, shapes)]


def _as_list(xs: Any, function: str) -> list[Variable]:
    if isinstance(xs, Variable) and xs.ndim and len(xs):  # as programs for Chainer have it: what it is a stack of
        return list(separate(xs))
    if not isinstance(xs, (tuple, list)):
        raise TypeError(f'{function}: expected a tuple or a list of Variables or arrays, got {type(xs).__name__}')
    if not xs:
        raise ShapeError(f'{function}: expected at least one array, got none')
    return [as_variable(x) for x in xs]


def _shapes(xs: Sequence[Variable]) -> str:
    return ', '.join([str(x.shape) for x in xs])


def concat(xs: Sequence[ArrayLike], axis: int = 1) -> Variable:
    """Joins arrays along an axis.

    Args:
        xs: Variables or arrays of the same shape except along `axis`; a Variable stands for those along its first axis.
        axis: The axis.

    Raises:
        ValueError: There are none, there is no such axis, or the shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.concat((np.zeros((2, 3)), np.zeros((2, 1)))).shape
        (2, 4)
    """
    variables = _as_list(xs, 'concat')
    axis = normalize_axis(axis, variables[0].shape, 'concat')
    try:
        return Concat(axis).apply(variables)[0]
    except (ValueError, IndexError):
        raise ShapeError(f'concat: expected shapes that are equal except along axis {axis}, got '
                         + _shapes(variables)) from None


def split_axis(x: ArrayLike, indices_or_sections: Any, axis: int, force_tuple: bool = True) -> Any:
    """Splits an array along an axis.

    Args:
        x: Variable or array.
        indices_or_sections: A number of parts of equal length, or where each part but the first begins: a tuple, a
            list or an array of integers.
        axis: The axis.
        force_tuple: Whether a single part is returned in a tuple, too.

    Returns:
        A tuple of Variables.

    Raises:
        ValueError: There is no such axis, a part begins beyond its end, or its length is no multiple of the number of
            parts.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.split_axis(np.arange(6.), 3, axis=0)
        (variable([0., 1.]), variable([2., 3.]), variable([4., 5.]))
        >>> F.split_axis(np.arange(6.), [1], axis=0)
        (variable([0.]), variable([1., 2., 3., 4., 5.]))
    """
    x = as_variable(x)
    axis = normalize_axis(axis, x.shape, 'split_axis')
    if getattr(indices_or_sections, 'ndim', None) == 0 or isinstance(indices_or_sections, int):
        length, parts = x.shape[axis], int(indices_or_sections)
        if parts < 1 or length % parts:
            raise ShapeError(f'split_axis: axis {axis} of x of shape {x.shape} does not split into {parts} equal parts')
        ends = list(range(length // parts, length, length // parts)) if length else [0] * (parts - 1)
    else:
        ends = [int(i) for i in indices_or_sections]
        if ends and max(ends) > x.shape[axis]:
            raise ShapeError(f'split_axis: a part begins at {max(ends)}, beyond the end of axis {axis} of x of shape '
                             f'{x.shape}')
    ys = SplitAxis(ends, axis).apply((x,))
    return ys if force_tuple or len(ys) > 1 else ys[0]


def stack(xs: Sequence[ArrayLike], axis: int = 0) -> Variable:
    """Joins arrays of one shape along a new axis.

    Args:
        xs: Variables or arrays.
        axis: Where the new axis is in the result.

    Raises:
        ValueError: There are none, the axis is out of range, or the shapes differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.stack((np.array([1., 2.]), np.array([3., 4.])), axis=1)
        variable([[1., 3.],
                  [2., 4.]])
    """
    variables = _as_list(xs, 'stack')
    shape = variables[0].shape
    axis = normalize_axis(axis, shape, 'stack', extra=1)
    if any(x.shape != shape for x in variables):
        raise ShapeError('stack: expected arrays of one shape, got ' + _shapes(variables))
    return Stack(axis).apply(variables)[0]


def separate(x: ArrayLike, axis: int = 0) -> tuple[Variable, ...]:
    """Takes an array apart along an axis: the inverse of `stack`.

    Args:
        x: Variable or array.
        axis: The axis.

    Returns:
        A Variable for each place on the axis.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.separate(np.array([[1., 2.], [3., 4.]]), axis=1)
        (variable([1., 3.]), variable([2., 4.]))
    """
    x = as_variable(x)
    axis = normalize_axis(axis, x.shape, 'separate')
    return Separate(axis).apply((x,)) if x.shape[axis] else ()


def _at_least(ndim: int, x: Variable) -> Variable:
    """`x` with as many axes as `hstack` (1), `vstack` (2) and `dstack` (3) need, where NumPy puts them."""
    if x.ndim == 0:
        return reshape(x, (1,) * ndim)
    if x.ndim == 1 and ndim > 1:
        x = expand_dims(x, 0)
    return expand_dims(x, 2) if x.ndim == 2 and ndim > 2 else x


def _join(xs: Sequence[ArrayLike], function: str, ndim: int, axis: int) -> Variable:
    variables = [_at_least(ndim, x) for x in _as_list(xs, function)]
    return concat(variables, 0 if variables[0].ndim == 1 else axis)


def hstack(xs: Sequence[ArrayLike]) -> Variable:
    """Joins arrays side by side: along the second axis, or along the only one.

    Args:
        xs: Variables or arrays of the same shape except along that axis.

    Raises:
        ValueError: There are none, or the shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.hstack((np.array([1., 2.]), np.array([3.])))
        variable([1., 2., 3.])
    """
    return _join(xs, 'hstack', 1, 1)


def vstack(xs: Sequence[ArrayLike]) -> Variable:
    """Joins arrays one below the other: along the first axis; arrays with one axis are rows.

    Args:
        xs: Variables or arrays of the same shape except along that axis.

    Raises:
        ValueError: There are none, or the shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.vstack((np.array([1., 2.]), np.array([3., 4.])))
        variable([[1., 2.],
                  [3., 4.]])
    """
    return _join(xs, 'vstack', 2, 0)


def dstack(xs: Sequence[ArrayLike]) -> Variable:
    """Joins arrays one behind the other: along the third axis, which is added where it is missing.

    Args:
        xs: Variables or arrays of the same shape except along that axis.

    Raises:
        ValueError: There are none, or the shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.dstack((np.array([1., 2.]), np.array([3., 4.])))
        variable([[[1., 3.],
                   [2., 4.]]])
    """
    return _join(xs, 'dstack', 3, 2)


def pad_sequence(xs: Sequence[ArrayLike], length: int | None = None, padding: float = 0) -> Variable:
    """Stacks arrays of different lengths, filled up at the end of their first axis.

    Args:
        xs: Variables or arrays of the same shape except along the first axis.
        length: The length to fill up to; that of the longest by default.
        padding: The value to fill with.

    Returns:
        Variable of shape (number of arrays, length, ...).

    Raises:
        ValueError: An array is longer than `length`, or the shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.pad_sequence([np.array([1., 2.]), np.array([3.])])
        variable([[1., 2.],
                  [3., 0.]])
    """
    variables = _as_list(xs, 'pad_sequence')
    if any(x.ndim == 0 or x.shape[1:] != variables[0].shape[1:] for x in variables):
        raise ShapeError('pad_sequence: expected shapes that are equal except along the first axis, got '
                         + _shapes(variables))
    longest = max(len(x) for x in variables)
    if length is None:
        length = longest
    elif length < longest:
        raise ValueError(f'pad_sequence: length {length} is shorter than the longest array, which has {longest}')
    return stack([pad(x, [(0, length - len(x))] + [(0, 0)] * (x.ndim - 1), 'constant', constant_values=padding)
                  for x in variables])
