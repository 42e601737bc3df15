"""What all networks have in common that write sequences token by token."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.config import config, no_backprop_mode, using_config
from autograd_nn.datasets import MarkedVocabulary
from autograd_nn.link import Chain
from autograd_nn.models.layers.beam_search import Hypothesis, beam_search
from autograd_nn.models.layers.losses import smoothed_cross_entropy
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class SequenceWriter(Chain):
    """A network that writes a sequence about something, such as a picture or a text in another language.

    A subclass has `start` and `step`, which write token by token, and `forward`, which reads whole sequences in
    training.

    Args:
        vocabulary_size: The number V of tokens, the marks of a `MarkedVocabulary` included.

    Attributes:
        vocabulary_size: As given.
        label_smoothing: How much of each label the loss spreads evenly over all tokens, in training. Reference:
            C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016,
            https://arxiv.org/abs/1512.00567, section 7.
    """

    label_smoothing = 0.0

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size

    def start(self, x: ArrayLike) -> Sequence[ArrayLike]:
        """The states before the first token: arrays or Variables with a row for each sample.

        Args:
            x: What is written about, N samples.
        """
        raise NotImplementedError

    def step(self, tokens: ArrayLike, states: Sequence[ArrayLike]) -> tuple[Variable, Sequence[ArrayLike]]:
        """Takes a step.

        Args:
            tokens: The token before, ``<bos>`` at first: int32 of shape (M,).
            states: Those behind it.

        Returns:
            Logits for the next token, of shape (M, V), and the states then.
        """
        raise NotImplementedError

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with, as `links.Classifier` takes it.

        Args:
            y: Logits of shape (N, T, V).
            t: The tokens that come, int32 of shape (N, T); -1 behind the end of a sequence.

        Returns:
            The mean cross entropy of a token, a scalar, in training with `label_smoothing`.
        """
        smoothing = self.label_smoothing if config.train else 0.
        return smoothed_cross_entropy(y.reshape(-1, self.vocabulary_size), t.reshape(-1), smoothing)

    def write(self, x: ArrayLike, width: int = 3, max_length: int = 20,
              length_penalty: float = 0.0) -> list[list[Hypothesis]]:
        """Writes sequences, in test mode: those that `beam_search` finds.

        Args:
            x: What to write about, N samples on the device of the network.
            width: The width of the beam; 1 takes the likeliest token each time.
            max_length: The largest number of tokens, the end included.
            length_penalty: 1 compares sequences by the mean over their tokens (see `beam_search`).

        Returns:
            For each sample at most `width` sequences, the best first: the numbers of their tokens without marks.

        Raises:
            ValueError: An argument is out of its range, or the network computes NaN (see `beam_search`).
        """
        if not len(x):
            return []

        def step(tokens: np.ndarray, states: Sequence[Any]) -> tuple[Variable, Sequence[ArrayLike]]:
            logits, states = self.step(self.device.send(tokens), states)
            return F.log_softmax(logits), states

        marks = MarkedVocabulary
        with using_config('train', False), no_backprop_mode():
            return beam_search(step, self.start(x), marks.bos, marks.eos, width, max_length, length_penalty,
                               (marks.unk, marks.bos))
