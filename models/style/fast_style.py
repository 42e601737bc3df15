"""Networks that turn a picture into another in one pass."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.models.layers.blocks import StagedChain
from autograd_nn.sequential import run_layers
from autograd_nn.types import Activation, ArrayLike
from autograd_nn.variable import Variable


class PictureTransformer(StagedChain):
    """A network from pictures to pictures, whose values go from 0 to 255.

    Attributes:
        multiple: What height and width of its input have to be multiples of.
        factor: How many times as high and wide as the input the output is.
    """

    multiple = 1
    factor = 1

    def transform(self, images: np.ndarray, padding: int = 0) -> np.ndarray:
        """Transforms pictures of any size, in test mode and without a graph.

        Args:
            images: Red, green and blue from 0 to 255, of shape (N, 3, H, W).
            padding: The width of a margin of mirrored pixels that is put around the pictures before, and cut off
                afterwards: what the padding with zeros in the layers does to borders is cut off with it.

        Returns:
            The results, a uint8 array of shape (N, 3, H * factor, W * factor).

        Raises:
            ValueError: `images` has another shape, or `padding` is negative.

        Example:
            >>> import numpy as np
            >>> from autograd_nn.models import FastStyleNet
            >>> FastStyleNet().transform(np.zeros((1, 3, 30, 43), np.uint8)).shape
            (1, 3, 30, 43)
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.size:
            raise ValueError(f'transform: expected images of shape (N, 3, H, W), got {images.shape}')
        if padding < 0:
            raise ValueError(f'transform: expected padding of 0 or more, got {padding}')
        height, width = images.shape[2:]
        margins = [(padding, padding + -(size + 2 * padding) % self.multiple) for size in (height, width)]
        x = np.pad(images.astype(np.float32), [(0, 0), (0, 0), *margins], 'symmetric')
        with using_config('train', False), no_backprop_mode():
            y = np.asarray(self(self.device.send(x)).array)
        start = padding * self.factor
        y = y[:, :, start:start + height * self.factor, start:start + width * self.factor]
        return np.rint(y).clip(0, 255).astype(np.uint8)


class FastStyleNet(PictureTransformer):
    """The image transformation network for styles: it gives any picture the style that it has been trained for.

    1,822,595 parameters. Two convolutions reduce height and width to a quarter, five residual blocks follow, and two
    transposed convolutions lead back. Reference: J. Johnson, A. Alahi, L. Fei-Fei, Perceptual Losses for Real-Time
    Style Transfer and Super-Resolution, 2016, https://arxiv.org/abs/1603.08155.

    The layers, and the paths of their parameters, are those of a well-known program for Chainer, whose ``.model``
    files load as they are (`serializers.load_npz`): filters of 4 x 4 where the paper has 3 x 3, ELU before each
    normalization outside of the residual blocks. Such files were trained with single pictures in a batch, and applied
    with the statistics of the picture itself: this is ``normalization='instance'``.

    Args:
        normalization: ``'batch'`` for batch normalization, as in the paper, or ``'instance'`` for
            `InstanceNormalization`.

    Raises:
        ValueError: `normalization` is neither of them.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import FastStyleNet
        >>> model = FastStyleNet(normalization='instance')
        >>> y = model(np.random.uniform(0, 255, (2, 3, 32, 40)).astype('f'))
        >>> y.shape
        (2, 3, 32, 40)
        >>> bool(y.array.min() >= 0 and y.array.max() <= 255)
        True
    """

    multiple = 4

    def __init__(self, normalization: str = 'batch') -> None:
        super().__init__()
        norm = choose_normalization(normalization)
        channels = 3
        for i, (out_channels, ksize, stride) in enumerate([(32, 9, 1), (64, 4, 2), (128, 4, 2)], start=1):
            self.add_stage(f'c{i}', padded_convolution(channels, out_channels, ksize, stride), F.elu,
                           **named(f'b{i}', norm(out_channels)))
            channels = out_channels
        for i in range(1, 6):
            self.add_stage(f'r{i}', ResidualBlock(channels, norm))
        for i, out_channels in enumerate([64, 32], start=1):
            self.add_stage(f'd{i}', enlarging(channels, out_channels), F.elu, **named(f'b{i + 3}', norm(out_channels)))
            channels = out_channels
        self.add_stage('d3', to_colours(channels), to_pixels)


class SuperResolutionNet(PictureTransformer):
    """The image transformation network for super-resolution: it makes a small picture large, with sharp details.

    Four residual blocks, then a transposed convolution for each doubling. 459,203 parameters for a factor of 4,
    524,931 for 8. Reference: J. Johnson, A. Alahi, L. Fei-Fei, Perceptual Losses for Real-Time Style Transfer and
    Super-Resolution, 2016, https://arxiv.org/abs/1603.08155, with filters of 4 x 4 for the doublings.

    Args:
        factor: How many times as high and wide the output is: 4 or 8.
        normalization: ``'batch'``, as in the paper, or ``'instance'`` (see `FastStyleNet`).

    Raises:
        ValueError: An argument has another value.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import SuperResolutionNet
        >>> SuperResolutionNet(factor=8)(np.zeros((1, 3, 9, 12), 'f')).shape
        (1, 3, 72, 96)
    """

    def __init__(self, factor: int = 4, normalization: str = 'batch') -> None:
        if factor not in (4, 8):
            raise ValueError(f'SuperResolutionNet: expected a factor of 4 or 8, got {factor}')
        super().__init__()
        self.factor = factor
        norm = choose_normalization(normalization)
        self.add_stage('c1', padded_convolution(3, 64, 9, 1), F.elu, b1=norm(64))
        for i in range(1, 5):
            self.add_stage(f'r{i}', ResidualBlock(64, norm))
        doublings = factor.bit_length() - 1
        for i in range(1, doublings + 1):
            self.add_stage(f'd{i}', enlarging(64, 64), F.elu, **named(f'b{i + 1}', norm(64)))
        self.add_stage(f'd{doublings + 1}', to_colours(64), to_pixels)


