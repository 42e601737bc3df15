"""What all networks have in common that translate."""
from __future__ import annotations

import numpy as np

from autograd_nn.models.layers.sequence_writer import SequenceWriter
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class TranslationNetwork(SequenceWriter):
    """A network that reads a text and writes another one, looking at places of the first.

    What it writes about are texts, int32 of shape (N, S), each with its ``<eos>``; -1 behind the end of a shorter one.
    A subclass has `start` and `step`, which write token by token, `forward` and `look`.

    Args:
        vocabulary_size: The number V of tokens of both languages, the marks of a `MarkedVocabulary` included.
    """

    def forward(self, source: ArrayLike, target: ArrayLike) -> Variable:
        """Reads texts and their translations.

        Args:
            source: The texts, int32 of shape (N, S).
            target: Translations from ``<bos>`` on, int32 of shape (N, T); -1 behind the end of a shorter one.

        Returns:
            Logits for the token behind each, of shape (N, T, V).
        """
        raise NotImplementedError

    def look(self, source: ArrayLike, target: ArrayLike) -> np.ndarray:
        """Where the network looks, in test mode, as it writes the token behind each of a translation.

        Args:
            source: Texts, int32 of shape (N, S), on the device of the network.
            target: Translations from ``<bos>`` on, int32 of shape (N, T).

        Returns:
            Weights of the texts' tokens, which sum to 1, of shape (N, T, S).
        """
        raise NotImplementedError
