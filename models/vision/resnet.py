"""Chainer's residual networks."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.link import Link
from autograd_nn.models.classification.resnet import Residual, ResNet
from autograd_nn.models.layers.blocks import StagedChain, he_convolution, max_pooling
from autograd_nn.models.vision import pretrained
from autograd_nn.types import InitializerLike, PathLike, Size

SOURCE = 'https://github.com/KaimingHe/deep-residual-networks'


def prepare(image: Any, size: int | tuple[int, int] | None = (224, 224)) -> np.ndarray:
    """Turns a picture into the array that the networks expect (see `pretrained.prepare`)."""
    return pretrained.prepare(ResNet.preprocessing, image, size)


class ResNetLayers(pretrained.PretrainedLayers, ResNet):
    """A residual network of 50, 101 or 152 layers, with the weights of its authors (see `models.ResNet`).

    The first convolution has a bias here, as in Chainer.

    Args:
        pretrained_model: A file of weights: ``.npz`` of Chainer or of this framework, or the published
            ``.caffemodel``. ``'auto'`` takes ``ResNet-50-model`` (101, 152) of one of these kinds from
            ``pfnet/chainer/models`` under ``dataset.get_dataset_root()``. None for weights that are yet to be trained.
        n_layers: 50, 101 or 152.
        downsample_fb: Whether the 3 x 3 convolutions have the strides, as in Facebook's networks, and not the 1 x 1
            convolutions before them.

    Raises:
        OSError: There is no such file; the message says where it comes from.
        ValueError: It is damaged, or does not fit.
    """

    n_layers = 50

    def __init__(self, pretrained_model: PathLike | None, n_layers: int, downsample_fb: bool = False) -> None:
        if n_layers not in (50, 101, 152):
            raise ValueError(f'{type(self).__name__}: expected n_layers of 50, 101 or 152, got {n_layers}')
        super().__init__(n_layers=n_layers, downsample_fb=downsample_fb)
        self.conv1 = he_convolution(64, 7, 2, 3)
        # Chainer's networks differ in their strides only.
        self.preprocessing = ResNet.preprocessing
        self._stages = {**self._stages, 'pool1': [max_pooling(3, 2)]}
        self.published = pretrained.Published(f'resnet{n_layers}', f'ResNet-{n_layers}-model', SOURCE)
        self.load_pretrained(pretrained_model)

    @classmethod
    def convert_caffemodel_to_npz(cls, path_caffemodel: PathLike, path_npz: PathLike,
                                  n_layers: int | None = None) -> None:
        """Converts the published weights to a file that the constructor takes.

        Args:
            path_caffemodel: The ``.caffemodel``.
            path_npz: The ``.npz`` file to write.
            n_layers: The number of layers; that of the class by default.

        Raises:
            OSError: A file cannot be read or written.
            ValueError: The ``.caffemodel`` is damaged, or has the weights of another network.
        """
        model: Any = ResNetLayers(None, cls.n_layers if n_layers is None else n_layers)
        model.load_caffemodel(path_caffemodel)
        serializers.save_npz(path_npz, model, compression=False)


class ResNet50Layers(ResNetLayers):
    """The residual network of 50 layers, by default with the weights of its authors (see `ResNetLayers`).

    Args:
        pretrained_model: A file of weights, ``'auto'`` or None.
        downsample_fb: Where the strides are.

    Example:
        >>> import autograd_nn.links as L
        >>> L.ResNet50Layers(None).available_layers
        ['conv1', 'pool1', 'res2', 'res3', 'res4', 'res5', 'pool5', 'fc6', 'prob']
    """

    n_layers = 50

    def __init__(self, pretrained_model: PathLike | None = 'auto', downsample_fb: bool = False) -> None:
        super().__init__(pretrained_model, 50, downsample_fb)


class ResNet101Layers(ResNetLayers):
    """The residual network of 101 layers, by default with the weights of its authors (see `ResNetLayers`).

    Args:
        pretrained_model: A file of weights, ``'auto'`` or None.
        downsample_fb: Where the strides are.
    """

    n_layers = 101

    def __init__(self, pretrained_model: PathLike | None = 'auto', downsample_fb: bool = False) -> None:
        super().__init__(pretrained_model, 101, downsample_fb)


class ResNet152Layers(ResNetLayers):
    """The residual network of 152 layers, by default with the weights of its authors (see `ResNetLayers`).

    Args:
        pretrained_model: A file of weights, ``'auto'`` or None.
        downsample_fb: Where the strides are.
    """

    n_layers = 152

    def __init__(self, pretrained_model: PathLike | None = 'auto', downsample_fb: bool = False) -> None:
        super().__init__(pretrained_model, 152, downsample_fb)


class BuildingBlock(StagedChain):
    """A row of bottlenecks, ``a``, ``b1``, ``b2`` and so on, of which the first may reduce height and width.

    Args:
        n_layers: The number of bottlenecks.
        in_channels: The number of input channels; None settles it in the first call.
        mid_channels: The number of channels within the bottlenecks.
        out_channels: The number of output channels of each.
        stride: By how much the first one reduces height and width.
        initialW: Initial filters of all convolutions; `LeCunNormal` by default.
        downsample_fb: Where the stride is (see `BottleneckA`).
        n_layer: The old name of `n_layers`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.links.model.vision.resnet import BuildingBlock
        >>> block = BuildingBlock(2, in_channels=3, mid_channels=4, out_channels=8, stride=2)
        >>> block(np.zeros((1, 3, 6, 6), 'f')).shape
        (1, 8, 3, 3)
        >>> [name for name, link in block.namedlinks() if name.count('/') == 1]
        ['/', '/a', '/b1']
    """

    def __init__(self, n_layers: int | None = None, in_channels: int | None = None, mid_channels: int | None = None,
                 out_channels: int | None = None, stride: Size | None = None, initialW: InitializerLike = None,
                 downsample_fb: bool = False, *, n_layer: int | None = None) -> None:
        if n_layer is not None:
            warnings.warn('BuildingBlock: n_layer is deprecated: use n_layers', DeprecationWarning, stacklevel=2)
            n_layers = n_layer
        if n_layers is None or mid_channels is None or out_channels is None or stride is None:
            raise TypeError('BuildingBlock: expected n_layers, mid_channels, out_channels and stride')
        super().__init__()
        self.add_stage('a', BottleneckA(in_channels, mid_channels, out_channels, stride, initialW, downsample_fb))
        for i in range(1, n_layers):
            self.add_stage(f'b{i}', BottleneckB(out_channels, mid_channels, initialW))


class BottleneckA(Residual):
    """A bottleneck, to whose result a projection of its input is added: it may change the shape.

    Args:
        in_channels: The number of input channels; None settles it in the first call.
        mid_channels: The number of channels of its 3 x 3 convolution.
        out_channels: The number of output channels.
        stride: By how much to reduce height and width.
        initialW: Initial filters of all convolutions; `LeCunNormal` by default.
        downsample_fb: Whether the 3 x 3 convolution has the stride, as in Facebook's networks, and not the 1 x 1
            convolution before it.
    """

    def __init__(self, in_channels: int | None, mid_channels: int, out_channels: int, stride: Size = 2,
                 initialW: InitializerLike = None, downsample_fb: bool = False) -> None:
        super().__init__()
        strides = (1, stride) if downsample_fb else (stride, 1)
        self.add_residual(_bottleneck(in_channels, mid_channels, out_channels, strides, initialW))
        conv, bn = _conv_bn(in_channels, out_channels, 1, stride, initialW)
        self.add_stage('shortcut', branch=True, conv4=conv, bn4=bn)


class BottleneckB(Residual):
    """A bottleneck, to whose result its input is added.

    Args:
        in_channels: The number of input and output channels.
        mid_channels: The number of channels of its 3 x 3 convolution.
        initialW: Initial filters of all convolutions; `LeCunNormal` by default.
    """

    def __init__(self, in_channels: int, mid_channels: int, initialW: InitializerLike = None) -> None:
        super().__init__()
        self.add_residual(_bottleneck(in_channels, mid_channels, in_channels, (1, 1), initialW))
        self.add_stage('shortcut', branch=True)


def _bottleneck(in_channels: int | None, mid_channels: int, out_channels: int, strides: tuple[Size, Size],
                initialW: InitializerLike) -> list[tuple[Link, Link]]:
    """Few channels between two convolutions of 1 x 1, the first of which has the first stride."""
    return [_conv_bn(in_channels, mid_channels, 1, strides[0], initialW),
            _conv_bn(mid_channels, mid_channels, 3, strides[1], initialW),
            _conv_bn(mid_channels, out_channels, 1, 1, initialW)]


def _conv_bn(in_channels: int | None, out_channels: int, ksize: int, stride: Size,
             initialW: InitializerLike) -> tuple[Link, Link]:
    return (L.Convolution2D(in_channels, out_channels, ksize, stride, ksize // 2, nobias=True, initialW=initialW),
            L.BatchNormalization(out_channels))
