"""Activations whose slopes are trained with the network: PReLU and Swish."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn import variable
from autograd_nn.functions.activation.rectifier import prelu
from autograd_nn.functions.activation.smooth_rectifier import swish
from autograd_nn.initializers import get_initializer
from autograd_nn.link import Link
from autograd_nn.types import ArrayLike, InitializerLike
from autograd_nn.variable import Variable

Shape = int | tuple[int, ...]


class PReLU(Link):
    """A leaky rectifier with slopes that are learned: ``x`` where it is not negative, ``W * x`` elsewhere.

    He et al., Delving deep into rectifiers (2015), https://arxiv.org/abs/1502.01852.

    Args:
        shape: The shape of the slopes, a prefix of the shape of a sample: ``()`` for one slope, ``(C,)`` for one for
            each channel.
        init: Initial slopes.

    Attributes:
        W: The slopes.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.PReLU()(np.array([[-4., 4.]], 'f'))
        variable([[-1.,  4.]], dtype=float32)
    """

    def __init__(self, shape: Shape = (), init: InitializerLike = 0.25) -> None:
        super().__init__()
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(init), shape)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('shape', self.W.shape)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the function to an input of shape (N, ...)."""
        return prelu(x, self.W)


class Swish(Link):
    """``x * sigmoid(beta * x)``, with `beta` learned.

    Ramachandran et al., Searching for activation functions (2017), https://arxiv.org/abs/1710.05941.

    Args:
        beta_shape: The shape of `beta`, a prefix of the shape of a sample; None makes it the whole shape, which the
            first call settles.
        beta_init: Initial `beta`.

    Attributes:
        beta: The parameter.
    """

    def __init__(self, beta_shape: Shape | None, beta_init: InitializerLike = 1.0) -> None:
        super().__init__()
        with self.init_scope():
            self.beta = variable.Parameter(get_initializer(beta_init), beta_shape)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('beta_shape', None if not self.beta.is_initialized else self.beta.shape)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the function to an input of shape (N, ...)."""
        if not self.beta.is_initialized:
            self.beta.initialize(x.shape[1:])
        return swish(x, self.beta)
