"""The networks that other frameworks run, stated once over the layers that each of them offers.

They have the layers of those in `autograd_nn.models`, in the same order.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

# A layer of some framework: a module, a link, or a function.
Layer = Any


class Layers(Protocol):
    """What a framework offers; `inputs` and `outputs` are numbers of channels or units."""

    def conv(self, inputs: int, outputs: int, size: int, stride: int = 1, pad: int = 0, groups: int = 1,
             bias: bool = True) -> Layer:
        """A convolution of images."""

    def batch_norm(self, channels: int) -> Layer:
        """Batch normalization of images."""

    def local_norm(self) -> Layer:
        """Local response normalization over five channels."""

    def max_pool(self, size: int, stride: int) -> Layer:
        """The maximum of each window, of those too that reach beyond the image."""

    def mean(self) -> Layer:
        """The mean of each channel."""

    def flatten(self) -> Layer:
        """All features of a sample in one row."""

    def linear(self, inputs: int, outputs: int) -> Layer:
        """A fully connected layer."""

    def relu(self) -> Layer:
        """Rectified units."""

    def relu6(self) -> Layer:
        """Rectified units that stop at 6."""

    def dropout(self, ratio: float = 0.5) -> Layer:
        """Dropout."""

    def sequential(self, *layers: Layer) -> Layer:
        """Layers one after the other."""

    def residual(self, branch: Layer, projection: Layer | None = None) -> Layer:
        """Adds what the branch computes to the input, or to its projection."""

    def language_model(self, words: int, units: int, layers: int) -> Layer:
        """An embedding, LSTM layers that keep their state from call to call, and an output layer."""


def mlp(lib: Layers, classes: int) -> Layer:
    """Two hidden layers of 1000 units."""
    return lib.sequential(lib.flatten(), lib.linear(784, 1000), lib.relu(), lib.linear(1000, 1000), lib.relu(),
                          lib.linear(1000, classes))


def lenet(lib: Layers, classes: int) -> Layer:
    """LeNet as in Caffe's examples."""
    return lib.sequential(lib.conv(1, 20, 5), lib.max_pool(2, 2), lib.conv(20, 50, 5), lib.max_pool(2, 2),
                          lib.flatten(), lib.linear(800, 500), lib.relu(), lib.linear(500, classes))


def classifier(lib: Layers, inputs: int, classes: int) -> list[Layer]:
    """The three fully connected layers of AlexNet and VGG."""
    return [lib.flatten(), lib.linear(inputs, 4096), lib.relu(), lib.dropout(), lib.linear(4096, 4096), lib.relu(),
            lib.dropout(), lib.linear(4096, classes)]


def alexnet(lib: Layers, classes: int) -> Layer:
    """The network of 2012, in two groups, with local response normalization."""
    return lib.sequential(
        lib.conv(3, 96, 11, 4), lib.relu(), lib.local_norm(), lib.max_pool(3, 2),
        lib.conv(96, 256, 5, pad=2, groups=2), lib.relu(), lib.local_norm(), lib.max_pool(3, 2),
        lib.conv(256, 384, 3, pad=1), lib.relu(),
        lib.conv(384, 384, 3, pad=1, groups=2), lib.relu(),
        lib.conv(384, 256, 3, pad=1, groups=2), lib.relu(), lib.max_pool(3, 2),
        *classifier(lib, 256 * 6 * 6, classes))


def vgg16(lib: Layers, classes: int) -> Layer:
    """VGG's configuration D."""
    layers = []
    channels = 3
    for outputs, count in (64, 2), (128, 2), (256, 3), (512, 3), (512, 3):
        for _ in range(count):
            layers += [lib.conv(channels, outputs, 3, pad=1), lib.relu()]
            channels = outputs
        layers.append(lib.max_pool(2, 2))
    return lib.sequential(*layers, *classifier(lib, 512 * 7 * 7, classes))


def conv_bn(lib: Layers, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> list[Layer]:
    """A convolution without bias that keeps the size if the stride is 1, and batch normalization."""
    return [lib.conv(inputs, outputs, size, stride, size // 2, groups, bias=False), lib.batch_norm(outputs)]


def resnet50(lib: Layers, classes: int) -> Layer:
    """ResNet-50 as published in 2015: a block's first convolution has the stride, and no zeros surround the pooling."""
    layers = [*conv_bn(lib, 3, 64, 7, 2), lib.relu(), lib.max_pool(3, 2)]
    inputs = 64
    for width, count, stride in (64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2):
        for i in range(count):
            step, outputs = (1 if i else stride), 4 * width
            branch = lib.sequential(*conv_bn(lib, inputs, width, 1, step), lib.relu(),
                                    *conv_bn(lib, width, width, 3), lib.relu(), *conv_bn(lib, width, outputs, 1))
            projection = None if i else lib.sequential(*conv_bn(lib, inputs, outputs, 1, step))
            layers += [lib.residual(branch, projection), lib.relu()]
            inputs = outputs
    return lib.sequential(*layers, lib.mean(), lib.linear(inputs, classes))


def mobilenet_v2(lib: Layers, classes: int) -> Layer:
    """MobileNet v2 of width 1."""
    layers = [*conv_bn(lib, 3, 32, 3, 2), lib.relu6()]
    inputs = 32
    for expansion, outputs, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                              (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            step, width = (1 if i else stride), expansion * inputs
            branch = [*conv_bn(lib, inputs, width, 1), lib.relu6()] if expansion > 1 else []
            branch += [*conv_bn(lib, width, width, 3, step, width), lib.relu6(), *conv_bn(lib, width, outputs, 1)]
            layers += [lib.residual(lib.sequential(*branch))] if step == 1 and inputs == outputs else branch
            inputs = outputs
    return lib.sequential(*layers, *conv_bn(lib, inputs, 1280, 1), lib.relu6(), lib.mean(), lib.dropout(0.2),
                          lib.linear(1280, classes))


def lstm_lm(lib: Layers, classes: int) -> Layer:
    """The medium language model of Zaremba and others, 2014."""
    return lib.language_model(classes, 650, 2)


BUILDERS: dict[str, Callable[[Layers, int], Layer]] = {
    'mlp': mlp, 'lenet': lenet, 'alexnet': alexnet, 'vgg16': vgg16, 'resnet50': resnet50, 'mobilenet_v2': mobilenet_v2,
    'lstm_lm': lstm_lm,
}
