"""Networks that say which class a text is of: one that counts words, one that sees phrases, one that reads."""
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
from autograd_nn.variable import Variable


class TextClassifier(Chain):
    """Base class of classifiers of texts: an embedding of words, features of a text, and an output layer.

    Args:
        num_classes: The number of classes.
        vocabulary_size: The number V of words or characters.
        units: The size of the embedding.
        features: The number of features of a text.
        dropout: The ratio of the dropout, in training, on the features.

    Attributes:
        embed: The embedding.
        output: The output layer.
    """

    def __init__(self, num_classes: int, vocabulary_size: int, units: int, features: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        with self.init_scope():
            self.embed = L.EmbedID(vocabulary_size, units, initializers.Normal(0.1), ignore_label=-1)
            self.output = L.Linear(features, num_classes)

    def features(self, x: ArrayLike) -> Variable:
        """Computes the features of texts (see `forward`), of shape (N, features)."""
        raise NotImplementedError

    def forward(self, x: ArrayLike) -> Variable:
        """Classifies texts.

        Args:
            x: The numbers of N texts' words, at least one each: int32 of shape (N, L), -1 behind the end of a shorter
                one.

        Returns:
            Logits of shape (N, num_classes).
        """
        return self.output(F.dropout(self.features(x), self.dropout))

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with: the mean softmax cross entropy of logits (N, classes) and labels (N,)."""
        return F.softmax_cross_entropy(y, t)


@register('text_bow', (), 'text_classification', Recipe(lr=0.003, epochs=15, batch_size=50))
class TextBOW(TextClassifier):
    """A bag of words: two fully connected layers on the mean of a text's word vectors, whatever their order.

    100 V + 10,302 parameters for V words and two classes. Reference: M. Iyyer et al., Deep Unordered Composition Rivals
    Syntactic Methods for Text Classification, ACL 2015, https://aclanthology.org/P15-1162; with one hidden layer.

    Args:
        num_classes: The number of classes.
        vocabulary_size: The number V of words or characters.
        units: The size of the embedding and of the hidden layer.
        dropout: The ratio of the dropout, in training, on the hidden layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import TextBOW
        >>> model = TextBOW(num_classes=2, vocabulary_size=9, units=5)
        >>> x = np.array([[1, 2, 3], [3, 1, 2], [3, 4, -1]], 'i')
        >>> h = model.features(x).array
        >>> model(x).shape, bool(np.allclose(h[0], h[1]))               # the same words in another order
        ((3, 2), True)
    """

    def __init__(self, num_classes: int = 2, vocabulary_size: int = 10_000, units: int = 100,
                 dropout: float = 0.5) -> None:
        super().__init__(num_classes, vocabulary_size, units, units, dropout)
        with self.init_scope():
            self.hidden = L.Linear(units, units)

    def features(self, x: ArrayLike) -> Variable:
        embedded = self.embed(x)
        count: Any = lengths_of(x)[:, None].astype(embedded.dtype)
        return F.relu(self.hidden(F.sum(embedded, axis=1) / count))


@register('text_cnn', (), 'text_classification', Recipe(lr=0.001, epochs=8, batch_size=50))
class TextCNN(TextClassifier):
    """A convolutional network over words: it sees phrases of three, four and five words, wherever they are.

    300 V + 360,902 parameters for V words and two classes. Reference: Y. Kim, Convolutional Neural Networks for
    Sentence Classification, EMNLP 2014, https://arxiv.org/abs/1408.5882 (CNN-rand); without the bound on the norm of
    the output layer's weights.

    Args:
        num_classes: The number of classes.
        vocabulary_size: The number V of words or characters.
        units: The size of the embedding.
        maps: How many kinds of phrases of each length are told apart.
        dropout: The ratio of the dropout, in training, on the features.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import TextCNN
        >>> model = TextCNN(num_classes=2, vocabulary_size=9, units=5)
        >>> model(np.array([[1, 2, 3], [3, 1, -1]], 'i')).shape
        (2, 2)
    """

    widths = 3, 4, 5

    def __init__(self, num_classes: int = 2, vocabulary_size: int = 10_000, units: int = 300, maps: int = 100,
                 dropout: float = 0.5) -> None:
        super().__init__(num_classes, vocabulary_size, units, len(self.widths) * maps, dropout)
        with self.init_scope():
            for width in self.widths:
                setattr(self, f'conv{width}', L.Convolution1D(units, maps, width, pad=width - 1,
                                                              initialW=initializers.HeNormal()))

    def features(self, x: ArrayLike) -> Variable:
        embedded, lengths, found = self.embed(x).transpose(0, 2, 1), lengths_of(x), []
        for width in self.widths:
            h = F.relu(getattr(self, f'conv{width}')(embedded))
            # Phrases that begin behind the end of a text are none; 0 is what a phrase has that is not found.
            inside = self.xp.arange(h.shape[2]) < (lengths + width - 1)[:, None]
            found.append(F.max(h * inside[:, None].astype(h.dtype), axis=2))
        return F.concat(found, axis=1)


@register('text_lstm', (), 'text_classification', Recipe(lr=0.003, clip=5., epochs=10, batch_size=50))
class TextLSTM(TextClassifier):
    """A recurrent network that reads a text to its end: what it then remembers says of which class the text is.

    100 V + 81,002 parameters for V words and two classes. Reference: S. Hochreiter, J. Schmidhuber, Long Short-Term
    Memory, Neural Computation 9, 1997.

    Args:
        num_classes: The number of classes.
        vocabulary_size: The number V of words or characters.
        units: The size of the embedding and of the LSTM.
        layers: The number of layers.
        dropout: The ratio of the dropout, in training, between layers and on the features.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import TextLSTM
        >>> model = TextLSTM(num_classes=2, vocabulary_size=9, units=5)
        >>> model(np.array([[1, 2, 3], [3, 1, -1]], 'i')).shape
        (2, 2)
    """

    def __init__(self, num_classes: int = 2, vocabulary_size: int = 10_000, units: int = 100, layers: int = 1,
                 dropout: float = 0.5) -> None:
        super().__init__(num_classes, vocabulary_size, units, units, dropout)
        with self.init_scope():
            self.lstm = L.NStepLSTM(layers, units, units, dropout)
        for layer in self.lstm:
            layer.b1.array[:] = 1  # the forget gates are open at first

    def features(self, x: ArrayLike) -> Variable:
        packing = Packing(lengths_of(x), x.shape[1], self.device)
        (h, _), _ = self.lstm.forward_packed([None, None], self.embed(packing.pack(x)), packing.sizes)
        return h[-1][packing.places]
