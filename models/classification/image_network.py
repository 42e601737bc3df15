"""What all networks that classify images have in common."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn import datasets
from autograd_nn.config import config, no_backprop_mode, using_config
from autograd_nn.datasets import transforms
from autograd_nn.models.layers.blocks import StagedChain
from autograd_nn.models.layers.losses import smoothed_cross_entropy
from autograd_nn.models.preprocessing import (
    CAFFE,
    DIGITS,
    ONE_PICTURE,
    Picture,
    Preprocessing,
    as_picture,
    prepare_all,
)
from autograd_nn.sequential import run_layers
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class ImageNetwork(StagedChain):
    """A network that classifies images: stages from the image to the logits.

    A subclass adds its stages in its constructor (see `StagedChain.add_stage`); the last one that is no branch returns
    logits. Sizes that depend on the image are left to the first call, so that images of other sizes and numbers of
    channels than the published ones can be trained on, too.

    Attributes:
        insize: The height and width of the images that it was designed for, in pixels.
        minsize: The least height and width that it can work with.
        preprocessing: How its published weights expect their images.
        label_smoothing: How much of each label the loss spreads evenly over all classes, in training. Reference:
            C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015,
            https://arxiv.org/abs/1512.00567, section 7.
    """

    insize = 224
    minsize = 1
    preprocessing: Preprocessing = CAFFE
    label_smoothing = 0.0

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with, as `links.Classifier` takes it.

        Args:
            y: The logits of the last call, of shape (N, classes).
            t: The labels, integers of shape (N,).

        Returns:
            The softmax cross entropy, a scalar, in training with `label_smoothing`.
        """
        return smoothed_cross_entropy(y, t, self.label_smoothing if config.train else 0.)

    @property
    def available_layers(self) -> list[str]:
        """The names that `extract` knows: those of the stages, and ``'prob'`` for class probabilities."""
        return [*self._stages, 'prob']

    def prepare(self, image: Picture, size: int | tuple[int, int] | None = None) -> np.ndarray:
        """Turns a picture into the array that the published weights expect.

        Args:
            image: A path, a picture of Pillow, or an array of bytes of shape (H, W, 3), (3, H, W) or (H, W).
            size: The height and width of the result, or one number for both; `insize` by default.

        Returns:
            A float32 array of shape (3, height, width).

        Raises:
            OSError: The file is missing or damaged.
            TypeError: `image` is something else, or not of bytes.
            ValueError: It has another shape.
        """
        return self.preprocessing(image, self.insize if size is None else size)

    def extract(self, images: Any, layers: Sequence[str], size: int | tuple[int, int] | None = None,
                ) -> dict[str, Variable]:
        """Computes what stages return, and goes no further than the last one of interest.

        It follows the configuration: for features, switch to test mode and record no graph.

        Args:
            images: An array of shape (N, C, H, W), or a list of pictures, which are prepared (see `prepare`).
            layers: Names out of `available_layers`.
            size: The size to which pictures are prepared.

        Returns:
            For each name what the stage returns.

        Raises:
            OSError: A picture is missing or damaged.
            TypeError: `images` is one picture instead of a list.
            ValueError: There is no stage of that name (the message lists those there are), or there are no pictures.

        Example:
            >>> import numpy as np, autograd_nn as ann
            >>> from autograd_nn.models import SqueezeNet
            >>> with ann.using_config('train', False), ann.no_backprop_mode():
            ...     features = SqueezeNet().extract(np.zeros((1, 3, 64, 64), 'f'), ['conv1', 'fire2'])
            >>> {name: y.shape for name, y in features.items()}
            {'conv1': (1, 64, 31, 31), 'fire2': (1, 128, 15, 15)}
        """
        unknown = [name for name in layers if name not in self.available_layers]
        if unknown:
            raise ValueError(f'extract: {type(self).__name__} has no layer {", ".join(unknown)}; '
                             f'expected some of {", ".join(self.available_layers)}')
        if isinstance(images, (list, tuple, *ONE_PICTURE)):
            images = self.device.send(prepare_all(images, lambda image: self.prepare(image, size)))
        found: dict[str, Variable] = {}
        h = images
        stages = {**self.functions, 'prob': [F.softmax]}
        for name in [*self._stages, 'prob']:
            if len(found) == len(set(layers)):
                break
            if name in layers or name not in self._branches:
                y = run_layers(stages[name], h)
                if name in layers:
                    found[name] = y
                if name not in self._branches:
                    h = y
        return {name: found[name] for name in layers}

    def predict(self, images: Any, size: int | tuple[int, int] | None = None) -> Variable:
        """Computes class probabilities, in test mode and without a graph.

        Args:
            images: An array of shape (N, C, H, W), or a list of pictures, which are prepared (see `prepare`).
            size: The size to which pictures are prepared.

        Returns:
            Probabilities of shape (N, classes).
        """
        with using_config('train', False), no_backprop_mode():
            return self.extract(images, ['prob'], size)['prob']


class DigitNetwork(ImageNetwork):
    """A network that reads handwritten digits: bright strokes on a dark ground, as in MNIST."""

    insize = 28
    preprocessing = DIGITS

    def prepare(self, image: Picture, size: int | tuple[int, int] | None = None) -> np.ndarray:
        """Turns a photograph or a drawing of a digit into one like those of MNIST (see `datasets.prepare_digit`).

        Args:
            image: A path, a picture of Pillow, or an array of bytes of shape (H, W, 3), (3, H, W) or (H, W).
            size: The height and width of the result, or one number for both; 28 by default.

        Returns:
            A float32 array of shape (1, height, width).

        Raises:
            OSError: The file is missing or damaged.
            TypeError: `image` is something else, or not of bytes.
            ValueError: It has another shape.
        """
        digit = datasets.prepare_digit(np.asarray(as_picture(image).convert('L'))[None], np.float32)
        return digit if size is None else transforms.Resize(size)(digit)
