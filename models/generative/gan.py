"""Generative adversarial networks: one network makes pictures, and another one tells them from real ones."""
from __future__ import annotations

import math
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backprop import grad
from autograd_nn.config import no_backprop_mode
from autograd_nn.link import Chain
from autograd_nn.models.generative.generative_network import GenerativeNetwork
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.sequential import Sequential
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array

ADVERSARIAL = Recipe(lr=0.0004, betas=(0.5, 0.999), epochs=30, batch_size=100)
FULLY_CONNECTED = Recipe(lr=0.0003, betas=(0.5, 0.999), epochs=15, batch_size=50)


def discrimination_loss(real: Variable, fake: Variable) -> Variable:
    """What a discriminator makes small: the cross entropy of real pictures being real, and of made ones being made.

    Args:
        real: Logits of real pictures being real, shape (N, ...).
        fake: Logits of made ones being real, shape (M, ...).

    Returns:
        A scalar, the sum of two means; 2 ln(2) where nothing is known.
    """
    return F.mean(F.softplus(-real)) + F.mean(F.softplus(fake))


def deception_loss(fake: Variable) -> Variable:
    """What a generator makes small: the cross entropy of its pictures being real, the "non-saturating" loss.

    Args:
        fake: Logits of its pictures being real, shape (N, ...).

    Returns:
        A scalar, a mean.
    """
    return F.mean(F.softplus(-fake))


class AdversarialNetwork(GenerativeNetwork):
    """A network that makes pictures, and its adversary.

    A subclass adds the children `generator` and `discriminator`, which take what `generate` and `discriminate` say.

    Attributes:
        adversary_steps: How many updates of the discriminator there are to one of the generator.
        followed: Which of the `adversary_losses` says how the training goes.
        penalty: How much the steepness of the discriminator counts (see `adversary_losses`).
    """

    adversary_steps = 1
    penalty = 0.
    followed = 'loss'
    generator: Any
    discriminator: Any

    def generate(self, z: ArrayLike, t: ArrayLike | None = None) -> Variable:
        return self.generator(z)

    def discriminate(self, x: ArrayLike, t: ArrayLike | None = None) -> Variable:
        """Computes logits of pictures being real.

        Args:
            x: Pictures of shape (N, C, H, W), values as `preprocessing` has them.
            t: Of conditional networks the classes, integers of shape (N,).
        """
        return self.discriminator(x)

    def imitate(self, x: ArrayLike, t: ArrayLike | None = None) -> Variable:
        """As many new pictures as there are in `x`, of the same classes, of latents drawn at random."""
        return self.generate(self.draw_latents(len(x)), t)

    def adversary_losses(self, x: ArrayLike, t: ArrayLike | None = None) -> dict[str, Variable]:
        """What the discriminator makes small, ``loss``, and its parts.

        With a `penalty` there is ``steepness``: the mean squared length of the gradients of its logits at real
        pictures. Where it is small, a generator that has come near some pictures is not kept from the others.
        Reference: L. Mescheder, A. Geiger, S. Nowozin, Which Training Methods for GANs do actually Converge?, 2018,
        https://arxiv.org/abs/1801.04406 (half of their "gamma" is `penalty`).

        Args:
            x: Real pictures, shape (N, C, H, W), values as `preprocessing` has them.
            t: Their classes, integers of shape (N,).
        """
        with no_backprop_mode():
            fake = self.imitate(x, t).array
        x = Variable(as_array(x), requires_grad=bool(self.penalty))
        real = self.discriminate(x, t)
        loss = discrimination_loss(real, self.discriminate(fake, t))
        if not self.penalty:
            return {'loss': loss}
        gx, = grad([real], [x], enable_double_backprop=True)
        assert gx is not None
        steepness = F.sum(gx * gx) / len(x)
        return {'loss': loss + self.penalty * steepness, 'steepness': steepness}

    def losses(self, x: ArrayLike, t: ArrayLike | None = None) -> dict[str, Variable]:
        """What the generator makes small, ``loss``, and its parts (see `adversary_losses`)."""
        return {'loss': deception_loss(self.discriminate(self.imitate(x, t), t))}


def drop(h: ArrayLike) -> Variable:
    """Drops units of a discriminator at random."""
    return F.dropout(h, 0.3)


