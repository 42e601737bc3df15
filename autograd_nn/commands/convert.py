"""Converts weights of Caffe or Darknet to a file of this framework; with --to, for a network of the zoo.

Weights of a run become a file that is as small as possible: compressed, and binary weights take one bit each.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from autograd_nn import serializers, tasks
from autograd_nn.commands.command_line import CommandLine, check_file
from autograd_nn.commands.trained import read_member, using_config_of
from autograd_nn.links.connection.binary import BinaryWeights
from autograd_nn.models.classification.caffe_names import CAFFE_NAMES
from autograd_nn.models.detection.darknet_weights import DARKNET_NETWORKS, create_from_darknet
from autograd_nn.models.detection.yolo import YOLO
from autograd_nn.training.run_folder import CONFIG
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.program_help import ArgumentParser

# Weights do not compress.
SAVE: dict[str, Callable[[Path, Any], None]] = {'.npz': partial(serializers.save_npz, compression=False),
                                                '.safetensors': serializers.save_safetensors}


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = ArgumentParser(prog=line.name, description=__doc__)
    parser.add_argument('weights', metavar='IN.caffemodel|IN.weights|IN.npz', type=Path,
                        help='the weights: IN.caffemodel; IN.caffemodel.h5, which needs --prototxt; IN.weights of '
                             'Darknet, which needs --to; or IN.npz of a run, beside its config.json')
    parser.add_argument('out', metavar='OUT', type=Path, help=f'the file to write: {" or ".join(SAVE)}')
    parser.add_argument('--prototxt', metavar='FILE', type=Path,
                        help='the deploy file of Caffe; by default the network is taken from IN.caffemodel')
    to = parser.add_argument('--to', metavar='NETWORK', choices=[*CAFFE_NAMES, *DARKNET_NETWORKS],
                             help='convert for a network of the zoo: from Caffe, where what both compute is compared, '
                                  '%(caffe)s; from Darknet %(darknet)s')
    vars(to).update(caffe=', '.join(CAFFE_NAMES), darknet=', '.join(DARKNET_NETWORKS))
    return parser


def parse_arguments(line: CommandLine) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser(line)
    arguments = parser.parse_args(line.words)
    if arguments.weights.suffix == '.h5' and not arguments.prototxt:
        parser.error(f'{arguments.weights} has weights without a network: expected --prototxt')
    if arguments.weights.suffix == '.npz':
        if arguments.prototxt or arguments.to:
            parser.error(f'{arguments.weights} is taken for weights of a run: expected neither --prototxt nor --to')
        if arguments.out.suffix != '.npz':
            parser.error(f'OUT: expected a name that ends in .npz for weights of a run, got {arguments.out}')
        if arguments.out.resolve() == arguments.weights.resolve():
            parser.error(f'OUT: expected another file than {arguments.weights}')
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


def shrink(weights: Path, out: Path) -> None:
    """Writes the weights of a run to a small file, and says how small: real weights of binary layers are rounded.

    Args:
        weights: The weights, beside the configuration of their run.
        out: The file to write. If there is no configuration beside it, it is copied there.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: A file is missing or damaged, or not of a classifier of pictures.
    """
    member = read_member(weights)
    with using_config_of(weights):
        network = tasks.get(member.entry.task).load_network(member)
    binary = 0
    for link in network.links():
        if isinstance(link, BinaryWeights):
            link.round_weights()
            binary += link.W.size
    config = out.with_name(CONFIG)
    if not config.exists():
        with atomic_write(config) as file:
            file.write(weights.with_name(CONFIG).read_bytes())
        print(f'wrote {config}: what the weights are of')
    serializers.save_npz(out, network, pack=True)
    before, after = (path.stat().st_size for path in (weights, out))
    count, zeros = network.count_params(), sum(int((param.array == 0).sum()) for param in network.params(False))
    what = f'{binary:,} take one bit each' if binary else f'{zeros / count:.1%} are zero'
    print(f'wrote {out}: {after / 1000:,.1f} kB instead of {before / 1000:,.1f} ({before / after:.1f} times as small); '
          f'of {count:,} parameters {what}')


def main(line: CommandLine) -> None:
    """Converts; status 2 if that is impossible."""
    arguments = parse_arguments(line)
    with line.friendly_errors():
        if arguments.weights.suffix == '.npz':
            shrink(arguments.weights, arguments.out)
            return
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
