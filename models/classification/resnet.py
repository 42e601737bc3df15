"""Residual networks: blocks that add to their input what they have learnt."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.config import config
from autograd_nn.link import Link
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import SqueezeExcitation, StagedChain, conv_bn, global_average_pooling
from autograd_nn.models.preprocessing import TORCHVISION, Preprocessing
from autograd_nn.models.recipes import CIFAR, NORMALIZED
from autograd_nn.models.registry import register
from autograd_nn.sequential import run_layers
from autograd_nn.serializer import AbstractSerializer, Deserializer
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

# By the number of layers: how many blocks there are in each of the stages.
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@register('resnet18', input_shape=(3, 224, 224), recipe=NORMALIZED, n_layers=18)
@register('resnet34', input_shape=(3, 224, 224), recipe=NORMALIZED, n_layers=34)
@register('resnet50', input_shape=(3, 224, 224), recipe=NORMALIZED, n_layers=50)
@register('resnet101', input_shape=(3, 224, 224), recipe=NORMALIZED, n_layers=101)
@register('resnet152', input_shape=(3, 224, 224), recipe=NORMALIZED, n_layers=152)
class ResNet(ImageNetwork):
    """A residual network: each block adds to its input, so that gradients reach the first layers of very deep networks.

    For 1000 classes 11,689,512 parameters with 18 layers, 21,797,672 with 34, 25,557,032 with 50, 44,549,160 with 101
    and 60,192,808 with 152. The paths of the parameters are those of Chainer's ``ResNet50Layers`` and its siblings,
    whose files load; so do those with the bias that the authors' network of 50 layers has in front of its first batch
    normalization. Reference: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, 2015,
    https://arxiv.org/abs/1512.03385, table 1.

    Args:
        num_classes: The number of outputs.
        n_layers: 18, 34, 50, 101 or 152.
        downsample_fb: False for the network of the paper and the weights of its authors (50 layers or more). True for
            the later one of Facebook and torchvision, also known as v1.5: a bottleneck halves height and width in its
            3 x 3 convolution and not in the 1 x 1 convolution before, the max pooling is padded on all sides, and
            `prepare` is that of torchvision.

    Raises:
        ValueError: There is no such number of layers.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import ResNet
        >>> model = ResNet(num_classes=5, n_layers=18)
        >>> model(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    minsize = 3
    preprocessing = Preprocessing(mean=(103.063, 115.903, 123.152), order='BGR')
    reduction: int | None = None

    def __init__(self, num_classes: int = 1000, n_layers: int = 50, downsample_fb: bool = False) -> None:
        if n_layers not in DEPTHS:
            raise ValueError(f'{type(self).__name__}: expected n_layers out of {", ".join(map(str, DEPTHS))}, '
                             f'got {n_layers}')
        super().__init__()
        if downsample_fb:
            self.preprocessing = TORCHVISION
        conv, bn = conv_bn(64, 7, 2)
        self.add_stage('conv1', conv, bn1=bn, activation=F.relu)
        self.add_stage('pool1', partial(F.max_pooling_2d, ksize=3, stride=2, pad=int(downsample_fb),
                                        cover_all=not downsample_fb))
        bottleneck = n_layers >= 50
        block = partial(ResidualBlock, bottleneck=bottleneck, downsample_fb=downsample_fb, reduction=self.reduction)
        channels = 64
        for i, depth in enumerate(DEPTHS[n_layers]):
            out_channels = (256 if bottleneck else 64) << i
            self.add_stage(f'res{i + 2}', residual_stage(depth, block, channels, out_channels, min(i + 1, 2)))
            channels = out_channels
        self.add_stage('pool5', global_average_pooling)
        self.add_stage('fc6', L.Linear(channels, num_classes))

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Saves or loads (see `Link.serialize`); loads a bias of the first convolution into the mean behind it."""
        super().serialize(serializer)
        conv: Any = self['conv1']
        if isinstance(serializer, Deserializer) and conv.b is None:
            bn: Any = self['bn1']
            with suppress(KeyError):
                bn.avg_mean = bn.avg_mean - serializer['conv1']('b', self.xp.zeros_like(bn.avg_mean))


@register('se_resnet50', input_shape=(3, 224, 224), recipe=NORMALIZED, n_layers=50)
class SEResNet(ResNet):
    """A residual network that weighs the channels of each block (squeeze and excitation).

    28,088,024 parameters with 50 layers and 1000 classes. Reference: J. Hu, L. Shen, G. Sun, Squeeze-and-Excitation
    Networks, 2017, https://arxiv.org/abs/1709.01507, table 1.

    Args:
        num_classes: The number of outputs.
        n_layers: 18, 34, 50, 101 or 152.
        downsample_fb: See `ResNet`; False for the weights of the authors.

    Raises:
        ValueError: There is no such number of layers.
    """

    preprocessing = Preprocessing(mean=(104., 117., 123.), order='BGR', crop=224 / 256)
    reduction = 16


@register('resnet20', input_shape=(3, 32, 32), recipe=CIFAR, n_layers=20)
@register('resnet32', input_shape=(3, 32, 32), recipe=CIFAR, n_layers=32)
@register('resnet44', input_shape=(3, 32, 32), recipe=CIFAR, n_layers=44)
@register('resnet56', input_shape=(3, 32, 32), recipe=CIFAR, n_layers=56)
@register('resnet110', input_shape=(3, 32, 32), recipe=CIFAR, n_layers=110)
@register('resnet1202', input_shape=(3, 32, 32), recipe=CIFAR, n_layers=1202)
@register('resnet110_sd', input_shape=(3, 32, 32), recipe=CIFAR, n_layers=110, drop=0.5)
class CifarResNet(ImageNetwork):
    """A thin residual network for the small images of CIFAR, with shortcuts that have no parameters.

    For 10 classes 269,722 parameters with 20 layers, 464,154 with 32, 658,586 with 44, 853,018 with 56, 1,727,962 with
    110 and 19,421,274 with 1202. Reference: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image
    Recognition, 2015, https://arxiv.org/abs/1512.03385, section 4.2 and table 6.

    With `drop` it has stochastic depth: in training, each sample skips blocks at random, the more often the deeper they
    are. Reference: G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Weinberger, Deep Networks with Stochastic Depth, 2016,
    https://arxiv.org/abs/1603.09382, equation 4 (where a whole minibatch skips a block, and not the samples on their
    own).

    Args:
        num_classes: The number of outputs.
        n_layers: 8, 14, 20 and so on: 6 more for each further block in the three stages.
        drop: The probability with which the last block is skipped; before it, it rises along a line from 0.

    Raises:
        ValueError: There is no such number of layers, or `drop` is no probability less than 1.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import CifarResNet
        >>> CifarResNet(n_layers=8)(np.zeros((2, 3, 32, 32), 'f')).shape
        (2, 10)
    """

    insize = 32
    # The mean colour of CIFAR-10's training images; the paper subtracts the mean of each pixel.
    preprocessing = Preprocessing(mean=(.4914, .4822, .4465), brightest=1.)

    def __init__(self, num_classes: int = 10, n_layers: int = 20, drop: float = 0.) -> None:
        depth, rest = divmod(n_layers - 2, 6)
        if depth < 1 or rest:
            raise ValueError(f'CifarResNet: expected n_layers out of 8, 14, 20, ..., got {n_layers}')
        if not 0 <= drop < 1:
            raise ValueError(f'CifarResNet: expected drop from 0 to less than 1, got {drop}')
        super().__init__()
        conv, bn = conv_bn(16, 3)
        self.add_stage('conv1', conv, bn1=bn, activation=F.relu)
        drops = iter([drop * i / (3 * depth) for i in range(1, 3 * depth + 1)])

        def block(in_channels: int, out_channels: int, stride: int) -> Link:
            return ResidualBlock(in_channels, out_channels, stride, projection=False, drop=next(drops))

        self.add_stage('res2', residual_stage(depth, block, 16, 16, 1))
        self.add_stage('res3', residual_stage(depth, block, 16, 32, 2))
        self.add_stage('res4', residual_stage(depth, block, 32, 64, 2))
        self.add_stage('pool4', global_average_pooling)
        self.add_stage('fc5', L.Linear(64, num_classes))


def residual_stage(depth: int, block: Callable[..., Link], in_channels: int, out_channels: int,
                   stride: int) -> StagedChain:
    """A row of blocks ``a``, ``b1``, ``b2`` and so on.

    Args:
        depth: The number of blocks.
        block: Makes one from numbers of input and output channels and a stride.
        in_channels: The number of input channels of the first block.
        out_channels: The number of output channels of each.
        stride: By how much the first one reduces height and width.
    """
    stage = StagedChain()
    stage.add_stage('a', block(in_channels, out_channels, stride))
    for i in range(1, depth):
        stage.add_stage(f'b{i}', block(out_channels, out_channels, 1))
    return stage


class Residual(StagedChain):
    """Layers to whose result their input is added, or what the branch ``'shortcut'`` makes of it.

    Attributes:
        drop: The probability with which, in training, a sample skips the layers (see `functions.stochastic_depth`).
    """

    drop = 0.

    def add_residual(self, layers: Iterable[tuple[Link, Link]], **more: Link) -> None:
        """Adds the layers as a stage, with activations between them.

        Args:
            layers: Convolutions and the normalizations behind them, which become ``conv1``, ``bn1``, ``conv2`` and so
                on.
            more: Layers behind all these.
        """
        stage: dict[str, Any] = {}
        for i, (conv, bn) in enumerate(layers, start=1):
            stage |= {f'conv{i}': conv, f'bn{i}': bn, f'activation{i}': F.relu}
        # The last one comes after the addition.
        stage.popitem()
        self.add_stage('residual', **{**stage, **more})

    def forward(self, x: ArrayLike) -> Variable:
        """Computes output of shape (N, out_channels, H / stride, W / stride) from input of shape (N, C, H, W)."""
        skip = [partial(F.stochastic_depth, ratio=self.drop)] if self.drop and config.train else []
        return run_layers([*self.functions['residual'], *skip, L.Shortcut(self.run_stage('shortcut', x)), F.relu], x)


class ResidualBlock(Residual):
    """Two or three convolutions with batch normalization, to whose result their input is added.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        stride: By how much to reduce height and width.
        bottleneck: Whether the block has a 3 x 3 convolution of a quarter of the channels between two of 1 x 1, and not
            two of 3 x 3.
        downsample_fb: Whether the second convolution of a bottleneck has the stride, and not the first.
        projection: How to add an input of another shape: by a 1 x 1 convolution (the paper's option B), or by leaving
            pixels out and adding channels of zeros (option A).
        reduction: By what to divide the number of channels for `SqueezeExcitation`; None for none.
        drop: The probability with which, in training, a sample skips the block.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, bottleneck: bool = False,
                 downsample_fb: bool = False, projection: bool = True, reduction: int | None = None,
                 drop: float = 0.) -> None:
        super().__init__()
        self.drop = drop
        if bottleneck:
            strides = (1, stride) if downsample_fb else (stride, 1)
            shapes = [(out_channels // 4, 1, strides[0]), (out_channels // 4, 3, strides[1]), (out_channels, 1, 1)]
        else:
            shapes = [(out_channels, 3, stride), (out_channels, 3, 1)]
        more = {} if reduction is None else {'se': SqueezeExcitation(out_channels, out_channels // reduction)}
        self.add_residual([conv_bn(*shape) for shape in shapes], **more)
        if in_channels == out_channels and stride == 1:
            self.add_stage('shortcut', branch=True)
        elif projection:
            conv, bn = conv_bn(out_channels, 1, stride)
            number = len(shapes) + 1
            self.add_stage('shortcut', branch=True, **{f'conv{number}': conv, f'bn{number}': bn})
        else:
            self.add_stage('shortcut', partial(subsample, stride=stride, channels=out_channels), branch=True)


def subsample(x: Variable, stride: int, channels: int) -> Variable:
    """Every `stride`-th pixel of each row and column of `x`, with channels of zeros behind its own."""
    x = x[:, :, ::stride, ::stride]
    return F.pad(x, ((0, 0), (0, channels - x.shape[1]), (0, 0), (0, 0)), 'constant')
