"""What the networks of the zoo that make pictures share."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.config import get_dtype, no_backprop_mode, using_config
from autograd_nn.link import Chain
from autograd_nn.models.preprocessing import DIGITS, Preprocessing
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable

SYMMETRIC = Preprocessing(mean=(.5,), std=(.5,), brightest=1., order='L', crop=1.)
"""Preprocessing of networks whose last layer is a tanh: one channel from -1 to 1."""

SYMMETRIC_COLORS = Preprocessing(mean=(.5, .5, .5), std=(.5, .5, .5), brightest=1., crop=1.)
"""The same with red, green and blue."""


class PictureMaker(Chain):
    """A network whose outputs are pictures.

    Attributes:
        preprocessing: From pictures of values from 0 to 1 to those that the network sees and makes.
    """

    preprocessing: Preprocessing = DIGITS

    def to_pictures(self, y: ArrayLike) -> np.ndarray:
        """Undoes `preprocessing`: a float32 array on the CPU, values from 0 to 1.

        Args:
            y: Pictures as the network sees and makes them, shape (N, C, H, W).
        """
        scale, shift = self.preprocessing.std[0], self.preprocessing.mean[0]
        return np.clip(np.asarray(as_variable(y)).astype(np.float32) * np.float32(scale) + np.float32(shift), 0, 1)


class GenerativeNetwork(PictureMaker):
    """A network that makes pictures of random numbers, its *latents*.

    A subclass says in `generate` how.

    Args:
        shape: Of a picture: channels, height and width.
        latent_size: How many numbers a picture is made of.

    Attributes:
        conditional: Whether classes of pictures are asked for.
    """

    conditional = False

    def __init__(self, shape: tuple[int, ...], latent_size: int) -> None:
        super().__init__()
        self.shape = shape
        self.latent_size = latent_size

    def draw_latents(self, count: int, rng: Any = None) -> Any:
        """Draws latents at random: from the standard normal distribution, unless a subclass knows another one.

        Args:
            count: For how many pictures.
            rng: The random numbers, such as ``numpy.random.default_rng(0)``; by default the global ones.

        Returns:
            An array of shape (count, latent_size), on the network's device.
        """
        rng = rng or self.xp.random
        return self.device.send(rng.standard_normal((count, self.latent_size)).astype(get_dtype()))

    def generate(self, z: ArrayLike, t: ArrayLike | None = None) -> Variable:
        """Makes pictures.

        Args:
            z: Latents, shape (N, latent_size), floating-point.
            t: Of conditional networks the classes, integers of shape (N,).

        Returns:
            Pictures of shape (N, C, H, W), values as `preprocessing` has them.
        """
        raise NotImplementedError

    def make_pictures(self, z: ArrayLike, t: ArrayLike | None = None) -> np.ndarray:
        """Makes pictures in inference, without a graph (see `generate`).

        Returns:
            A float32 array on the CPU, of shape (N, C, H, W), values from 0 to 1.
        """
        with using_config('train', False), no_backprop_mode():
            return self.to_pictures(self.generate(z, t))
