"""U-Net: down to a small picture of many channels, and up again beside what was on the way."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.models.layers.blocks import StagedChain
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.segmentation.segmentation_network import SegmentationNetwork
from autograd_nn.variable import Variable

DEPTH = 4


@register('unet', (3, 96, 96), 'segmentation', Recipe(lr=0.0003, warmup=0.1, clip=1., batch_size=8))
@register('unet_small', (3, 96, 96), 'segmentation', Recipe(lr=0.003, warmup=0.1, epochs=8, batch_size=8), width=16,
          batch_normalization=True, dropout=0.)
class UNet(SegmentationNetwork):
    """U-Net: each step up goes on with what the step down of the same size saw, so that borders come out sharp.

    31,031,810 parameters for two classes; 31,030,658 with one channel, as in the paper. Reference: O. Ronneberger,
    P. Fischer, T. Brox, U-Net: Convolutional Networks for Biomedical Image Segmentation, 2015,
    https://arxiv.org/abs/1505.04597.

    Args:
        num_classes: The number of classes, with the background.
        width: The channels of the first block; each of the four further ones has twice as many.
        batch_normalization: Whether batch normalization follows each convolution but the last, as it does in most later
            programs.
        dropout: The part of the last features on the way down that is dropped.
        same: Whether convolutions keep sizes. False for the paper's, which need a margin of 92 pixels: what is missing
            at the border is mirrored.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import UNet
        >>> UNet(num_classes=3, width=4)(np.zeros((1, 3, 40, 50), 'f')).shape
        (1, 3, 40, 50)
    """

    multiple = 1 << DEPTH

    def __init__(self, num_classes: int = 2, width: int = 64, batch_normalization: bool = False, dropout: float = 0.5,
                 same: bool = True) -> None:
        super().__init__(num_classes)
        self.dropout = dropout
        self.same = same
        for i in range(1, DEPTH + 2):
            self.add_stage(f'enc{i}', DoubleConvolution(width << i - 1, batch_normalization, int(same)))
        for i in range(DEPTH, 0, -1):
            channels = width << i - 1
            # Each pixel of the output depends on one of each input channel.
            up: dict[str, Any] = {f'up{i}': L.Deconvolution2D(2 * channels, channels, 2, 2, 0, batch_normalization,
                                                              initialW=initializers.HeNormal(2 ** 0.5))}
            if batch_normalization:
                up[f'up{i}_bn'] = L.BatchNormalization(channels)
            self.add_stage(f'up{i}', **up, relu=F.relu)
            self.add_stage(f'dec{i}', DoubleConvolution(channels, batch_normalization, int(same)))
        self.add_stage('classifier', L.Convolution2D(width, num_classes, 1))

    def pad(self, x: Variable) -> Variable:
        """Makes sides multiples of 16; without padding in convolutions, mirrors a margin for them (see `same`)."""
        if self.same:
            return super().pad(x)
        # The features of the smallest size have 16 pixels for each of theirs, and lose 2 of these on either side.
        margins = [(92, 92 + (4 - side) % self.multiple) for side in x.shape[2:]]
        return F.pad(x, [(0, 0), (0, 0), *margins], 'symmetric')

    def compute_scores(self, x: Variable) -> Variable:
        seen = []
        for i in range(1, DEPTH + 1):
            x = self[f'enc{i}'](x)
            if i == DEPTH and self.dropout:
                x = F.dropout(x, self.dropout)
            seen.append(x)
            x = F.max_pooling_2d(x, 2)
        x = self[f'enc{DEPTH + 1}'](x)
        if self.dropout:
            x = F.dropout(x, self.dropout)
        for i in range(DEPTH, 0, -1):
            x = self.run_stage(f'up{i}', x)
            x = self[f'dec{i}'](F.concat((_centre(seen.pop(), x.shape[2:]), x)))
        return self['classifier'](x)


class DoubleConvolution(StagedChain):
    """Two convolutions of 3 x 3 pixels, each with a ReLU behind it.

    Args:
        channels: The number of output channels.
        batch_normalization: Whether batch normalization comes between.
        pad: The width of the margin of zeros.
    """

    def __init__(self, channels: int, batch_normalization: bool, pad: int) -> None:
        super().__init__()
        for i in 1, 2:
            layers: dict[str, Any] = {f'conv{i}': L.Convolution2D(None, channels, 3, 1, pad, batch_normalization,
                                                                  initializers.HeNormal())}
            if batch_normalization:
                layers[f'bn{i}'] = L.BatchNormalization(channels)
            self.add_stage(f'conv{i}', **layers, relu=F.relu)


def _centre(x: Variable, size: tuple[int, ...]) -> Variable:
    """The middle of features, of a height and width."""
    if x.shape[2:] == size:
        return x
    top, left = ((whole - part) // 2 for whole, part in zip(x.shape[2:], size))
    return x[:, :, top:top + size[0], left:left + size[1]]
