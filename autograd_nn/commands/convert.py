"""Converts weights of Caffe to a file of this framework; with --to, for a network of the zoo."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import serializers
from autograd_nn.commands.command_line import check_file, friendly_errors, warnings_as_errors
from autograd_nn.models.caffe_names import CAFFE_NAMES, PUBLISHED_PREPROCESSING

with friendly_errors():  # the library for Caffe's files may be missing
    from autograd_nn import caffe
    from autograd_nn.models.caffe_weights import PublishedWeights

# Weights do not compress.
SAVE: dict[str, Callable[[Path, Any], None]] = {'.npz': partial(serializers.save_npz, compression=False),
                                                '.safetensors': serializers.save_safetensors}
TOLERANCE = 1e-4
LARGEST = 4096
# The layer of SENet's own Caffe that scales channels and adds the shortcut.
CUSTOM_LAYERS: Any = {'Axpy': lambda layer, blobs: lambda scale, x, y: scale * x + y}


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights', metavar='IN.caffemodel', type=Path,
                        help='the weights; an IN.caffemodel.h5 needs --prototxt')
    parser.add_argument('out', metavar='OUT', type=Path, help=f'the file to write: {" or ".join(SAVE)}')
    parser.add_argument('--prototxt', metavar='FILE', type=Path,
                        help='the deploy file; by default the network is taken from IN.caffemodel')
    parser.add_argument('--to', metavar='NETWORK', choices=CAFFE_NAMES,
                        help='convert for a network of the zoo, and compare what both compute: '
                             f'{", ".join(CAFFE_NAMES)}')
    arguments = parser.parse_args()
    if arguments.weights.suffix == '.h5' and not arguments.prototxt:
        parser.error(f'{arguments.weights} has weights without a network: expected --prototxt')
    if arguments.out.suffix not in SAVE:
        parser.error(f'OUT: expected a name that ends in {" or ".join(SAVE)}, got {arguments.out}')
    try:
        check_file(arguments.out)
    except ValueError as error:
        parser.error(f'OUT: {error}')
    return arguments


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
        arguments: The command line.
        net: The network in the file of weights.
        blobs: The weights.

    Attributes:
        shape: Height and width of the images, or None if the network does not say.
    """

    def __init__(self, arguments: argparse.Namespace, net: Any, blobs: dict[str, list[np.ndarray]]) -> None:
        if arguments.prototxt:
            net = caffe.read_prototxt(arguments.prototxt)
            self.network: Any = load_network(net, blobs)
        else:
            self.network = caffe.CaffeFunction(arguments.weights)
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


def main() -> None:
    """Converts; status 2 if that is impossible."""
    arguments = parse_arguments()
    with friendly_errors():
        if arguments.weights.suffix == '.h5':
            net, blobs = caffe.read_prototxt(arguments.prototxt), caffe.read_weights(arguments.weights)
        else:
            net, blobs = caffe.read_caffemodel(arguments.weights)
        print_blobs(net, blobs)
        if arguments.to:
            network: Any = PublishedWeights(arguments.to, net, blobs, arguments.weights).create()
            classes = compare(CaffeReference(arguments, net, blobs), network, arguments.to)
            how = f"models.create('{arguments.to}', num_classes={classes})"
        elif arguments.prototxt:
            network = load_network(caffe.read_prototxt(arguments.prototxt), blobs)
            how = f"caffe.load('{arguments.prototxt}')"
        else:
            network = caffe.CaffeFunction(arguments.weights)
            how = f"links.caffe.CaffeFunction('{arguments.weights}')"
        SAVE[arguments.out.suffix](arguments.out, network)
        load = f'serializers.load_{arguments.out.suffix[1:]}'
        print(f"wrote {arguments.out}: load it with {load}('{arguments.out}', {how})")
