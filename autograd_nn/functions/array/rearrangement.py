"""The same elements in other places: mirrored, repeated, with a margin."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_nn.backend import Device, DeviceLike, get_array_module, get_device
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.array.indexing import get_item
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.axes import normalize_axes, normalize_axis
from autograd_nn.types import Array, ArrayLike, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


class Flip(FunctionNode):

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, inputs: Arrays) -> Arrays:
        return get_array_module(inputs[0]).flip(inputs[0], self.axes),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Flip(self.axes).apply((grad_outputs[0],))[0],


class Pad(FunctionNode):

    def __init__(self, widths: list[tuple[int, int]], values: Array) -> None:
        self.widths = widths
        self.values = values

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.inside = tuple([slice(before, before + n) for (before, _), n in zip(self.widths, x.shape)])
        return get_array_module(x).pad(x, self.widths, 'constant', constant_values=self.values),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return get_item(grad_outputs[0], self.inside),


class Permutate(FunctionNode):

    def __init__(self, indices: Array, inverse: Array, axis: int) -> None:
        self.indices = indices
        self.inverse = inverse
        self.axis = axis

    def forward(self, inputs: Arrays) -> Arrays:
        return inputs[0].take(self.indices, self.axis),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Permutate(self.inverse, self.indices, self.axis).apply((grad_outputs[0],))[0],


class Copy(FunctionNode):

    def __init__(self, device: Device) -> None:
        self.device = device

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.origin = as_variable(x).device
        return self.device.send(x),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Copy(self.origin).apply((grad_outputs[0],))[0],


def flip(x: ArrayLike, axis: int | tuple[int, ...] | None) -> Variable:
    """Reverses the order of the elements along axes.

    Args:
        x: Variable or array.
        axis: An axis or several; None for all.

    Raises:
        ValueError: There is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.flip(np.array([[1., 2.], [3., 4.]]), 1)
        variable([[2., 1.],
                  [4., 3.]])
    """
    x = as_variable(x)
    return Flip(normalize_axes(axis, x.shape, 'flip')).apply((x,))[0]


def fliplr(a: ArrayLike) -> Variable:
    """Reverses the columns: the order along the second axis.

    Args:
        a: Variable or array of two or more axes.

    Raises:
        ValueError: There are fewer axes.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.fliplr(np.array([[1., 2.], [3., 4.]]))
        variable([[2., 1.],
                  [4., 3.]])
    """
    a = as_variable(a)
    return Flip((normalize_axis(1, a.shape, 'fliplr'),)).apply((a,))[0]


def flipud(a: ArrayLike) -> Variable:
    """Reverses the rows: the order along the first axis.

    Args:
        a: Variable or array of one or more axes.

    Raises:
        ValueError: There is no axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.flipud(np.array([[1., 2.], [3., 4.]]))
        variable([[3., 4.],
                  [1., 2.]])
    """
    a = as_variable(a)
    return Flip((normalize_axis(0, a.shape, 'flipud'),)).apply((a,))[0]


def tile(x: ArrayLike, reps: Size) -> Variable:
    """Repeats an array as a whole along its axes.

    Args:
        x: Variable or array.
        reps: How often along each axis; axes that one of the two lacks count as one in front.

    Raises:
        ValueError: A number is negative.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.tile(np.array([1., 2.]), (2, 2))
        variable([[1., 2., 1., 2.],
                  [1., 2., 1., 2.]])
    """
    x = as_variable(x)
    counts = tuple(reps) if isinstance(reps, Iterable) else (reps,)
    if any(r < 0 for r in counts):
        raise ValueError(f'tile: expected numbers that are not negative as reps, got {reps}')
    counts = (1,) * (x.ndim - len(counts)) + counts
    shape = (1,) * (len(counts) - x.ndim) + x.shape
    apart = broadcast_to(reshape(x, tuple([m for n in shape for m in (1, n)])),
                         tuple([m for r, n in zip(counts, shape) for m in (r, n)]))
    return reshape(apart, tuple([r * n for r, n in zip(counts, shape)]))


def repeat(x: ArrayLike, repeats: Size, axis: int | None = None) -> Variable:
    """Repeats each element.

    Args:
        x: Variable or array.
        repeats: How often: one number, or one for each place on the axis.
        axis: The axis; None flattens `x` first.

    Raises:
        ValueError: There is no such axis, a number is negative, or there are not as many as places.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.repeat(np.array([1., 2.]), 2)
        variable([1., 1., 2., 2.])
        >>> F.repeat(np.array([1., 2.]), (1, 3), axis=0)
        variable([1., 2., 2., 2.])
    """
    x = as_variable(x)
    if axis is None:
        x, axis = x.flatten(), 0
    axis = normalize_axis(axis, x.shape, 'repeat')
    length = x.shape[axis]
    counts = tuple(repeats) if isinstance(repeats, Iterable) else (repeats,)
    if any(r < 0 for r in counts) or len(counts) not in (1, length):
        raise ShapeError(f'repeat: expected one number or {length} for axis {axis} of x of shape {x.shape}, none '
                         f'negative, got {repeats}')
    before, after = x.shape[:axis], x.shape[axis + 1:]
    if len(counts) == 1:
        apart = broadcast_to(reshape(x, before + (length, 1) + after), before + (length, counts[0]) + after)
        return reshape(apart, before + (length * counts[0],) + after)
    return _take(x, np.repeat(np.arange(length), counts), axis)


def permutate(x: ArrayLike, indices: ArrayLike, axis: int = 0, inv: bool = False) -> Variable:
    """Puts the places on an axis in another order.

    Args:
        x: Variable or array.
        indices: Variable or array of integers, of the length of the axis: which place of `x` goes to each place.
        axis: The axis.
        inv: Whether to undo this permutation instead.

    Raises:
        ValueError: There is no such axis, or `indices` is no permutation of its places.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([10., 20., 30.])
        >>> F.permutate(x, np.array([2, 0, 1]))
        variable([30., 10., 20.])
        >>> F.permutate(x, np.array([2, 0, 1]), inv=True)
        variable([20., 30., 10.])
    """
    x = as_variable(x)
    axis = normalize_axis(axis, x.shape, 'permutate')
    new_order = as_array(indices)
    old_order = new_order.argsort()
    length = x.shape[axis]
    if new_order.shape != (length,) or not (new_order[old_order] == get_array_module(new_order).arange(length)).all():
        raise ValueError(f'permutate: expected indices to be a permutation of 0 to {length - 1} for axis {axis} of x '
                         f'of shape {x.shape}, got {new_order}')
    old_order, new_order = x.device.send((old_order, new_order))
    if inv:
        old_order, new_order = new_order, old_order
    return Permutate(new_order, old_order, axis).apply((x,))[0]


def _take(x: Variable, indices: Array, axis: int) -> Variable:
    return get_item(x, (slice(None),) * axis + (indices,))


def pad(x: ArrayLike, pad_width: Any, mode: str = 'constant', **keywords: Any) -> Variable:
    """Adds a margin around an array.

    Args:
        x: Variable or array.
        pad_width: The width of the margin: one number, ``(before, after)`` for all axes, or such a pair for each axis.
        mode: ``'constant'``, or, to repeat the array's own elements, ``'edge'``, ``'reflect'``, ``'symmetric'`` or
            ``'wrap'``, as for `numpy.pad`.
        keywords: ``constant_values`` for ``'constant'``: one number, or numbers arranged as in `pad_width`.

    Raises:
        ValueError: Mode or widths are not valid.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.pad(np.array([1., 2.]), (1, 2), 'constant', constant_values=9)
        variable([9., 1., 2., 9., 9.])
        >>> F.pad(np.array([1., 2., 3.]), 2, 'reflect')
        variable([3., 2., 1., 2., 3., 2., 1.])
    """
    x = as_variable(x)
    try:
        widths = [(int(b), int(a)) for b, a in np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))]
    except ValueError:
        raise ShapeError(f'pad: pad_width {pad_width} does not fit x of shape {x.shape}') from None
    if any(b < 0 or a < 0 for b, a in widths):
        raise ValueError(f'pad: expected widths that are not negative, got {pad_width}')
    if mode == 'constant':
        unknown = sorted(set(keywords) - {'constant_values'})
        if unknown:
            raise TypeError(f'pad: unknown arguments {", ".join(unknown)}')
        return Pad(widths, keywords.get('constant_values', 0)).apply((x,))[0] if widths else x
    if mode not in ('edge', 'reflect', 'symmetric', 'wrap'):
        raise ValueError(f'pad: expected mode constant, edge, reflect, symmetric or wrap, got {mode!r}')
    for axis, width in enumerate(widths):
        if width != (0, 0):
            x = _take(x, np.pad(np.arange(x.shape[axis]), width, mode, **keywords), axis)  # type: ignore[call-overload]
    return x


def copy(x: ArrayLike, dst: DeviceLike) -> Variable:
    """Sends an array to a device; its gradient comes back. On the same device nothing is copied.

    Args:
        x: Variable or array.
        dst: The device, as for `get_device`: ``'cpu'``, ``'cuda:0'``, the number of a GPU, -1 for the CPU.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.copy(np.array([1., 2.]), 'cpu')
        variable([1., 2.])
    """
    return Copy(get_device(dst)).apply((x,))[0]
