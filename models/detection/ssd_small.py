"""A small single shot detector, for small images."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
from autograd_nn.models.detection.multibox import Multibox
from autograd_nn.models.detection.ssd import SSD, Extractor
from autograd_nn.models.layers.blocks import conv_bn
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register

# The number of output channels and the stride of each 3 x 3 convolution.
LAYERS = {'conv1': (32, 2), 'conv2': (64, 2), 'conv3_1': (64, 1), 'conv3_2': (64, 1), 'conv3_3': (64, 1),
          'conv4_1': (128, 2), 'conv4_2': (128, 1), 'conv4_3': (128, 1), 'conv5_1': (128, 2), 'conv5_2': (128, 1)}


@register('ssd96', input_shape=(3, 96, 96), task='detection', recipe=Recipe(lr=0.003, warmup=0.1, batch_size=16))
class SSD96(SSD):
    """SSD96: a small single shot detector with 3,024 default boxes on images of 96 x 96 pixels.

    For objects of 8 to 50 pixels, such as those of `datasets.DigitScenes`. It is SSD's head on ten convolutions with
    batch normalization in place of VGG-16. Reference: W. Liu et al., SSD: Single Shot MultiBox Detector, 2016,
    https://arxiv.org/abs/1512.02325.

    Args:
        num_classes: The number of classes, without background.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import models
        >>> network = models.SSD96()
        >>> locs, confs = network(np.zeros((2, 3, 96, 96), 'f'))
        >>> locs.shape, confs.shape
        ((2, 3024, 4), (2, 3024, 11))
        >>> boxes, labels, scores = network.predict([np.zeros((3, 40, 60), 'f')])
        >>> len(boxes) == len(labels) == len(scores) == 1
        True
    """

    def __init__(self, num_classes: int = 10) -> None:
        extractor = Extractor(96, (24, 12, 6), ('conv3_3', 'conv4_3', 'conv5_2'))
        for name, (channels, stride) in LAYERS.items():
            conv, bn = conv_bn(channels, 3, stride)
            normalization: dict[str, Any] = {name.replace('conv', 'bn'): bn}
            extractor.add_stage(name, conv, **normalization, relu=F.relu)
        super().__init__(extractor, Multibox(num_classes + 1, ((2,), (2,), (2,))), steps=(4, 8, 16),
                         sizes=(12, 20, 32, 45), mean=127.5)
