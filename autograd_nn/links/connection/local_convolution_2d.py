"""Convolutions whose filters are different ones at each position."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn import variable
from autograd_nn.functions.connection.local_convolution_2d import local_convolution_2d
from autograd_nn.geometry import as_tuple, conv_output_size
from autograd_nn.initializers import get_initializer
from autograd_nn.link import Link
from autograd_nn.types import ArrayLike, InitializerLike, Ints, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable


class LocalConvolution2D(Link):
    """A convolution layer for images of one size, in which each position of the window has filters of its own.

    Args:
        in_channels: The number of input channels; None settles it in the first call.
        out_channels: The number of output channels: of filters at each position.
        in_size: The height and width of images, an integer or a pair; None settles it in the first call.
        ksize: The filters' height and width: an integer or a pair. It has to be given.
        stride: The distance between neighbouring positions of the filters.
        nobias: Leave `b` out.
        initialW: Initial filters (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.

    Attributes:
        W: Filters of shape (out_channels, out_h, out_w, in_channels, height, width), where
            ``out_h = (in_h - height) // stride + 1``.
        b: Bias of shape (out_channels, out_h, out_w), or None.

    Raises:
        TypeError: There is no `ksize`.
        ValueError: No window fits images of that size.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.LocalConvolution2D(None, 4, ksize=3)
        >>> layer(np.zeros((5, 2, 8, 8), 'f')).shape
        (5, 4, 6, 6)
        >>> layer.W.shape
        (4, 6, 6, 2, 3, 3)
    """

    def __init__(self, in_channels: int | None, out_channels: int, in_size: Size | None = None,
                 ksize: Size | None = None, stride: Size = 1, nobias: bool = False, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None) -> None:
        super().__init__()
        if ksize is None:
            raise TypeError('LocalConvolution2D: expected ksize')
        self.ksize = as_tuple(ksize, 2, 'LocalConvolution2D', 'ksize')
        self.stride = as_tuple(stride, 2, 'LocalConvolution2D', 'stride')
        self.nobias = nobias
        self.out_channels = out_channels
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(initialW))
            self.b = None if nobias else variable.Parameter(
                get_initializer(0 if initial_bias is None else initial_bias))
        if in_channels is not None and in_size is not None:
            self._initialize_params(in_channels, as_tuple(in_size, 2, 'LocalConvolution2D', 'in_size'))

    def _initialize_params(self, in_channels: int, in_size: Ints) -> None:
        out = tuple(conv_output_size(n, k, s, 0) for n, k, s in zip(in_size, self.ksize, self.stride))
        if min(out) < 1:
            raise ShapeError(f'LocalConvolution2D: no window of size {self.ksize} fits images of size {in_size}')
        self.W.initialize((self.out_channels, *out, in_channels, *self.ksize))
        if self.b is not None:
            self.b.initialize((self.out_channels, *out))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_channels', self.W.shape[3] if self.W.is_initialized else None),
                ('out_channels', self.out_channels), ('ksize', self.ksize), ('stride', self.stride),
                ('nobias', self.nobias)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, in_channels, in_h, in_w)."""
        if not self.W.is_initialized:
            if x.ndim != 4:
                raise ShapeError(f'LocalConvolution2D: expected x of shape (N, C, H, W), got {x.shape}')
            self._initialize_params(x.shape[1], x.shape[2:])
        return local_convolution_2d(x, self.W, self.b, self.stride)
