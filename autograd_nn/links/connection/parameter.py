"""A link that is one parameter."""
from __future__ import annotations

from autograd_nn import variable
from autograd_nn.link import Link
from autograd_nn.types import Array


class Parameter(Link):
    """A parameter as a link: calling it without arguments returns the parameter.

    Args:
        array: The initial array.

    Attributes:
        W: The parameter.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.Parameter(np.array([1., 2.]))()
        parameter W([1., 2.])
    """

    def __init__(self, array: Array) -> None:
        super().__init__()
        with self.init_scope():
            self.W = variable.Parameter(array)

    def forward(self) -> variable.Parameter:
        """The parameter."""
        return self.W
