"""Layers of which each output decides how much of its input to keep."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn.functions.activation.rectifier import relu
from autograd_nn.functions.activation.sigmoid import sigmoid
from autograd_nn.functions.math.affine import linear_interpolate
from autograd_nn.link import Chain
from autograd_nn.links.connection.fully_connected import Linear
from autograd_nn.types import Activation, ArrayLike, InitializerLike
from autograd_nn.variable import Variable


class Highway(Chain):
    """A layer that blends its input with what it computes: ``y = t * activate(plain(x)) + (1 - t) * x``.

    Here `t` is the sigmoid of another layer, `transform`.

    Srivastava et al., Highway Networks (2015), https://arxiv.org/abs/1505.00387.

    Args:
        in_out_size: The number of features, and of outputs.
        nobias: Leave the biases out.
        activate: The activation function.
        init_Wh: Initial weights of `plain` (see `initializers.get_initializer`); `LeCunNormal` by default.
        init_Wt: Initial weights of `transform`.
        init_bh: Initial bias of `plain`; 0 by default.
        init_bt: Initial bias of `transform`; a negative one keeps the input in the beginning.

    Attributes:
        plain: The `Linear` layer whose result is blended in.
        transform: The `Linear` layer that says how much of it.
        activate: As given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> x = np.array([[1., -2.]], 'f')
        >>> L.Highway(2, init_bt=-100)(x)
        variable([[ 1., -2.]], dtype=float32)
    """

    def __init__(self, in_out_size: int, nobias: bool = False, activate: Activation = relu,
                 init_Wh: InitializerLike = None, init_Wt: InitializerLike = None, init_bh: InitializerLike = None,
                 init_bt: InitializerLike = -1) -> None:
        super().__init__()
        self.activate = activate
        with self.init_scope():
            self.plain = Linear(in_out_size, in_out_size, nobias, init_Wh, init_bh)
            self.transform = Linear(in_out_size, in_out_size, nobias, init_Wt, init_bt)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('activate', self.activate)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, in_out_size)."""
        return linear_interpolate(sigmoid(self.transform(x)), self.activate(self.plain(x)), x)
