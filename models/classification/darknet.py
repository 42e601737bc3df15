"""Darknet: the networks under YOLO, of convolutions of 3 x 3 and 1 x 1 pixels in turn."""
from __future__ import annotations

from functools import partial

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import ConvBN, StagedChain, global_average_pooling, max_pooling
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.models.recipes import NORMALIZED
from autograd_nn.models.registry import register
from autograd_nn.sequential import run_layers
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

leaky_relu = partial(F.leaky_relu, slope=0.1)
# What Darknet adds to the variance where it trains: on a GPU.
darknet_conv = partial(ConvBN, activation=leaky_relu, eps=1e-5)

DEPTHS_19 = 1, 1, 3, 3, 5, 5
DEPTHS_53 = 1, 2, 8, 8, 4


class DarknetResidual(StagedChain):
    """A convolution of 1 x 1 pixels to half the channels and one of 3 x 3 back, to whose result the input is added.

    Args:
        channels: The number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.add_stage('0', darknet_conv(channels // 2, 1))
        self.add_stage('1', darknet_conv(channels, 3))

    def forward(self, x: ArrayLike) -> Variable:
        """Computes output of the shape (N, channels, H, W) of the input."""
        return run_layers([layer for stage in self.functions.values() for layer in stage] + [L.Shortcut(x)], x)


def add_darknet19(network: StagedChain, depths: tuple[int, ...] = DEPTHS_19, width: float = 1) -> None:
    """Adds the 18 convolutions of Darknet-19 as the stages ``'0'`` to ``'17'``, with poolings between them.

    Args:
        network: Where to.
        depths: How many convolutions work on each size of the picture.
        width: By what to multiply the numbers of channels.
    """
    number = 0
    for k, depth in enumerate(depths):
        if k:
            network.add_stage(f'pool{k}', max_pooling(2))
        channels = scaled(32 << k, width)
        for i in range(depth):
            network.add_stage(str(number), darknet_conv(channels // 2, 1) if i % 2 else darknet_conv(channels, 3))
            number += 1


def add_darknet53(network: StagedChain, depths: tuple[int, ...] = DEPTHS_53, width: float = 1) -> None:
    """Adds the 52 convolutions of Darknet-53 as the stages ``'0'`` to ``'28'``: single ones and residual blocks.

    Args:
        network: Where to.
        depths: How many residual blocks work on each size of the picture.
        width: By what to multiply the numbers of channels.
    """
    network.add_stage('0', darknet_conv(scaled(32, width), 3))
    for k, depth in enumerate(depths, start=1):
        channels = scaled(32 << k, width)
        for block in [darknet_conv(channels, 3, 2), *(DarknetResidual(channels) for _ in range(depth))]:
            network.add_stage(str(len(network.functions)), block)


def scaled(channels: int, width: float) -> int:
    """A number of channels times `width`, an even number."""
    return max(2, 2 * round(channels * width / 2))


@register('darknet19', input_shape=(3, 224, 224), recipe=NORMALIZED)
class Darknet19(ImageNetwork):
    """Darknet-19: 19 convolutions and 5 poolings, the network under YOLOv2.

    20,842,376 parameters for 1000 classes. Reference: J. Redmon, A. Farhadi, YOLO9000: Better, Faster, Stronger, 2016,
    https://arxiv.org/abs/1612.08242, table 6.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import Darknet19
        >>> Darknet19(num_classes=5)(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    preprocessing = Preprocessing(brightest=1., crop=1.)

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        add_darknet19(self)
        self.add_stage('fc', L.Convolution2D(None, num_classes, 1))
        self.add_stage('pool', global_average_pooling)


@register('darknet53', input_shape=(3, 256, 256), recipe=NORMALIZED)
class Darknet53(ImageNetwork):
    """Darknet-53: 53 convolutions with shortcuts, the network under YOLOv3.

    41,609,928 parameters for 1000 classes. Reference: J. Redmon, A. Farhadi, YOLOv3: An Incremental Improvement, 2018,
    https://arxiv.org/abs/1804.02767, table 1.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import Darknet53
        >>> Darknet53(num_classes=5)(np.zeros((2, 3, 64, 64), 'f')).shape
        (2, 5)
    """

    insize = 256
    preprocessing = Preprocessing(brightest=1., crop=1.)

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        add_darknet53(self)
        self.add_stage('pool', global_average_pooling)
        self.add_stage('fc', L.Linear(None, num_classes))
