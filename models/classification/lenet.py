"""LeNet: the network of 1998, and the one that Caffe made known by that name."""
from __future__ import annotations

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Link
from autograd_nn.models.classification.image_network import DigitNetwork
from autograd_nn.models.layers.blocks import ConvBN, he_linear, max_pooling
from autograd_nn.models.recipes import SMALL
from autograd_nn.models.registry import register
from autograd_nn.variable import Parameter, Variable


@register('lenet', input_shape=(1, 28, 28), recipe=SMALL)
class LeNet(DigitNetwork):
    """LeNet as Caffe's examples define it: two convolutions with max pooling, two fully connected layers.

    431,080 parameters for one channel, 28 x 28 pixels and 10 classes. The layers have Caffe's names. Reference: Y. Jia
    et al., Caffe: Convolutional Architecture for Fast Feature Embedding, 2014 (``examples/mnist/lenet.prototxt``).

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import LeNet
        >>> model = LeNet()
        >>> model(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
        >>> model.count_params()
        431080

        Without names for `extract`, the same network is a chain with a `forward`:

        >>> import autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> class Plain(ann.Chain):
        ...     def __init__(self):
        ...         super().__init__()
        ...         with self.init_scope():
        ...             self.conv1 = L.Convolution2D(1, 20, 5)
        ...             self.conv2 = L.Convolution2D(20, 50, 5)
        ...             self.ip1 = L.Linear(800, 500)
        ...             self.ip2 = L.Linear(500, 10)
        ...
        ...     def forward(self, x):
        ...         h = F.max_pooling_2d(self.conv1(x), 2)
        ...         h = F.max_pooling_2d(self.conv2(h), 2)
        ...         return self.ip2(F.relu(self.ip1(h)))
        >>> plain = Plain()
        >>> plain.copyparams(model)
        >>> x = np.random.rand(2, 1, 28, 28).astype('f')
        >>> bool(np.allclose(plain(x).array, model(x).array, atol=1e-5))
        True
    """

    minsize = 13

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.add_stage('conv1', L.Convolution2D(None, 20, 5))
        self.add_stage('pool1', max_pooling(2))
        self.add_stage('conv2', L.Convolution2D(20, 50, 5))
        self.add_stage('pool2', max_pooling(2))
        self.add_stage('ip1', L.Linear(None, 500), F.relu)
        self.add_stage('ip2', L.Linear(500, num_classes))


@register('lenet_bn', input_shape=(1, 28, 28), recipe=SMALL)
class LeNetBN(DigitNetwork):
    """LeNet with batch normalization: small, and quick to learn, without labels, too.

    147,450 parameters for one channel, 28 x 28 pixels and 10 classes. Reference: S. Ioffe, C. Szegedy, Batch
    Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift, 2015,
    https://arxiv.org/abs/1502.03167.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import LeNetBN
        >>> LeNetBN()(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
    """

    minsize = 13

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.add_stage('conv1', ConvBN(16, 5, pad=0), max_pooling(2))
        self.add_stage('conv2', ConvBN(32, 5, pad=0), max_pooling(2))
        self.add_stage('ip1', ip1=he_linear(256, nobias=True), bn1=L.BatchNormalization(256), relu1=F.relu)
        self.add_stage('ip2', L.Linear(256, num_classes))


@register('lenet5', input_shape=(1, 28, 28), recipe=SMALL)
class LeNet5(DigitNetwork):
    """LeNet-5 as published in 1998: trainable subsampling and a sparse connection table.

    60,850 parameters for 28 x 28 pixels (padded to the paper's 32 x 32) and 10 classes: the paper's 60,000 and, in
    place of its fixed radial basis functions, a linear output layer. Reference: Y. LeCun, L. Bottou, Y. Bengio,
    P. Haffner, Gradient-Based Learning Applied to Document Recognition, Proceedings of the IEEE 86, 1998, section II.B.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import LeNet5
        >>> model = LeNet5()
        >>> model(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
        >>> model.count_params()
        60850
    """

    minsize = 28

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.add_stage('c1', L.Convolution2D(None, 6, 5, pad=2), squash)
        self.add_stage('s2', Subsampling(6), squash)
        self.add_stage('c3', SparseConvolution(C3_TABLE, 5), squash)
        self.add_stage('s4', Subsampling(16), squash)
        self.add_stage('c5', L.Convolution2D(16, 120, 5), squash)
        self.add_stage('f6', L.Linear(None, 84), squash)
        self.add_stage('output', L.Linear(84, num_classes))


def squash(x: Variable) -> Variable:
    """The paper's activation: a hyperbolic tangent that maps 1 to 1 and -1 to -1 (equation 6 and appendix A)."""
    return F.tanh(x * (2 / 3)) * 1.7159


class Subsampling(Link):
    """Averages 2 x 2 neighbourhoods, then applies one trainable coefficient and one bias a channel.

    Args:
        channels: The number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        with self.init_scope():
            self.coefficient = Parameter(1, (channels, 1, 1))
            self.b = Parameter(0, (channels, 1, 1))

    def forward(self, x: Variable) -> Variable:
        """Halves height and width of `x` of shape (N, channels, H, W)."""
        return F.average_pooling_2d(x, 2) * self.coefficient + self.b


# For each of the 16 output channels of C3, the input channels that it sees (table I of the paper).
C3_TABLE = ([[i % 6 for i in range(start, start + 3)] for start in range(6)]
            + [sorted(i % 6 for i in range(start, start + 4)) for start in range(6)]
            + [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]])


class SparseConvolution(Link):
    """A convolution whose output channels see only some of the input channels.

    Args:
        table: For each output channel, the input channels that it sees.
        ksize: The height and width of the filters.

    Attributes:
        W: The filters of all connections, one after the other, of shape (connections, ksize, ksize).
        b: The bias of shape (output channels,).
    """

    def __init__(self, table: list[list[int]], ksize: int) -> None:
        super().__init__()
        self.connections = (np.repeat(np.arange(len(table)), [len(row) for row in table]), np.concatenate(table))
        self.full_shape = len(table), 1 + int(self.connections[1].max()), ksize, ksize
        fan_in = len(self.connections[0]) / len(table) * ksize ** 2
        with self.init_scope():
            self.W = Parameter(initializers.Normal(fan_in ** -0.5), (len(self.connections[0]), ksize, ksize))
            self.b = Parameter(0, (len(table),))

    def forward(self, x: Variable) -> Variable:
        """Convolves `x` of shape (N, C, H, W)."""
        zeros = self.xp.zeros(self.full_shape, self.W.dtype)
        return F.convolution_2d(x, F.scatter_add(zeros, self.connections, self.W), self.b)
