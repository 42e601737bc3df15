"""Vectors of words from the company they keep: skip-gram and CBOW."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Chain
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.sequence.packed import lengths_of
from autograd_nn.types import ArrayLike, BareArray
from autograd_nn.variable import Variable

WORD2VEC = Recipe(lr=0.01, epochs=6, batch_size=500)
LOSSES = 'negative', 'hierarchical', 'softmax'


class Word2Vec(Chain):
    """Base class of networks that learn a vector of each word, by saying which words stand near others.

    Reference: T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, Distributed Representations of Words and Phrases
    and their Compositionality, 2013, https://arxiv.org/abs/1310.4546.

    Args:
        vocabulary_size: The number V of words.
        units: The size D of vectors.
        loss: ``'negative'``: words are told from others that are drawn (`links.NegativeSampling`); ``'hierarchical'``:
            a word is a leaf of a Huffman tree (`links.BinaryHierarchicalSoftmax`); or ``'softmax'`` over all words.
        counts: How often each word occurs, on which depend what is drawn and the tree; by default all are as frequent.
        negatives: How many words are drawn for each.

    Raises:
        ValueError: There is no such `loss`.

    Attributes:
        embed: The vectors of words.
        output: What computes the loss.
    """

    def __init__(self, vocabulary_size: int = 10_000, units: int = 100, loss: str = 'negative',
                 counts: Sequence[int] | BareArray | None = None, negatives: int = 5) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f'{type(self).__name__}: expected as loss one of {", ".join(LOSSES)}, got {loss!r}')
        frequent = np.ones(vocabulary_size) if counts is None else np.maximum(np.asarray(counts), 1)
        self.loss = loss
        with self.init_scope():
            self.embed = L.EmbedID(vocabulary_size, units, initializers.Uniform(0.5 / units), ignore_label=-1)
            if loss == 'negative':
                self.output: Any = L.NegativeSampling(units, frequent, negatives)
            elif loss == 'hierarchical':
                tree = L.BinaryHierarchicalSoftmax.create_huffman_tree(dict(enumerate(frequent.tolist())))
                self.output = L.BinaryHierarchicalSoftmax(units, tree)
                self.output.W.array[:] = 0
            else:
                self.output = L.Linear(units, vocabulary_size, nobias=True, initialW=0)

    @staticmethod
    def pairs(centers: np.ndarray, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What goes in, and what is to come out, for words and those near them.

        Args:
            centers: Words, int32 of shape (N,), -1 for none.
            contexts: Those near each, int32 of shape (N, C), -1 for none.

        Returns:
            Inputs, as for `forward`, and target words, int32 of shape (P,).
        """
        raise NotImplementedError

    def forward(self, x: ArrayLike) -> Variable:
        """Computes vectors, of shape (P, D), of inputs as `pairs` makes them."""
        raise NotImplementedError

    def lossfun(self, h: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with.

        Args:
            h: Vectors of shape (P, D).
            t: The words that are to be found from them, int32 of shape (P,).

        Returns:
            The mean loss of a word, a scalar.
        """
        if self.loss == 'softmax':
            return F.softmax_cross_entropy(self.output(h), t)
        return self.output(h, t) / max(1, len(h))


@register('skip_gram', (), 'word_vectors', WORD2VEC)
class SkipGram(Word2Vec):
    """Skip-gram: from a word, each of the words near it is to be found.

    200 V parameters for V words. Reference: T. Mikolov, K. Chen, G. Corrado, J. Dean, Efficient Estimation of Word
    Representations in Vector Space, 2013, https://arxiv.org/abs/1301.3781. For the arguments see `Word2Vec`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import SkipGram
        >>> model = SkipGram(vocabulary_size=9, units=4)
        >>> x, t = model.pairs(np.array([5, 6], 'i'), np.array([[1, 2], [-1, 3]], 'i'))
        >>> x.tolist(), t.tolist(), model(x).shape
        ([5, 5, 6], [1, 2, 3], (3, 4))
    """

    @staticmethod
    def pairs(centers: np.ndarray, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.nonzero((contexts >= 0) & (centers >= 0)[:, None])
        return centers[rows], contexts[rows, columns]

    def forward(self, x: ArrayLike) -> Variable:
        return self.embed(x)


@register('cbow', (), 'word_vectors', WORD2VEC)
class CBOW(Word2Vec):
    """Continuous bag of words: from the mean of the vectors of the words near it, a word is to be found.

    200 V parameters for V words. Reference: as of `SkipGram`. For the arguments see `Word2Vec`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import CBOW
        >>> model = CBOW(vocabulary_size=9, units=4)
        >>> x, t = model.pairs(np.array([5, 6], 'i'), np.array([[1, 2], [-1, 3]], 'i'))
        >>> x.tolist(), t.tolist(), model(x).shape
        ([[1, 2], [-1, 3]], [5, 6], (2, 4))
    """

    @staticmethod
    def pairs(centers: np.ndarray, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        known = (centers >= 0) & (contexts >= 0).any(axis=1)
        return contexts[known], centers[known]

    def forward(self, x: ArrayLike) -> Variable:
        embedded = self.embed(x)
        count: Any = lengths_of(x)[:, None].astype(embedded.dtype)
        return F.sum(embedded, axis=1) / count
