"""Sizes of what sliding windows produce: pure arithmetic that every back end shares."""
from __future__ import annotations

import operator
from collections.abc import Iterable

from autograd_nn.types import Size


def as_tuple(value: Size, n: int, function: str, name: str, least: int = 1) -> tuple[int, ...]:
    """An argument with one integer for each of `n` axes, where a single integer stands for all of them.

    Args:
        value: The argument.
        n: The number of axes.
        function: The function, for messages.
        name: The argument's name, for messages.
        least: The smallest number allowed.

    Raises:
        TypeError: It is no integer.
        ValueError: There are more or fewer integers, or one is too small.

    Example:
        >>> as_tuple(2, 3, 'f', 'stride'), as_tuple((1, 2), 2, 'f', 'stride')
        ((2, 2, 2), (1, 2))
    """
    # Every convolution passes through here three times.
    values = value if type(value) is tuple else tuple(value) if isinstance(value, Iterable) else (value,) * n
    if len(values) != n:
        raise ValueError(f'{function}: {name} is {value}, expected one integer or {n} of them')
    try:
        integers = tuple(map(operator.index, values))
    except TypeError:
        raise TypeError(f'{function}: {name} is {value!r}, expected integers') from None
    if min(integers, default=least) < least:
        raise ValueError(f'{function}: {name} is {value}, expected at least {least}')
    return integers


def conv_output_size(size: int, k: int, s: int, p: int, cover_all: bool = False, d: int = 1) -> int:
    """The number of positions of a window along one axis.

    Args:
        size: Length of the input.
        k: Length of the window.
        s: Stride.
        p: Padding on either side.
        cover_all: Whether the last window may reach beyond the padding so that every element is covered.
        d: Distance between neighbouring elements of the window.

    Example:
        >>> conv_output_size(7, 3, 2, 0), conv_output_size(8, 3, 2, 0), conv_output_size(8, 3, 2, 0, cover_all=True)
        (3, 3, 4)
    """
    span = d * (k - 1) + 1
    return (size + 2 * p - span + (s - 1 if cover_all else 0)) // s + 1


def deconv_output_size(size: int, k: int, s: int, p: int, cover_all: bool = False, d: int = 1) -> int:
    """The smallest input length whose windows, by `conv_output_size`, have `size` positions.

    Args:
        size: Number of positions of the window.
        k: Length of the window.
        s: Stride.
        p: Padding on either side.
        cover_all: Whether the last window may reach beyond the padding.
        d: Distance between neighbouring elements of the window.

    Example:
        >>> deconv_output_size(3, 3, 2, 0), deconv_output_size(4, 3, 2, 0, cover_all=True)
        (7, 8)
    """
    span = d * (k - 1) + 1
    return s * (size - 1) + span - 2 * p - (s - 1 if cover_all else 0)
