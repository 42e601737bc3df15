"""Convolutions that learn where to look."""
from __future__ import annotations

from autograd_nn.functions.connection.deformable_convolution_2d_sampler import deformable_convolution_2d_sampler
from autograd_nn.geometry import as_tuple
from autograd_nn.link import Chain
from autograd_nn.links.connection.convolution import Convolution2D
from autograd_nn.types import ArrayLike, InitializerLike, Size
from autograd_nn.variable import Variable


class DeformableConvolution2D(Chain):
    """A convolution layer for images whose window is deformed at each position, as another convolution says.

    See Dai et al., Deformable Convolutional Networks, https://arxiv.org/abs/1703.06211.

    Args:
        in_channels: The number of input channels; None settles it in the first call.
        out_channels: The number of output channels: of filters.
        ksize: The height and width of the filters, those of both convolutions: an integer or a pair.
        stride: The distance between neighbouring positions of the filters.
        pad: How far the filters reach beyond the image.
        offset_nobias: Leave out the bias of the convolution that computes offsets.
        offset_initialW: Its initial filters (see `initializers.get_initializer`); `LeCunNormal` by default.
        offset_initial_bias: Its initial bias; 0 by default.
        deform_nobias: Leave out the bias of the deformed convolution.
        deform_initialW: Its initial filters; 0 by default.
        deform_initial_bias: Its initial bias; 0 by default.

    Attributes:
        offset_conv: The `Convolution2D` that computes how far each place of the window moves.
        deform_conv: The deformed convolution, with filters `W` of shape (out_channels, in_channels, height, width) and
            bias `b` of shape (out_channels,), or None.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.DeformableConvolution2D(None, 16, ksize=3, pad=1, deform_initialW=np.ones((16, 3, 3, 3)))
        >>> layer(np.ones((5, 3, 8, 8), 'f')).shape
        (5, 16, 8, 8)
    """

    def __init__(self, in_channels: int | None, out_channels: int, ksize: Size, stride: Size = 1, pad: Size = 0,
                 offset_nobias: bool = False, offset_initialW: InitializerLike = None,
                 offset_initial_bias: InitializerLike = None, deform_nobias: bool = False,
                 deform_initialW: InitializerLike = None, deform_initial_bias: InitializerLike = None) -> None:
        super().__init__()
        height, width = as_tuple(ksize, 2, 'DeformableConvolution2D', 'ksize')
        with self.init_scope():
            self.offset_conv = Convolution2D(in_channels, 2 * height * width, ksize, stride, pad, offset_nobias,
                                             offset_initialW, offset_initial_bias)
            self.deform_conv = DeformableConvolution2DSampler(in_channels, out_channels, ksize, stride, pad,
                                                              deform_nobias, deform_initialW, deform_initial_bias)

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, in_channels, height, width)."""
        return self.deform_conv(x, self.offset_conv(x))


class DeformableConvolution2DSampler(Convolution2D):
    """A convolution layer for images that is told how its window is deformed.

    Its arguments and attributes are those of `Convolution2D`, but initial filters are 0 by default.
    """

    def __init__(self, in_channels: int | None, out_channels: int, ksize: Size, stride: Size = 1, pad: Size = 0,
                 nobias: bool = False, initialW: InitializerLike = None, initial_bias: InitializerLike = None) -> None:
        super().__init__(in_channels, out_channels, ksize, stride, pad, nobias, 0 if initialW is None else initialW,
                         initial_bias)

    def forward(self, x: ArrayLike, offset: ArrayLike) -> Variable:  # type: ignore[override]  # the input of two layers
        """Applies the layer.

        Args:
            x: Input of shape (N, in_channels, height, width).
            offset: How far places of the window move (see `functions.deformable_convolution_2d_sampler`).
        """
        if not self.W.is_initialized:
            self._initialize_params(x.shape[1])
        return deformable_convolution_2d_sampler(x, offset, self.W, self.b, self.stride, self.pad)
