"""Neural image captions: a picture is the first word that a recurrent network reads."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.models.captioning.caption_network import CaptionNetwork
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

SCENES = Recipe(lr=0.002, warmup=0.03, clip=5.0, epochs=10, batch_size=32)
PHOTOS = Recipe(lr=0.0003, warmup=0.1, clip=5.0, epochs=20, batch_size=32)


@register('nic_scenes', (3, 64, 64), 'captions', SCENES, encoder='scenes', units=256, dropout=0., detection=1.,
          always=True)
@register('nic_vgg16', (3, 224, 224), 'captions', PHOTOS, encoder='vgg16')
@register('nic_resnet50', (3, 224, 224), 'captions', PHOTOS, encoder='resnet50')
@register('nic_googlenet', (3, 224, 224), 'captions', PHOTOS, encoder='googlenet')
class NIC(CaptionNetwork):
    """NIC: a convolutional network's features are the first input of an LSTM, which then writes a sentence.

    Reference: O. Vinyals, A. Toshev, S. Bengio, D. Erhan, Show and Tell: A Neural Image Caption Generator, CVPR 2015,
    https://arxiv.org/abs/1411.4555.

    Args:
        vocabulary_size: The number V of words, the marks of a `SentenceVocabulary` included.
        encoder: What sees the pictures: ``'scenes'``, ``'vgg16'``, ``'resnet50'`` or ``'googlenet'``.
        units: The size of the embedding and of the LSTM.
        dropout: The ratio of the dropout, in training, on what goes into the LSTM and comes out.
        detection: How strongly the loss asks the encoder itself for the words (see `CaptionNetwork`).
        always: Whether the LSTM reads the picture with each word once more, so that it need not keep what it has not
            yet spoken of. Reference: J. Donahue et al., Long-term Recurrent Convolutional Networks for Visual
            Recognition and Description, CVPR 2015, https://arxiv.org/abs/1411.4389, section 4.2.

    Attributes:
        encoder: The convolutional network.
        image: The layer from its features to the LSTM's first input.
        norm: The normalization of that. Features are positive, so that pictures differ little from their mean; what
            all have in common would saturate the gates.
        embed: The embedding of the words.
        lstm: The LSTM.
        output: The output layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import NIC
        >>> model = NIC(vocabulary_size=30, encoder='scenes', units=16)
        >>> images, words = np.zeros((2, 3, 64, 64), 'f'), np.array([[1, 5, 6], [1, 7, -1]], 'i')
        >>> model(images, words).shape
        (2, 3, 30)
        >>> len(model.write(images, width=2, max_length=4)[0])
        2
    """

    def __init__(self, vocabulary_size: int = 10_000, encoder: str = 'googlenet', units: int = 512,
                 dropout: float = 0.5, detection: float = 0., always: bool = False) -> None:
        super().__init__(vocabulary_size, encoder, places=False, detection=detection)
        self.dropout = dropout
        self.always = always
        with self.init_scope():
            self.image = L.Linear(None, units, nobias=True)
            self.norm = L.BatchNormalization(units)
            self.embed = L.EmbedID(vocabulary_size, units, initializers.Normal(0.5), ignore_label=-1)
            self.lstm = L.NStepLSTM(1, units, units, 0.)
            self.output = L.Linear(units, vocabulary_size)
        # Forget gates are open at first: what was seen in the first step is needed in the last one.
        self.lstm[0].b1.array[:] = 2

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('dropout', self.dropout), ('detection', self.detection), ('always', self.always)]

    def forward(self, images: ArrayLike, words: ArrayLike) -> Variable:
        """Reads sentences about pictures.

        Args:
            images: Prepared pictures of shape (N, 3, H, W).
            words: Sentences from ``<bos>`` on, int32 of shape (N, T); -1 behind the end of a shorter one.

        Returns:
            Logits for the word behind each, of shape (N, T, V).
        """
        N, T = words.shape
        first = self._see(images)
        following = self.embed(words).transpose(1, 0, 2)
        if self.always:
            following += F.broadcast_to(first, following.shape)
        steps = F.concat([first[None], following], axis=0)
        _, y = self.lstm.forward_packed([None, None], F.dropout(steps, self.dropout).reshape((T + 1) * N, -1),
                                        (N,) * (T + 1))
        logits = self.output(F.dropout(y[N:], self.dropout))
        return logits.reshape(T, N, -1).transpose(1, 0, 2)

    def start(self, images: ArrayLike) -> Sequence[ArrayLike]:
        """The states of the LSTM when it has read the pictures, and what it has read."""
        first = self._see(images)
        return *self._read(first, (None, None)), first

    def step(self, words: ArrayLike, states: Sequence[ArrayLike]) -> tuple[Variable, Sequence[ArrayLike]]:
        """Takes a step (see `SequenceWriter.step`)."""
        *states, first = states
        x = self.embed(words)
        h, c = self._read(x + first if self.always else x, states)
        return self.output(h), (h, c, first)

    def _see(self, images: ArrayLike) -> Variable:
        """What the LSTM reads of pictures, shape (N, units)."""
        features = self.encode(images)
        return self.norm(self.image(self.sum_up(features) if self.detection else features))

    def _read(self, x: Variable, states: Sequence[Any]) -> Sequence[Variable]:
        """The outputs and the cells of the LSTM behind an input, each of shape (N, units)."""
        before = [None if state is None else state[None] for state in states]
        last, _ = self.lstm.forward_packed(before, x, (len(x),))
        return [state[0] for state in last]
