"""Chainer's VGG networks."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.models.classification.vgg import VGG
from autograd_nn.models.preprocessing import CAFFE
from autograd_nn.models.vision import pretrained
from autograd_nn.types import PathLike

SOURCE = 'https://www.robots.ox.ac.uk/~vgg/research/very_deep'


def prepare(image: Any, size: int | tuple[int, int] | None = (224, 224)) -> np.ndarray:
    """Turns a picture into the array that the networks expect (see `pretrained.prepare`)."""
    return pretrained.prepare(CAFFE, image, size)


class VGGLayers(pretrained.PretrainedLayers, VGG):
    """A VGG network of 16 or 19 layers, by default with the weights of its authors (see `models.VGG`).

    Args:
        pretrained_model: A file of weights: ``.npz`` of Chainer or of this framework, or the published
            ``.caffemodel``. ``'auto'`` takes ``VGG_ILSVRC_16_layers`` (or 19) of one of these kinds from
            ``pfnet/chainer/models`` under ``dataset.get_dataset_root()``. None for weights that are yet to be trained.
        n_layers: 16 or 19.

    Raises:
        OSError: There is no such file; the message says where it comes from.
        ValueError: It is damaged, or does not fit.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> model = L.VGG16Layers(None)
        >>> picture = np.zeros((40, 60, 3), np.uint8)
        >>> with ann.using_config('train', False), ann.no_backprop_mode():
        ...     features = model.extract([picture], ['conv1_2', 'pool3'], size=(64, 32))
        >>> {name: y.shape for name, y in features.items()}
        {'conv1_2': (1, 64, 32, 64), 'pool3': (1, 256, 4, 8)}
    """

    features = ('fc7',)

    def __init__(self, pretrained_model: PathLike | None = 'auto', n_layers: int = 16) -> None:
        if n_layers not in (16, 19):
            raise ValueError(f'{type(self).__name__}: expected n_layers of 16 or 19, got {n_layers}')
        super().__init__(n_layers=n_layers)
        self.published = pretrained.Published(f'vgg{n_layers}', f'VGG_ILSVRC_{n_layers}_layers', SOURCE)
        self.load_pretrained(pretrained_model)


class VGG16Layers(VGGLayers):
    """The VGG network of 16 layers, by default with the weights of its authors (see `VGGLayers`).

    Args:
        pretrained_model: A file of weights, ``'auto'`` or None.
    """

    def __init__(self, pretrained_model: PathLike | None = 'auto') -> None:
        super().__init__(pretrained_model, 16)


class VGG19Layers(VGGLayers):
    """The VGG network of 19 layers, by default with the weights of its authors (see `VGGLayers`).

    Args:
        pretrained_model: A file of weights, ``'auto'`` or None.
    """

    def __init__(self, pretrained_model: PathLike | None = 'auto') -> None:
        super().__init__(pretrained_model, 19)
