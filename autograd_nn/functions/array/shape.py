"""Other shapes for the same elements: results share the memory of their argument where that is possible."""
from __future__ import annotations

from collections.abc import Sequence

from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.axes import normalize_axes, normalize_axis
from autograd_nn.types import ArrayLike, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Reshape(FunctionNode):

    def __init__(self, shape: Size) -> None:
        self.shape = shape

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.x_shape = x.shape
        try:
            return x.reshape(self.shape),
        except ValueError:
            raise ShapeError(f'reshape: x of shape {x.shape} ({x.size} elements) cannot become {self.shape}') from None

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return reshape(grad_outputs[0], self.x_shape),


class Transpose(FunctionNode):

    def __init__(self, axes: tuple[int, ...] | None) -> None:
        self.axes = axes

    def forward(self, inputs: Arrays) -> Arrays:
        return inputs[0].transpose(self.axes),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        if self.axes is None:
            return Transpose(None).apply(grad_outputs)
        inverse = [0] * len(self.axes)
        for i, axis in enumerate(self.axes):
            inverse[axis] = i
        return Transpose(tuple(inverse)).apply((grad_outputs[0],))[0],


def reshape(x: ArrayLike, shape: Size) -> Variable:
    """Gives an array another shape.

    Args:
        x: Variable or array.
        shape: The new shape; one entry may be -1 and follows from the others.

    Raises:
        ValueError: The number of elements differs.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.reshape(np.arange(6.), (2, -1))
        variable([[0., 1., 2.],
                  [3., 4., 5.]])
    """
    x = as_variable(x)
    return x if x._array.shape == shape else Reshape(shape).apply((x,))[0]


def flatten(x: ArrayLike) -> Variable:
    """All elements along one axis.

    Args:
        x: Variable or array.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.flatten(np.array([[1., 2.], [3., 4.]]))
        variable([1., 2., 3., 4.])
    """
    x = as_variable(x)
    return reshape(x, (x.size,))


def expand_dims(x: ArrayLike, axis: int) -> Variable:
    """Inserts an axis of length one.

    Args:
        x: Variable or array.
        axis: Where the new axis is in the result.

    Raises:
        ValueError: The axis is out of range.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.expand_dims(np.array([1., 2.]), 1).shape
        (2, 1)
    """
    x = as_variable(x)
    axis = normalize_axis(axis, x.shape, 'expand_dims', extra=1)
    return reshape(x, x.shape[:axis] + (1,) + x.shape[axis:])


def squeeze(x: ArrayLike, axis: int | tuple[int, ...] | None = None) -> Variable:
    """Removes axes of length one.

    Args:
        x: Variable or array.
        axis: The axis or axes to remove; None for all of length one.

    Raises:
        ValueError: There is no such axis, or it is longer.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.squeeze(np.zeros((1, 3, 1)), axis=0).shape
        (3, 1)
    """
    x = as_variable(x)
    axes = normalize_axes(axis, x.shape, 'squeeze')
    if axis is None:
        axes = tuple([i for i in axes if x.shape[i] == 1])
    if any(x.shape[i] != 1 for i in axes):
        raise ShapeError(f'squeeze: axis {axis} of x of shape {x.shape} is not of length one')
    return reshape(x, tuple([n for i, n in enumerate(x.shape) if i not in axes]))


def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Variable:
    """Puts the axes in another order.

    Args:
        x: Variable or array.
        axes: For each axis of the result, which axis of `x` it is; None reverses them.

    Raises:
        ValueError: `axes` does not name each axis once.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.transpose(np.zeros((2, 3, 4)), (0, 2, 1)).shape
        (2, 4, 3)
    """
    if axes is None:
        return Transpose(None).apply((x,))[0]
    x = as_variable(x)
    order = normalize_axes(tuple(axes), x.shape, 'transpose')
    if len(order) != x.ndim:
        raise ShapeError(f'transpose: expected {x.ndim} axes for x of shape {x.shape}, got {tuple(axes)}')
    return Transpose(order).apply((x,))[0]


