"""The VGG networks: nothing but 3 x 3 filters, up to 19 layers deep."""
from __future__ import annotations

from functools import partial
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import dense, he_convolution, logits_layer, max_pooling, pixel_convolution
from autograd_nn.models.preprocessing import TORCHVISION
from autograd_nn.models.recipes import PLAIN
from autograd_nn.models.registry import register

# For each number of layers, how many convolutions stand before each of the five poolings.
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(ImageNetwork):
    """VGG: 3 x 3 convolutions, many of them.

    132,863,336 parameters with 11 layers, 133,047,848 with 13, 138,357,544 with 16, 143,667,240 with 19, for 224 x 224
    pixels and 1000 classes; batch normalization adds up to 11,008. Reference: K. Simonyan, A. Zisserman, Very Deep
    Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, https://arxiv.org/abs/1409.1556, table 1
    (columns A, B, D and E).

    Paths of parameters are those of Chainer's ``VGG16Layers`` and ``VGG19Layers``, so that their weights load.

    Args:
        num_classes: The number of outputs.
        n_layers: The number of layers that have weights: 11, 13, 16 or 19.
        batch_normalization: Whether batch normalization follows each convolution.
        average_pooling: Whether pooling takes means and not maxima: better where pictures are made from the network's
            gradients (see `PerceptualLoss`).

    Raises:
        ValueError: There is no such network.

    Example:
        >>> from autograd_nn.models import VGG
        >>> VGG(n_layers=11).available_layers[:5]
        ['conv1_1', 'pool1', 'conv2_1', 'pool2', 'conv3_1']
    """

    def __init__(self, num_classes: int = 1000, n_layers: int = 16, batch_normalization: bool = False,
                 average_pooling: bool = False) -> None:
        if n_layers not in CONVOLUTIONS:
            raise ValueError(f'VGG: expected n_layers of {", ".join(map(str, CONVOLUTIONS))}; got {n_layers}')
        super().__init__()
        for i, (count, channels) in enumerate(zip(CONVOLUTIONS[n_layers], (64, 128, 256, 512, 512)), start=1):
            for j in range(1, count + 1):
                conv = pixel_convolution if i == j == 1 and not batch_normalization else he_convolution
                layers: dict[str, Any] = {f'conv{i}_{j}': conv(channels, 3, pad=1)}
                if batch_normalization:
                    layers[f'bn{i}_{j}'] = L.BatchNormalization(channels)
                self.add_stage(f'conv{i}_{j}', **layers, relu=F.relu)
            self.add_stage(f'pool{i}', partial(F.average_pooling_2d, ksize=2) if average_pooling else max_pooling(2))
        self.add_stage('fc6', dense(4096), F.relu, F.dropout)
        self.add_stage('fc7', dense(4096), F.relu, F.dropout)
        self.add_stage('fc8', logits_layer(num_classes))
        if batch_normalization:
            self.preprocessing = TORCHVISION


for n_layers in CONVOLUTIONS:
    register(f'vgg{n_layers}', (3, 224, 224), recipe=PLAIN, n_layers=n_layers)(VGG)
    register(f'vgg{n_layers}_bn', (3, 224, 224), recipe=PLAIN, n_layers=n_layers, batch_normalization=True)(VGG)
