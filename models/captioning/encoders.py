"""The convolutional networks from whose features captions are written."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.models.classification.googlenet import GoogLeNet
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.classification.resnet import ResNet
from autograd_nn.models.classification.vgg import VGG
from autograd_nn.models.layers.blocks import ConvBN, logits_layer, max_pooling
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable, as_variable


class Encoder(NamedTuple):
    """A network that sees pictures for one that writes.

    Attributes:
        build: Makes the network.
        vector: The stage that returns one vector for a picture.
        map: The stage that returns a vector for each place of a picture.
    """

    build: Callable[[], ImageNetwork]
    vector: str
    map: str


class SceneNet(ImageNetwork):
    """A small network for scenes of some objects: convolutions with batch normalization that know where they are.

    335,770 parameters for 10 classes. Its feature maps of an eighth of the picture's height and width have two channels
    more for the row and the column of each place, without which nothing in them says where something lies. Reference:
    for these, R. Liu et al., An Intriguing Failing of Convolutional Neural Networks and the CoordConv Solution, 2018,
    https://arxiv.org/abs/1807.03247.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import SceneNet
        >>> features = SceneNet().extract(np.zeros((2, 3, 64, 64), 'f'), ['conv6', 'pool7'])
        >>> features['conv6'].shape, features['pool7'].shape
        ((2, 130, 8, 8), (2, 512))
    """

    insize = 64
    minsize = 8
    preprocessing = Preprocessing(mean=(127.5,) * 3, std=(64.,) * 3)

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.add_stage('conv1', ConvBN(16, 5, 2))
        self.add_stage('conv2', ConvBN(32, 3))
        self.add_stage('pool2', max_pooling(2))
        self.add_stage('conv3', ConvBN(64, 3))
        self.add_stage('pool3', max_pooling(2))
        self.add_stage('conv4', ConvBN(128, 3))
        self.add_stage('conv5', ConvBN(128, 3), with_coordinates)
        self.add_stage('conv6', ConvBN(128, 1), with_coordinates)
        # What is where, whatever else there is: each of these channels looks for one thing at some places.
        self.add_stage('conv7', ConvBN(512, 1))
        self.add_stage('pool7', global_max_pooling)
        self.add_stage('fc8', logits_layer(num_classes))


def global_max_pooling(x: ArrayLike) -> Variable:
    """The maximum of each channel: from shape (N, C, H, W) to (N, C)."""
    return F.max(x, axis=(2, 3))


def with_coordinates(x: ArrayLike, most: float = 4.) -> Variable:
    """Adds two channels: the row and the column of each place.

    Args:
        x: Features of shape (N, C, H, W).
        most: The largest coordinates; the least are as far below 0. Two channels among many count only if they vary
            more than the others do.

    Returns:
        Features of shape (N, C + 2, H, W).

    Example:
        >>> import numpy as np
        >>> with_coordinates(np.zeros((1, 1, 2, 3), 'f'), most=1).array[0, 1:]
        array([[[-1., -1., -1.],
                [ 1.,  1.,  1.]],
               [[-1.,  0.,  1.],
                [-1.,  0.,  1.]]], dtype=float32)
    """
    x = as_variable(x)
    N, _, H, W = x.shape
    return F.concat([x, x.xp.broadcast_to(coordinates(x.array, most), (N, 2, H, W))])


def coordinates(x: Array, most: float = 4.) -> Array:
    """The rows and columns of the places of features (N, C, H, W), from -`most` to `most`: shape (2, H, W)."""
    rows, columns = (np.linspace(-most, most, n, dtype=x.dtype) for n in x.shape[2:])
    return get_array_module(x).asarray(np.stack(np.meshgrid(rows, columns, indexing='ij')))


def what_and_where(x: Variable) -> Variable:
    """The maximum of each channel, and where it is large: the middle of its places, each weighted by its value.

    Args:
        x: Features of shape (N, C, H, W), not negative. Where all of a channel is near 0 the middle is that of the map.

    Returns:
        The maxima, the rows and the columns, the last two from -4 to 4, of shape (N, 3 C).

    Example:
        >>> x = np.zeros((1, 2, 3, 3), 'f')
        >>> x[0, 1, 0, 2] = 1e6
        >>> np.rint(what_and_where(as_variable(x)).array).astype(int)
        array([[      0, 1000000,       0,      -4,       0,       4]])
    """
    N, C, H, W = x.shape
    places = x.reshape(N * C, H * W)
    masses = F.matmul(places, coordinates(x.array).reshape(2, H * W).T)
    middles = (masses / F.broadcast_to(1 + F.sum(places, axis=1, keepdims=True), masses.shape)).reshape(N, C, 2)
    return F.concat([F.max(places, axis=1).reshape(N, C), middles[:, :, 0], middles[:, :, 1]])


ENCODERS = {
    'scenes': Encoder(SceneNet, 'pool7', 'conv6'),
    'vgg16': Encoder(partial(VGG, n_layers=16), 'fc7', 'conv5_3'),
    'resnet50': Encoder(partial(ResNet, n_layers=50), 'pool5', 'res5'),
    'googlenet': Encoder(GoogLeNet, 'pool5', 'inception_5b'),
}


def make_encoder(name: str, places: bool) -> tuple[ImageNetwork, str]:
    """A network that sees pictures, without what classifies them.

    Args:
        name: One of `ENCODERS`.
        places: Whether it is to return a vector for each place of a picture, and not one for all of it.

    Returns:
        The network, and the stage to `extract` from it: its last one.

    Raises:
        ValueError: There is no such network.
    """
    if name not in ENCODERS:
        raise ValueError(f'encoder: expected one of {", ".join(ENCODERS)}; got {name!r}')
    encoder = ENCODERS[name]
    network, stage = encoder.build(), encoder.map if places else encoder.vector
    network.cut(stage)
    return network, stage
