"""What networks that play make of what they are shown."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.link import Chain
from autograd_nn.variable import Variable, as_array

# The least side of a picture of which the three convolutions leave something.
LEAST = 36


def spread_layer(in_size: int, out_size: int) -> L.Linear:
    """A fully connected layer whose weights and biases begin evenly spread from -1 to 1, divided by sqrt(in_size).

    With rectified units it matters that biases do: were they 0, all units would have their bend at the origin, and the
    origin is where a good player stays.
    """
    spread = initializers.Uniform(in_size ** -0.5)
    return L.Linear(in_size, out_size, initialW=spread, initial_bias=spread)


class DenseFeatures(Chain):
    """A fully connected layer of rectified units, for observations of one axis.

    Args:
        in_size: The length of an observation.
        units: The number of features.
    """

    def __init__(self, in_size: int, units: int) -> None:
        super().__init__()
        self.out_size = self.hidden_size = units
        with self.init_scope():
            self.l1 = spread_layer(in_size, units)

    def forward(self, x: Any) -> Variable:
        """Computes features, shape (N, units), of observations, shape (N, in_size)."""
        return F.relu(self.l1(x))


class PictureFeatures(Chain):
    """The three convolutions of networks that play Atari's games, for pictures whose values are from 0 to 255.

    Args:
        shape: The shape of an observation: height, width, channels.

    Raises:
        ValueError: It has not three axes, or is too small.
    """

    hidden_size = 512

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        if len(shape) != 3:
            raise ValueError(f'expected observations of one axis, or of three for pictures, got the shape '
                             f'{tuple(shape)}')
        if min(shape[:2]) < LEAST:
            raise ValueError(f'observations are pictures of the shape {tuple(shape)}; expected at least {LEAST} x '
                             f'{LEAST} pixels')
        height, width = (((side - 8) // 4 - 3) // 2 - 1 for side in shape[:2])
        self.out_size = 64 * height * width
        initialW = initializers.HeNormal()
        with self.init_scope():
            self.conv1 = L.Convolution2D(shape[2], 32, 8, stride=4, initialW=initialW)
            self.conv2 = L.Convolution2D(32, 64, 4, stride=2, initialW=initialW)
            self.conv3 = L.Convolution2D(64, 64, 3, initialW=initialW)

    def forward(self, x: Any) -> Variable:
        """Computes features, shape (N, out_size), of observations, shape (N, height, width, channels)."""
        x = as_array(x)
        h: Any = get_array_module(x).ascontiguousarray(x.transpose(0, 3, 1, 2)).astype(np.float32) / 255
        for layer in self.conv1, self.conv2, self.conv3:
            h = F.relu(layer(h))
        return F.reshape(h, (len(h), self.out_size))


def make_features(shape: tuple[int, ...], units: int) -> Any:
    """What suits the shape of observations; it has an `out_size`, and the `hidden_size` of the layer that follows.

    Args:
        shape: The shape: one axis, or three for pictures.
        units: Both sizes where there is one axis.

    Raises:
        ValueError: It is another shape.
    """
    return DenseFeatures(shape[0], units) if len(shape) == 1 else PictureFeatures(shape)


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
