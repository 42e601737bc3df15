"""Captions with attention: each word looks at places of the picture."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.models.captioning.caption_network import CaptionNetwork
from autograd_nn.models.captioning.nic import PHOTOS, SCENES
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


@register('attention_scenes', (3, 64, 64), 'captions', SCENES, encoder='scenes', units=128, attention_units=64,
          asking=True, dropout=0., coverage=0., detection=0.5)
@register('attention_vgg16', (3, 224, 224), 'captions', PHOTOS, encoder='vgg16')
@register('attention_resnet50', (3, 224, 224), 'captions', PHOTOS, encoder='resnet50')
@register('attention_googlenet', (3, 224, 224), 'captions', PHOTOS, encoder='googlenet')
class AttentionCaptioner(CaptionNetwork):
    """Show, attend and tell: before each word an LSTM chooses how much it looks at each place of a feature map.

    The deterministic (soft) attention of K. Xu et al., Show, Attend and Tell: Neural Image Caption Generation with
    Visual Attention, ICML 2015, https://arxiv.org/abs/1502.03044, sections 3.1 and 4.2.

    Args:
        vocabulary_size: The number V of words, the marks of a `SentenceVocabulary` included.
        encoder: What sees the pictures: ``'scenes'``, ``'vgg16'``, ``'resnet50'`` or ``'googlenet'``.
        units: The size of the embedding and of the LSTM.
        attention_units: The size of the hidden layer that weighs places.
        dropout: The ratio of the dropout, in training, on what goes into the output layer.
        coverage: How strongly the loss pulls the attention to every place toward the same sum over a sentence
            (equation 14 of the paper).
        detection: How strongly the loss asks the encoder itself for the words (see `CaptionNetwork`).
        asking: Whether the last word, too, says where to look, and not only what the LSTM has read before it: behind
            "a small" a network then looks at what is small.

    Attributes:
        encoder: The convolutional network.
        embed: The embedding of the words.
        initial_c: The layer from the mean of all places to the first cells of the LSTM.
        initial_h: The same to its first outputs.
        place: The layer from a place's features to the hidden layer that weighs it.
        state: The layer from the LSTM's outputs to it.
        word: With `asking`, the layer from the embedded last word to it.
        weigh: The layer from it to the weight.
        gate: The layer that decides how much of what is looked at is used.
        lstm: The LSTM.
        output_h: The layer from the LSTM's outputs to the output layer.
        output_z: The layer from what is looked at to it.
        output: The output layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import AttentionCaptioner
        >>> model = AttentionCaptioner(vocabulary_size=30, encoder='scenes', units=16)
        >>> images, words = np.zeros((2, 3, 64, 64), 'f'), np.array([[1, 5, 6], [1, 7, -1]], 'i')
        >>> model(images, words).shape
        (2, 3, 30)
        >>> model.look(images, words).shape     # for each word 8 x 8 weights
        (2, 3, 8, 8)
    """

    def __init__(self, vocabulary_size: int = 10_000, encoder: str = 'vgg16', units: int = 512,
                 attention_units: int = 512, dropout: float = 0.5, coverage: float = 1.0,
                 detection: float = 0., asking: bool = False) -> None:
        super().__init__(vocabulary_size, encoder, places=True, detection=detection)
        self.dropout = dropout
        self.coverage = coverage
        self.asking = asking
        self._weights: Variable | None = None
        with self.init_scope():
            self.embed = L.EmbedID(vocabulary_size, units, initializers.Normal(0.5), ignore_label=-1)
            self.initial_c, self.initial_h = L.Linear(None, units), L.Linear(None, units)
            self.place = L.Linear(None, attention_units)
            self.state = L.Linear(units, attention_units, nobias=True)
            if asking:
                self.word = L.Linear(units, attention_units, nobias=True)
            self.weigh = L.Linear(attention_units, 1, nobias=True)
            self.gate = L.Linear(units, 1)
            self.lstm = L.StatelessLSTM(None, units)
            self.output_h, self.output_z = L.Linear(units, units), L.Linear(None, units, nobias=True)
            self.output = L.Linear(units, vocabulary_size)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('dropout', self.dropout), ('coverage', self.coverage), ('detection', self.detection),
                ('asking', self.asking)]

    def forward(self, images: ArrayLike, words: ArrayLike) -> Variable:
        """Reads sentences about pictures.

        Args:
            images: Prepared pictures of shape (N, 3, H, W).
            words: Sentences from ``<bos>`` on, int32 of shape (N, T); -1 behind the end of a shorter one.

        Returns:
            Logits for the word behind each, of shape (N, T, V).
        """
        states = self.start(images)
        embedded = self.embed(words)
        read, seen, weights = [], [], []
        for t in range(words.shape[1]):
            z, states, alpha = self._step(embedded[:, t], states)
            read.append(states[1])
            seen.append(z)
            weights.append(alpha)
        self._weights = F.stack(weights, axis=1)
        return self._say(embedded, *(F.stack(each, axis=1) for each in (read, seen)))

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with, as `links.Classifier` takes it.

        Args:
            y: The logits of the last call, of shape (N, T, V).
            t: The words that come, int32 of shape (N, T); -1 behind the end of a sentence.

        Returns:
            The mean cross entropy of a word, plus `coverage` times a mean for each word, too: of the squares, summed
            over places, of how far the weights of a place in a sentence are from what each would have if all were
            looked at alike. Its gradient is that of equation 14, where they are compared with 1.
        """
        loss, weights = super().lossfun(y, t), self._weights
        self._weights = None  # which holds the whole graph
        if not self.coverage or weights is None:
            return loss
        valid = (as_variable(t).array != -1).astype(weights.dtype)
        mean = valid.sum(axis=1, keepdims=True) / weights.shape[2]
        lack = mean - F.sum(weights * valid[:, :, None], axis=1)
        return loss + self.coverage / valid.sum() * F.sum(lack * lack)

    def start(self, images: ArrayLike) -> Sequence[ArrayLike]:
        """The first cells and outputs, the features of all places, and what these say of their weights."""
        features = self.encode(images)
        N, D, H, W = features.shape
        a = features.transpose(0, 2, 3, 1).reshape(N, H * W, D)
        mean = F.mean(a, axis=1)
        return F.tanh(self.initial_c(mean)), F.tanh(self.initial_h(mean)), a, self.place(a, n_batch_axes=2)

    def step(self, words: ArrayLike, states: Sequence[ArrayLike]) -> tuple[Variable, Sequence[ArrayLike]]:
        """Takes a step (see `SequenceWriter.step`)."""
        x = self.embed(words)
        z, after, _ = self._step(x, states)
        return self._say(x, after[1], z), after

    def look(self, images: ArrayLike, words: ArrayLike) -> np.ndarray:
        """Where the network looks, in test mode, as it writes the word behind each of a sentence.

        Args:
            images: Prepared pictures of shape (N, 3, H, W), on the device of the network.
            words: Sentences from ``<bos>`` on, int32 of shape (N, T).

        Returns:
            Weights of the places of the feature map, which sum to 1 for each word, of shape (N, T, H', W').
        """
        with using_config('train', False), no_backprop_mode():
            shape = self.encode(images).shape
            self(images, words)
        weights, self._weights = self._weights, None
        assert weights is not None  # the call has set it
        return to_cpu(weights.array).reshape(*words.shape, *shape[2:])

    def _step(self, x: Variable, states: Sequence[Any]) -> tuple[Variable, Sequence[Any], Variable]:
        """From an embedded word to what is looked at, the next states, and the weights of the places."""
        c, h, a, places = states
        N, L_, _ = places.shape
        asked = self.state(h) + self.word(x) if self.asking else self.state(h)
        hidden = F.tanh(places + F.broadcast_to(asked[:, None], places.shape))
        alpha = F.softmax(self.weigh(hidden, n_batch_axes=2).reshape(N, L_))
        z = F.matmul(alpha[:, None], a)[:, 0] * F.broadcast_to(F.sigmoid(self.gate(h)), (N, a.shape[2]))
        c, h = self.lstm(c, h, F.concat([x, z]))
        return z, (c, h, a, places), alpha

    def _say(self, x: Variable, h: Variable, z: Variable) -> Variable:
        """Logits from embedded words, outputs of the LSTM and what is looked at; each may be of many steps."""
        axes = x.ndim - 1
        hidden = x + self.output_h(h, n_batch_axes=axes) + self.output_z(z, n_batch_axes=axes)
        return self.output(F.dropout(hidden, self.dropout), n_batch_axes=axes)
