"""What all networks that write captions have in common."""
from __future__ import annotations

from autograd_nn.models.captioning.encoders import make_encoder
from autograd_nn.models.layers.sequence_writer import SequenceWriter
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class CaptionNetwork(SequenceWriter):
    """A network that writes sentences about pictures: a convolutional encoder, and a recurrent decoder.

    A subclass has `start` and `step`, which write word by word, and `forward`, which reads whole sentences in training.
    What it writes about are prepared pictures of shape (N, 3, H, W).

    Args:
        vocabulary_size: The number V of words, the marks of a `SentenceVocabulary` included.
        encoder: What sees the pictures: ``'scenes'``, ``'vgg16'``, ``'resnet50'`` or ``'googlenet'``.
        places: Whether the decoder takes features of each place, and not of the whole picture.

    Attributes:
        encoder: The convolutional network.

    Raises:
        ValueError: There is no such encoder.
    """

    def __init__(self, vocabulary_size: int, encoder: str, places: bool) -> None:
        super().__init__(vocabulary_size)
        with self.init_scope():
            self.encoder, self._stage = make_encoder(encoder, places)

    @property
    def insize(self) -> int:
        """The height and width of pictures that the encoder was designed for, in pixels."""
        return self.encoder.insize

    @property
    def preprocessing(self) -> Preprocessing:
        """How the encoder expects its pictures."""
        return self.encoder.preprocessing

    def encode(self, images: ArrayLike) -> Variable:
        """The features of pictures.

        Args:
            images: Prepared pictures (see `preprocessing`) of shape (N, 3, H, W).
        """
        return self.encoder.extract(images, [self._stage])[self._stage]
