"""LeNets with weights of one bit."""
from __future__ import annotations

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.models.classification.image_network import DigitNetwork
from autograd_nn.models.layers.blocks import ConvBN, max_pooling
from autograd_nn.models.recipes import SMALL
from autograd_nn.models.registry import register


@register('lenet_binaryconnect', input_shape=(1, 28, 28), recipe=SMALL)
class BinaryConnectLeNet(DigitNetwork):
    """LeNet all of whose weights are -1 or 1, with batch normalization behind each layer.

    430,500 binary weights and 1,160 real parameters of the normalization for one channel, 28 x 28 pixels and 10
    classes. References: M. Courbariaux, Y. Bengio, J.-P. David, BinaryConnect: Training Deep Neural Networks with
    binary weights during propagations, 2015, https://arxiv.org/abs/1511.00363; the layers are those of `LeNet`.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import BinaryConnectLeNet
        >>> BinaryConnectLeNet()(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
    """

    minsize = 13

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.add_stage('conv1', conv1=L.BinaryConvolution2D(None, 20, 5, nobias=True), bn1=L.BatchNormalization(20),
                       activation=F.relu, pooling=max_pooling(2))
        self.add_stage('conv2', conv2=L.BinaryConvolution2D(20, 50, 5, nobias=True), bn2=L.BatchNormalization(50),
                       activation=F.relu, pooling=max_pooling(2))
        self.add_stage('ip1', ip1=L.BinaryLinear(None, 500, nobias=True), bn3=L.BatchNormalization(500),
                       activation=F.relu)
        self.add_stage('ip2', ip2=L.BinaryLinear(500, num_classes, nobias=True), bn4=L.BatchNormalization(num_classes))


@register('lenet_xnor', input_shape=(1, 28, 28), recipe=SMALL)
class XNORLeNet(DigitNetwork):
    """LeNet whose inner layers have inputs of -1 and 1, and weights of two values for each output.

    425,000 binary weights and 7,240 real parameters for one channel, 28 x 28 pixels and 10 classes: as in the paper the
    first and the last layer are real, and an inner layer is a normalization, the sign, and a layer with scaled binary
    weights. The inputs have no scales, of which the paper finds that they matter little. Reference: M. Rastegari,
    V. Ordonez, J. Redmon, A. Farhadi, XNOR-Net: ImageNet Classification Using Binary Convolutional Neural Networks,
    2016, https://arxiv.org/abs/1603.05279, section 3.2; the layers are those of `LeNet`.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import XNORLeNet
        >>> XNORLeNet()(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
    """

    minsize = 13

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.add_stage('conv1', ConvBN(20, 5, pad=0), max_pooling(2))
        self.add_stage('conv2', bn2=L.BatchNormalization(20), sign2=F.binarize,
                       conv2=L.BinaryConvolution2D(20, 50, 5, scaled=True), activation=F.relu, pooling=max_pooling(2))
        self.add_stage('ip1', bn3=L.BatchNormalization(50), sign3=F.binarize,
                       ip1=L.BinaryLinear(None, 500, scaled=True), activation=F.relu)
        self.add_stage('ip2', bn4=L.BatchNormalization(500), ip2=L.Linear(500, num_classes))