class ResidualBlock(StagedChain):
    """Two convolutions with normalization, to whose result their input is added.

    Args:
        channels: The number of channels.
        norm: Makes a normalization for a number of channels.
    """

    def __init__(self, channels: int, norm: Callable[[int], L.BatchNormalization]) -> None:
        super().__init__()
        self.add_stage('c1', padded_convolution(channels, channels, 3, 1), b1=norm(channels), relu=F.relu)
        self.add_stage('c2', padded_convolution(channels, channels, 3, 1), b2=norm(channels))

    def forward(self, x: ArrayLike) -> Variable:
        """Computes output of the shape of `x`, (N, channels, H, W)."""
        return run_layers([*self.functions['c1'], *self.functions['c2'], L.Shortcut(x)], x)


class InstanceNormalization(L.BatchNormalization):
    """Normalises each channel of each picture to mean 0 and variance 1, then scales and shifts it.

    Thereby the contrast of a picture is removed, at inference as in training. Reference: D. Ulyanov, A. Vedaldi,
    V. Lempitsky, Instance Normalization: The Missing Ingredient for Fast Stylization, 2016,
    https://arxiv.org/abs/1607.08022.

    It has the parameters and the arguments of `links.BatchNormalization`, so that files with weights for that load.
    Running averages are neither kept nor used.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import InstanceNormalization
        >>> y = InstanceNormalization(3)(np.random.randn(2, 3, 8, 8).astype('f') * 5 + 1)
        >>> bool(abs(y.array.mean(axis=(2, 3))).max() < 1e-5)
        True
    """

    def has_averages_of(self, channels: int) -> bool:
        return False

    def forward(self, x: ArrayLike, *, finetune: bool = False, residual: ArrayLike | None = None,
                activation: Activation | None = None) -> Variable:
        """Applies the layer to an input of shape (N, C, H, W); for the options see `links.BatchNormalization`."""
        channels = x.shape[1]
        gamma = self.xp.ones(channels, x.dtype) if self.gamma is None else self.gamma
        beta = self.xp.zeros(channels, x.dtype) if self.beta is None else self.beta
        # Each picture is a batch of its own.
        ys = [F.batch_normalization(x[i:i + 1], gamma, beta, self.eps, activation=activation,
                                    residual=None if residual is None else residual[i:i + 1]) for i in range(len(x))]
        return ys[0] if len(ys) == 1 else F.concat(ys, axis=0)


NORMALIZATIONS: dict[str, type[L.BatchNormalization]] = {'batch': L.BatchNormalization,
                                                         'instance': InstanceNormalization}


def choose_normalization(name: str) -> Callable[[int], L.BatchNormalization]:
    """The class of a normalization layer.

    Args:
        name: ``'batch'`` or ``'instance'``.

    Raises:
        ValueError: It is neither of them.
    """
    if name not in NORMALIZATIONS:
        raise ValueError(f'normalization: expected one of {", ".join(NORMALIZATIONS)}; got {name!r}')
    return NORMALIZATIONS[name]


def padded_convolution(in_channels: int, out_channels: int, ksize: int, stride: int) -> L.Convolution2D:
    """A convolution that divides height and width by `stride`."""
    return L.Convolution2D(in_channels, out_channels, ksize, stride, (ksize - stride) // 2,
                           initialW=initializers.HeNormal())


def enlarging(in_channels: int, out_channels: int) -> L.Deconvolution2D:
    """A transposed convolution that doubles height and width."""
    return L.Deconvolution2D(in_channels, out_channels, 4, 2, 1, initialW=RepeatedPixels())


def to_colours(in_channels: int) -> L.Deconvolution2D:
    """The last layer; results begin near grey, where `to_pixels` has a gradient."""
    return L.Deconvolution2D(in_channels, 3, 9, pad=4, initialW=initializers.Normal(0.01))


class RepeatedPixels(initializers.Initializer):
    """Filters by which a transposed convolution begins as a convolution of pixels that are repeated 2 x 2 times.

    Random ones would treat neighbouring pixels of the output differently, which shows as a checkerboard until the
    network has learnt better. Reference: A. Aitken et al., Checkerboard Artifact Free Sub-Pixel Convolution, 2017,
    https://arxiv.org/abs/1707.02937.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> from autograd_nn.models.style.fast_style import RepeatedPixels
        >>> layer = L.Deconvolution2D(2, 1, 4, stride=2, pad=1, initialW=RepeatedPixels())
        >>> y = layer(np.ones((1, 2, 5, 5), 'f')).array[0, 0, 2:-2, 2:-2]
        >>> bool(np.allclose(y, y[0, 0], atol=1e-5))
        True
    """

    def values(self, shape: tuple[int, ...]) -> np.ndarray:
        inputs, outputs, height, width = shape
        filters = initializers.HeNormal(rng=self.rng).values((outputs, inputs, height - 1, width - 1)).swapaxes(0, 1)
        W = np.zeros(shape)
        for i, j in np.ndindex(2, 2):
            W[:, :, i:i + height - 1, j:j + width - 1] += filters
        return W


def named(name: str, layer: Any) -> dict[str, Any]:
    """A layer with a name, for `StagedChain.add_stage`."""
    return {name: layer}


def to_pixels(y: ArrayLike) -> Variable:
    """Brings any values to the range from 0 to 255."""
    return (F.tanh(y) + 1) * 127.5
