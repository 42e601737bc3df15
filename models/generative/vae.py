"""Variational autoencoders: codes that are distributed as one knows how to draw them."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import autograd_nn.distributions as D
import autograd_nn.functions as F
from autograd_nn.distribution import kl_divergence
from autograd_nn.models.generative.autoencoder import PictureCoder, perceptron
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


@register('vae', (1, 28, 28), 'generation', Recipe(epochs=40, batch_size=100))
class VAE(PictureCoder):
    """A variational autoencoder: of a picture's code it says only where it is likely, and all codes are likely as one.

    815,824 parameters for 28 x 28 pixels, 20 latents and one layer of 500 units, as in Chainer's example and the
    paper. Reference: D. P. Kingma, M. Welling, Auto-Encoding Variational Bayes, 2013, https://arxiv.org/abs/1312.6114.

    Args:
        shape: Of a picture: channels, height and width.
        latent_size: The number of latents.
        hidden: The number of units in the layers between, from the picture on.
        beta: How much the divergence of codes from the standard normal distribution counts (I. Higgins et al.,
            beta-VAE, 2017).

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import VAE
        >>> model = VAE(latent_size=2, hidden=[50])
        >>> model.make_pictures(model.draw_latents(3)).shape
        (3, 1, 28, 28)
        >>> sorted(model.losses(np.zeros((3, 1, 28, 28), 'f')))
        ['kl', 'loss', 'reconstruction']
    """

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 20, hidden: Sequence[int] = (500,),
                 beta: float = 1.) -> None:
        super().__init__(shape, latent_size)
        self.beta = beta
        with self.init_scope():
            self.encoder = perceptron(math.prod(shape), *hidden, 2 * latent_size)
            self.decoder = perceptron(latent_size, *reversed(hidden), math.prod(shape))

    def posterior(self, x: ArrayLike) -> D.Normal:
        """Where codes of pictures are likely: normal distributions of shape (N, latent_size)."""
        mean, log_scale = F.split_axis(self.encoder(x), 2, axis=1)
        return D.Normal(mean, log_scale=log_scale)

    def encode(self, x: ArrayLike) -> Variable:
        return self.posterior(x).loc

    def decode(self, z: ArrayLike) -> Variable:
        return self.decoder(z).reshape((-1, *self.shape))

    def losses(self, x: Any) -> dict[str, Variable]:
        """The negative evidence lower bound in nats, its mean over pictures, and its parts."""
        posterior = self.posterior(x)
        reconstruction = -F.sum(D.Bernoulli(logit=self.decode(posterior.sample())).log_prob(x)) / len(x)
        prior = D.Normal(self.xp.zeros_like(posterior.loc.array), self.xp.ones_like(posterior.loc.array))
        kl = F.sum(kl_divergence(posterior, prior)) / len(x)
        return {'loss': reconstruction + self.beta * kl, 'reconstruction': reconstruction, 'kl': kl}