class NormalizedLinear(Chain):
    """A fully connected layer with batch normalization before the bias, which has as many parameters as one without.

    Generators of fully connected layers need it: without, the pictures of all latents soon show the same digit.

    Args:
        in_size: The number of inputs.
        out_size: The number of outputs.
        use_beta: Whether there is a bias.
    """

    def __init__(self, in_size: int, out_size: int, use_beta: bool = True) -> None:
        super().__init__()
        with self.init_scope():
            self.linear = L.Linear(in_size, out_size, nobias=True, initialW=initializers.HeNormal())
            self.normalization = L.BatchNormalization(out_size, use_gamma=False, use_beta=use_beta)

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, in_size)."""
        return self.normalization(self.linear(x))


@register('gan', (1, 28, 28), 'adversarial_generation', FULLY_CONNECTED)
class GAN(AdversarialNetwork):
    """The first generative adversarial network: fully connected layers, and maxout units in the discriminator.

    3,735,425 parameters for 28 x 28 pixels and 100 latents, the sizes that the paper had for MNIST: 2,503,984 of the
    generator, with two layers of 1,200 rectified units, and 1,231,441 of the discriminator, with two of 240 maxout
    units of 5 pieces. Reference: I. J. Goodfellow et al., Generative Adversarial Nets, 2014,
    https://arxiv.org/abs/1406.2661.

    Unlike there, the generator has batch normalization, with the biases that it had before; the discriminator has a
    `penalty`, drops 0.3 of its units in place of half, and no pixels.

    Args:
        shape: Of a picture: channels, height and width.
        latent_size: The number of latents.
        hidden: The number of units in both layers of the generator.
        units: The number of units in both layers of the discriminator.
        penalty: How much the steepness of the discriminator counts (see `adversary_losses`).

    Example:
        >>> from autograd_nn.models import GAN
        >>> model = GAN(hidden=30, units=20)
        >>> model.make_pictures(model.draw_latents(3)).shape
        (3, 1, 28, 28)
    """

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 100, hidden: int = 1200,
                 units: int = 240, penalty: float = 0.5) -> None:
        super().__init__(shape, latent_size)
        self.penalty = penalty
        pixels = math.prod(shape)
        with self.init_scope():
            self.generator = Sequential(
                NormalizedLinear(latent_size, hidden), F.relu, NormalizedLinear(hidden, hidden), F.relu,
                L.Linear(hidden, pixels), F.sigmoid)
            self.discriminator = Sequential(
                L.Maxout(pixels, units, 5), drop, L.Maxout(units, units, 5), drop, L.Linear(units, 1))

    def generate(self, z: ArrayLike, t: ArrayLike | None = None) -> Variable:
        return self.generator(z).reshape((-1, *self.shape))


@register('cgan', (1, 28, 28), 'adversarial_generation', FULLY_CONNECTED)
class ConditionalGAN(AdversarialNetwork):
    """A conditional GAN: both networks know the class, so that one can be asked for.

    3,638,335 parameters for 28 x 28 pixels, 10 classes and 100 latents, as in the paper for MNIST. Reference:
    M. Mirza, S. Osindero, Conditional Generative Adversarial Nets, 2014, https://arxiv.org/abs/1411.1784. What
    differs from the paper is what differs in `GAN`; and in the joint layer of the generator, latents and class are
    normalized each by itself.

    Args:
        shape: Of a picture: channels, height and width.
        latent_size: The number of latents.
        num_classes: The number of classes.
        width: What the numbers of units are multiplied by.
        penalty: How much the steepness of the discriminator counts (see `adversary_losses`).

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import ConditionalGAN
        >>> model = ConditionalGAN(width=0.1)
        >>> model.make_pictures(model.draw_latents(2), np.array([3, 7])).shape
        (2, 1, 28, 28)
    """

    conditional = True

    def __init__(self, shape: tuple[int, ...] = (1, 28, 28), latent_size: int = 100, num_classes: int = 10,
                 width: float = 1., penalty: float = 0.5) -> None:
        super().__init__(shape, latent_size)
        self.penalty = penalty
        self.num_classes = num_classes
        with self.init_scope():
            self.generator = ClassGenerator(math.prod(shape), latent_size, num_classes, width)
            self.discriminator = ClassDiscriminator(math.prod(shape), num_classes, width)

    def one_hot(self, t: ArrayLike | None) -> Any:
        """Rows with a 1 in the place of each class, shape (N, num_classes)."""
        if t is None:
            raise ValueError('ConditionalGAN: expected the classes of pictures, got None')
        return (as_array(t)[:, None] == self.xp.arange(self.num_classes)).astype(self.generator.out.W.dtype)

    def generate(self, z: ArrayLike, t: ArrayLike | None = None) -> Variable:
        return self.generator(z, self.one_hot(t)).reshape((-1, *self.shape))

    def discriminate(self, x: ArrayLike, t: ArrayLike | None = None) -> Variable:
        return self.discriminator(x, self.one_hot(t))


class ClassGenerator(Chain):
    """The generator of `ConditionalGAN`.

    Args:
        pixels: The number of outputs.
        latent_size: The number of latents.
        num_classes: The number of classes.
        width: What the numbers of units are multiplied by.
    """

    def __init__(self, pixels: int, latent_size: int, num_classes: int, width: float = 1.) -> None:
        super().__init__()
        of_z, of_class, joint = (round(width * size) for size in (200, 1000, 1200))
        with self.init_scope():
            self.z = NormalizedLinear(latent_size, of_z)
            self.t = L.Linear(num_classes, of_class, initialW=initializers.HeNormal())
            # A layer of both, in which what either adds is normalized by itself, so that neither drowns the other.
            self.joint_z = NormalizedLinear(of_z, joint)
            self.joint_t = NormalizedLinear(of_class, joint, use_beta=False)
            self.out = L.Linear(joint, pixels)

    def forward(self, z: ArrayLike, t: ArrayLike) -> Variable:
        """Computes pixels from 0 to 1, shape (N, pixels), from latents and the rows of `ConditionalGAN.one_hot`."""
        h = self.joint_z(F.relu(self.z(z))) + self.joint_t(F.relu(self.t(t)))
        return F.sigmoid(self.out(F.relu(h)))


class ClassDiscriminator(Chain):
    """The discriminator of `ConditionalGAN`.

    Args:
        pixels: The number of inputs.
        num_classes: The number of classes.
        width: What the numbers of units are multiplied by.
    """

    def __init__(self, pixels: int, num_classes: int, width: float = 1.) -> None:
        super().__init__()
        of_x, of_class = (round(width * size) for size in (240, 50))
        with self.init_scope():
            self.x = L.Maxout(pixels, of_x, 5)
            # Large, so that the class chooses which of the joint pieces is the largest.
            self.t = L.Maxout(num_classes, of_class, 5, initialW=initializers.Normal(1.))
            self.joint = L.Maxout(of_x + of_class, of_x, 4)
            self.out = L.Linear(of_x, 1)

    def forward(self, x: ArrayLike, t: ArrayLike) -> Variable:
        """Computes logits, shape (N, 1), of pictures being real, from them and the rows of `ConditionalGAN.one_hot`."""
        return self.out(drop(self.joint(F.concat((drop(self.x(x)), self.t(t))))))
