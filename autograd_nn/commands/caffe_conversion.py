"""Converting networks of Caffe, and comparing what they compute with the networks of the zoo."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import caffe
from autograd_nn.commands.command_line import warnings_as_errors
from autograd_nn.models.classification.caffe_names import PUBLISHED_PREPROCESSING
from autograd_nn.models.classification.caffe_weights import PublishedWeights

TOLERANCE = 1e-4
LARGEST = 4096
# The layer of SENet's own Caffe that scales channels and adds the shortcut.
CUSTOM_LAYERS: Any = {'Axpy': lambda layer, blobs: lambda scale, x, y: scale * x + y}


def convert(weights: Path, prototxt: Path | None, to: str | None) -> tuple[Any, str]:
    """Converts a network, and prints what there is in it.

    Args:
        weights: The file of the weights.
        prototxt: The deploy file; None for the network in `weights`.
        to: The network of the zoo that the weights are for; None for the network as it is.

    Returns:
        The network, and how a program makes one that the converted weights fit.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is damaged, or the networks do not compute the same.
    """
    if prototxt is not None and weights.suffix == '.h5':
        net, blobs = caffe.read_prototxt(prototxt), caffe.read_weights(weights)
    else:
        net, blobs = caffe.read_caffemodel(weights)
    print_blobs(net, blobs)
    zoo = PublishedWeights(to, net, blobs, weights).create() if to is not None else None
    if prototxt is not None:
        net = caffe.read_prototxt(prototxt)
        original, call = load_network(net, blobs), f"caffe.load('{prototxt}')"
    else:
        original, call = caffe.CaffeFunction(weights), f"links.caffe.CaffeFunction('{weights}')"
    if to is None:
        return original, call
    classes = compare(CaffeReference(original, net), zoo, to)
    return zoo, f"models.create('{to}', num_classes={classes})"


def print_blobs(net: Any, blobs: dict[str, list[np.ndarray]]) -> None:
    """Prints a table of the layers with weights."""
    rows = [(layer.name, layer.type, ', '.join('x'.join(map(str, blob.shape)) or '1' for blob in blobs[layer.name]),
             f'{sum(blob.size for blob in blobs[layer.name]):,}') for layer in net.layer if layer.name in blobs]
    total = sum(blob.size for arrays in blobs.values() for blob in arrays)
    table = [('layer', 'type', 'blobs', 'numbers'), *rows, (f'{len(rows)} layers', '', '', f'{total:,}')]
    widths = [max(map(len, column)) for column in zip(*table)]
    for *texts, number in table:
        print('  '.join([*(text.ljust(width) for text, width in zip(texts, widths)), number.rjust(widths[-1])]))


def load_network(net: Any, blobs: dict[str, list[np.ndarray]]) -> Any:
    """The network that Caffe would run; it has weights for all its layers."""
    with warnings_as_errors():
        return caffe.CaffeNetwork(net, blobs, custom_layers=CUSTOM_LAYERS)


class CaffeReference:
    """The network as Caffe runs it, up to the numbers before the softmax.

    Args:
        network: The network.
        net: Its description.

    Attributes:
        shape: Height and width of the images, or None if the network does not say.

    Raises:
        ValueError: It is none for images, or for ones that are too large.
    """

    def __init__(self, network: Any, net: Any) -> None:
        self.network = network
        layers = [layer for layer in net.layer if layer.bottom and layer.top]
        shapes = [shape.dim for layer in net.layer for shape in layer.input_param.shape if len(shape.dim) == 4]
        self.shape = (shapes[0][2], shapes[0][3]) if shapes else None
        if not layers or not all(0 < side <= LARGEST for side in self.shape or (1,)):
            raise ValueError(f'expected a network for images of at most {LARGEST} x {LARGEST} pixels')
        self.input = layers[0].bottom[0]
        softmax = [layer.bottom[0] for layer in layers if layer.type.startswith('Softmax')]
        self.output = softmax[-1] if softmax else layers[-1].top[0]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Computes logits of shape (N, classes) from prepared images."""
        y, = self.network({self.input: x}, [self.output])
        return np.asarray(y).reshape(len(x), -1)


def compare(reference: CaffeReference, network: Any, name: str) -> int:
    """Runs both networks on one picture, and prints how far what they compute is apart.

    Args:
        reference: The network as Caffe runs it.
        network: The converted one.
        name: Its name in the zoo.

    Returns:
        How many classes there are.

    Raises:
        ValueError: It is more than rounding explains.
    """
    height, width = reference.shape or (network.insize, network.insize)
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, height, width)).astype(np.float32)
    published = PUBLISHED_PREPROCESSING.get(name, network.preprocessing)
    with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
        expected = reference(published.normalize(picture, brightest=255))
        y = np.asarray(network(network.preprocessing.normalize(picture, brightest=255)))
    if y.shape != expected.shape:
        raise ValueError(f'the network for Caffe computes {expected.shape[1]} numbers, {name} computes {y.shape[1]}')
    difference, largest = abs(y - expected).max(), abs(expected).max()
    print(f'what both compute from a picture of {width} x {height} differs by {difference:.2g} at most, '
          f'of numbers up to {largest:.3g}')
    if not difference <= TOLERANCE * max(1, largest):
        raise ValueError(f'{name} does not compute what the network for Caffe computes: it must be a variant of it, '
                         'as CaffeNet is one of AlexNet; without --to it is converted as it is')
    return y.shape[1]
