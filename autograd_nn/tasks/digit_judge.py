"""Whether pictures look like digits: what a LeNet thinks of them that has learned to read."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets, models, optimizers, serializers
from autograd_nn.backend import Device
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset import cache_or_load_file, concat_examples, get_dataset_root

SURE = 0.9
_FILE = 'digit_judge/lenet.npz'
_SEED = 20130101
_PART = 500

_logger = logging.getLogger(__name__)


class DigitJudge:
    """Says of pictures what digits a LeNet sees in them.

    Args:
        network: The LeNet, trained (see `load_digit_judge`).
    """

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks at pictures.

        Args:
            pictures: Shape (N, C, H, W), values from 0 to 1, bright on dark. Of sides of 28 or 32 pixels the 28 in the
                middle are seen, others are scaled to that.

        Returns:
            What the last but one layer computes, shape (N, 500), and the probabilities of the ten digits, shape
            (N, 10); both float32.
        """
        x = as_digits(pictures)
        found = []
        with using_config('train', False), using_config('dtype', np.dtype(np.float32)), no_backprop_mode():
            for i in range(0, len(x), _PART):
                seen = self.network.extract(self.network.device.send(x[i:i + _PART]), ['ip1', 'ip2'])
                found.append([np.asarray(part) for part in (seen['ip1'], F.softmax(seen['ip2']))])
        features, probabilities = (np.concatenate(parts) for parts in zip(*found))
        return features, probabilities


def as_digits(pictures: np.ndarray) -> np.ndarray:
    """Pictures of shape (N, C, H, W) as those of MNIST: float32, shape (N, 1, 28, 28)."""
    grey = pictures.mean(axis=1, keepdims=True, dtype=np.float32)
    height, width = grey.shape[2:]
    if (height, width) == (32, 32):
        return np.ascontiguousarray(grey[:, :, 2:30, 2:30])
    return grey if (height, width) == (28, 28) else np.asarray(F.resize_images(grey, (28, 28)))


def load_digit_judge(device: Device) -> DigitJudge:
    """The judge: a LeNet that has learned the bundled digits, and reads 98.5 % of those of other writers.

    The first time, it is trained, which takes half a minute of one core; the weights are kept under
    `dataset.get_dataset_root`.

    Args:
        device: Where it computes.
    """
    def create(path: str) -> Any:
        print('a LeNet learns to read, to judge pictures of digits (once)')
        network = train_reader()
        with Path(path).open('wb') as file:
            serializers.save_npz(file, network)
        return network

    def load(path: str) -> Any:
        network = make_reader()
        serializers.load_npz(path, network)
        return network

    try:
        network = cache_or_load_file(Path(get_dataset_root()) / _FILE, create, load)
    except (OSError, ValueError, KeyError) as error:
        _logger.warning('the judge of digits is trained anew: %s', error)
        network = train_reader()
    network.to_device(device)
    return DigitJudge(network)


def make_reader() -> Any:
    """A LeNet with fresh weights, all of whose parameters have shapes."""
    with _own_random_numbers(), using_config('dtype', np.dtype(np.float32)), no_backprop_mode():
        network = models.create('lenet')
        network(np.zeros((1, 1, 28, 28), np.float32))
    return network


def train_reader(epochs: int = 10, size: int | None = None) -> Any:
    """Trains a LeNet on the bundled digits, as its recipe says, but twice as long, so that it is sure of what it reads.

    Args:
        epochs: How long.
        size: With how many of them; None for all.
    """
    recipe = models.get('lenet').recipe
    x, t = concat_examples(datasets.get_digits(ndim=3, dtype=np.float32)[0][:size])
    with _own_random_numbers(), using_config('dtype', np.dtype(np.float32)), using_config('train', True):
        network = make_reader()
        model = L.Classifier(network)
        optimizer = optimizers.Adam(recipe.lr).setup(model)
        updates = epochs * -(-len(x) // recipe.batch_size)
        for _ in range(epochs):
            for part in np.array_split(np.random.permutation(len(x)), -(-len(x) // recipe.batch_size)):
                optimizer.alpha = recipe.lr * (1 + np.cos(np.pi * optimizer.t / updates)) / 2
                optimizer.update(model, x[part], t[part])
    return network


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """A context with random numbers of its own, after which the others go on as if nothing had been."""
    state = np.random.get_state()
    np.random.seed(_SEED)
    try:
        yield
    finally:
        np.random.set_state(state)


def judge_pictures(probabilities: np.ndarray) -> dict[str, float]:
    """How sure a judge of pictures is, and how various they are.

    Args:
        probabilities: Of the classes of each picture, shape (N, classes).

    Returns:
        ``sure``, the part of pictures with a class of a probability of at least 0.9; ``classes``, the number of classes
        that the most probable ones are spread over: the exponential of the entropy of their histogram.

    Example:
        >>> found = judge_pictures(np.array([[0.95, 0.05, 0.], [0.2, 0.8, 0.], [0.1, 0.9, 0.], [1., 0., 0.]]))
        >>> found['sure'], round(found['classes'], 3)
        (0.75, 2.0)
    """
    parts = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1]) / len(probabilities)
    parts = parts[parts > 0]
    return {'sure': float((probabilities.max(axis=1) >= SURE).mean()),
            'classes': float(np.exp(-(parts * np.log(parts)).sum()))}


def coarse_features(pictures: np.ndarray) -> np.ndarray:
    """What pictures look like from afar: the means of about 8 x 8 tiles of each channel.

    Args:
        pictures: Shape (N, C, H, W).

    Returns:
        Shape (N, D), float32.

    Example:
        >>> coarse_features(np.ones((2, 3, 64, 64), 'f')).shape
        (2, 192)
    """
    height, width = pictures.shape[2:]
    tile = max(1, height // 8), max(1, width // 8)
    rows, columns = height // tile[0], width // tile[1]
    tiles = pictures[:, :, :rows * tile[0], :columns * tile[1]].reshape(
        *pictures.shape[:2], rows, tile[0], columns, tile[1])
    return tiles.mean(axis=(3, 5), dtype=np.float32).reshape(len(pictures), -1)
