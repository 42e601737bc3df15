"""Convolutions and transposed convolutions that own their filters, in one to three dimensions."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from autograd_nn import variable
from autograd_nn.config import config
from autograd_nn.functions.activation.rectifier import relu, relu6
from autograd_nn.functions.connection.convolution import (
    convolution_1d,
    convolution_2d,
    convolution_3d,
    convolution_nd,
    deconvolution_1d,
    deconvolution_2d,
    deconvolution_3d,
    deconvolution_nd,
    depthwise_convolution_2d,
)
from autograd_nn.geometry import as_tuple
from autograd_nn.initializers import get_initializer
from autograd_nn.link import ChainList, Link
from autograd_nn.links.normalization.normalization import BatchNormalization
from autograd_nn.links.shortcut import Shortcut
from autograd_nn.sequential import fusible, fusion_of, run_layers
from autograd_nn.types import Activation, ArrayLike, InitializerLike, Size
from autograd_nn.variable import Variable, as_array


class _Convolution(Link):
    """What convolutions and transposed convolutions have in common.

    Attributes:
        W: The filters; without an array as long as the number of input channels is not known.
        b: Bias of shape (out_channels,), or None.
    """

    function: Callable[..., Variable]

    def __init__(self, ndim: int, in_channels: int | None, out_channels: Any, ksize: Any, stride: Size, pad: Size,
                 nobias: bool, initialW: InitializerLike, initial_bias: InitializerLike, dilate: Size,
                 groups: int) -> None:
        super().__init__()
        if ksize is None:
            in_channels, out_channels, ksize = None, in_channels, out_channels
        name = type(self).__name__
        if ksize is None or out_channels is None:
            raise TypeError(f'{name}: expected at least out_channels and ksize')
        self.ndim = ndim
        self.out_channels: int = out_channels
        self.ksize = as_tuple(ksize, ndim, name, 'ksize')
        self.stride = as_tuple(stride, ndim, name, 'stride')
        self.pad = as_tuple(pad, ndim, name, 'pad', least=0)
        self.dilate = as_tuple(dilate, ndim, name, 'dilate')
        self.groups = int(groups)
        if self.groups < 1 or out_channels % self.groups:
            raise ValueError(f'{name}: expected out_channels to be a multiple of groups, '
                             f'got {out_channels} and {groups}')
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(initialW))
            self.b = None if nobias else variable.Parameter(
                get_initializer(0 if initial_bias is None else initial_bias), out_channels)
        if in_channels is not None:
            self._initialize_params(in_channels)

    def _initialize_params(self, in_channels: int) -> None:
        if in_channels % self.groups:
            raise ValueError(f'{type(self).__name__}: expected in_channels to be a multiple of groups, '
                             f'got {in_channels} and {self.groups}')
        self.W.initialize((*self._filter_channels(in_channels), *self.ksize))

    def _filter_channels(self, in_channels: int) -> tuple[int, int]:
        """The first two sizes of the filters' shape."""
        raise NotImplementedError

    @property
    def in_channels(self) -> int | None:
        """The number of input channels; None as long as it is not known."""
        raise NotImplementedError

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        specs = [('in_channels', self.in_channels), ('out_channels', self.out_channels), ('ksize', _short(self.ksize)),
                 ('stride', _short(self.stride)), ('pad', _short(self.pad)), ('nobias', self.b is None)]
        if set(self.dilate) != {1}:
            specs.append(('dilate', _short(self.dilate)))
        if self.groups != 1:
            specs.append(('groups', self.groups))
        return specs


def _is_affine(layer: Any, channels: int) -> bool:
    """Whether a layer multiplies each of so many channels by a number and adds another, and lets others do it."""
    fusion = fusion_of(layer)
    return fusion is not None and fusion.is_affine and layer.has_averages_of(channels)


