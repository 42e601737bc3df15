"""Chainer's residual networks."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn import serializers
from autograd_nn.models.classification.resnet import ResNet
from autograd_nn.models.layers.blocks import he_convolution, max_pooling
from autograd_nn.models.vision import pretrained
from autograd_nn.types import PathLike

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
