"""Networks that tag the words of a sentence, each word by itself or all of them together."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import to_cpu
from autograd_nn.link import Chain
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.sequence.packed import Packing, lengths_of
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

TAGGER = Recipe(lr=0.003, clip=5., epochs=16, batch_size=20)


@register('bilstm_tagger', (), 'tagging', TAGGER)
class BiLSTMTagger(Chain):
    """A bidirectional LSTM that tags words, each by itself: it reads what comes before a word, and what comes after.

    50 V + 42,416 parameters for V words and 16 tags. Reference: Z. Huang, W. Xu, K. Yu, Bidirectional LSTM-CRF Models
    for Sequence Tagging, 2015, https://arxiv.org/abs/1508.01991.

    Args:
        num_classes: The number K of tags.
        vocabulary_size: The number V of words.
        units: The size of the embedding and of the LSTM in each direction.
        dropout: The ratio of the dropout, in training, on what goes into the LSTM and comes out.

    Attributes:
        embed: The embedding.
        lstm: The LSTM.
        output: The output layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import BiLSTMTagger
        >>> model = BiLSTMTagger(num_classes=4, vocabulary_size=9, units=5)
        >>> x = np.array([[1, 2, 3], [3, 1, -1]], 'i')
        >>> model(x).shape
        (2, 3, 4)
        >>> [tags.shape for tags in model.tag(x)]
        [(3,), (2,)]
    """

    def __init__(self, num_classes: int = 16, vocabulary_size: int = 10_000, units: int = 50,
                 dropout: float = 0.3) -> None:
        super().__init__()
        self.dropout = dropout
        with self.init_scope():
            self.embed = L.EmbedID(vocabulary_size, units, initializers.Normal(0.3), ignore_label=-1)
            self.lstm = L.NStepBiLSTM(1, units, units, dropout)
            self.output = L.Linear(2 * units, num_classes)

    def forward(self, x: ArrayLike) -> Variable:
        """Reads sentences.

        Args:
            x: The numbers of N sentences' words, at least one each: int32 of shape (N, L), -1 behind the end of a
                shorter one.

        Returns:
            Scores of the tags of each word, of shape (N, L, K).
        """
        packing = Packing(lengths_of(x), x.shape[1], self.device)
        h = F.dropout(self.embed(packing.pack(x)), self.dropout)
        _, h = self.lstm.forward_packed([None, None], h, packing.sizes)
        return packing.unpack(self.output(F.dropout(h, self.dropout)), 0)

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with.

        Args:
            y: Scores of shape (N, L, K).
            t: The tags, int32 of shape (N, L), -1 behind the end of a shorter sentence.

        Returns:
            The mean softmax cross entropy of a word, a scalar.
        """
        return F.softmax_cross_entropy(y.reshape(-1, y.shape[2]), t.reshape(-1))

    def best(self, y: Variable, lengths: np.ndarray) -> list[np.ndarray]:
        """The best tags of sentences.

        Args:
            y: Scores of shape (N, L, K).
            lengths: The lengths of the sentences, on the CPU.

        Returns:
            For each sentence int32 of its length, on the CPU.
        """
        found = to_cpu(y.array.argmax(axis=2)).astype(np.int32)
        return [tags[:length] for tags, length in zip(found, lengths)]

    def tag(self, x: ArrayLike) -> list[np.ndarray]:
        """Tags sentences, as configured (in inference, with ``using_config('train', False)``).

        Args:
            x: Sentences, as for `forward`.

        Returns:
            For each sentence the numbers of its tags: int32 of its length, on the CPU.
        """
        return self.best(self(x), to_cpu(lengths_of(x)))


@register('bilstm_crf_tagger', (), 'tagging', TAGGER)
class BiLSTMCRFTagger(BiLSTMTagger):
    """The same with a conditional random field on top: which tag a word has depends on the tags beside it, too.

    50 V + 42,672 parameters for V words and 16 tags. The field has a score for each pair of tags; the best tags of a
    sentence are those whose scores are highest together (Viterbi). References: as of `BiLSTMTagger`; J. Lafferty,
    A. McCallum, F. Pereira, Conditional Random Fields, ICML 2001.

    Args:
        num_classes: The number K of tags.
        vocabulary_size: The number V of words.
        units: The size of the embedding and of the LSTM in each direction.
        dropout: The ratio of the dropout, in training, on what goes into the LSTM and comes out.

    Attributes:
        crf: The conditional random field.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import BiLSTMCRFTagger
        >>> model = BiLSTMCRFTagger(num_classes=4, vocabulary_size=9, units=5)
        >>> model.crf.cost.array[:] = -9
        >>> model.crf.cost.array[2, 3] = model.crf.cost.array[3, 2] = 9           # these two take turns
        >>> set(model.tag(np.array([[1, 2, 3, 1]], 'i'))[0].tolist()) == {2, 3}
        True
    """

    def __init__(self, num_classes: int = 16, vocabulary_size: int = 10_000, units: int = 50,
                 dropout: float = 0.3) -> None:
        super().__init__(num_classes, vocabulary_size, units, dropout)
        with self.init_scope():
            self.crf = L.CRF1d(num_classes)

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with.

        Args:
            y: Scores of shape (N, L, K).
            t: The tags, int32 of shape (N, L), -1 behind the end of a shorter sentence.

        Returns:
            The negative logarithm of the probability of a sentence's tags, on average over the words, a scalar.
        """
        lengths = lengths_of(t)
        packing = Packing(lengths, y.shape[1], self.device)
        xs, ys = (packing.steps(packing.pack(each)) for each in (y, t))
        return self.crf(xs, ys) * (y.shape[0] / sum(packing.sizes))

    def best(self, y: Variable, lengths: np.ndarray) -> list[np.ndarray]:
        """The tags of sentences whose scores are the highest together (see `BiLSTMTagger.best`)."""
        packing = Packing(lengths, y.shape[1], self.device)
        _, steps = self.crf.argmax(packing.steps(packing.pack(y)))
        found: Any = np.empty((len(lengths), y.shape[1]), np.int32)
        found.reshape(-1)[to_cpu(packing.rows)] = np.concatenate([to_cpu(step) for step in steps])
        return [tags[:length] for tags, length in zip(found, lengths)]
