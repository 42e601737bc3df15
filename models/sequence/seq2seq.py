"""Sequence to sequence: an LSTM reads a text, and another one writes its translation, attending to what was read."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.backend import to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.sequence.packed import Packing, lengths_of
from autograd_nn.models.sequence.translation_network import TranslationNetwork
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array

TEXTS = Recipe(lr=0.001, warmup=0.05, clip=5.0, epochs=20, batch_size=64)
DATES = Recipe(lr=0.004, warmup=0.05, clip=5.0, epochs=4, batch_size=64)


@register('seq2seq_small', (), 'translation', DATES, units=128, layers=1, dropout=0.)
@register('seq2seq', (), 'translation', TEXTS)
class Seq2Seq(TranslationNetwork):
    """A bidirectional LSTM reads a text, a second LSTM writes, and for each token attends to what was read.

    The global attention of M.-T. Luong, H. Pham, C. D. Manning, Effective Approaches to Attention-based Neural Machine
    Translation, EMNLP 2015, https://arxiv.org/abs/1508.04025, section 3.1, with the score "general". As no state of the
    decoder depends on it (there is no input feeding), one kernel reads whole texts, and in training another one their
    whole translations. The encoder reads in both directions, as that of D. Bahdanau, K. Cho, Y. Bengio, Neural Machine
    Translation by Jointly Learning to Align and Translate, ICLR 2015, https://arxiv.org/abs/1409.0473.

    Args:
        vocabulary_size: The number V of tokens of both languages, the marks of a `MarkedVocabulary` included.
        units: The size of the embeddings and of the LSTM layers: of the decoder, and of both directions of the encoder
            together. It is even.
        layers: The number of LSTM layers of encoder and decoder.
        dropout: The ratio of the dropout, in training, on what goes into each LSTM layer and into the output layer.

    Attributes:
        embed_source: The embedding of the text that is read.
        embed_target: The embedding of the translation.
        encoder: The LSTM that reads. Its last states are those that the decoder begins with.
        decoder: The LSTM that writes.
        key: The layer from what was read to what a state of the decoder is compared with (the paper's W_a).
        combine: The layer from what is looked at and the decoder's state to what the output layer takes (its W_c).
        output: The output layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import Seq2Seq
        >>> model = Seq2Seq(vocabulary_size=30, units=16, layers=1)
        >>> source = np.array([[5, 6, 7, 2], [8, 2, -1, -1]], 'i')
        >>> target = np.array([[1, 9, 10], [1, 11, -1]], 'i')
        >>> model(source, target).shape
        (2, 3, 30)
        >>> model.look(source, target)[1, 0, 2:]        # nothing behind the end
        array([0., 0.], dtype=float32)
        >>> len(model.write(source, width=2, max_length=4)[0])
        2
    """

    def __init__(self, vocabulary_size: int = 10_000, units: int = 512, layers: int = 2, dropout: float = 0.2) -> None:
        super().__init__(vocabulary_size)
        if units % 2:
            raise ValueError(f'Seq2Seq: expected an even number of units, got {units}')
        self.dropout = dropout
        with self.init_scope():
            self.embed_source = L.EmbedID(vocabulary_size, units)
            self.embed_target = L.EmbedID(vocabulary_size, units, ignore_label=-1)
            self.encoder = L.NStepBiLSTM(layers, units, units // 2, dropout)
            self.decoder = L.NStepLSTM(layers, units, units, dropout)
            self.key = L.Linear(units, units, nobias=True)
            self.combine = L.Linear(2 * units, units, nobias=True)
            self.output = L.Linear(units, vocabulary_size)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('dropout', self.dropout)]

    def forward(self, source: ArrayLike, target: ArrayLike) -> Variable:
        h, c, memory, keys, mask = self._encode(source)
        _, hidden = self._decode([h, c], target)
        return self._output(hidden, memory, keys, mask)

    def start(self, x: ArrayLike) -> Sequence[ArrayLike]:
        """The decoder's first outputs and cells; what was read, its keys, and where there is any."""
        h, c, memory, keys, mask = self._encode(x)
        return F.swapaxes(h, 0, 1), F.swapaxes(c, 0, 1), memory, keys, mask

    def step(self, tokens: ArrayLike, states: Sequence[ArrayLike]) -> tuple[Variable, Sequence[ArrayLike]]:
        """Takes a step (see `SequenceWriter.step`)."""
        h, c, memory, keys, mask = states
        (h, c), hidden = self._decode([F.swapaxes(h, 0, 1), F.swapaxes(c, 0, 1)], tokens[:, None])
        logits = self._output(hidden, memory, keys, mask)[:, 0]
        return logits, (F.swapaxes(h, 0, 1), F.swapaxes(c, 0, 1), memory, keys, mask)

    def look(self, source: ArrayLike, target: ArrayLike) -> np.ndarray:
        """Where the network looks (see `TranslationNetwork.look`)."""
        with using_config('train', False), no_backprop_mode():
            h, c, _, keys, mask = self._encode(source)
            _, hidden = self._decode([h, c], target)
            # The mean of unit vectors is made of their weights.
            units = self.xp.broadcast_to(self.xp.eye(keys.shape[1], dtype=keys.dtype), (*keys.shape[:2], keys.shape[1]))
            return to_cpu(F.scaled_dot_product_attention(hidden, keys, units, mask).array)

    def _encode(self, source: ArrayLike) -> tuple[Variable, Variable, Variable, Variable, Any]:
        """The decoder's initial states (layers, N, units), what was read and its keys (N, S, units), and a mask."""
        tokens = as_array(source)
        packing = Packing(lengths_of(tokens), tokens.shape[1], self.device)
        embedded = F.dropout(self.embed_source(packing.pack(tokens)), self.dropout)
        states, packed = self.encoder.forward_packed([None, None], embedded, packing.sizes)
        memory = packing.unpack(packed, 0)
        h, c = (self._join_directions(F.permutate(state, packing.places, axis=1)) for state in states)
        return h, c, memory, self.key(memory, n_batch_axes=2), (tokens != -1)[:, None]

    def _join_directions(self, state: Variable) -> Variable:
        """From shape (layers * 2, N, units / 2) to (layers, N, units)."""
        n, N, half = state.shape
        return state.reshape(n // 2, 2, N, half).transpose(0, 2, 1, 3).reshape(n // 2, N, 2 * half)

    def _decode(self, states: Sequence[ArrayLike], target: ArrayLike) -> tuple[list[Variable], Variable]:
        """The decoder's states behind all tokens, and its outputs (N, T, units) for each."""
        N, T = target.shape
        embedded = F.dropout(self.embed_target(as_array(target).T), self.dropout).reshape(T * N, -1)
        # What is read behind the end of a shorter one does no harm: only losses that do not count depend on it.
        states, hidden = self.decoder.forward_packed(states, embedded, (N,) * T)
        return states, F.swapaxes(hidden.reshape(T, N, -1), 0, 1)

    def _output(self, hidden: Variable, memory: ArrayLike, keys: ArrayLike, mask: ArrayLike) -> Variable:
        """Logits (N, T, V). The division by a root in this attention is part of the weights of `key`."""
        context = F.scaled_dot_product_attention(hidden, keys, memory, mask)
        attended = F.tanh(self.combine(F.concat([context, hidden], axis=2), n_batch_axes=2))
        return self.output(F.dropout(attended, self.dropout), n_batch_axes=2)
