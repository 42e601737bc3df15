"""Checks of arguments, with messages that name the function, the argument, and what came."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import is_on_host
from autograd_nn.config import config
from autograd_nn.dtypes import is_floating
from autograd_nn.types import Array, ArrayLike, Shape
from autograd_nn.utils.type_check import DTypeError, ShapeError


def check_choice(function: str, name: str, value: Any, choices: Sequence[Any]) -> None:
    """Requires an argument to be one of several values.

    Args:
        function: The function whose argument it is.
        name: The argument.
        value: What was given.
        choices: What is possible.

    Raises:
        ValueError: `value` is none of them.
    """
    if value not in choices:
        raise ValueError(f'{function}: {name} must be {" or ".join(map(repr, choices))}, not {value!r}')


def check_indices(function: str, name: str, x: Array, length: int, of: str, ignore: int | None = None) -> None:
    """Requires an array of integers to name rows or columns that exist.

    Looking at numbers on a GPU would wait for them; there only debug mode looks.

    Args:
        function: The function whose argument it is.
        name: The argument.
        x: The array.
        length: How many there are.
        of: What they are of, such as ``'W has the shape (3, 2)'``.
        ignore: A number that is allowed as well, None for none.

    Raises:
        ValueError: A number is negative or too large.
    """
    if not (is_on_host(x) or config.debug):
        return
    if not x.size or (x.min() >= 0 and x.max() < length):
        return
    wrong = (x < 0) | (x >= length)
    if ignore is not None:
        wrong &= x != ignore
    if wrong.any():
        ignored = '' if ignore is None else f' or ignore_label {ignore}'
        raise ValueError(f'{function}: {name} contains {x[wrong][0]}, expected numbers from 0 to {length - 1}'
                         f'{ignored}, as {of}')


def check_float(function: str, name: str, x: ArrayLike) -> None:
    """Requires a Variable or an array to be floating point: in integers, results would be cut off unnoticed.

    Args:
        function: The function whose argument it is.
        name: The argument.
        x: What was given.

    Raises:
        TypeError: It holds integers, booleans or complex numbers.
    """
    if not is_floating(x.dtype):
        raise DTypeError(f'{function}: expected floating-point {name}, got {x.dtype} (shape {x.shape})')


def check_same_shape(function: str, **xs: ArrayLike) -> None:
    """Requires the named Variables or arrays to have one shape.

    Raises:
        ValueError: The shapes differ.
    """
    shapes = [x.shape for x in xs.values()]
    if shapes.count(shapes[0]) != len(shapes):
        raise ShapeError(f'{function}: {", ".join(xs)} must have one shape, got '
                         + ', '.join(f'{name} {x.shape}' for name, x in xs.items()))


def check_broadcast(function: str, **xs: ArrayLike) -> Shape:
    """The shape to which the named Variables or arrays broadcast.

    Raises:
        ValueError: They do not.
    """
    try:
        return np.broadcast_shapes(*[x.shape for x in xs.values()])
    except ValueError:
        shapes = ', '.join([f'{name} {x.shape}' for name, x in xs.items()])
        raise ShapeError(f'{function}: the shapes do not broadcast: {shapes}') from None
