"""What the losses share: checks of their arguments, and reduction."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.variable import Variable


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


def check_same_shape(function: str, **xs: Any) -> None:
    """Requires the named Variables or arrays to have one shape.

    Raises:
        ValueError: The shapes differ.
    """
    shapes = [x.shape for x in xs.values()]
    if shapes.count(shapes[0]) != len(shapes):
        raise ValueError(f'{function}: {", ".join(xs)} must have one shape, got '
                         + ', '.join(f'{name} {x.shape}' for name, x in xs.items()))


def at_least_float32(x: Any) -> Any:
    """`x`, in float32 if it is float16: sums over many elements need the range and the precision."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def reduced(function: str, loss: Variable, reduce: str) -> Variable:
    """The sum or the mean of a loss, or the loss of each element.

    Args:
        function: The function whose loss it is.
        loss: The loss of each element.
        reduce: ``'sum'``, ``'mean'`` or ``'no'``.

    Raises:
        ValueError: `reduce` is something else.
    """
    check_choice(function, 'reduce', reduce, ('sum', 'mean', 'no'))
    if reduce == 'no':
        return loss
    return loss.sum() if reduce == 'sum' else loss.mean()