def _short(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    return sizes[0] if len(set(sizes)) == 1 else sizes


class ConvolutionND(_Convolution):
    """A convolution layer over any number of spatial axes.

    Args:
        ndim: The number of spatial axes.
        in_channels: The number of input channels; None settles it in the first call. May be left out, as in
            ``ConvolutionND(2, 16, 3)`` for 16 filters of size 3.
        out_channels: The number of output channels: of filters.
        ksize: The filters' size: an integer, or one for each spatial axis.
        stride: The distance between neighbouring positions of the filters.
        pad: The number of zeros on either side of the input.
        nobias: Leave `b` out.
        initialW: Initial filters (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.
        cover_all: Whether the last position may reach beyond the padding, so that all of the input is used.
        dilate: The distance between neighbouring elements of a filter.
        groups: The number of equal parts of channels that are convolved separately.

    Attributes:
        W: Filters of shape (out_channels, in_channels / groups, *ksize).
        b: Bias of shape (out_channels,), or None.

    Raises:
        ValueError: The channels are no multiples of `groups`.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.ConvolutionND(3, 2, 4, ksize=3)(np.zeros((1, 2, 5, 6, 7), 'f')).shape
        (1, 4, 3, 4, 5)
    """

    function: Callable[..., Variable] = staticmethod(convolution_nd)
    _takes_ndim = True

    def __init__(self, ndim: int, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None, cover_all: bool = False, dilate: Size = 1,
                 groups: int = 1) -> None:
        super().__init__(ndim, in_channels, out_channels, ksize, stride, pad, nobias, initialW, initial_bias, dilate,
                         groups)
        self.cover_all = cover_all

    @classmethod
    def from_params(cls, W: ArrayLike, b: ArrayLike | None = None, stride: Size = 1, pad: Size = 0,
                    nobias: bool = False, **kwargs: Any) -> Any:
        """A layer with given filters.

        Args:
            W: Variable or array of shape (out_channels, in_channels / groups, *ksize), which is copied.
            b: The same of shape (out_channels,); zeros by default.
            stride: As for the layer, like the rest.
            pad: As for the layer.
            nobias: Leave `b` out.
            kwargs: Further arguments of the layer: `dilate`, `groups`, `cover_all`.

        Raises:
            ValueError: `b` has another shape.

        Example:
            >>> import numpy as np, autograd_nn.links as L
            >>> L.Convolution2D.from_params(np.ones((4, 3, 5, 5)), pad=2)
            Convolution2D(in_channels=3, out_channels=4, ksize=5, stride=1, pad=2, nobias=False)
        """
        out_channels, channels, *ksize = W.shape
        make: Any = partial(cls, len(ksize)) if cls._takes_ndim else cls
        return make(channels * kwargs.get('groups', 1), out_channels, ksize, stride, pad, nobias=nobias,
                    initialW=as_array(W), initial_bias=as_array(b), **kwargs)

    def _filter_channels(self, in_channels: int) -> tuple[int, int]:
        return self.out_channels, in_channels // self.groups

    @property
    def in_channels(self) -> int | None:
        """The number of input channels; None as long as it is not known."""
        return None if not self.W.is_initialized else self.W.shape[1] * self.groups

    def _absorb(self, following: Sequence[Callable[..., Any]]) -> tuple[int, dict[str, Any]]:
        """Takes over a batch normalization whose statistics are given, a `Shortcut`, and `relu` or `relu6`."""
        options: dict[str, Any] = {}
        rest = iter(following)
        layer: Any = next(rest, None)
        if not config.train and not config.enable_backprop and _is_affine(layer, self.out_channels):
            options['normalization'] = layer
            layer = next(rest, None)
        if type(layer) is Shortcut:
            options['residual'] = layer.x
            layer = next(rest, None)
        if layer is relu or layer is relu6:
            options['activation'] = layer
        return len(options), options

    @fusible(_absorb)
    def forward(self, x: ArrayLike, *, normalization: BatchNormalization | None = None,
                residual: ArrayLike | None = None, activation: Activation | None = None) -> Variable:
        """Applies the layer.

        Args:
            x: Input of shape (N, in_channels, *spatial), floating point.
            normalization: A batch normalization with given statistics, for inference: it becomes part of the filters.
            residual: What is added to the output, of its shape, or None.
            activation: `functions.relu` or `relu6`, to be computed with the layer in one kernel, or None.

        Returns:
            Output of shape (N, out_channels, *spatial).
        """
        if not self.W.is_initialized:
            self._initialize_params(x.shape[1])
        b, scale = self.b, None
        if normalization is not None:
            scale, shift = normalization.scale_and_shift()
            # In half precision the statistics are more precise than the filters.
            b = (shift if b is None else b.array * scale + shift).astype(self.W.dtype, copy=False)
        return self.function(x, self.W, b, self.stride, self.pad, self.cover_all, dilate=self.dilate,
                             groups=self.groups, scale=scale, residual=residual, activation=activation)


class Convolution1D(ConvolutionND):
    """A convolution layer over one spatial axis: see `ConvolutionND`."""

    function = staticmethod(convolution_1d)
    _takes_ndim = False

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None, cover_all: bool = False, dilate: Size = 1,
                 groups: int = 1) -> None:
        super().__init__(1, in_channels, out_channels, ksize, stride, pad, nobias, initialW, initial_bias, cover_all,
                         dilate, groups)


