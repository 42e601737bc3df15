"""Layers that scale and shift."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn import variable
from autograd_nn.functions.math.affine import bias, scale
from autograd_nn.link import Chain, Link
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

Shape = int | tuple[int, ...]


class Bias(Link):
    """Adds an array to the axes of the input from `axis` on.

    Args:
        axis: The first axis of the input that the array has.
        shape: The shape of the parameter; without one the array is the second argument of every call.

    Attributes:
        b: The parameter, if `shape` was given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.Bias(axis=1, shape=3)(np.ones((2, 3, 4), 'f')).shape
        (2, 3, 4)
    """

    def __init__(self, axis: int = 1, shape: Shape | None = None) -> None:
        super().__init__()
        self.axis = axis
        if shape is not None:
            with self.init_scope():
                self.b = variable.Parameter(0, shape)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('axis', self.axis), ('shape', self.b.shape if hasattr(self, 'b') else None)]

    def forward(self, *xs: ArrayLike) -> Variable:
        """Adds.

        Args:
            xs: The input; after it the array to add, if there is no parameter.
        """
        x, b = _input_and_parameter('Bias', xs, self.b if hasattr(self, 'b') else None)
        return bias(x, b, self.axis)


class Scale(Chain):
    """Multiplies the axes of the input from `axis` on with an array, and optionally adds another.

    Args:
        axis: The first axis of the input that the arrays have.
        W_shape: The shape of the factor; without one the factor is the second argument of every call.
        bias_term: Whether to add a bias.
        bias_shape: The shape of the bias, where `W_shape` is not given.

    Attributes:
        W: The factor, if `W_shape` was given.
        bias: The `Bias` layer, if `bias_term` was set.

    Raises:
        ValueError: `bias_term` is set, but neither shape is given.
    """

    def __init__(self, axis: int = 1, W_shape: Shape | None = None, bias_term: bool = False,
                 bias_shape: Shape | None = None) -> None:
        super().__init__()
        self.axis = axis
        shape = bias_shape if W_shape is None else W_shape
        if bias_term and shape is None:
            raise ValueError('Scale: a bias_term needs W_shape or bias_shape')
        with self.init_scope():
            if W_shape is not None:
                self.W = variable.Parameter(1, W_shape)
            if bias_term:
                self.bias = Bias(axis, shape)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('axis', self.axis), ('W_shape', self.W.shape if hasattr(self, 'W') else None)]

    def forward(self, *xs: ArrayLike) -> Variable:
        """Scales.

        Args:
            xs: The input; after it the factor, if there is no parameter.
        """
        x, W = _input_and_parameter('Scale', xs, self.W if hasattr(self, 'W') else None)
        y = scale(x, W, self.axis)
        return self.bias(y) if hasattr(self, 'bias') else y


def _input_and_parameter(name: str, xs: tuple[Any, ...], param: Any) -> tuple[Any, Any]:
    wanted = 2 if param is None else 1
    if len(xs) != wanted:
        raise TypeError(f'{name}: expected {wanted} argument{"s" * (wanted > 1)}, got {len(xs)}')
    return (xs[0], xs[1]) if param is None else (xs[0], param)
