"""GoogLeNet, and its version with batch normalization."""
from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.config import config
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.layers.blocks import (
    global_average_pooling,
    logits_layer,
    max_pooling,
    pixel_convolution,
    response_normalization,
)
from autograd_nn.models.preprocessing import CAFFE
from autograd_nn.models.recipes import NORMALIZED, PLAIN
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

head_pooling = partial(F.average_pooling_2d, ksize=5, stride=3)


class InceptionNetwork(ImageNetwork):
    """A network whose branches are further heads: they classify, too, and bring gradients to early layers.

    Attributes:
        auxiliary: The logits of these heads in the last call, if that was in training; they take no part otherwise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auxiliary: list[Variable] = []

    def forward(self, x: ArrayLike) -> Variable:
        """Computes logits of shape (N, num_classes) from images of shape (N, C, H, W)."""
        # What the last call left holds its whole graph.
        self.auxiliary = []
        if not config.train:
            return super().forward(x)
        *_, last = self.functions
        logits = self.extract(x, [*sorted(self._branches), last])
        y = logits.pop(last)
        self.auxiliary = list(logits.values())
        return y

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """The softmax cross entropy; in training plus 0.3 times those of the auxiliary heads."""
        loss = super().lossfun
        return sum((0.3 * loss(logits, t) for logits in self.auxiliary), loss(y, t))


@register('googlenet', input_shape=(3, 224, 224), recipe=PLAIN)
class GoogLeNet(InceptionNetwork):
    """GoogLeNet: nine Inception modules, and two auxiliary heads.

    13,378,280 parameters for 224 x 224 pixels and 1000 classes, 6,998,552 of them without the auxiliary heads, which
    take part in training only. Layers are those of Caffe's ``bvlc_googlenet``; paths of parameters are those of
    Chainer's ``GoogLeNet``, so that its weights load. Reference: C. Szegedy et al., Going Deeper with Convolutions,
    CVPR 2015, https://arxiv.org/abs/1409.4842, table 1.

    Args:
        num_classes: The number of outputs.
    """

    minsize = 79
    preprocessing = replace(CAFFE, mean=(104., 117., 123.))

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.add_stage('conv1', pixel_convolution(64, 7, 2, pad=3), F.relu)
        self.add_stage('pool1', max_pooling(3, 2), response_normalization)
        self.add_stage('conv2_reduce', L.Convolution2D(None, 64, 1), F.relu)
        self.add_stage('conv2', L.Convolution2D(None, 192, 3, pad=1), F.relu, response_normalization)
        self.add_stage('pool2', max_pooling(3, 2))
        self.add_inception('3a', 64, 96, 128, 16, 32, 32)
        self.add_inception('3b', 128, 128, 192, 32, 96, 64)
        self.add_stage('pool3', max_pooling(3, 2))
        self.add_inception('4a', 192, 96, 208, 16, 48, 64)
        self.add_head('loss1', num_classes)
        self.add_inception('4b', 160, 112, 224, 24, 64, 64)
        self.add_inception('4c', 128, 128, 256, 24, 64, 64)
        self.add_inception('4d', 112, 144, 288, 32, 64, 64)
        self.add_head('loss2', num_classes)
        self.add_inception('4e', 256, 160, 320, 32, 128, 128)
        self.add_stage('pool4', max_pooling(3, 2))
        self.add_inception('5a', 256, 160, 320, 32, 128, 128)
        self.add_inception('5b', 384, 192, 384, 48, 128, 128)
        self.add_stage('pool5', global_average_pooling)
        self.add_stage('loss3_fc', partial(F.dropout, ratio=0.4), logits_layer(num_classes))

    def add_inception(self, name: str, *channels: int) -> None:
        """Adds an Inception module with these numbers of filters (see `links.Inception`)."""
        layers: dict[str, Any] = {f'inc{name}': L.Inception(None, *channels)}
        self.add_stage(f'inception_{name}', **layers)

    def add_head(self, name: str, num_classes: int) -> None:
        """Adds a branch with logits of its own, whose loss helps the layers below it in training."""
        layers: dict[str, Any] = {
            'pool': head_pooling, f'{name}_conv': L.Convolution2D(None, 128, 1), 'relu1': F.relu,
            f'{name}_fc1': L.Linear(None, 1024), 'relu2': F.relu, 'dropout': partial(F.dropout, ratio=0.7),
            f'{name}_fc2': logits_layer(num_classes)}
        self.add_stage(f'{name}_fc2', branch=True, **layers)


@register('googlenet_bn', input_shape=(3, 224, 224), recipe=NORMALIZED)
class GoogLeNetBN(InceptionNetwork):
    """GoogLeNet with batch normalization, also known as Inception version 2.

    17,681,464 parameters for 224 x 224 pixels and 1000 classes, counted from the table. As in Chainer's example, whose
    paths of parameters these are, the second convolution has no 1 x 1 filters before it, and there are two auxiliary
    heads. Reference: S. Ioffe, C. Szegedy, Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift, ICML 2015, https://arxiv.org/abs/1502.03167, figure 5.

    Args:
        num_classes: The number of outputs.
    """

    minsize = 59

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        conv = partial(L.Convolution2D, None, nobias=True)
        self.add_stage('conv1', conv1=conv(64, 7, 2, pad=3), norm1=L.BatchNormalization(64), relu1=F.relu)
        self.add_stage('pool1', max_pooling(3, 2, pad=1))
        self.add_stage('conv2', conv2=conv(192, 3, pad=1), norm2=L.BatchNormalization(192), relu2=F.relu)
        self.add_stage('pool2', max_pooling(3, 2, pad=1))
        self.add_inception('3a', 64, 64, 64, 64, 96, 'avg', 32)
        self.add_inception('3b', 64, 64, 96, 64, 96, 'avg', 64)
        self.add_inception('3c', 0, 128, 160, 64, 96, 'max', None, 2)
        self.add_inception('4a', 224, 64, 96, 96, 128, 'avg', 128)
        self.add_head('a', num_classes)
        self.add_inception('4b', 192, 96, 128, 96, 128, 'avg', 128)
        self.add_inception('4c', 160, 128, 160, 128, 160, 'avg', 128)
        self.add_inception('4d', 96, 128, 192, 160, 192, 'avg', 128)
        self.add_head('b', num_classes)
        self.add_inception('4e', 0, 128, 192, 192, 256, 'max', None, 2)
        self.add_inception('5a', 352, 192, 320, 160, 224, 'avg', 128)
        self.add_inception('5b', 352, 192, 320, 192, 224, 'max', 128)
        self.add_stage('pool5', global_average_pooling)
        self.add_stage('out', logits_layer(num_classes))

    def add_inception(self, name: str, *arguments: Any) -> None:
        """Adds an Inception module (see `links.InceptionBN` for the arguments)."""
        layers: dict[str, Any] = {f'inc{name}': L.InceptionBN(None, *arguments)}
        self.add_stage(f'inception_{name}', **layers)

    def add_head(self, name: str, num_classes: int) -> None:
        """Adds a branch with logits of its own, whose loss helps the layers below it in training."""
        layers: dict[str, Any] = {
            'pool': head_pooling, f'conv{name}': L.Convolution2D(None, 128, 1, nobias=True),
            f'norm{name}': L.BatchNormalization(128), 'relu1': F.relu, f'lin{name}': L.Linear(None, 1024, nobias=True),
            f'norm{name}2': L.BatchNormalization(1024), 'relu2': F.relu, f'out{name}': logits_layer(num_classes)}
        self.add_stage(f'out{name}', branch=True, **layers)
