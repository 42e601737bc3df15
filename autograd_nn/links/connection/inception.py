"""Inception modules: filters of several sizes side by side."""
from __future__ import annotations

from functools import partial
from typing import Any

from autograd_nn.functions.activation.rectifier import relu
from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.pooling.pooling import average_pooling_2d, max_pooling_2d
from autograd_nn.link import Chain
from autograd_nn.links.connection.convolution import Convolution2D
from autograd_nn.links.normalization.normalization import BatchNormalization
from autograd_nn.sequential import run_layers
from autograd_nn.types import ArrayLike, DTypeLike, InitializerLike
from autograd_nn.variable import Variable


class Inception(Chain):
    """An Inception module: 1 x 1, 3 x 3 and 5 x 5 convolutions and max pooling side by side, each with a ReLU.

    Szegedy et al., Going deeper with convolutions (2014), https://arxiv.org/abs/1409.4842, figure 2 (b).

    Args:
        in_channels: The number of input channels; None settles it in the first call.
        out1: The number of 1 x 1 filters.
        proj3: The number of 1 x 1 filters before the 3 x 3 ones.
        out3: The number of 3 x 3 filters.
        proj5: The number of 1 x 1 filters before the 5 x 5 ones.
        out5: The number of 5 x 5 filters.
        proj_pool: The number of 1 x 1 filters after max pooling.
        conv_init: Initial filters; `LeCunNormal` by default.
        bias_init: Initial biases; 0 by default.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> L.Inception(None, 64, 96, 128, 16, 32, 32)(np.zeros((1, 192, 28, 28), 'f')).shape
        (1, 256, 28, 28)
    """

    def __init__(self, in_channels: int | None, out1: int, proj3: int, out3: int, proj5: int, out5: int, proj_pool: int,
                 conv_init: InitializerLike = None, bias_init: InitializerLike = None) -> None:
        convolution = partial(Convolution2D, initialW=conv_init, initial_bias=bias_init)
        super().__init__(conv1=convolution(in_channels, out1, 1), proj3=convolution(in_channels, proj3, 1),
                         conv3=convolution(proj3, out3, 3, pad=1), proj5=convolution(in_channels, proj5, 1),
                         conv5=convolution(proj5, out5, 5, pad=2), projp=convolution(in_channels, proj_pool, 1))

    def forward(self, x: ArrayLike) -> Variable:
        """Computes output of shape (N, out1 + out3 + out5 + proj_pool, H, W) from input of shape (N, C, H, W)."""
        pooling = partial(max_pooling_2d, ksize=3, stride=1, pad=1)
        paths: list[list[Any]] = [
            [self['conv1'], relu], [self['proj3'], relu, self['conv3'], relu],
            [self['proj5'], relu, self['conv5'], relu], [pooling, self['projp'], relu]]
        return concat([run_layers(path, x) for path in paths])


class InceptionBN(Chain):
    """An Inception module with batch normalization, and two 3 x 3 convolutions in place of the 5 x 5 one.

    Ioffe and Szegedy, Batch normalization (2015), https://arxiv.org/abs/1502.03167, appendix.

    Args:
        in_channels: The number of input channels; None settles it in the first call.
        out1: The number of 1 x 1 filters; 0 for none, as with a stride.
        proj3: The number of 1 x 1 filters before the 3 x 3 ones.
        out3: The number of 3 x 3 filters.
        proj33: The number of 1 x 1 filters before the double 3 x 3 ones.
        out33: The number of filters in each of the two 3 x 3 layers.
        pooltype: ``'max'`` or ``'avg'``.
        proj_pool: The number of 1 x 1 filters after pooling; None passes on what is pooled.
        stride: The stride of the last convolution of each path and of pooling.
        conv_init: Initial filters; `LeCunNormal` by default.
        dtype: The dtype of batch normalization; ``config.dtype`` by default.

    Raises:
        ValueError: `pooltype` is something else, or the 1 x 1 filters would have to take strides.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> module = L.InceptionBN(None, 0, 128, 160, 64, 96, 'max', stride=2)
        >>> module(np.zeros((1, 320, 28, 28), 'f')).shape
        (1, 576, 14, 14)
    """

    def __init__(self, in_channels: int | None, out1: int, proj3: int, out3: int, proj33: int, out33: int,
                 pooltype: str, proj_pool: int | None = None, stride: int = 1, conv_init: InitializerLike = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        if pooltype not in ('max', 'avg'):
            raise ValueError(f"InceptionBN: expected pooltype 'max' or 'avg', got {pooltype!r}")
        if stride != 1 and out1 > 0:
            raise ValueError(f'InceptionBN: expected out1 to be 0 where the stride is not 1, got {out1}')
        self.out1 = out1
        self.pooltype = pooltype
        self.proj_pool = proj_pool
        self.stride = stride

        def add(name: str, n_in: int | None, n_out: int, ksize: int, stride: int = 1) -> None:
            self.add_link(name, Convolution2D(n_in, n_out, ksize, stride, ksize // 2, True, conv_init))
            self.add_link(f'{name}n', BatchNormalization(n_out, dtype=dtype))

        add('proj3', in_channels, proj3, 1)
        add('conv3', proj3, out3, 3, stride)
        add('proj33', in_channels, proj33, 1)
        add('conv33a', proj33, out33, 3)
        add('conv33b', out33, out33, 3, stride)
        if out1 > 0:
            add('conv1', in_channels, out1, 1)
        if proj_pool is not None:
            add('poolp', in_channels, proj_pool, 1)

    def _path(self, x: ArrayLike, *names: str) -> Variable:
        """Convolutions in a row, each with its batch normalization and a ReLU."""
        return run_layers([layer for name in names for layer in (self[name], self[f'{name}n'], relu)], x)

    def forward(self, x: ArrayLike) -> Variable:
        """Computes output of shape (N, channels of all paths, H / stride, W / stride) from input (N, C, H, W)."""
        if self.pooltype == 'max':
            pooled = max_pooling_2d(x, 3, self.stride, 1, cover_all=False)
        else:
            pooled = average_pooling_2d(x, 3, self.stride, 1)
        return concat([*([self._path(x, 'conv1')] if self.out1 > 0 else []),
                       self._path(x, 'proj3', 'conv3'), self._path(x, 'proj33', 'conv33a', 'conv33b'),
                       pooled if self.proj_pool is None else self._path(pooled, 'poolp')])
