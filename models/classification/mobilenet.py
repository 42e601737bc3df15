"""Networks for mobile devices, of depthwise convolutions."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import ConvBN, Layer, SqueezeExcitation, StagedChain, global_average_pooling
from autograd_nn.models.preprocessing import TORCHVISION, Preprocessing
from autograd_nn.models.recipes import NORMALIZED
from autograd_nn.models.registry import register
from autograd_nn.sequential import run_layers
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


@register('mobilenet', input_shape=(3, 224, 224), recipe=NORMALIZED)
class MobileNet(ImageNetwork):
    """MobileNet: convolutions of each channel by itself, then of all channels at each pixel.

    4,231,976 parameters for 1000 classes. Reference: A. G. Howard et al., MobileNets: Efficient Convolutional Neural
    Networks for Mobile Vision Applications, 2017, https://arxiv.org/abs/1704.04861, table 1.

    Args:
        num_classes: The number of outputs.
        activation: The activation: the paper's, or ``F.relu6``, with which the weights of its authors were trained.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import MobileNet
        >>> MobileNet(num_classes=5)(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    preprocessing = Preprocessing(mean=(.5, .5, .5), std=(.5, .5, .5), brightest=1., crop=0.875)

    def __init__(self, num_classes: int = 1000, activation: Layer = F.relu) -> None:
        super().__init__()
        self.add_stage('conv1', ConvBN(32, 3, 2, activation))
        channels = 32
        table = (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)
        for i, (out_channels, stride) in enumerate(table, start=2):
            block = StagedChain()
            block.add_stage('depthwise', ConvBN(channels, 3, stride, activation, groups=channels))
            block.add_stage('pointwise', ConvBN(out_channels, 1, 1, activation))
            self.add_stage(f'conv{i}', block)
            channels = out_channels
        self.add_stage('pool', global_average_pooling)
        self.add_stage('fc', L.Linear(channels, num_classes))


class Row(NamedTuple):
    """A row of the table of an `InvertedResidualNetwork`: blocks of one kind.

    Attributes:
        expansion: How many times as many channels there are within a block as in front of it.
        ksize: The size of the filters.
        stride: By how much the first block reduces height and width.
        channels: The number of output channels.
        depth: The number of blocks.
        fused: Whether one convolution does what depthwise and pointwise convolutions do otherwise.
    """

    expansion: int
    ksize: int
    stride: int
    channels: int
    depth: int
    fused: bool = False


class InvertedResidualNetwork(ImageNetwork):
    """A network that a table of inverted residual blocks defines.

    Args:
        num_classes: The number of outputs.

    Attributes:
        table: The rows of blocks.
        stem_channels: The number of channels in front of the first block.
        activation: The activation of all layers.
        squeeze: See `InvertedResidual`.
        depth_ratio: The ratio of `functions.stochastic_depth` that blocks approach, the later the closer.
        conv_options: Further arguments of `ConvBN`.
    """

    table: tuple[Row, ...]
    stem_channels = 32
    activation: Layer
    squeeze: float | None = None
    depth_ratio = 0.0
    conv_options: dict[str, Any] = {}

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        conv: Callable[..., ConvBN] = partial(ConvBN, activation=self.activation, **self.conv_options)
        self.add_stage('stem', conv(self.stem_channels, 3, 2))
        channels, done, total = self.stem_channels, 0, sum(row.depth for row in self.table)
        for i, row in enumerate(self.table, start=1):
            stage = StagedChain()
            for j in range(row.depth):
                block = InvertedResidual(channels, row, 1 if j else row.stride, self.activation, self.squeeze,
                                         self.depth_ratio * done / total, **self.conv_options)
                stage.add_stage(f'block{j}', block)
                channels, done = row.channels, done + 1
            self.add_stage(f'stage{i}', stage)
        self.add_stage('head', conv(1280, 1))
        self.add_stage('pool', global_average_pooling)
        self.add_stage('fc', partial(F.dropout, ratio=0.2), L.Linear(1280, num_classes))


class InvertedResidual(StagedChain):
    """Many channels between few: a pointwise, a depthwise and another pointwise convolution, and a shortcut.

    Args:
        in_channels: The number of input channels.
        row: What the block is like.
        stride: By how much it reduces height and width.
        activation: The activation, of all convolutions but the last.
        squeeze: By what to multiply the number of input channels for `SqueezeExcitation`; None for none.
        depth_ratio: The ratio of `functions.stochastic_depth`.
        conv_options: Further arguments of `ConvBN`.
    """

    def __init__(self, in_channels: int, row: Row, stride: int, activation: Layer, squeeze: float | None = None,
                 depth_ratio: float = 0.0, **conv_options: Any) -> None:
        super().__init__()
        self.depth_ratio = depth_ratio
        self.shortcut = in_channels == row.channels and stride == 1
        conv: Callable[..., ConvBN] = partial(ConvBN, activation=activation, **conv_options)
        single = row.fused and row.expansion == 1
        channels = row.channels if single else in_channels * row.expansion
        if row.fused:
            self.add_stage('conv', conv(channels, row.ksize, stride))
        else:
            if row.expansion > 1:
                self.add_stage('expand', conv(channels, 1))
            self.add_stage('depthwise', conv(channels, row.ksize, stride, groups=channels))
            if squeeze is not None:
                self.add_stage('se', SqueezeExcitation(channels, int(in_channels * squeeze), activation))
        if not single:
            self.add_stage('project', conv(row.channels, 1, activation=None))

    def forward(self, x: ArrayLike) -> Variable:
        """Computes output of shape (N, row.channels, H / stride, W / stride) from input of shape (N, C, H, W)."""
        layers = [layer for stage in self.functions.values() for layer in stage]
        if self.shortcut and self.depth_ratio:
            layers.append(partial(F.stochastic_depth, ratio=self.depth_ratio))
        if self.shortcut:
            layers.append(L.Shortcut(x))
        return run_layers(layers, x)


@register('mobilenet_v2', input_shape=(3, 224, 224), recipe=NORMALIZED)
class MobileNetV2(InvertedResidualNetwork):
    """MobileNet v2: shortcuts between the narrow ends of blocks that are wide inside.

    3,504,872 parameters for 1000 classes. Reference: M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen,
    MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018, https://arxiv.org/abs/1801.04381, table 2.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import MobileNetV2
        >>> MobileNetV2(num_classes=5)(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    preprocessing = TORCHVISION
    activation = staticmethod(F.relu6)
    table = (Row(1, 3, 1, 16, 1), Row(6, 3, 2, 24, 2), Row(6, 3, 2, 32, 3), Row(6, 3, 2, 64, 4), Row(6, 3, 1, 96, 3),
             Row(6, 3, 2, 160, 3), Row(6, 3, 1, 320, 1))
