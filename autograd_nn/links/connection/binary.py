"""Layers whose weights have two values when they are used: they take one bit each."""
from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_nn.functions.activation.binarization import binarize
from autograd_nn.functions.connection.convolution import convolution_2d
from autograd_nn.functions.connection.fully_connected import linear
from autograd_nn.functions.math.arithmetic import absolute
from autograd_nn.functions.math.reduction import mean
from autograd_nn.functions.precision import cast
from autograd_nn.link import Link
from autograd_nn.links.connection.convolution import Convolution2D
from autograd_nn.links.connection.fully_connected import Linear
from autograd_nn.optimizer_hooks import WeightClipping
from autograd_nn.types import ArrayLike, InitializerLike, Size
from autograd_nn.variable import Parameter, Variable


class BinaryWeights(Link):
    """What layers with binary weights have in common.

    The parameter `W` is real: it sums up the small steps of many updates. What the layer computes with is
    `binary_weights`, through which the gradient reaches `W` as it is. Any optimizer's update leaves `W` between -1 and
    1, since steps beyond would change no sign.

    Attributes:
        W: The real weights.
        scaled: Whether the weights of each output are multiplied by the mean of their absolute values.
    """

    W: Parameter
    scaled: bool

    @property
    def binary_weights(self) -> Variable:
        """What the layer computes with, of the shape of `W`: for each output, one number and its negative."""
        signs = binarize(self.W)
        if not self.scaled:
            return signs
        # In float64 the mean of equal numbers is that number: weights that have been rounded stay as they are.
        scale = mean(absolute(cast(self.W, np.float64)), tuple(range(1, self.W.ndim)), keepdims=True)
        return signs * cast(scale, self.W.dtype)

    def round_weights(self) -> None:
        """Gives `W` the values of `binary_weights`, to be saved in few bits; the layer computes what it did before."""
        if self.W.is_initialized:
            self.W.array[...] = self.binary_weights.array

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [*super().printable_specs, ('scaled', self.scaled)]


class BinaryLinear(BinaryWeights, Linear):
    """A fully connected layer with binary weights: ``y = x sign(W)^T + b``.

    See Courbariaux et al., BinaryConnect: Training Deep Neural Networks with binary weights during propagations, 2015,
    https://arxiv.org/abs/1511.00363; with `scaled`, Rastegari et al., XNOR-Net: ImageNet Classification Using Binary
    Convolutional Neural Networks, 2016, https://arxiv.org/abs/1603.05279, section 3.1. (There the gradient of the scale
    reaches each weight from its own product only; here it is that of all products.) Inputs, too, can be made binary, by
    `functions.binarize`.

    Args:
        in_size: The number of features of a sample; None settles it in the first call. May be left out:
            ``BinaryLinear(10)`` is ``BinaryLinear(None, 10)``.
        out_size: The number of outputs.
        nobias: Leave `b` out.
        initialW: Initial weights; `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.
        scaled: Whether the weights of each output are multiplied by the mean of their absolute values.

    Attributes:
        W: Real weights of shape (out_size, in_size), between -1 and 1.
        b: Bias of shape (out_size,), or None.
        scaled: As given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.BinaryLinear(2, 2, initialW=np.array([[0.5, -0.1], [0.25, 0.25]]), scaled=True)
        >>> layer.binary_weights
        variable([[ 0.3 , -0.3 ],
                  [ 0.25,  0.25]], dtype=float32)
        >>> layer(np.array([[10., 1.]], 'f'))
        variable([[2.7 , 2.75]], dtype=float32)
    """

    def __init__(self, in_size: int | None, out_size: int | None = None, nobias: bool = False,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None, *,
                 scaled: bool = False) -> None:
        super().__init__(in_size, out_size, nobias, initialW, initial_bias)
        self.scaled = scaled
        self.W.update_hooks = WeightClipping(1),

    def forward(self, x: ArrayLike, n_batch_axes: int = 1) -> Variable:  # type: ignore[override]
        """Applies the layer.

        Args:
            x: Input of shape (N, ...), floating point.
            n_batch_axes: The number of axes of the batch; the others are the features.

        Returns:
            Output of shape (N, out_size).
        """
        if not self.W.is_initialized:
            self._initialize_params(math.prod(x.shape[n_batch_axes:]))
        return linear(x, self.binary_weights, self.b, n_batch_axes)


class BinaryConvolution2D(BinaryWeights, Convolution2D):
    """A convolution layer for images with binary filters; see `BinaryLinear` for what that means.

    Args:
        in_channels: The number of input channels; None settles it in the first call. May be left out, as in
            ``BinaryConvolution2D(16, 3)`` for 16 filters of size 3.
        out_channels: The number of output channels: of filters.
        ksize: The filters' height and width: an integer or a pair.
        stride: The distance between neighbouring positions of the filters.
        pad: The number of zeros on either side of the input.
        nobias: Leave `b` out.
        initialW: Initial filters; `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.
        dilate: The distance between neighbouring elements of a filter.
        groups: The number of equal parts of channels that are convolved separately.
        scaled: Whether each filter is multiplied by the mean of its absolute values.

    Attributes:
        W: Real filters of shape (out_channels, in_channels / groups, height, width), between -1 and 1.
        b: Bias of shape (out_channels,), or None.
        scaled: As given.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.BinaryConvolution2D(None, 16, ksize=3, pad=1)
        >>> layer(np.zeros((5, 3, 28, 28), 'f')).shape
        (5, 16, 28, 28)
        >>> np.unique(layer.binary_weights.array)
        array([-1.,  1.], dtype=float32)
    """

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None, *, dilate: Size = 1, groups: int = 1,
                 scaled: bool = False) -> None:
        super().__init__(in_channels, out_channels, ksize, stride, pad, nobias, initialW, initial_bias, dilate=dilate,
                         groups=groups)
        self.scaled = scaled
        self.W.update_hooks = WeightClipping(1),

    def forward(self, x: ArrayLike) -> Variable:  # type: ignore[override]
        """Applies the layer to an input of shape (N, in_channels, height, width)."""
        if not self.W.is_initialized:
            self._initialize_params(x.shape[1])
        return convolution_2d(x, self.binary_weights, self.b, self.stride, self.pad, dilate=self.dilate,
                              groups=self.groups)
