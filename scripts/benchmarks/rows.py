"""What is timed: networks, and the minibatches that they get."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Setting:
    """Where and how the sides compute.

    Attributes:
        device: ``'cpu'`` or ``'cuda'``.
        precision: ``'float32'``; ``'tf32'``, in which a GPU's tensor cores round what they multiply; or one of
            `HALVES`, half and single precision.
        cuda_graph: Whether autograd_nn captures the training step as a CUDA graph.
    """

    device: str = 'cpu'
    precision: str = 'float32'
    cuda_graph: bool = False

    @property
    def half(self) -> str | None:
        """The name of the type in half precision, if the precision has one."""
        return HALVES.get(self.precision)


HALVES = {'mixed': 'float16', 'mixed_bfloat16': 'bfloat16'}


@dataclass(frozen=True)
class Row:
    """A network and its minibatch.

    Attributes:
        title: Its name in the table.
        model: Its name in `autograd_nn.models`, and the key in `networks.BUILDERS`.
        batch: The number of samples in a minibatch.
        shape: The shape of one sample: an image's, or the number of steps of a stream of words.
        classes: The number of classes, or of words.
        optimizer: ``'momentum'``, ``'adam'``, or ``'clipping'`` for SGD with clipped gradients.
        convolutional: Whether the network works on images, which can lie in memory in two layouts.
    """

    title: str
    model: str
    batch: int
    shape: tuple[int, ...]
    classes: int = 1000
    optimizer: str = 'momentum'
    convolutional: bool = True

    @property
    def is_text(self) -> bool:
        """Whether the network reads streams of words, and keeps its state from one minibatch to the next."""
        return len(self.shape) == 1

    def minibatch(self) -> tuple[np.ndarray, np.ndarray]:
        """Random samples and their targets: images and classes, or words (T, N) and the words that follow each."""
        rng = np.random.default_rng(0)
        if self.is_text:
            words = rng.integers(self.classes, size=(self.shape[0] + 1, self.batch), dtype=np.int32)
            return words[:-1], words[1:]
        x = rng.standard_normal((self.batch, *self.shape), dtype=np.float32)
        return x, rng.integers(self.classes, size=self.batch, dtype=np.int32)


ROWS = {row.model: row for row in (
    Row('MLP', 'mlp', 100, (1, 28, 28), 10, 'adam', convolutional=False),
    Row('LeNet', 'lenet', 64, (1, 28, 28), 10),
    Row('AlexNet', 'alexnet', 16, (3, 227, 227)),
    Row('VGG-16', 'vgg16', 4, (3, 224, 224)),
    Row('ResNet-50', 'resnet50', 8, (3, 224, 224)),
    Row('MobileNet v2', 'mobilenet_v2', 16, (3, 224, 224)),
    Row('LSTM', 'lstm_lm', 20, (35,), 10_000, 'clipping', convolutional=False),
)}
