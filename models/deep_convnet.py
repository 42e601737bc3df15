"""The deep convolutional network of a well-known textbook's eighth chapter."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd_nn.models.registry import register

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Chain
from autograd_nn.variable import Variable


@register('deep_convnet', input_shape=(1, 28, 28))
class DeepConvNet(Chain):
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
        he = initializers.HeNormal()
        with self.init_scope():
            self.conv1 = L.Convolution2D(None, 16, 3, pad=1, initialW=he)
            self.conv2 = L.Convolution2D(16, 16, 3, pad=1, initialW=he)
            self.conv3 = L.Convolution2D(16, 32, 3, pad=1, initialW=he)
            self.conv4 = L.Convolution2D(32, 32, 3, pad=2, initialW=he)
            self.conv5 = L.Convolution2D(32, 64, 3, pad=1, initialW=he)
            self.conv6 = L.Convolution2D(64, 64, 3, pad=1, initialW=he)
            self.fc7 = L.Linear(None, 50, initialW=he)
            self.fc8 = L.Linear(50, num_classes, initialW=he)

    def forward(self, x: Any) -> Variable:
        """Computes logits of shape (N, num_classes) from images of shape (N, C, H, W)."""
        h = x
        for first, second in (self.conv1, self.conv2), (self.conv3, self.conv4), (self.conv5, self.conv6):
            h = F.max_pooling_2d(F.relu(second(F.relu(first(h)))), 2)
        h = F.dropout(F.relu(self.fc7(h)))
        return F.dropout(self.fc8(h))

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
