"""What networks that play make of what they are shown."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.link import Chain
from autograd_nn.variable import Variable, as_array

# The least side of a picture from which the three convolutions leave something.
LEAST = 36


class DenseFeatures(Chain):
    """Two fully connected layers, for observations of one axis.

    Args:
        in_size: The length of an observation.
        units: The number of features.
        activation: What follows each layer.
        initialW: How weights begin.
    """

    def __init__(self, in_size: int, units: int, activation: Callable[[Any], Variable], initialW: Any) -> None:
        super().__init__()
        self.activation = activation
        self.out_size = units
        with self.init_scope():
            self.l1 = L.Linear(in_size, units, initialW=initialW)
            self.l2 = L.Linear(units, units, initialW=initialW)

    def forward(self, x: Any) -> Variable:
        """Computes features, shape (N, units), of observations, shape (N, in_size)."""
        return self.activation(self.l2(self.activation(self.l1(x))))


class PictureFeatures(Chain):
    """The three convolutions and the layer of 512 units that play Atari's games, for pictures of 0 to 255.

    Args:
        shape: The shape of an observation: height, width, channels.
        initialW: How weights begin.
    """

    def __init__(self, shape: tuple[int, ...], initialW: Any) -> None:
        super().__init__()
        self.out_size = 512
        if min(shape[:2]) < LEAST:
            raise ValueError(f'observations are pictures of the shape {shape}; expected at least {LEAST} x {LEAST} '
                             'pixels')
        with self.init_scope():
            self.conv1 = L.Convolution2D(shape[2], 32, 8, stride=4, initialW=initialW)
            self.conv2 = L.Convolution2D(32, 64, 4, stride=2, initialW=initialW)
            self.conv3 = L.Convolution2D(64, 64, 3, initialW=initialW)
            height, width = (((side - 8) // 4 - 2) // 2 - 1 for side in shape[:2])
            self.l4 = L.Linear(64 * height * width, 512, initialW=initialW)

    def forward(self, x: Any) -> Variable:
        """Computes features, shape (N, 512), of observations, shape (N, height, width, channels)."""
        x = as_array(x)
        h: Any = get_array_module(x).ascontiguousarray(x.transpose(0, 3, 1, 2)).astype(np.float32) / 255
        for layer in self.conv1, self.conv2, self.conv3, self.l4:
            h = F.relu(layer(h))
        return h


def make_features(shape: tuple[int, ...], units: int, activation: Callable[[Any], Variable] = F.relu,
                  initialW: Any = None) -> Any:
    """A network of features that suits the shape of observations; it has an `out_size`.

    Args:
        shape: The shape: one axis, or three for pictures.
        units: The number of features where there is one axis.
        activation: What follows layers there.
        initialW: How weights begin; by default as is usual with rectified units.
    """
    initialW = initializers.HeNormal() if initialW is None else initialW
    if len(shape) == 1:
        return DenseFeatures(shape[0], units, activation, initialW)
    if len(shape) == 3:
        return PictureFeatures(tuple(shape), initialW)
    raise ValueError(f'expected observations of one axis, or of three for pictures, got the shape {tuple(shape)}')


class PlayingNetwork(Chain):
    """What networks that play have in common: they say which action they hold for the best.

    A subclass has `score_actions`.
    """

    def score_actions(self, x: Any) -> Variable:
        """Scores of all A actions, shape (N, A), for observations of shape (N, ...)."""
        raise NotImplementedError

    def act(self, observations: np.ndarray) -> np.ndarray:
        """What seems best.

        Args:
            observations: What is shown, on the CPU, shape (N, ...).

        Returns:
            Actions, int64, shape (N,).
        """
        with using_config('train', False), no_backprop_mode():
            scores = self.score_actions(self.device.send(observations))
        return to_cpu(scores.array).argmax(axis=1)
