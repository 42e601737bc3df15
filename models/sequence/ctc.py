"""A network that reads lines of characters without knowing where each of them is."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Chain
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.sequence.packed import Packing, lengths_of
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array

# Certainly not: half precision has this number, too, and its exponential is zero.
_NEVER = -1e4


@register('crnn', (1, 28, 96), 'transcription', Recipe(lr=0.003, warmup=0.5, clip=5., epochs=14, batch_size=16))
class CRNN(Chain):
    """A convolutional recurrent network that reads a line: of each of its columns it says which character is there.

    Convolutions make a sequence of features of a picture, one for every two columns; an LSTM reads it in both
    directions; a linear layer says for each place which character it belongs to, or none (a *blank*). The loss adds
    up all ways to say the characters in their order (`functions.connectionist_temporal_classification`), so nobody
    needs to say where in the picture they are.

    296,427 parameters for ten digits. Reference: B. Shi, X. Bai, C. Yao, An End-to-End Trainable Neural Network for
    Image-based Sequence Recognition and Its Application to Scene Text Recognition, 2015,
    https://arxiv.org/abs/1507.05717; this one is smaller, for lines of 28 pixels.

    Args:
        num_classes: The number K of characters.
        units: The number of units of the LSTM in each direction.
        dropout: The ratio of the dropout, in training, on the features and on what the LSTM says.

    Attributes:
        blank: The number that stands for no character, K.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import CRNN
        >>> model = CRNN(units=8)
        >>> y = model(np.zeros((2, 1, 28, 60), 'f'), np.array([60, 41]))
        >>> y.shape                                      # 30 places of two columns each
        (2, 30, 11)
        >>> bool((y.array[1, 21:].argmax(axis=1) == model.blank).all())    # nothing is behind the end
        True
    """

    height = 28

    def __init__(self, num_classes: int = 10, units: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = dropout
        init = initializers.HeNormal()
        with self.init_scope():
            self.conv1 = L.Convolution2D(1, 16, 3, pad=1, initialW=init)
            self.conv2 = L.Convolution2D(16, 32, 3, pad=1, nobias=True, initialW=init)
            self.bn2 = L.BatchNormalization(32)
            self.conv3 = L.Convolution2D(32, 64, 3, pad=1, nobias=True, initialW=init)
            self.bn3 = L.BatchNormalization(64)
            self.column = L.Convolution2D(64, 128, (7, 3), pad=(0, 1), nobias=True, initialW=init)
            self.bn4 = L.BatchNormalization(128)
            self.lstm = L.NStepBiLSTM(1, 128, units, 0.)
            self.output = L.Linear(2 * units, num_classes + 1)

    @property
    def blank(self) -> int:
        """The number that stands for no character."""
        return self.output.out_size - 1

    def forward(self, x: ArrayLike, widths: ArrayLike) -> Variable:
        """Reads lines.

        Args:
            x: Pictures from 0 to 1, bright on dark, of shape (N, 1, 28, W); narrower ones have zeros behind their end.
            widths: The width of each in pixels, integers of shape (N,).

        Returns:
            Logits of shape (N, T, K + 1) with T = W / 2, rounded up. Behind the end of a line they say that nothing is
            there.
        """
        in_pixels: Any = as_array(widths)
        lengths = (in_pixels + 1) // 2
        h = F.max_pooling_2d(self._rectify(self.conv1(x), in_pixels), 2)
        h = F.max_pooling_2d(self._rectify(self.bn2(self.conv2(h)), lengths), (2, 1))
        h = self._rectify(self.bn3(self.conv3(h)), lengths)
        h = F.relu(self.bn4(self.column(h)))[:, :, 0].transpose(0, 2, 1)
        packing = Packing(lengths, h.shape[1], self.device)
        _, steps = self.lstm.forward_packed([None, None], F.dropout(packing.pack(h), self.dropout), packing.sizes)
        logits = self.output(F.dropout(steps, self.dropout))
        silence = self.xp.full(logits.shape[1], _NEVER, logits.dtype)
        silence[self.blank] = 0
        return packing.unpack(logits, silence)

    def _rectify(self, h: Variable, widths: Any) -> Variable:
        """Rectifies, and leaves zeros behind the end of each line, as a line by itself has."""
        inside = self.xp.arange(h.shape[3]) < widths[:, None]
        return F.relu(h) * inside[:, None, None].astype(h.dtype)

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with.

        Args:
            y: Logits of shape (N, T, K + 1).
            t: The characters, integers of shape (N, M), -1 behind the end of a shorter line.

        Returns:
            The mean loss of a line, a scalar.
        """
        return F.connectionist_temporal_classification([*F.separate(y, axis=1)], self.xp.maximum(as_array(t), 0),
                                                       self.blank, label_length=lengths_of(t))
