"""Reading and adding to elements by index."""
from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from autograd_nn.backend import beside, get_array_module, is_on_host
from autograd_nn.dtypes import in_float32, is_half
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.array.shape import moveaxis
from autograd_nn.functions.axes import normalize_axis
from autograd_nn.functions.checks import check_indices
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


def _plain(slices: Any, x: Variable) -> Any:
    """An index with arrays, on the device of `x`, in place of Variables."""
    if isinstance(slices, tuple):
        return tuple([_plain(s, x) for s in slices])
    s = as_array(slices)
    return beside(x.array, s) if is_on_host(s) else s


def _may_repeat(slices: Any) -> bool:
    """Whether an index can name an element more than once: only arrays (or lists) of integers can."""
    for s in slices if isinstance(slices, tuple) else (slices,):
        if s is None or s is Ellipsis or isinstance(s, (int, slice, np.integer)):
            continue
        if getattr(s, 'dtype', None) != np.bool_:
            return True
    return False


def _add_at(x: Array, slices: Any, values: Array) -> None:
    """Adds to elements of `x`, to one that is named several times as often."""
    if not _may_repeat(slices):
        x[slices] += values
    elif is_half(x.dtype):
        x[...] = in_float32(partial(_added_at, slices))(x, values)
    else:
        _added_at(slices, x, values)


def _added_at(slices: Any, x: Array, values: Array) -> Any:
    get_array_module(x).add.at(x, slices, values)
    return x


class GetItem(FunctionNode):

    def __init__(self, slices: Any) -> None:
        self.slices = slices

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.x_shape = x.shape
        return x[self.slices],

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return GetItemGrad(self.slices, self.x_shape).apply((grad_outputs[0],))[0],


class GetItemGrad(FunctionNode):

    def __init__(self, slices: Any, shape: tuple[int, ...]) -> None:
        self.slices = slices
        self.shape = shape

    def forward(self, inputs: Arrays) -> Arrays:
        gy, = inputs
        gx = get_array_module(gy).zeros(self.shape, gy.dtype)
        _add_at(gx, self.slices, gy)
        return gx,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return get_item(grad_outputs[0], self.slices),


class ScatterAdd(FunctionNode):

    def __init__(self, slices: Any) -> None:
        self.slices = slices

    def forward(self, inputs: Arrays) -> Arrays:
        a, b = inputs
        y = a.copy()
        _add_at(y, self.slices, b)
        self.b_shape = b.shape
        return y,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        return gy, sum_to(get_item(gy, self.slices), self.b_shape) if 1 in target_input_indexes else None


def get_item(x: ArrayLike, slices: Any) -> Variable:
    """Takes elements out of an array: what ``x[slices]`` does.

    Args:
        x: Variable or array.
        slices: Integers, slices, ``None`` (a new axis), ``Ellipsis``, arrays or Variables of integers or booleans, or a
            tuple of these.

    Raises:
        IndexError: There are no such elements.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> x = ann.Variable(np.array([[1., 2.], [3., 4.]]))
        >>> x[:, 1]
        variable([2., 4.])
        >>> x[np.array([1, 1, 0])].shape
        (3, 2)
    """
    x = as_variable(x)
    try:
        return GetItem(_plain(slices, x)).apply((x,))[0]
    except IndexError as error:
        raise IndexError(f'get_item: {error} (x has shape {x.shape})') from None


def scatter_add(a: ArrayLike, slices: Any, b: ArrayLike) -> Variable:
    """Adds values to some elements of an array; those named several times are added to as often.

    Args:
        a: Variable or array.
        slices: The elements, as for `get_item`.
        b: Variable or array of the shape of ``a[slices]``, or one that broadcasts to it.

    Returns:
        Variable of the shape of `a`, which itself does not change.

    Raises:
        IndexError: There are no such elements.
        ValueError: The shape of `b` does not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.scatter_add(np.zeros(3), np.array([0, 2, 2]), np.array([1., 2., 3.]))
        variable([1., 0., 5.])
    """
    a, b = as_variable(a), as_variable(b)
    try:
        return ScatterAdd(_plain(slices, a)).apply((a, b))[0]
    except IndexError as error:
        raise IndexError(f'scatter_add: {error} (a has shape {a.shape})') from None
    except ValueError:
        raise ShapeError(f'scatter_add: b of shape {b.shape} does not fit the elements of a of shape {a.shape}'
                         ) from None


def select_item(x: ArrayLike, t: ArrayLike) -> Variable:
    """Takes one element from each row.

    Args:
        x: Variable or array of shape (N, C).
        t: Variable or array of integers of shape (N,): which column of each row.

    Returns:
        Variable of shape (N,).

    Raises:
        ValueError: The shapes do not fit, or a column does not exist.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.select_item(np.array([[1., 2.], [3., 4.]]), np.array([1, 0]))
        variable([2., 3.])
    """
    x, columns = as_variable(x), as_array(t)
    if x.ndim != 2 or columns.shape != x.shape[:1] or columns.dtype.kind not in 'iu':
        raise ShapeError(f'select_item: expected x of shape (N, C) and integers t of shape (N,), got {x.shape} and '
                         f'{t.shape} of {t.dtype}')
    check_indices('select_item', 't', t, x.shape[1], f'x has the shape {x.shape}')
    return get_item(x, (get_array_module(t).arange(len(t)), t))


def diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Variable:
    """Takes the diagonals of two axes.

    Args:
        x: Variable or array of two or more axes.
        offset: Which diagonal: 0 is the main one, positive ones lie above it.
        axis1: The axis of rows.
        axis2: The axis of columns.

    Returns:
        Variable without these axes, but with the diagonals along a new last one.

    Raises:
        ValueError: There are no such axes, or they are the same.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.diagonal(np.array([[1., 2.], [3., 4.]]))
        variable([1., 4.])
    """
    x = as_variable(x)
    axis1, axis2 = (normalize_axis(axis, x.shape, 'diagonal') for axis in (axis1, axis2))
    if axis1 == axis2:
        raise ValueError(f'diagonal: expected two different axes of x of shape {x.shape}, got {axis1} twice')
    above, below = max(offset, 0), max(-offset, 0)
    count = max(min(x.shape[axis1] - below, x.shape[axis2] - above), 0)
    places = get_array_module(x).arange(count)
    return moveaxis(get_item(moveaxis(x, (axis1, axis2), (0, 1)), (places + below, places + above)), 0, -1)
