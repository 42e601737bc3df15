"""Converts weights of Caffe or Darknet to a file of this framework; with --to, for a network of the zoo."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from autograd_nn import serializers
from autograd_nn.commands.command_line import CommandLine, check_file
from autograd_nn.models.classification.caffe_names import CAFFE_NAMES
from autograd_nn.models.detection.darknet_weights import DARKNET_NETWORKS, create_from_darknet
from autograd_nn.models.detection.yolo import YOLO

# Weights do not compress.
SAVE: dict[str, Callable[[Path, Any], None]] = {'.npz': partial(serializers.save_npz, compression=False),
                                                '.safetensors': serializers.save_safetensors}


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = argparse.ArgumentParser(prog=line.name, description=__doc__)
    parser.add_argument('weights', metavar='IN.caffemodel|IN.weights', type=Path,
                        help='the weights: IN.caffemodel; IN.caffemodel.h5, which needs --prototxt; or IN.weights of '
                             'Darknet, which needs --to')
    parser.add_argument('out', metavar='OUT', type=Path, help=f'the file to write: {" or ".join(SAVE)}')
    parser.add_argument('--prototxt', metavar='FILE', type=Path,
                        help='the deploy file of Caffe; by default the network is taken from IN.caffemodel')
    parser.add_argument('--to', metavar='NETWORK', choices=[*CAFFE_NAMES, *DARKNET_NETWORKS],
                        help='convert for a network of the zoo: from Caffe, where what both compute is compared, '
                             f'{", ".join(CAFFE_NAMES)}; from Darknet {", ".join(DARKNET_NETWORKS)}')
    return parser


def parse_arguments(line: CommandLine) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser(line)
    arguments = parser.parse_args(line.words)
    if arguments.weights.suffix == '.h5' and not arguments.prototxt:
        parser.error(f'{arguments.weights} has weights without a network: expected --prototxt')
    known = DARKNET_NETWORKS if is_darknet(arguments.weights) else CAFFE_NAMES
    if is_darknet(arguments.weights) and (arguments.prototxt or not arguments.to):
        parser.error(f'{arguments.weights} has weights of Darknet: expected --to, and no --prototxt')
    if arguments.to and arguments.to not in known:
        parser.error(f'--to: for {arguments.weights} expected one of {", ".join(known)}; got {arguments.to}')
    if arguments.out.suffix not in SAVE:
        parser.error(f'OUT: expected a name that ends in {" or ".join(SAVE)}, got {arguments.out}')
    try:
        check_file(arguments.out)
    except ValueError as error:
        parser.error(f'OUT: {error}')
    return arguments


def is_darknet(path: Path) -> bool:
    """Whether a file is one of Darknet."""
    return path.suffix == '.weights'


def main(line: CommandLine) -> None:
    """Converts; status 2 if that is impossible."""
    arguments = parse_arguments(line)
    with line.friendly_errors():
        if is_darknet(arguments.weights):
            network = create_from_darknet(arguments.weights, arguments.to)
            classes = network.n_fg_class if isinstance(network, YOLO) else len(network.fc.W)
            how = f"models.create('{arguments.to}', num_classes={classes})"
        else:
            from autograd_nn.commands.caffe_conversion import convert  # it needs protobuf

            network, how = convert(arguments.weights, arguments.prototxt, arguments.to)
        SAVE[arguments.out.suffix](arguments.out, network)
        load = f'serializers.load_{arguments.out.suffix[1:]}'
        print(f"wrote {arguments.out}: load it with {load}('{arguments.out}', {how})")
