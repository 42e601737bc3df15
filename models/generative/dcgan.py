"""DCGAN: generator and discriminator made of convolutions; and WGAN-GP, with another distance to make small."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backprop import grad
from autograd_nn.config import no_backprop_mode
from autograd_nn.models.generative.gan import ADVERSARIAL, AdversarialNetwork
from autograd_nn.models.generative.generative_network import SYMMETRIC, SYMMETRIC_COLORS
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.sequential import Sequential
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array

SMALL = initializers.Normal(0.02)


@register('dcgan64', (3, 64, 64), 'adversarial_generation', ADVERSARIAL, shape=(3, 64, 64))
@register('dcgan', (1, 32, 32), 'adversarial_generation',
          Recipe(lr=0.0006, betas=(0.5, 0.999), epochs=30, batch_size=50), shape=(1, 32, 32), width=32)
class DCGAN(AdversarialNetwork):
    """Deep convolutional GAN: strides in place of pooling, batch normalization, rectified units, a tanh at the end.

    6,342,272 parameters for three channels of 64 x 64 pixels and 100 latents, as in Chintala's implementation:
    3,576,704 of the generator and 2,765,568 of the discriminator. Reference: A. Radford, L. Metz, S. Chintala,
    Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks, 2015,
    https://arxiv.org/abs/1511.06434.

    Args:
        shape: Of a picture: channels, height and width, which are equal. They are halved until 4 to 7 pixels are left.
        latent_size: The number of latents.
        width: The number of channels next to the picture; it doubles where sides are halved.

    Raises:
        ValueError: Sides cannot be halved so.

    Example:
        >>> from autograd_nn.models import DCGAN
        >>> model = DCGAN(width=4)
        >>> model.make_pictures(model.draw_latents(3)).shape
        (3, 1, 28, 28)
    """

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 100, width: int = 64) -> None:
        super().__init__(shape, latent_size)
        channels, side = shape[0], shape[1]
        self.preprocessing = SYMMETRIC if channels == 1 else SYMMETRIC_COLORS
        least, halvings = side, 0
        while least % 2 == 0 and least >= 8:
            least, halvings = least // 2, halvings + 1
        if shape[1] != shape[2] or not 4 <= least < 8:
            raise ValueError('DCGAN: expected as many rows as columns, 4 to 7 times a power of two, got pictures of '
                             f'{shape[1]} x {shape[2]}')
        sizes = [width << i for i in range(halvings)]
        with self.init_scope():
            self.generator = make_generator(latent_size, least, sizes[::-1], channels)
            self.discriminator = make_discriminator(channels, sizes, least, self.normalize)

    @staticmethod
    def normalize(channels: int) -> list[Any]:
        """What stands between a convolution of the discriminator and its activation."""
        return [L.BatchNormalization(channels)]

    def generate(self, z: ArrayLike, t: ArrayLike | None = None) -> Variable:
        return self.generator(F.reshape(z, (-1, self.latent_size, 1, 1)))


def make_generator(latent_size: int, least: int, sizes: list[int], channels: int) -> Sequential:
    """Transposed convolutions from latents of shape (N, latent_size, 1, 1) to pictures.

    Args:
        latent_size: The number of latents.
        least: The side of the smallest features.
        sizes: The number of channels of features, from these on.
        channels: Those of pictures.
    """
    layers: list[Any] = [L.Deconvolution2D(latent_size, sizes[0], least, 1, 0, True, initialW=SMALL)]
    for n_in, n_out in zip(sizes, [*sizes[1:], channels]):
        layers += [L.BatchNormalization(n_in), F.relu,
                   L.Deconvolution2D(n_in, n_out, 4, 2, 1, True, initialW=SMALL)]
    return Sequential(*layers, F.tanh)


def make_discriminator(channels: int, sizes: list[int], least: int, normalize: Any) -> Sequential:
    """Convolutions from pictures to one number each, shape (N, 1, 1, 1).

    Args:
        channels: Those of pictures.
        sizes: The number of channels of features, from the picture on.
        least: The side of the smallest ones.
        normalize: What gives, for a number of channels, the layers that stand behind all convolutions but the first and
            the last one.
    """
    layers: list[Any] = []
    for i, (n_in, n_out) in enumerate(zip([channels, *sizes], sizes)):
        layers += [L.Convolution2D(n_in, n_out, 4, 2, 1, True, initialW=SMALL), *(normalize(n_out) if i else []),
                   F.leaky_relu]
    return Sequential(*layers, L.Convolution2D(sizes[-1], 1, least, 1, 0, True, initialW=SMALL))


@register('wgan_gp', (1, 28, 28), 'adversarial_generation',
          Recipe(lr=0.0005, betas=(0.5, 0.9), epochs=20, batch_size=50), width=32)
class WGANGP(DCGAN):
    """WGAN-GP: the discriminator, a *critic* here, estimates how far made pictures are from real ones.

    The Wasserstein distance is the largest difference of the mean scores of real and of made pictures, over all
    critics whose scores change by no more than pictures do. To be one of these, the critic is punished for gradients
    of another length than 1; so it has no batch normalization, with which the score of a picture would depend on
    others. Reference: I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville, Improved Training of Wasserstein
    GANs, 2017, https://arxiv.org/abs/1704.00028.

    Args:
        shape: Of a picture (see `DCGAN`).
        latent_size: The number of latents.
        width: The number of channels next to the picture; it doubles where sides are halved.
        penalty: How much the gradient penalty counts.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import WGANGP
        >>> model = WGANGP(width=4)
        >>> sorted(model.adversary_losses(np.zeros((3, 1, 28, 28), 'f')))
        ['distance', 'loss', 'penalty']
    """

    adversary_steps = 5
    followed = 'distance'

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 100, width: int = 64,
                 penalty: float = 10.) -> None:
        super().__init__(shape, latent_size, width)
        self.penalty = penalty

    @staticmethod
    def normalize(channels: int) -> list[Any]:
        return []

    def adversary_losses(self, x: ArrayLike, t: ArrayLike | None = None) -> dict[str, Variable]:
        """What the critic makes small: ``loss``, which is less than 0 as it is of use, and its parts.

        These are ``distance``, the estimate of the Wasserstein distance, and ``penalty``.
        """
        with no_backprop_mode():
            fake = self.imitate(x, t).array
        distance = F.mean(self.discriminate(x, t)) - F.mean(self.discriminate(fake, t))
        part = self.xp.random.random_sample((len(fake), 1, 1, 1)).astype(fake.dtype)
        penalty = gradient_penalty(self.discriminate, part * as_array(x) + (1 - part) * fake)
        return {'loss': self.penalty * penalty - distance, 'distance': distance, 'penalty': penalty}

    def losses(self, x: ArrayLike, t: ArrayLike | None = None) -> dict[str, Variable]:
        """What the generator makes small: how low its pictures are scored."""
        return {'loss': -F.mean(self.discriminate(self.imitate(x, t), t))}


def gradient_penalty(critic: Any, x: ArrayLike) -> Variable:
    """How far the gradients of a critic's scores are from length 1.

    Args:
        critic: Computes scores of samples, each from that sample alone.
        x: Samples, shape (N, ...), floating-point.

    Returns:
        A scalar, the mean of the squared differences, whose gradients are those of gradients.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import gradient_penalty
        >>> gradient_penalty(lambda x: 3 * x[:, 0] + 4 * x[:, 1], np.zeros((8, 2), 'f'))  # the length is 5
        variable(16., dtype=float32)
    """
    x = Variable(as_array(x))
    gx, = grad([critic(x)], [x], enable_double_backprop=True)
    assert gx is not None
    length = F.sqrt(F.sum(gx * gx, axis=tuple(range(1, gx.ndim))) + 1e-12)
    return F.mean((length - 1) ** 2)
