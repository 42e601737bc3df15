"""Faster R-CNN on a feature pyramid of ResNet-50."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Link
from autograd_nn.models.classification.resnet import DEPTHS, Residual
from autograd_nn.models.detection.faster_rcnn import FasterRCNN
from autograd_nn.models.detection.feature_pyramid import (
    FeaturePyramid,
    PyramidRegionProposalNetwork,
    PyramidRoIHead,
)
from autograd_nn.models.detection.region_targets import AnchorTargetCreator, ProposalTargetCreator
from autograd_nn.models.layers.blocks import ConvBN, StagedChain
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.sequential import run_layers
from autograd_nn.variable import Variable

# Of ImageNet's pixels, red, green and blue.
MEAN = 123.15163084, 115.90288257, 103.0626238
STAGES = 'res2', 'res3', 'res4', 'res5'


@register('faster_rcnn_fpn_resnet50', input_shape=(3, 800, 1088), task='detection',
          recipe=Recipe('momentum', lr=0.0025, schedule='step', weight_decay=0.0001, warmup=0.1, epochs=12,
                        batch_size=2))
class FasterRCNNFPNResNet50(FasterRCNN):
    """Faster R-CNN on a feature pyramid of ResNet-50: 41,757,220 parameters for 80 classes.

    The paths of its parameters are those of ChainerCV's class of this name, whose files load. Reference: T.-Y. Lin et
    al., Feature pyramid networks for object detection, 2016, https://arxiv.org/abs/1612.03144.

    Args:
        num_classes: The number of classes, without background.
        min_size: The shorter side of prepared pictures in pixels,
        max_size: unless the longer one would be longer than this; then zeros are added up to multiples of 32.
        width: By what to multiply the numbers of channels and units.
    """

    head_name = 'bbox_head'
    presets = {'visualize': (0.5, 0.7), 'evaluate': (0.5, 0.05)}

    def __init__(self, num_classes: int = 80, min_size: int = 800, max_size: int = 1333, width: float = 1.) -> None:
        first, channels, units = (round(number * width) for number in (64, 256, 1024))
        super().__init__(FeaturePyramid(ResNetStages(width=first), channels=channels),
                         PyramidRegionProposalNetwork(channels=channels),
                         PyramidRoIHead(num_classes + 1, units=units, channels=channels), MEAN, min_size, max_size)
        self.anchor_target_creator = AnchorTargetCreator(256, pos_ratio=0.25)
        self.proposal_target_creator = ProposalTargetCreator(512)

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Scales a picture and subtracts the mean (see `FasterRCNN.prepare`), and adds zeros at the bottom and right.

        Args:
            image: RGB from 0 to 255, shape (3, H, W).

        Returns:
            Float32, shape (3, H, W), where H and W are multiples of 32.
        """
        x = super().prepare(image)
        return np.pad(x, [(0, 0), *[(0, -n % 32) for n in x.shape[1:]]])


class ResNetStages(StagedChain):
    """The feature maps of ResNet, 4, 8, 16 and 32 pixels apart.

    The paths of its parameters are those of ChainerCV's ``ResNet50``, with the bias that the authors' network has in
    front of its first batch normalization. Reference: K. He et al., Deep residual learning for image recognition, 2015,
    https://arxiv.org/abs/1512.03385.

    Args:
        n_layers: 50, 101 or 152.
        width: The channels of the first convolution: 64 in ResNet.
    """

    def __init__(self, n_layers: int = 50, width: int = 64) -> None:
        super().__init__()
        first = StagedChain()
        layers: dict[str, Any] = {'bn': L.BatchNormalization(width), 'relu': F.relu}
        initialW = initializers.HeNormal(fan_option='fan_out')
        first.add_stage('conv', L.Convolution2D(3, width, 7, 2, 3, initialW=initialW), **layers)
        self.add_stage('conv1', first)
        self.add_stage('pool1', partial(F.max_pooling_2d, ksize=3, stride=2, pad=1, cover_all=False))
        for i, (name, depth) in enumerate(zip(STAGES, DEPTHS[n_layers])):
            stage = StagedChain()
            for j in range(depth):
                stage.add_stage(f'b{j}' if j else 'a', bottleneck(width << i, min(i + 1, 2) if j == 0 else 1, j == 0))
            self.add_stage(name, stage)

    def forward(self, x: Any) -> list[Variable]:
        """Computes the four feature maps.

        Args:
            x: Pictures, shape (N, 3, H, W).
        """
        maps: list[Variable] = []
        for name, layers in self.functions.items():
            x = run_layers(layers, x)
            if name in STAGES:
                maps.append(x)
        return maps


def bottleneck(channels: int, stride: int, projects: bool) -> Residual:
    """A 3 x 3 convolution between two of 1 x 1, to whose result the input is added.

    Args:
        channels: The number of channels of the 3 x 3 convolution, a quarter of those of the output.
        stride: By how much the first convolution reduces height and width.
        projects: Whether a convolution is applied to the input that is added.
    """
    block = Residual()
    layers: dict[str, Link] = {'conv1': ConvBN(channels, 1, stride), 'conv2': ConvBN(channels, 3),
                               'conv3': ConvBN(4 * channels, 1, activation=None)}
    block.add_stage('residual', **layers)  # type: ignore[arg-type]
    shortcut: Sequence[tuple[str, Link]] = [('residual_conv', ConvBN(4 * channels, 1, stride, activation=None))]
    block.add_stage('shortcut', branch=True, **dict(shortcut if projects else ()))
    return block
