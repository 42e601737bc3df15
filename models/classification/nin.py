"""Network in network: small perceptrons slide over the image in place of filters."""
from __future__ import annotations

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import (
    global_average_pooling,
    max_pooling,
    pixel_convolution,
    rectified_logits_layer,
)
from autograd_nn.models.recipes import PLAIN
from autograd_nn.models.registry import register


@register('nin', input_shape=(3, 224, 224), recipe=PLAIN)
class NIN(ImageNetwork):
    """Network in network: a small perceptron in place of each filter, and no fully connected layer.

    7,595,176 parameters for 1000 classes. Reference: M. Lin, Q. Chen, S. Yan, Network In Network, ICLR 2014,
    https://arxiv.org/abs/1312.4400; the sizes for ImageNet are those of the authors' model for Caffe.

    Args:
        num_classes: The number of outputs.
    """

    minsize = 39

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        for i, (channels, ksize, stride, pad) in enumerate(
                [((96, 96, 96), 11, 4, 0), ((256, 256, 256), 5, 1, 2), ((384, 384, 384), 3, 1, 1)], start=1):
            layers = L.MLPConvolution2D(None, channels, ksize, stride, pad)
            if i == 1:
                layers[0] = pixel_convolution(96, ksize, stride)
            self.add_stage(f'mlpconv{i}', layers, F.relu)
            self.add_stage(f'pool{i}', max_pooling(3, 2))
        classifier = L.MLPConvolution2D(None, (1024, 1024), 3, pad=1)
        classifier.append(rectified_logits_layer(num_classes))
        self.add_stage('mlpconv4', F.dropout, classifier, F.relu)
        self.add_stage('pool4', global_average_pooling)