class Convolution2D(ConvolutionND):
    """A convolution layer for images.

    Args:
        in_channels: The number of input channels; None settles it in the first call. May be left out, as in
            ``Convolution2D(16, 3)`` for 16 filters of size 3.
        out_channels: The number of output channels: of filters.
        ksize: The filters' height and width: an integer or a pair.
        stride: The distance between neighbouring positions of the filters.
        pad: The number of zeros on either side of the input.
        nobias: Leave `b` out.
        initialW: Initial filters (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.
        dilate: The distance between neighbouring elements of a filter.
        groups: The number of equal parts of channels that are convolved separately.

    Attributes:
        W: Filters of shape (out_channels, in_channels / groups, height, width).
        b: Bias of shape (out_channels,), or None.

    Raises:
        ValueError: The channels are no multiples of `groups`.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.Convolution2D(None, 16, ksize=3, pad=1)
        >>> layer(np.zeros((5, 3, 28, 28), 'f')).shape
        (5, 16, 28, 28)
        >>> layer
        Convolution2D(in_channels=3, out_channels=16, ksize=3, stride=1, pad=1, nobias=False)
    """

    function = staticmethod(convolution_2d)
    _takes_ndim = False

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None, *, dilate: Size = 1, groups: int = 1) -> None:
        super().__init__(2, in_channels, out_channels, ksize, stride, pad, nobias, initialW, initial_bias, False,
                         dilate, groups)


class Convolution3D(ConvolutionND):
    """A convolution layer over three spatial axes: see `ConvolutionND`."""

    function = staticmethod(convolution_3d)
    _takes_ndim = False

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None, cover_all: bool = False, dilate: Size = 1,
                 groups: int = 1) -> None:
        super().__init__(3, in_channels, out_channels, ksize, stride, pad, nobias, initialW, initial_bias, cover_all,
                         dilate, groups)


class DilatedConvolution2D(Convolution2D):
    """`Convolution2D` with `dilate` among the positional arguments.

    Yu and Koltun, Multi-scale context aggregation by dilated convolutions (2016), https://arxiv.org/abs/1511.07122.
    """

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, dilate: Size = 1, nobias: bool = False,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None) -> None:
        super().__init__(in_channels, out_channels, ksize, stride, pad, nobias, initialW, initial_bias, dilate=dilate)


