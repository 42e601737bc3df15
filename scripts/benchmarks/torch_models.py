"""The networks of the zoo as PyTorch states them: the same layers, the same number of parameters."""
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def mlp(classes: int) -> nn.Module:
    """Two hidden layers of 1000 units."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 1000), nn.ReLU(True), nn.Linear(1000, 1000), nn.ReLU(True),
                         nn.Linear(1000, classes))


def lenet(classes: int) -> nn.Module:
    """LeNet as in Caffe's examples."""
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(800, 500), nn.ReLU(True), nn.Linear(500, classes))


def classifier(inputs: int, classes: int) -> list[nn.Module]:
    """The three fully connected layers of AlexNet and VGG."""
    return [nn.Flatten(), nn.Linear(inputs, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(True),
            nn.Dropout(), nn.Linear(4096, classes)]


def alexnet(classes: int) -> nn.Module:
    """The network of 2012, in two groups, with local response normalization."""
    def norm() -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)

    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), nn.ReLU(True), norm(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(True), norm(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(True),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(True),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        *classifier(256 * 6 * 6, classes))


def vgg16(classes: int) -> nn.Module:
    """VGG's configuration D."""
    layers: list[nn.Module] = []
    channels = 3
    for outputs, count in (64, 2), (128, 2), (256, 3), (512, 3), (512, 3):
        for _ in range(count):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU(True)]
            channels = outputs
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, *classifier(512 * 7 * 7, classes))


def conv_bn(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1,
            activation: nn.Module | None = None) -> list[nn.Module]:
    """A convolution without bias that keeps the size, batch normalization, and an activation."""
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return layers if activation is None else [*layers, activation]


class Residual(nn.Module):
    """Adds what the branch computes to the input, or to its projection, and applies the activation."""

    def __init__(self, branch: list[nn.Module], projection: list[nn.Module] | None = None,
                 activation: nn.Module | None = None) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch)
        self.projection = nn.Sequential(*projection or [])
        self.activation = activation or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.branch(x)
        y += self.projection(x)
        return self.activation(y)


def resnet50(classes: int) -> nn.Module:
    """ResNet-50 as published in 2015: a block's first convolution has the stride, and no zeros surround the pooling."""
    layers = [*conv_bn(3, 64, 7, 2, activation=nn.ReLU(True)), nn.MaxPool2d(3, 2, ceil_mode=True)]
    inputs = 64
    for width, count, stride in (64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2):
        for i in range(count):
            step, outputs = (1 if i else stride), 4 * width
            branch = [*conv_bn(inputs, width, 1, step, activation=nn.ReLU(True)),
                      *conv_bn(width, width, 3, activation=nn.ReLU(True)), *conv_bn(width, outputs, 1)]
            projection = None if inputs == outputs else conv_bn(inputs, outputs, 1, step)
            layers.append(Residual(branch, projection, nn.ReLU(True)))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def mobilenet_v2(classes: int) -> nn.Module:
    """MobileNet v2 of width 1."""
    layers = conv_bn(3, 32, 3, 2, activation=nn.ReLU6(True))
    inputs = 32
    for expansion, outputs, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                              (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            step, width = (1 if i else stride), expansion * inputs
            expand = conv_bn(inputs, width, 1, activation=nn.ReLU6(True)) if expansion > 1 else []
            branch = [*expand, *conv_bn(width, width, 3, step, width, nn.ReLU6(True)), *conv_bn(width, outputs, 1)]
            layers += [Residual(branch)] if step == 1 and inputs == outputs else branch
            inputs = outputs
    return nn.Sequential(*layers, *conv_bn(inputs, 1280, 1, activation=nn.ReLU6(True)), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, classes))


BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    'mlp': mlp, 'lenet': lenet, 'alexnet': alexnet, 'vgg16': vgg16, 'resnet50': resnet50, 'mobilenet_v2': mobilenet_v2,
}
