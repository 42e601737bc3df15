"""A language model of LSTM layers."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.links.rnn.stateful import CellStateChain
from autograd_nn.models.registry import Recipe, register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


@register('lstm_lm', task='text', recipe=Recipe(lr=0.002, clip=0.25, epochs=10, batch_size=20))
class LSTMLanguageModel(CellStateChain):
    """A recurrent language model: an embedding, stacked LSTM layers, and an output layer, with dropout between them.

    19,780,400 parameters for 10,000 words (the paper's medium model). Reference: W. Zaremba, I. Sutskever, O. Vinyals,
    Recurrent Neural Network Regularization, 2014, https://arxiv.org/abs/1409.2329.

    It reads streams of text side by side, many steps a call, and keeps its state from call to call. `unchain_state`
    between two calls keeps gradients from going back further than one call (truncated backpropagation through time);
    `reset_state` begins new texts.

    Args:
        vocabulary_size: The number V of words or characters.
        units: The size of the embedding and of each layer.
        layers: The number of LSTM layers.
        dropout: The ratio of the dropout, in training, on what goes into each layer and comes out of the last one.

    Attributes:
        embed: The embedding.
        lstm: The LSTM layers.
        output: The output layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import LSTMLanguageModel
        >>> model = LSTMLanguageModel(vocabulary_size=100, units=8)
        >>> x = np.zeros((35, 20), 'i')             # 35 steps of 20 streams
        >>> model(x).shape
        (35, 20, 100)
    """

    def __init__(self, vocabulary_size: int = 10_000, units: int = 650, layers: int = 2, dropout: float = 0.5) -> None:
        super().__init__()
        self.dropout = dropout
        # The interval of the paper, for its 650 units; fewer units need larger weights.
        init = initializers.Uniform(0.05 * (650 / units) ** 0.5)
        with self.init_scope():
            self.embed = L.EmbedID(vocabulary_size, units, initialW=init)
            self.lstm = L.NStepLSTM(layers, units, units, dropout, initialW=init)
            self.output = L.Linear(units, vocabulary_size, initialW=init)

    @property
    def vocabulary_size(self) -> int:
        """The number of words or characters."""
        return self.output.out_size

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('dropout', self.dropout)]

    def forward(self, x: ArrayLike) -> Variable:
        """Reads on.

        Args:
            x: The next T tokens of each of B streams: integers of shape (T, B).

        Returns:
            Logits for the token after each, of shape (T, B, V).

        Raises:
            ValueError: The number of streams is not that of the call before.
        """
        n_steps, n_streams = x.shape
        if self.h is not None and self.h.shape[1] != n_streams:
            raise ValueError(f'LSTMLanguageModel: expected x of shape (T, {self.h.shape[1]}), with as many streams as '
                             f'in the call before, got {x.shape}; reset_state() begins new texts')
        steps = F.dropout(self.embed(x), self.dropout).reshape(n_steps * n_streams, -1)
        (self.h, self.c), y = self.lstm.forward_packed([self.h, self.c], steps, (n_streams,) * n_steps)
        return self.output(F.dropout(y, self.dropout)).reshape(n_steps, n_streams, -1)

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with, as `links.Classifier` takes it.

        Args:
            y: Logits of shape (T, B, V).
            t: The tokens that came, integers of shape (T, B).

        Returns:
            The mean cross entropy of a token, a scalar. Its exponential is the perplexity.
        """
        return F.softmax_cross_entropy(y.reshape(-1, self.vocabulary_size), t.reshape(-1))

    def generate(self, start: Sequence[int], length: int, temperature: float = 1.0,
                 exclude: Sequence[int] = (), top_k: int | None = None) -> list[int]:
        """Continues a text at random, as the model expects it to go on.

        The state is afterwards what it was before.

        Args:
            start: The tokens of the beginning, at least one.
            length: How many tokens to add.
            temperature: Below 1 for likelier tokens, above 1 for less likely ones.
            exclude: Tokens that must not come.
            top_k: How many tokens may come at each step: the likeliest ones; None for all.

        Returns:
            The tokens that were added.

        Raises:
            ValueError: `start` is empty, or `temperature` or `top_k` is not positive.

        Example:
            >>> from autograd_nn.models import LSTMLanguageModel
            >>> len(LSTMLanguageModel(vocabulary_size=10, units=4).generate([1, 2], length=5))
            5
        """
        if not len(start) or temperature <= 0:
            raise ValueError(f'generate: expected at least one token as start, and a positive temperature, got '
                             f'{len(start)} and {temperature}')
        if top_k is not None and top_k < 1:
            raise ValueError(f'generate: expected top_k of at least 1, got {top_k}')
        before = self.c, self.h
        self.reset_state()
        added: list[int] = []
        with using_config('train', False), no_backprop_mode():
            tokens = list(start)
            for _ in range(length):
                x = self.device.send(np.array(tokens, np.int32)[:, None])
                logits = to_cpu(self(x).array[-1, 0]).astype(float) / temperature
                logits[list(exclude)] = -np.inf
                if top_k is not None:
                    logits[np.argsort(-logits, kind='stable')[top_k:]] = -np.inf
                # The largest of the logits with noise of this kind is distributed as their softmax.
                tokens = [int((logits + np.random.gumbel(size=logits.shape)).argmax())]
                added += tokens
        self.c, self.h = before
        return added