class DepthwiseConvolution2D(Link):
    """A convolution layer for images in which each channel has filters of its own.

    Args:
        in_channels: The number of input channels; None settles it in the first call.
        channel_multiplier: The number of filters, and thus of output channels, of each input channel.
        ksize: The filters' height and width: an integer or a pair.
        stride: The distance between neighbouring positions of the filters.
        pad: The number of zeros on either side of the input.
        nobias: Leave `b` out.
        initialW: Initial filters; `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.

    Attributes:
        W: Filters of shape (channel_multiplier, in_channels, height, width).
        b: Bias of shape (in_channels * channel_multiplier,), or None.
    """

    def __init__(self, in_channels: int | None, channel_multiplier: int, ksize: Size, stride: Size = 1, pad: Size = 0,
                 nobias: bool = False, initialW: InitializerLike = None, initial_bias: InitializerLike = None) -> None:
        super().__init__()
        self.channel_multiplier = channel_multiplier
        self.ksize, self.stride = (as_tuple(value, 2, 'DepthwiseConvolution2D', name) for name, value in
                                   (('ksize', ksize), ('stride', stride)))
        self.pad = as_tuple(pad, 2, 'DepthwiseConvolution2D', 'pad', least=0)
        with self.init_scope():
            self.W = variable.Parameter(get_initializer(initialW))
            self.b = None if nobias else variable.Parameter(
                get_initializer(0 if initial_bias is None else initial_bias))
        if in_channels is not None:
            self._initialize_params(in_channels)

    def _initialize_params(self, in_channels: int) -> None:
        self.W.initialize((self.channel_multiplier, in_channels, *self.ksize))
        if self.b is not None:
            self.b.initialize(in_channels * self.channel_multiplier)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('in_channels', None if not self.W.is_initialized else self.W.shape[1]),
                ('channel_multiplier', self.channel_multiplier), ('ksize', _short(self.ksize)),
                ('stride', _short(self.stride)), ('pad', _short(self.pad)), ('nobias', self.b is None)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, in_channels, height, width)."""
        if not self.W.is_initialized:
            self._initialize_params(x.shape[1])
        return depthwise_convolution_2d(x, self.W, self.b, self.stride, self.pad)


class DeconvolutionND(_Convolution):
    """A transposed convolution layer, also known as deconvolution, over any number of spatial axes.

    Args:
        ndim: The number of spatial axes.
        in_channels: The number of input channels; None settles it in the first call. May be left out, as in
            ``DeconvolutionND(2, 16, 3)``.
        out_channels: The number of output channels.
        ksize: The filters' size: an integer, or one for each spatial axis.
        stride: The distance between neighbouring positions of the filters in the output.
        pad: The number of elements that are cut off on either side of the output.
        nobias: Leave `b` out.
        outsize: The output's size, one integer for each spatial axis; the smallest possible by default.
        initialW: Initial filters (see `initializers.get_initializer`); `LeCunNormal` by default.
        initial_bias: Initial bias; 0 by default.
        dilate: The distance between neighbouring elements of a filter.
        groups: The number of equal parts of channels that are handled separately.

    Attributes:
        W: Filters of shape (in_channels, out_channels / groups, *ksize).
        b: Bias of shape (out_channels,), or None.

    Raises:
        ValueError: The channels are no multiples of `groups`.
    """

    function: Callable[..., Variable] = staticmethod(deconvolution_nd)

    def __init__(self, ndim: int, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, outsize: Sequence[int] | None = None,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None, dilate: Size = 1,
                 groups: int = 1) -> None:
        super().__init__(ndim, in_channels, out_channels, ksize, stride, pad, nobias, initialW, initial_bias, dilate,
                         groups)
        self.outsize = None if outsize is None else as_tuple(outsize, ndim, type(self).__name__, 'outsize')

    def _filter_channels(self, in_channels: int) -> tuple[int, int]:
        return in_channels, self.out_channels // self.groups

    @property
    def in_channels(self) -> int | None:
        """The number of input channels; None as long as it is not known."""
        return None if not self.W.is_initialized else self.W.shape[0]

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [*super().printable_specs, *([] if self.outsize is None else [('outsize', self.outsize)])]

    @fusible()
    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer.

        Args:
            x: Input of shape (N, in_channels, *spatial), floating point.

        Returns:
            Output of shape (N, out_channels, *spatial).
        """
        if not self.W.is_initialized:
            self._initialize_params(x.shape[1])
        return self.function(x, self.W, self.b, self.stride, self.pad, self.outsize, dilate=self.dilate,
                             groups=self.groups)


