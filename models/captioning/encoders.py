"""The convolutional networks from whose features captions are written."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

import autograd_nn.functions as F
from autograd_nn.models.classification.googlenet import GoogLeNet
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.classification.resnet import ResNet
from autograd_nn.models.classification.vgg import VGG
from autograd_nn.models.layers.blocks import ConvBN, logits_layer, max_pooling
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.types import ArrayLike
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

    535,450 parameters for 10 classes. Its feature maps of an eighth of the picture's height and width have two channels
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
        self.add_stage('conv6', ConvBN(128, 3), with_coordinates)
        # What is where, whatever else there is: each of these channels looks for one thing at some places.
        self.add_stage('whole7', with_whole)
        self.add_stage('conv7', ConvBN(512, 1))
        self.add_stage('pool7', global_max_pooling)
        self.add_stage('fc8', logits_layer(num_classes))


def global_max_pooling(x: ArrayLike) -> Variable:
    """The maximum of each channel: from shape (N, C, H, W) to (N, C)."""
    return F.max(x, axis=(2, 3))


def with_whole(x: ArrayLike) -> Variable:
    """Tells each place what there is anywhere: from shape (N, C, H, W) to (N, 2 C, H, W), the maxima behind the rest."""
    x = as_variable(x)
    return F.concat([x, F.broadcast_to(F.max(x, axis=(2, 3), keepdims=True), x.shape)])


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
    rows, columns = (np.linspace(-most, most, n, dtype=x.dtype) for n in (H, W))
    places = x.xp.asarray(np.stack(np.meshgrid(rows, columns, indexing='ij')))
    return F.concat([x, x.xp.broadcast_to(places, (N, 2, H, W))])


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
