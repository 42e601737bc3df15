"""Checks of axis arguments, with messages that name the function."""
from __future__ import annotations

import operator
from typing import Any

from autograd_nn.types import Axis
from autograd_nn.utils.type_check import ShapeError


def normalize_axis(axis: Any, shape: tuple[int, ...], function: str, extra: int = 0) -> int:
    """An axis counted from the front.

    Args:
        axis: The axis, negative when counted from the back.
        shape: The shape of the function's array.
        function: The name to show in errors.
        extra: How many axes the result has more than the array.

    Raises:
        TypeError: It is no integer.
        ValueError: There is no such axis.
    """
    try:
        axis = operator.index(axis)
    except TypeError:
        raise TypeError(f'{function}: axis must be an integer, got {axis!r}') from None
    ndim = len(shape) + extra
    if not -ndim <= axis < ndim:
        raise ShapeError(f'{function}: axis {axis} is out of range for x of shape {shape}')
    return axis % ndim


def normalize_axes(axis: Axis, shape: tuple[int, ...], function: str) -> tuple[int, ...]:
    """Axes counted from the front: all of them for None, one for an integer, those of a tuple or a list.

    Raises:
        TypeError: An axis is no integer.
        ValueError: There is no such axis, or one is given twice.
    """
    if axis is None:
        return tuple(range(len(shape)))
    if not isinstance(axis, (tuple, list)):
        return normalize_axis(axis, shape, function),
    axes = tuple([normalize_axis(i, shape, function) for i in axis])
    if len(set(axes)) != len(axes):
        raise ValueError(f'{function}: axis {tuple(axis)} names an axis of x of shape {shape} twice')
    return axes


def keep_dims(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape after a reduction over `axes` that keeps them with length one."""
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])
