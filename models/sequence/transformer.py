"""The Transformer: attention alone reads a text and writes its translation."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.link import Chain, ChainList
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.sequence.translation_network import TranslationNetwork
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array

# As in the paper the rate rises in the first 4 % of the updates, to the same highest one for the size of the vectors
# (section 5.3: (size * 4000) ** -0.5), and a tenth of each label is spread over all tokens (section 5.4).
BASE = Recipe(lr=0.0007, warmup=0.04, label_smoothing=0.1, epochs=20, batch_size=64, betas=(0.9, 0.98))
BIG = Recipe(lr=0.0005, warmup=0.04, label_smoothing=0.1, epochs=20, batch_size=64, betas=(0.9, 0.98))
DATES = Recipe(lr=0.002, warmup=0.1, label_smoothing=0.1, epochs=8, batch_size=64)


@register('transformer_small', (), 'translation', DATES, size=96, hidden=384, n_heads=4, depth=2, dropout=0.)
@register('transformer_big', (), 'translation', BIG, size=1024, hidden=4096, n_heads=16, dropout=0.3)
@register('transformer_base', (), 'translation', BASE)
class Transformer(TranslationNetwork):
    """The Transformer: layers of attention and of dense layers read a text, and others write its translation.

    A. Vaswani et al., Attention Is All You Need, NIPS 2017, https://arxiv.org/abs/1706.03762. ``transformer_base`` and
    ``transformer_big`` are those of its table 3, with 63,082,496 and 214,245,376 parameters for the 37,000 tokens that
    English and German share there (the table has 65 and 213 million). As in section 3.4, the embeddings of both
    languages and the output layer have one matrix.

    Args:
        vocabulary_size: The number V of tokens of both languages, the marks of a `MarkedVocabulary` included.
        size: The length of the vectors, a multiple of `n_heads`, and even.
        hidden: The number of hidden units of the dense layers.
        n_heads: The number of heads of attention.
        depth: The number of layers of encoder and decoder each.
        dropout: The ratio of the dropout, in training, on embeddings and on what each part of a layer adds.

    Attributes:
        embed: The embedding of both languages, and the weights of the output layer.
        encoder: The layers that read.
        decoder: Those that write.

    Raises:
        ValueError: `size` is odd, or not a multiple of `n_heads`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import Transformer
        >>> model = Transformer(vocabulary_size=30, size=16, hidden=32, n_heads=2, depth=1)
        >>> source = np.array([[5, 6, 7, 2], [8, 2, -1, -1]], 'i')
        >>> target = np.array([[1, 9, 10], [1, 11, -1]], 'i')
        >>> model(source, target).shape
        (2, 3, 30)
        >>> model.look(source, target)[1, 0, 2:]        # nothing behind the end
        array([0., 0.], dtype=float32)
        >>> len(model.write(source, width=2, max_length=4)[0])
        2
    """

    def __init__(self, vocabulary_size: int = 37_000, size: int = 512, hidden: int = 2048, n_heads: int = 8,
                 depth: int = 6, dropout: float = 0.1) -> None:
        super().__init__(vocabulary_size)
        if size % 2:
            raise ValueError(f'Transformer: expected an even size, got {size}')
        self.size = size
        self.dropout = dropout
        with self.init_scope():
            self.embed = L.EmbedID(vocabulary_size, size, initializers.Normal(size ** -0.5), ignore_label=-1)
            self.encoder = ChainList(*(EncoderLayer(size, hidden, n_heads, dropout) for _ in range(depth)))
            self.decoder = ChainList(*(DecoderLayer(size, hidden, n_heads, dropout) for _ in range(depth)))

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('size', self.size), ('dropout', self.dropout)]

    def forward(self, source: ArrayLike, target: ArrayLike) -> Variable:
        mask, *memory = self.start(source)[:1 + 2 * len(self.decoder)]
        x, before = self._embed(target), self._before(target.shape[1])
        for layer, *known in zip(self.decoder, memory[::2], memory[1::2]):
            x, _ = layer(x, known, before, mask)
        return self._output(x)

    def start(self, x: ArrayLike) -> Sequence[ArrayLike]:
        """Where there are tokens; their keys and values for each layer; and those of what is written: none."""
        mask = (as_array(x) != -1)[:, None, None]  # the same for all heads and queries
        h = self._embed(x)
        for layer in self.encoder:
            h = layer(h, mask)
        memory = [each for layer in self.decoder for each in layer.memory_attention.keys_and_values(h)]
        nothing = self.xp.zeros((*memory[0].shape[:2], 0, memory[0].shape[3]), h.dtype)
        return [mask, *memory, *[nothing] * len(memory)]

    def step(self, tokens: ArrayLike, states: Sequence[ArrayLike]) -> tuple[Variable, Sequence[ArrayLike]]:
        """Takes a step (see `SequenceWriter.step`), with the keys and values of all steps before it."""
        n = 2 * len(self.decoder)
        mask, memory, past = states[0], states[1:1 + n], states[1 + n:]
        x = self._embed(tokens[:, None], past[0].shape[2])
        now: list[ArrayLike] = []
        for layer, *known in zip(self.decoder, memory[::2], memory[1::2], past[::2], past[1::2]):
            x, written = layer(x, known[:2], None, mask, known[2:])
            now += written
        return self._output(x)[:, 0], [mask, *memory, *now]

    def look(self, source: ArrayLike, target: ArrayLike) -> np.ndarray:
        """Where the network looks (see `TranslationNetwork.look`): the mean over all heads of all layers."""
        with using_config('train', False), no_backprop_mode():
            mask, *memory = self.start(source)[:1 + 2 * len(self.decoder)]
            x, before, found = self._embed(target), self._before(target.shape[1]), []
            for layer, *known in zip(self.decoder, memory[::2], memory[1::2]):
                asked, _ = layer.attend_to_itself(x, before)
                found.append(to_cpu(layer.memory_attention.weights(asked, known[0], mask).array).mean(axis=1))
                x, _ = layer(x, known, before, mask)
        return np.mean(found, axis=0)

    def _embed(self, tokens: ArrayLike, start: int = 0) -> Variable:
        """The vectors of tokens with those of their places, of shape (N, T, size); the first place is `start`."""
        x = self.embed(tokens) * math.sqrt(self.size)
        places = self.device.send(positions(start, tokens.shape[1], self.size).astype(x.dtype))
        return F.dropout(x + F.broadcast_to(places, x.shape), self.dropout)

    def _before(self, length: int) -> Any:
        """Which tokens each one sees that is written: those up to it; booleans of shape (length, length)."""
        return self.xp.tril(self.xp.ones((length, length), bool))

    def _output(self, x: Variable) -> Variable:
        return F.linear(x, self.embed.W, n_batch_axes=2)


class EncoderLayer(Chain):
    """A layer that reads: attention among the tokens, then two dense layers for each.

    What each of these says is added to its input, and the sum is normalized (section 3.1 of the paper).

    Args:
        size: The length of the vectors.
        hidden: The number of hidden units of the dense layers.
        n_heads: The number of heads.
        dropout: The ratio of the dropout on what is added.
    """

    def __init__(self, size: int, hidden: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        glorot = initializers.GlorotUniform()
        with self.init_scope():
            self.attention = L.MultiHeadAttention(size, n_heads, initialW=glorot)
            self.norm = L.LayerNormalization(size)
            self.fc1 = L.Linear(size, hidden, initialW=glorot)
            self.fc2 = L.Linear(hidden, size, initialW=glorot)
            self.last_norm = L.LayerNormalization(size)

    def forward(self, x: Variable, mask: ArrayLike) -> Variable:
        """Computes vectors of shape (N, T, size) from such vectors; `mask` says which tokens are seen."""
        return self.compute_each(self.add(self.norm, x, self.attention(x, mask=mask)))

    def compute_each(self, x: Variable) -> Variable:
        """The dense layers."""
        return self.add(self.last_norm, x, self.fc2(self.fc1(x, n_batch_axes=2, activation=F.relu), n_batch_axes=2))

    def add(self, norm: L.LayerNormalization, x: Variable, y: Variable) -> Variable:
        """Adds what a part of the layer says, and normalizes."""
        return norm((x + F.dropout(y, self.dropout)).reshape(-1, x.shape[2])).reshape(x.shape)


class DecoderLayer(EncoderLayer):
    """A layer that writes: attention to what was written, then to what was read, then two dense layers for each token.

    Args:
        size: The length of the vectors.
        hidden: The number of hidden units of the dense layers.
        n_heads: The number of heads.
        dropout: The ratio of the dropout on what is added.
    """

    def __init__(self, size: int, hidden: int, n_heads: int, dropout: float) -> None:
        super().__init__(size, hidden, n_heads, dropout)
        with self.init_scope():
            self.memory_attention = L.MultiHeadAttention(size, n_heads, initialW=initializers.GlorotUniform())
            self.memory_norm = L.LayerNormalization(size)

    def forward(self, x: Variable, memory: Sequence[ArrayLike], mask: ArrayLike | None,  # type: ignore[override]
                memory_mask: ArrayLike, past: Sequence[ArrayLike] = ()) -> tuple[Variable, Sequence[Variable]]:
        """Computes vectors of written tokens.

        Args:
            x: Vectors of shape (N, T, size).
            memory: Keys and values of what was read (see `MultiHeadAttention.keys_and_values`).
            mask: Which tokens each one sees; None for all.
            memory_mask: Where there is something to look at.
            past: Keys and values of what was written before, if anything was.

        Returns:
            Such vectors; and keys and values of what has been written, with these.
        """
        h, written = self.attend_to_itself(x, mask, past)
        key, value = memory
        h = self.add(self.memory_norm, h, self.memory_attention.attend(h, key, value, memory_mask))
        return self.compute_each(h), written

    def attend_to_itself(self, x: Variable, mask: ArrayLike | None,
                         past: Sequence[ArrayLike] = ()) -> tuple[Variable, Sequence[Variable]]:
        """The first part of `forward`."""
        key, value = self.attention.keys_and_values(x)
        if past:
            key, value = (F.concat(each, axis=2) for each in zip(past, (key, value)))
        return self.add(self.norm, x, self.attention.attend(x, key, value, mask)), (key, value)


def positions(start: int, length: int, size: int) -> np.ndarray:
    """The vectors of places: sines and cosines of wavelengths from 2 pi to 20,000 pi (section 3.5 of the paper).

    Args:
        start: The first place.
        length: The number of places.
        size: The length of the vectors, even.

    Returns:
        An array of shape (length, size).

    Example:
        >>> positions(0, 2, 4).round(2)
        array([[0.  , 1.  , 0.  , 1.  ],
               [0.84, 0.54, 0.01, 1.  ]])
    """
    angles = np.arange(start, start + length)[:, None] / 10_000 ** (np.arange(0, size, 2) / size)
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(length, size)
