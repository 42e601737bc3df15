"""AlexNet: the network of 2012, and its one-tower version."""
from __future__ import annotations

from functools import partial

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import dense, he_convolution, logits_layer, max_pooling, response_normalization
from autograd_nn.models.preprocessing import TORCHVISION
from autograd_nn.models.recipes import PLAIN
from autograd_nn.models.registry import register


@register('alexnet', input_shape=(3, 227, 227), recipe=PLAIN)
class AlexNet(ImageNetwork):
    """AlexNet of 2012: two groups of filters, one for each of two graphics cards, and local response normalization.

    60,965,224 parameters for 227 x 227 pixels and 1000 classes. Layers, their names and their initial values are those
    of Caffe's ``bvlc_alexnet``. Reference: A. Krizhevsky, I. Sutskever, G. E. Hinton, ImageNet Classification with Deep
    Convolutional Neural Networks, NIPS 2012.

    Args:
        num_classes: The number of outputs.
    """

    insize = 227
    minsize = 39

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        conv = partial(L.Convolution2D, None, initialW=initializers.Normal(0.01))
        self.add_stage('conv1', conv(96, 11, 4), F.relu)
        self.add_stage('norm1', response_normalization)
        self.add_stage('pool1', max_pooling(3, 2))
        self.add_stage('conv2', conv(256, 5, pad=2, initial_bias=0.1, groups=2), F.relu)
        self.add_stage('norm2', response_normalization)
        self.add_stage('pool2', max_pooling(3, 2))
        self.add_stage('conv3', conv(384, 3, pad=1), F.relu)
        self.add_stage('conv4', conv(384, 3, pad=1, initial_bias=0.1, groups=2), F.relu)
        self.add_stage('conv5', conv(256, 3, pad=1, initial_bias=0.1, groups=2), F.relu)
        self.add_stage('pool5', max_pooling(3, 2))
        self.add_stage('fc6', dense(4096, initial_bias=0.1), F.relu, F.dropout)
        self.add_stage('fc7', dense(4096, initial_bias=0.1), F.relu, F.dropout)
        self.add_stage('fc8', logits_layer(num_classes))


@register('alexnet_one_tower', input_shape=(3, 224, 224), recipe=PLAIN)
class OneTowerAlexNet(ImageNetwork):
    """AlexNet of 2014: one tower, fewer filters, no normalization.

    61,100,840 parameters for 224 x 224 pixels and 1000 classes. Reference: A. Krizhevsky, One weird trick for
    parallelizing convolutional neural networks, 2014, https://arxiv.org/abs/1404.5997 (with 256 filters in the fourth
    layer, as the published weights have it, where the paper has 384).

    Args:
        num_classes: The number of outputs.
    """

    minsize = 35
    preprocessing = TORCHVISION

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.add_stage('conv1', he_convolution(64, 11, 4, pad=2), F.relu)
        self.add_stage('pool1', max_pooling(3, 2))
        self.add_stage('conv2', he_convolution(192, 5, pad=2), F.relu)
        self.add_stage('pool2', max_pooling(3, 2))
        self.add_stage('conv3', he_convolution(384, 3, pad=1), F.relu)
        self.add_stage('conv4', he_convolution(256, 3, pad=1), F.relu)
        self.add_stage('conv5', he_convolution(256, 3, pad=1), F.relu)
        self.add_stage('pool5', max_pooling(3, 2))
        self.add_stage('fc6', F.dropout, dense(4096), F.relu)
        self.add_stage('fc7', F.dropout, dense(4096), F.relu)
        self.add_stage('fc8', logits_layer(num_classes))
