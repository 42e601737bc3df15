"""What adds to the results of a row of layers."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_nn.functions.activation.rectifier import relu
from autograd_nn.functions.math.arithmetic import add
from autograd_nn.sequential import fusible
from autograd_nn.types import Activation, ArrayLike
from autograd_nn.variable import Variable


class Shortcut:
    """A layer that adds an array to what it is given: the end of a residual block.

    It has no parameters, so it is no link; as part of a row it can be computed together with its neighbours.

    Args:
        x: What to add: a Variable or an array.

    Example:
        >>> import numpy as np, autograd_nn.functions as F, autograd_nn.links as L
        >>> from autograd_nn.sequential import run_layers
        >>> x = np.ones((1, 2, 3, 3), 'f')
        >>> run_layers([L.Convolution2D(2, 2, 1, initialW=0), L.Shortcut(x), F.relu], x).array.sum()
        np.float32(18.0)
    """

    def __init__(self, x: ArrayLike) -> None:
        self.x = x

    def _absorb(self, following: Sequence[Callable[..., Any]]) -> tuple[int, dict[str, Any]]:
        return (1, {'activation': relu}) if following and following[0] is relu else (0, {})

    @fusible(_absorb)
    def __call__(self, h: ArrayLike, *, activation: Activation | None = None) -> Variable:
        """Adds, then applies `activation` if it is given.

        Args:
            h: A Variable or an array of the shape of `x`.
            activation: A function, or None.
        """
        y = add(h, self.x)
        return y if activation is None else activation(y)
