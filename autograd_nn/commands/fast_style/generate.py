"""Paints pictures, or makes them larger, with a network that was trained for it."""
from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

import autograd_nn
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.fast_style.networks import load_network
from autograd_nn.commands.pictures import check_target, load_picture, save_picture, to_array, to_picture, with_colors_of
from autograd_nn.tasks.options import check_at_least
from autograd_nn.utils.program_help import ArgumentParser


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = ArgumentParser(prog=line.name, description=__doc__)
    add = parser.add_argument
    add('model', metavar='MODEL', help='model.npz of a run, or a .model file of the program for Chainer')
    add('pictures', metavar='PICTURE', nargs='+', help='pictures of any size')
    add('-o', '--out', metavar='FILE', help='where to write the result, of one picture (default: NAME_painted.jpg in '
                                            'the current folder)')
    add('--size', type=int, help='scale pictures to a longer side of this many pixels before')
    add('--keep-colors', action='store_true', help='keep the colours of the pictures')
    add('--padding', type=int, default=16, help='width of the margin that keeps borders clean, in pixels '
                                                '(default: %(default)s)')
    add('--normalization', choices=['batch', 'instance'],
        help='how the network normalizes (default: as the run says, instance for a .model file)')
    add('--device', default='cpu', help='cpu or cuda:N (default: %(default)s)')
    return parser


def main(line: CommandLine) -> None:
    """Transforms all pictures; status 2 if one could not be read or written."""
    arguments = make_parser(line).parse_args(line.words)
    with line.friendly_errors():
        check_at_least(arguments, padding=0)
        if arguments.size is not None:
            check_at_least(arguments, size=8)
        if arguments.out and len(arguments.pictures) > 1:
            raise ValueError('--out names one file, but there are several pictures')
        targets = [Path(arguments.out or f'{Path(path).stem}_painted.jpg') for path in arguments.pictures]
        for target in targets:
            check_target(target)
        network = load_network(Path(arguments.model), arguments.normalization)
        network.to_device(autograd_nn.get_device(arguments.device))
    failed = False
    for path, target in zip(arguments.pictures, targets):
        try:
            with line.friendly_errors():
                picture = load_picture(path, arguments.size)
                start = time.perf_counter()
                result = to_picture(network.transform(to_array(picture), arguments.padding).astype(np.float32))
                seconds = time.perf_counter() - start
                if arguments.keep_colors:
                    result = with_colors_of(picture.resize(result.size, Image.Resampling.BICUBIC), result)
                save_picture(target, result)
                print(f'{path} -> {target}: {result.width} x {result.height} pixels, {seconds:.2f} s')
        except SystemExit:
            failed = True
    raise SystemExit(2 if failed else 0)
