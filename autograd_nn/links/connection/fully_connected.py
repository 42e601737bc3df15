"""Layers in which each output depends on all inputs."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from autograd_nn import variable
from autograd_nn.backend import is_array
from autograd_nn.functions.activation.rectifier import maxout, relu, relu6
from autograd_nn.functions.connection.fully_connected import bilinear, linear
from autograd_nn.initializers import Initializer, get_initializer
from autograd_nn.link import Chain, Link
from autograd_nn.sequential import fusible
from autograd_nn.types import Activation, Array, ArrayLike, InitializerLike
from autograd_nn.variable import Variable, as_array


class Linear(Link):
    """A fully connected layer: ``y = x W^T + b``.

    Args:
        in_size: The number of features of a sample; None settles it in the first call. May be left out:
            ``Linear(10)`` is ``Linear(None, 10)``.
        out_size: The number of outputs.
        nobias: Leave `b` out.
        initialW: Initial weights (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.

    Attributes:
        W: Weights of shape (out_size, in_size).
        b: Bias of shape (out_size,), or None.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.Linear(10)
        >>> layer(np.zeros((5, 3, 2), 'f')).shape
        (5, 10)
        >>> layer
        Linear(in_size=6, out_size=10, nobias=False)
    """

    def __init__(self, in_size: int | None, out_size: int | None = None, nobias: bool = False,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None) -> None:
        super().__init__()
        if out_size is None:
            in_size, out_size = None, in_size
        if out_size is None:
            raise TypeError('Linear: out_size is missing')
        self.out_size = out_size
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(initialW))
            self.b = None if nobias else variable.Parameter(
                get_initializer(0 if initial_bias is None else initial_bias), out_size)
        if in_size is not None:
            self._initialize_params(in_size)

    @classmethod
    def from_params(cls, W: ArrayLike, b: ArrayLike | None = None, nobias: bool = False) -> Linear:
        """A layer with given weights.

        Args:
            W: Variable or array of shape (out_size, in_size), which is copied.
            b: The same of shape (out_size,); zeros by default.
            nobias: Leave `b` out.

        Raises:
            ValueError: `b` has another shape.

        Example:
            >>> import numpy as np, autograd_nn.links as L
            >>> L.Linear.from_params(np.ones((2, 3)))
            Linear(in_size=3, out_size=2, nobias=False)
        """
        out_size, in_size = W.shape
        return cls(in_size, out_size, nobias, as_array(W), as_array(b))

    def _initialize_params(self, in_size: int) -> None:
        # Under this name, classes derived from Chainer's layers call or override it.
        self.W.initialize((self.out_size, in_size))

    @property
    def in_size(self) -> int | None:
        """The number of features of a sample; None as long as it is not known."""
        return None if not self.W.is_initialized else self.W.shape[1]

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_size', self.in_size), ('out_size', self.out_size), ('nobias', self.b is None)]

    def _absorb(self, following: Sequence[Callable[..., Any]]) -> tuple[int, dict[str, Any]]:
        return (1, {'activation': following[0]}) if following and following[0] in (relu, relu6) else (0, {})

    @fusible(_absorb)
    def forward(self, x: ArrayLike, n_batch_axes: int = 1, *, activation: Activation | None = None) -> Variable:
        """Applies the layer.

        Args:
            x: Input of shape (N, ...), floating point.
            n_batch_axes: The number of axes of the batch; the others are the features.
            activation: `functions.relu` or `relu6`, to be computed with the layer in one kernel, or None.

        Returns:
            Output of shape (N, out_size).
        """
        if not self.W.is_initialized:
            self._initialize_params(math.prod(x.shape[n_batch_axes:]))
        return linear(x, self.W, self.b, n_batch_axes, activation=activation)


class Bilinear(Link):
    """A layer with two inputs: ``y_k = sum_ij e1_i e2_j W_ijk + e1 V1 + e2 V2 + b``.

    Args:
        left_size: The number J of features of the first input.
        right_size: The number K of features of the second input.
        out_size: The number L of outputs.
        nobias: Leave `V1`, `V2` and `b` out.
        initialW: Initial `W`; `LeCunNormal` by default.
        initial_bias: Initial values of `V1`, `V2` and `b`, a tuple of three; by default `LeCunNormal` for the first
            two and 0 for `b`.

    Attributes:
        W: Weights of shape (J, K, L).
        V1: Weights of shape (J, L).
        V2: Weights of shape (K, L).
        b: Bias of shape (L,).
    """

    def __init__(self, left_size: int, right_size: int, out_size: int, nobias: bool = False,
                 initialW: InitializerLike = None,
                 initial_bias: tuple[InitializerLike, InitializerLike, InitializerLike] | None = None) -> None:
        super().__init__()
        self.nobias = nobias
        V1, V2, b = (None, None, 0) if initial_bias is None else initial_bias
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(initialW), (left_size, right_size, out_size))
            if not nobias:
                self.V1 = variable.Parameter(get_initializer(V1), (left_size, out_size))
                self.V2 = variable.Parameter(get_initializer(V2), (right_size, out_size))
                self.b = variable.Parameter(get_initializer(b), out_size)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [*zip(('left_size', 'right_size', 'out_size'), self.W.shape), ('nobias', self.nobias)]

    def forward(self, e1: ArrayLike, e2: ArrayLike) -> Variable:
        """Applies the layer to inputs of shape (N, ...)."""
        return bilinear(e1, e2, self.W) if self.nobias else bilinear(e1, e2, self.W, self.V1, self.V2, self.b)


class Maxout(Chain):
    """A fully connected layer of which each output is the maximum of several.

    Goodfellow et al., Maxout networks (2013), https://arxiv.org/abs/1302.4389.

    Args:
        in_size: The number of features of a sample; None settles it in the first call.
        out_size: The number of outputs.
        pool_size: The number of which the maximum is taken.
        initialW: Initial weights; an array has the shape (out_size, pool_size, in_size), and so has what a function
            (one that is no `Initializer`) fills.
        initial_bias: Initial bias; an array has the shape (out_size, pool_size), and so has what a function fills. None
            leaves the bias out.

    Attributes:
        linear: The `Linear` layer below.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.Maxout(3, 4, 2)(np.zeros((5, 3), 'f')).shape
        (5, 4)
    """

    def __init__(self, in_size: int | None, out_size: int, pool_size: int, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = 0) -> None:
        super().__init__()
        self.out_size = out_size
        self.pool_size = pool_size
        n = out_size * pool_size
        with self.init_scope():
            self.linear = Linear(in_size, n, initial_bias is None, _by_group(initialW, out_size, n, -1),
                                 _by_group(initial_bias, out_size, n))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('out_size', self.out_size), ('pool_size', self.pool_size)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, ...)."""
        return maxout(self.linear(x), self.pool_size)


def _by_group(initializer: InitializerLike, groups: int, *shape: int) -> InitializerLike:
    """What initializes an array of some shape, of one that is meant for an array of groups of its rows."""
    if is_array(initializer) and initializer.ndim:
        return initializer.reshape(shape)
    if callable(initializer) and not isinstance(initializer, Initializer):
        return partial(_fill_groups, initializer, groups)
    return initializer


def _fill_groups(initializer: Callable[[Any], Any], groups: int, array: Array) -> None:
    initializer(array.reshape(groups, len(array) // groups, *array.shape[1:]))
