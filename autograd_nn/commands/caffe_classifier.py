"""A network of Caffe as a classifier of pictures."""
from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import caffe, models
from autograd_nn.commands.command_line import warnings_as_errors

LARGEST = 4096
# What of the shorter side of a picture remains, as in the training of most networks: 224 of 256 pixels.
CROP = 224 / 256
# What is subtracted from grey pictures, and from those with colours: the mean of ImageNet.
MEANS: dict[int, tuple[float, ...]] = {1: (0.,), 3: (104., 117., 123.)}

Prepare = Callable[[str], np.ndarray]


class CaffeClassifier:
    """A network of Caffe, and how pictures are prepared for it.

    Args:
        network: The network, on the device where it is to compute.
        prepare: Makes of the path of a picture what the network takes, a float32 array of three lengths.
        labels: The names of the classes.
    """

    def __init__(self, network: caffe.CaffeNetwork, prepare: Prepare, labels: list[str]) -> None:
        self.network = network
        self.prepare = prepare
        self.labels = labels

    @classmethod
    def read(cls, prototxt: str, caffemodel: str, labels: str | None, mean: str | None, scale: float,
             device: Any) -> CaffeClassifier:
        """Reads a network and what belongs to it.

        Args:
            prototxt: The deploy file.
            caffemodel: The weights.
            labels: A file with the name of each class, one a line, or None for numbers.
            mean: What is subtracted from pictures: a mean image (``.binaryproto``), or numbers for the channels (blue,
                green, red) with commas between them; None for ImageNet's, or 0 where there is one channel.
            scale: What they are multiplied by then.
            device: Where to compute.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is damaged, or they do not fit each other.
        """
        with warnings_as_errors():
            network = caffe.load(prototxt, caffemodel, fuse=True)
        shapes = [shape for shape in network.input_shapes.values() if shape is not None and len(shape) == 4]
        if not shapes:
            raise ValueError(f'{prototxt}: expected an input of four lengths, such as input_shape '
                             '{ dim: 1 dim: 3 dim: 224 dim: 224 }, which says how large pictures must be')
        shape = shapes[0][1:]
        if not all(0 < side <= LARGEST for side in shape[1:]):
            raise ValueError(f'{prototxt}: expected an input of at most {LARGEST} x {LARGEST} pixels, got {shapes[0]}')
        prepare = choose_preparation(mean, scale, shape)
        network.to_device(device)
        count = len(probabilities(network, np.zeros(shape, np.float32)))
        names = caffe.read_labels(labels) if labels else [f'class {i}' for i in range(count)]
        if len(names) != count:
            raise ValueError(f'{labels}: expected the names of {count} classes, found {len(names)}')
        return cls(network, prepare, names)

    def __call__(self, path: str) -> np.ndarray:
        """Computes the probabilities of the classes, a float32 array of shape (classes,), for a picture."""
        return probabilities(self.network, self.prepare(path))


def probabilities(network: caffe.CaffeNetwork, x: np.ndarray) -> np.ndarray:
    """Computes the probabilities of the classes for a prepared picture.

    Args:
        network: The network.
        x: What it takes, without the axis of the batch.

    Returns:
        A float32 array of shape (classes,).

    Raises:
        ValueError: The network computes something else.
    """
    outputs = network.outputs
    with autograd_nn.no_backprop_mode():
        y = network(network.device.send(x[None]), outputs[-1])
        if y.ndim not in (2, 4) or len(y) != 1 or y.size < 2 or y.size != y.shape[1]:
            raise ValueError(f'expected a network whose last output, {outputs[-1]!r}, has a number for each class, '
                             f'shape (1, classes); got {y.shape}')
        y = y.reshape(1, -1)
        if [*network.layer_types.values()][-1] != 'Softmax':
            y = autograd_nn.functions.softmax(y)
    return np.asarray(y)[0]


def choose_preparation(mean: str | None, scale: float, shape: tuple[int, ...]) -> Prepare:
    """How to turn a picture into what a network of Caffe expects: blue, green and red from 0 to 255, less a mean.

    Args:
        mean: See `CaffeClassifier.read`.
        scale: See `CaffeClassifier.read`.
        shape: What the network takes: channels, height, width.

    Returns:
        A function that reads a picture and returns a float32 array of that shape.

    Raises:
        OSError: The mean image cannot be read.
        ValueError: It is damaged, or does not fit.
    """
    channels, height, width = shape
    if channels not in (1, 3):
        raise ValueError(f'expected a network for pictures of 1 or 3 channels, got {channels}')
    order = 'L' if channels == 1 else 'BGR'
    numbers = parse_numbers(mean) if mean else MEANS[channels]
    if mean and numbers is None:
        image = caffe.read_mean(mean)
        if len(image) != channels:
            raise ValueError(f'{mean}: expected a mean image of {channels} channels, found {len(image)}')
        if image.shape[1] >= height and image.shape[2] >= width:
            return lambda path: subtract_image(path, image, order, scale, (height, width))
        numbers = tuple(image.mean(axis=(1, 2)).tolist())
    if numbers is None or len(numbers) not in (1, channels):
        raise ValueError(f'--mean: expected a number for each of {channels} channels, or one for all; got {mean}')
    std = (1 / scale,) * channels
    preprocessing = models.Preprocessing(numbers, std, order=order, crop=CROP)
    return lambda path: preprocessing(path, (height, width))


def parse_numbers(text: str) -> tuple[float, ...] | None:
    """The numbers in a text such as ``104,117,123``; None if it is none.

    Raises:
        ValueError: They are not finite.
    """
    try:
        numbers = tuple(float(part) for part in text.split(','))
    except ValueError:
        return None
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f'--mean: expected finite numbers, got {text}')
    return numbers


def subtract_image(path: str | Path, mean: np.ndarray, order: str, scale: float, size: tuple[int, int]) -> np.ndarray:
    """Squeezes a picture into the size of the mean image, subtracts that, and cuts the centre out."""
    x = models.Preprocessing(order=order)(path, mean.shape[1:])
    top, left = ((whole - part) // 2 for whole, part in zip(mean.shape[1:], size))
    return ((x - mean) * np.float32(scale))[:, top:top + size[0], left:left + size[1]]
