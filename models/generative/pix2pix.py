"""pix2pix: from pictures of one kind to those of another, learned from pairs."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.config import no_backprop_mode
from autograd_nn.link import Chain
from autograd_nn.models.generative.gan import deception_loss, discrimination_loss
from autograd_nn.models.generative.generative_network import SYMMETRIC, SYMMETRIC_COLORS, PictureMaker
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.sequential import Sequential
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

SMALL = initializers.Normal(0.02)
BETAS = 0.5, 0.999


@register('pix2pix', (1, 32, 32), 'picture_translation',
          Recipe(lr=0.001, betas=BETAS, schedule='linear', epochs=2, batch_size=20), shape=(1, 32, 32), width=16,
          halvings=5, patch_halvings=1)
@register('pix2pix256', (3, 256, 256), 'picture_translation',
          Recipe(lr=0.0002, betas=BETAS, schedule='linear', epochs=200, batch_size=1))
class Pix2Pix(PictureMaker):
    """pix2pix: a U-Net makes a picture of another one, and a discriminator looks at patches of both.

    57,182,660 parameters for three channels of 256 x 256 pixels: 54,413,955 of the generator and 2,768,705 of the
    discriminator, whose outputs see 70 x 70 pixels each, as in Zhu and Park's implementation. Reference: P. Isola,
    J.-Y. Zhu, T. Zhou, A. A. Efros, Image-to-Image Translation with Conditional Adversarial Networks, 2016,
    https://arxiv.org/abs/1611.07004.

    Args:
        shape: Of the pictures: channels, height and width.
        width: The number of channels next to the picture; it doubles where sides are halved, up to eight times as many.
        halvings: How often the generator halves sides.
        patch_halvings: How often the discriminator does: 3 for patches of 70 x 70 pixels, 2 for 34, 1 for 16.
        closeness: How much the mean absolute difference from the true picture counts.

    Raises:
        ValueError: Sides cannot be halved so often.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import Pix2Pix
        >>> model = Pix2Pix((1, 32, 32), width=4, halvings=5, patch_halvings=1)
        >>> x = np.zeros((2, 1, 32, 32), 'f')
        >>> model.translate(x).shape, model.discriminate(x, x).shape
        ((2, 1, 32, 32), (2, 1, 14, 14))
    """

    followed = 'loss'

    def __init__(self, shape: tuple[int, ...] = (3, 256, 256), width: int = 64, halvings: int = 8,
                 patch_halvings: int = 3, closeness: float = 100.) -> None:
        super().__init__()
        if any(side % (1 << halvings) for side in shape[1:]):
            raise ValueError(f'Pix2Pix: expected sides that can be halved {halvings} times, got '
                             f'{shape[1]} x {shape[2]}')
        self.shape = shape
        self.closeness = closeness
        self.preprocessing = SYMMETRIC if shape[0] == 1 else SYMMETRIC_COLORS
        with self.init_scope():
            self.generator = SkippingGenerator(shape[0], width, halvings)
            self.discriminator = make_patch_discriminator(2 * shape[0], width, patch_halvings)

    def translate(self, x: ArrayLike) -> Variable:
        """Makes pictures of others, both of shape (N, C, H, W), values as `preprocessing` has them."""
        return self.generator(x)

    def discriminate(self, x: ArrayLike, y: ArrayLike) -> Variable:
        """Computes logits of patches being real.

        Args:
            x: What is to be translated, shape (N, C, H, W), values as `preprocessing` has them.
            y: What it is translated to, of the same shape.

        Returns:
            Shape (N, 1, rows, columns).
        """
        return self.discriminator(F.concat((x, y)))

    def adversary_losses(self, x: ArrayLike, y: ArrayLike) -> dict[str, Variable]:
        """What the discriminator makes small, ``loss``: half of the cross entropy, so that it learns more slowly.

        Args:
            x: Pictures, shape (N, C, H, W).
            y: What they are to be translated to, of the same shape.
        """
        with no_backprop_mode():
            fake = self.translate(x).array
        return {'loss': discrimination_loss(self.discriminate(x, y), self.discriminate(x, fake)) / 2}

    def losses(self, x: ArrayLike, y: ArrayLike) -> dict[str, Variable]:
        """What the generator makes small: ``loss``, and of its parts ``l1``, the mean absolute difference."""
        made = self.translate(x)
        l1 = F.mean(F.absolute(made - y))
        return {'loss': deception_loss(self.discriminate(x, made)) + self.closeness * l1, 'l1': l1}


class SkippingGenerator(Chain):
    """A U-Net that halves sides until hardly anything is left; dropout is its only source of variety.

    Of 8 halvings, the three smallest features on the way up have it; of 5, none.

    Args:
        channels: Those of the pictures.
        width: The number of channels next to the picture.
        halvings: How often sides are halved.
    """

    def __init__(self, channels: int, width: int, halvings: int) -> None:
        super().__init__()
        sizes = [width * min(8, 1 << i) for i in range(halvings)]
        self.halvings = halvings
        self.dropped = max(0, halvings - 5)
        with self.init_scope():
            for i in range(halvings):
                n_in, n_out = (sizes[i - 1] if i else channels), sizes[i]
                inner, last = i < halvings - 1, not i
                setattr(self, f'down{i}', L.Convolution2D(n_in, n_out, 4, 2, 1, True, SMALL))
                if i and inner:
                    setattr(self, f'down{i}_bn', L.BatchNormalization(n_out))
                setattr(self, f'up{i}', L.Deconvolution2D(n_out * (2 if inner else 1), n_in, 4, 2, 1, not last,
                                                          initialW=SMALL))
                if not last:
                    setattr(self, f'up{i}_bn', L.BatchNormalization(n_in))

    def forward(self, x: ArrayLike) -> Variable:
        """Makes pictures of pictures, both of shape (N, C, H, W)."""
        h, seen = x, []
        for i in range(self.halvings):
            h = self[f'down{i}'](F.leaky_relu(h) if i else h)
            if f'down{i}_bn' in self._children:
                h = self[f'down{i}_bn'](h)
            seen.append(h)
        h = seen.pop()
        for i in reversed(range(1, self.halvings)):
            h = self[f'up{i}_bn'](self[f'up{i}'](F.relu(h)))
            if i >= self.halvings - self.dropped:
                h = F.dropout(h)
            h = F.concat((seen.pop(), h))
        return F.tanh(self['up0'](F.relu(h)))


def make_patch_discriminator(channels: int, width: int, halvings: int) -> Sequential:
    """Convolutions from pictures to a number for each patch, shape (N, 1, rows, columns).

    Args:
        channels: Those of two pictures.
        width: The number of channels of the first layer.
        halvings: How often sides are halved.
    """
    sizes = [width * min(8, 1 << i) for i in range(halvings + 1)]
    layers: list[Any] = [L.Convolution2D(channels, sizes[0], 4, 2, 1, initialW=SMALL), F.leaky_relu]
    for i in range(halvings):
        stride = 2 if i < halvings - 1 else 1
        layers += [L.Convolution2D(sizes[i], sizes[i + 1], 4, stride, 1, True, SMALL),
                   L.BatchNormalization(sizes[i + 1]), F.leaky_relu]
    return Sequential(*layers, L.Convolution2D(sizes[-1], 1, 4, 1, 1, initialW=SMALL))

