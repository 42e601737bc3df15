"""What all networks that write captions have in common."""
from __future__ import annotations

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.backend import get_array_module
from autograd_nn.config import config
from autograd_nn.models.captioning.encoders import make_encoder, what_and_where
from autograd_nn.models.layers.sequence_writer import SequenceWriter
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable, as_array

# The logit of a word at a place that shows nothing of it.
RARE = -4.


class CaptionNetwork(SequenceWriter):
    """A network that writes sentences about pictures: a convolutional encoder, and a recurrent decoder.

    A subclass has `start` and `step`, which write word by word, and `forward`, which reads whole sentences in training.
    What it writes about are prepared pictures of shape (N, 3, H, W).

    Args:
        vocabulary_size: The number V of words, the marks of a `SentenceVocabulary` included.
        encoder: What sees the pictures: ``'scenes'``, ``'vgg16'``, ``'resnet50'`` or ``'googlenet'``.
        places: Whether the decoder takes features of each place, and not of the whole picture.
        detection: How strongly the loss asks the encoder itself, besides, which words a sentence has, whatever their
            order: some place has to show each of them. So an encoder that is not trained before learns to see at once,
            and not only by what the decoder makes of it. The decoder then reads, too, how likely each word is at each
            place, and so where a thing lies; for that the encoder returns a map in any case. Reference: H. Fang et
            al., From Captions to Visual Concepts and Back, CVPR 2015, https://arxiv.org/abs/1411.4952, section 3.

    Attributes:
        encoder: The convolutional network.
        detection: As given.
        detector: With detection, the layer from a place's features to the logit of each word there.

    Raises:
        ValueError: There is no such encoder.
    """

    def __init__(self, vocabulary_size: int, encoder: str, places: bool, detection: float = 0.) -> None:
        super().__init__(vocabulary_size)
        self.detection = detection
        self._said: Variable | None = None
        with self.init_scope():
            self.encoder, self._stage = make_encoder(encoder, places or bool(detection))
            if detection:
                # At first no word is expected anywhere: a place among many says yes too easily.
                self.detector = L.Linear(None, vocabulary_size, initial_bias=RARE)

    @property
    def insize(self) -> int:
        """The height and width of pictures that the encoder was designed for, in pixels."""
        return self.encoder.insize

    @property
    def preprocessing(self) -> Preprocessing:
        """How the encoder expects its pictures."""
        return self.encoder.preprocessing

    def encode(self, images: ArrayLike) -> Variable:
        """The features of pictures; with detection followed, at each place, by the probability of each word.

        Args:
            images: Prepared pictures (see `preprocessing`) of shape (N, 3, H, W).
        """
        features = self.encoder.extract(images, [self._stage])[self._stage]
        if not self.detection:
            return features
        N, D, *shape = features.shape
        said = self.detector(features.reshape(N, D, -1).transpose(0, 2, 1), n_batch_axes=2)
        self._said = F.max(said, axis=1) if config.train else None
        return F.concat([features, F.sigmoid(said).transpose(0, 2, 1).reshape(N, -1, *shape)])

    def sum_up(self, features: Variable) -> Variable:
        """What a whole picture shows, shape (N, D').

        Args:
            features: Those of its places, and behind them what the detector says there (see `encode`).
        """
        parts = F.split_axis(features, [features.shape[1] - self.vocabulary_size], axis=1)
        return F.concat([F.max(parts[0], axis=(2, 3)), what_and_where(parts[1])])

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with, as `links.Classifier` takes it.

        Args:
            y: The logits of the last call, of shape (N, T, V).
            t: The words that come, int32 of shape (N, T); -1 behind the end of a sentence.

        Returns:
            The mean cross entropy of a word, a scalar (see `SequenceWriter.lossfun`); in training, with that of
            `detection`.
        """
        loss = super().lossfun(y, t)
        said, self._said = self._said, None  # which holds a graph
        return loss if said is None else loss + self.detection * self._lossfun_of_detection(said, as_array(t))

    @staticmethod
    def _lossfun_of_detection(said: Variable, t: Array) -> Variable:
        """The sigmoid cross entropy of what is said of all words, for each word that comes."""
        xp, valid = get_array_module(t), t != -1
        there = xp.zeros(said.shape, np.int32)
        there[xp.nonzero(valid)[0], t[valid]] = 1
        return F.sum(F.sigmoid_cross_entropy(said, there, reduce='no')) / valid.sum().astype(said.dtype)