def moveaxis(x: ArrayLike, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Variable:
    """Moves axes to other places; the rest keep their order.

    Args:
        x: Variable or array.
        source: The axis or axes to move.
        destination: Where they are in the result.

    Raises:
        ValueError: There are no such axes, or not as many destinations as sources.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    x = as_variable(x)
    sources = normalize_axes(source, x.shape, 'moveaxis')
    destinations = normalize_axes(destination, x.shape, 'moveaxis')
    if len(sources) != len(destinations):
        raise ValueError(f'moveaxis: expected as many destinations as sources, got {source} and {destination}')
    order = [i for i in range(x.ndim) if i not in sources]
    for to, axis in sorted(zip(destinations, sources)):
        order.insert(to, axis)
    return transpose(x, order)


def rollaxis(x: ArrayLike, axis: int, start: int = 0) -> Variable:
    """Moves an axis backward until it lies before another one.

    Args:
        x: Variable or array.
        axis: The axis to move.
        start: The axis before which it goes (the number of axes: to the end).

    Raises:
        ValueError: There are no such axes.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.rollaxis(np.zeros((2, 3, 4)), 2).shape
        (4, 2, 3)
    """
    x = as_variable(x)
    axis = normalize_axis(axis, x.shape, 'rollaxis')
    start = x.ndim if start == x.ndim else normalize_axis(start, x.shape, 'rollaxis')
    return moveaxis(x, axis, start - (axis < start))


def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Variable:
    """Exchanges two axes.

    Args:
        x: Variable or array.
        axis1: One axis.
        axis2: The other.

    Raises:
        ValueError: There are no such axes.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    x = as_variable(x)
    axis1, axis2 = (normalize_axis(axis, x.shape, 'swapaxes') for axis in (axis1, axis2))
    order = list(range(x.ndim))
    order[axis1], order[axis2] = axis2, axis1
    return transpose(x, order)


def depth2space(X: ArrayLike, r: int) -> Variable:
    """Rearranges channels into blocks of pixels: the sub-pixel step of super-resolution.

    See `Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network
    <https://arxiv.org/abs/1609.05158>`_.

    Args:
        X: Variable or array of shape (N, r · r · C, H, W).
        r: The factor by which height and width grow.

    Returns:
        Variable of shape (N, C, r · H, r · W).

    Raises:
        ValueError: The number of channels is no multiple of r · r.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.depth2space(np.arange(8.).reshape(1, 4, 1, 2), 2)
        variable([[[[0., 2., 1., 3.],
                    [4., 6., 5., 7.]]]])
    """
    X = as_variable(X)
    if X.ndim != 4 or r < 1 or X.shape[1] % (r * r):
        raise ShapeError(f'depth2space: expected X of shape (N, {r} * {r} * C, H, W), got {X.shape}')
    n, c, h, w = X.shape
    c //= r * r
    return X.reshape((n, r, r, c, h, w)).transpose((0, 3, 4, 1, 5, 2)).reshape((n, c, h * r, w * r))


def space2depth(X: ArrayLike, r: int) -> Variable:
    """Rearranges blocks of pixels into channels: the inverse of `depth2space`.

    Args:
        X: Variable or array of shape (N, C, r · H, r · W).
        r: The factor by which height and width shrink.

    Returns:
        Variable of shape (N, r · r · C, H, W).

    Raises:
        ValueError: Height or width is no multiple of r.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.space2depth(np.arange(8.).reshape(1, 1, 2, 4), 2).shape
        (1, 4, 1, 2)
    """
    X = as_variable(X)
    if X.ndim != 4 or r < 1 or X.shape[2] % r or X.shape[3] % r:
        raise ShapeError(f'space2depth: expected X of shape (N, C, {r} * H, {r} * W), got {X.shape}')
    n, c, h, w = X.shape
    h, w = h // r, w // r
    return X.reshape((n, c, h, r, w, r)).transpose((0, 3, 5, 1, 2, 4)).reshape((n, r * r * c, h, w))