class Deconvolution1D(DeconvolutionND):
    """A transposed convolution layer over one spatial axis: see `DeconvolutionND`."""

    function = staticmethod(deconvolution_1d)

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, outsize: Sequence[int] | None = None,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None, dilate: Size = 1,
                 groups: int = 1) -> None:
        super().__init__(1, in_channels, out_channels, ksize, stride, pad, nobias, outsize, initialW, initial_bias,
                         dilate, groups)


class Deconvolution2D(DeconvolutionND):
    """A transposed convolution layer, also known as deconvolution, for images: see `DeconvolutionND`.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.Deconvolution2D(16, 3, ksize=4, stride=2, pad=1)(np.zeros((5, 16, 14, 14), 'f')).shape
        (5, 3, 28, 28)
    """

    function = staticmethod(deconvolution_2d)

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, outsize: Sequence[int] | None = None,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None, *, dilate: Size = 1,
                 groups: int = 1) -> None:
        super().__init__(2, in_channels, out_channels, ksize, stride, pad, nobias, outsize, initialW, initial_bias,
                         dilate, groups)


class Deconvolution3D(DeconvolutionND):
    """A transposed convolution layer over three spatial axes: see `DeconvolutionND`."""

    function = staticmethod(deconvolution_3d)

    def __init__(self, in_channels: int | None, out_channels: int | None = None, ksize: Size | None = None,
                 stride: Size = 1, pad: Size = 0, nobias: bool = False, outsize: Sequence[int] | None = None,
                 initialW: InitializerLike = None, initial_bias: InitializerLike = None, dilate: Size = 1,
                 groups: int = 1) -> None:
        super().__init__(3, in_channels, out_channels, ksize, stride, pad, nobias, outsize, initialW, initial_bias,
                         dilate, groups)


class MLPConvolution2D(ChainList):
    """A convolution followed by a small network at every position, which 1x1 convolutions apply.

    Lin et al., Network in network (2014), https://arxiv.org/abs/1312.4400.

    Args:
        in_channels: The number of input channels; None settles it in the first call. May be left out, as in
            ``MLPConvolution2D((16, 8), 3)``.
        out_channels: The numbers of output channels of all layers.
        ksize: The size of the first layer's filters.
        stride: The stride of the first layer.
        pad: The padding of the first layer.
        activation: What is applied between the layers.
        conv_init: Initial filters; `LeCunNormal` by default.
        bias_init: Initial biases; 0 by default.
    """

    def __init__(self, in_channels: Any, out_channels: Any, ksize: Size | None = None, stride: Size = 1, pad: Size = 0,
                 activation: Callable[[Variable], Variable] = relu, conv_init: InitializerLike = None,
                 bias_init: InitializerLike = None) -> None:
        if ksize is None:
            in_channels, out_channels, ksize = None, in_channels, out_channels
        first, *others = out_channels
        super().__init__(Convolution2D(in_channels, first, ksize, stride, pad, False, conv_init, bias_init))
        for n_in, n_out in zip(out_channels, others):
            self.append(Convolution2D(n_in, n_out, 1, initialW=conv_init, initial_bias=bias_init))
        self.activation = activation

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layers to an input of shape (N, in_channels, height, width)."""
        *body, last = self
        return run_layers([*(layer for link in body for layer in (link, self.activation)), last], x)
