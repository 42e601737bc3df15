"""Autoencoders: pictures through a narrow place and back."""
from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.models.generative.generative_network import GenerativeNetwork
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.sequential import Sequential
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class PictureCoder(GenerativeNetwork):
    """A network that makes codes of pictures, and pictures of codes.

    A subclass adds `encode`, `decode` and `losses`.
    """

    def encode(self, x: ArrayLike) -> Variable:
        """Computes codes, shape (N, latent_size), of pictures of shape (N, C, H, W)."""
        raise NotImplementedError

    def decode(self, z: ArrayLike) -> Variable:
        """Computes logits of pixels, shape (N, C, H, W), from codes of shape (N, latent_size)."""
        raise NotImplementedError

    def generate(self, z: ArrayLike, t: ArrayLike | None = None) -> Variable:
        return F.sigmoid(self.decode(z))

    def see(self, x: Any) -> Any:
        """What `encode` sees of pictures while the network learns, an array of shape (N, C, H, W)."""
        return x

    def reconstruct(self, x: ArrayLike) -> Variable:
        """Makes pictures of the codes of pictures, shape (N, C, H, W), values from 0 to 1."""
        return self.generate(self.encode(x))

    def losses(self, x: Any) -> dict[str, Variable]:
        """What is to become small for an array of pictures, shape (N, C, H, W): ``loss`` and its parts."""
        raise NotImplementedError


@register('autoencoder', (1, 28, 28), 'autoencoding', Recipe(epochs=15, batch_size=100))
class Autoencoder(PictureCoder):
    """A deep autoencoder: pictures become a few numbers, and these become pictures again.

    2,837,314 parameters for 28 x 28 pixels and 30 numbers: the layers of Hinton and Salakhutdinov, with rectified
    units, which need no pretraining. Reference: G. E. Hinton, R. R. Salakhutdinov, Reducing the Dimensionality of Data
    with Neural Networks, Science, 2006.

    Args:
        shape: Of a picture: channels, height and width.
        latent_size: How many numbers a picture becomes.
        hidden: The number of units in the layers between, from the picture on.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import Autoencoder
        >>> model = Autoencoder(latent_size=2, hidden=(50, 20))
        >>> x = np.zeros((3, 1, 28, 28), 'f')
        >>> model.encode(x).shape, model.reconstruct(x).shape
        ((3, 2), (3, 1, 28, 28))
    """

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 30,
                 hidden: Sequence[int] = (1000, 500, 250)) -> None:
        super().__init__(shape, latent_size)
        with self.init_scope():
            self.encoder = perceptron(math.prod(shape), *hidden, latent_size)
            self.decoder = perceptron(latent_size, *reversed(hidden), math.prod(shape))

    def encode(self, x: ArrayLike) -> Variable:
        return self.encoder(x)

    def decode(self, z: ArrayLike) -> Variable:
        return self.decoder(z).reshape((-1, *self.shape))

    def losses(self, x: Any) -> dict[str, Variable]:
        """The cross entropy of a picture's pixels: their sum, the mean over pictures."""
        return {'loss': F.bernoulli_nll(x, self.decode(self.encode(self.see(x)))) / len(x)}


@register('denoising_autoencoder', (1, 28, 28), 'autoencoding', Recipe(epochs=15, batch_size=100))
class DenoisingAutoencoder(Autoencoder):
    """An autoencoder that learns to see what is behind noise: pixels that are black or white by chance.

    2,837,314 parameters, as those of `Autoencoder`. Reference: P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol,
    Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008; with salt-and-pepper noise: the
    same and I. Lajoie, Stacked Denoising Autoencoders, 2010.

    Args:
        shape: Of a picture: channels, height and width.
        latent_size: How many numbers a picture becomes.
        hidden: The number of units in the layers between, from the picture on.
        noise: The part of the pixels that become black or white.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import DenoisingAutoencoder
        >>> model = DenoisingAutoencoder(hidden=(50, 20), noise=0.5)
        >>> seen = model.see(np.full((4, 1, 28, 28), 0.5, 'f'))
        >>> bool(0.4 < (seen == 0.5).mean() < 0.6)
        True
    """

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 30,
                 hidden: Sequence[int] = (1000, 500, 250), noise: float = 0.3) -> None:
        super().__init__(shape, latent_size, hidden)
        self.noise = noise

    def see(self, x: Any) -> Any:
        chance = self.xp.random.random_sample(x.shape)
        seen = x.copy()
        seen[chance < self.noise] = 1
        seen[chance < self.noise / 2] = 0
        return seen


def perceptron(*sizes: int) -> Sequential:
    """Fully connected layers with rectified units between them.

    Args:
        sizes: The number of inputs, of the units of each layer, and of outputs.
    """
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        layers += [L.Linear(n_in, n_out, initialW=initializers.HeNormal()), F.relu]
    return Sequential(*layers[:-1])
