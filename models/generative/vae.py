"""Variational autoencoders: codes that are distributed as one knows how to draw them."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_nn.distributions as D
import autograd_nn.functions as F
from autograd_nn.config import get_dtype
from autograd_nn.distribution import kl_divergence
from autograd_nn.link import Link
from autograd_nn.models.generative.autoencoder import PictureCoder, perceptron
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Parameter, Variable, as_variable


@register('vae_normal', (1, 28, 28), 'generation', Recipe(epochs=30, batch_size=100))
@register('vae', (1, 28, 28), 'generation', Recipe(epochs=30, batch_size=100), latent_size=8, hidden=(500, 500),
          components=500)
class VAE(PictureCoder):
    """A variational autoencoder: of a picture it says only where its code is likely, and of all codes where they are.

    815,824 parameters for 28 x 28 pixels, 20 latents, one layer of 500 units on either side and the standard normal
    distribution as prior, as in the paper and in Chainer's example (``vae_normal``). Reference: D. P. Kingma,
    M. Welling, Auto-Encoding Variational Bayes, 2013, https://arxiv.org/abs/1312.6114.

    Codes of digits do not lie as a normal distribution has them: between those of different digits is nothing, and what
    is drawn there looks like none. A mixture of distributions that is learned, too, goes where codes are. Reference:
    J. M. Tomczak, M. Welling, VAE with a VampPrior, 2017, https://arxiv.org/abs/1705.07120 (the mixture of Gaussians).

    Args:
        shape: Of a picture: channels, height and width.
        latent_size: The number of latents.
        hidden: The number of units in the layers between, from the picture on.
        components: How many normal distributions the prior is a mixture of; 0 for the standard one alone.
        beta: How much the divergence of codes from the prior counts (I. Higgins et al., beta-VAE, 2017).

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import VAE
        >>> model = VAE(latent_size=2, hidden=[50], components=10)
        >>> model.make_pictures(model.draw_latents(3)).shape
        (3, 1, 28, 28)
        >>> sorted(model.losses(np.zeros((3, 1, 28, 28), 'f')))
        ['kl', 'loss', 'reconstruction']
    """

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 20, hidden: Sequence[int] = (500,),
                 components: int = 0, beta: float = 1.) -> None:
        super().__init__(shape, latent_size)
        self.beta = beta
        self.components = components
        with self.init_scope():
            self.encoder = perceptron(math.prod(shape), *hidden, 2 * latent_size)
            self.decoder = perceptron(latent_size, *reversed(hidden), math.prod(shape))
            if components:
                self.prior = MixturePrior(components, latent_size)

    def draw_latents(self, count: int, rng: Any = None) -> Any:
        return self.prior.draw(count, rng) if self.components else super().draw_latents(count, rng)

    def posterior(self, x: ArrayLike) -> D.Normal:
        """Where codes of pictures are likely: normal distributions of shape (N, latent_size)."""
        mean, log_scale = F.split_axis(self.encoder(x), 2, axis=1)
        return D.Normal(mean, log_scale=log_scale)

    def encode(self, x: ArrayLike) -> Variable:
        return self.posterior(x).loc

    def decode(self, z: ArrayLike) -> Variable:
        return self.decoder(z).reshape((-1, *self.shape))

    def losses(self, x: Any) -> dict[str, Variable]:
        """The negative evidence lower bound in nats, the mean over pictures, and its parts.

        The divergence from a mixture has no formula: of each picture one code is drawn to estimate it.
        """
        posterior = self.posterior(x)
        z = posterior.sample()
        reconstruction = -F.sum(D.Bernoulli(logit=self.decode(z)).log_prob(x)) / len(x)
        if self.components:
            kl = (F.sum(posterior.log_prob(z)) - F.sum(self.prior.log_prob(z))) / len(x)
        else:
            zeros = self.xp.zeros_like(posterior.loc.array)
            kl = F.sum(kl_divergence(posterior, D.Normal(zeros, log_scale=zeros))) / len(x)
        return {'loss': reconstruction + self.beta * kl, 'reconstruction': reconstruction, 'kl': kl}


class MixturePrior(Link):
    """A mixture of normal distributions, all equally likely, that learns where codes are.

    Args:
        components: How many.
        latent_size: The number of latents.

    Example:
        >>> import numpy as np
        >>> prior = MixturePrior(10, 3)
        >>> prior.draw(5).shape, prior.log_prob(np.zeros((5, 3), 'f')).shape
        ((5, 3), (5,))
    """

    def __init__(self, components: int, latent_size: int) -> None:
        super().__init__()
        with self.init_scope():
            self.loc = Parameter(np.random.standard_normal((components, latent_size)).astype(get_dtype()))
            self.log_scale = Parameter(np.full((components, latent_size), -1, get_dtype()))

    def draw(self, count: int, rng: Any = None) -> Any:
        """Draws latents: an array of shape (count, latent_size) (see `GenerativeNetwork.draw_latents`)."""
        rng = rng or self.xp.random
        components, size = self.loc.shape
        chosen = self.device.send((rng.random(count) * components).astype(np.int32))
        noise = self.device.send(rng.standard_normal((count, size)).astype(self.loc.dtype))
        return self.loc.array[chosen] + self.xp.exp(self.log_scale.array[chosen]) * noise

    def log_prob(self, z: ArrayLike) -> Variable:
        """The logarithm of the density at latents of shape (N, latent_size): shape (N,)."""
        components, size = self.loc.shape
        z = as_variable(z)
        precision = F.exp(-2 * self.log_scale)
        # Of each latent and component the squared distance, multiplied out, so that products of matrices do it.
        squares = (F.matmul(z * z, precision, transb=True) - 2 * F.matmul(z, self.loc * precision, transb=True)
                   + F.sum(self.loc * self.loc * precision, axis=1)[None])
        density = -0.5 * squares - F.sum(self.log_scale, axis=1)[None]
        return F.logsumexp(density, axis=1) - (math.log(components) + 0.5 * size * math.log(2 * math.pi))
